"""Models that were logged with another flavour: loaded by it, and compiled."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkbird.errors import ArtifactError, UnsupportedModelError
from sparkbird.mlflow.folder import FLAVOR_NAME
from sparkbird.mlflow.registry import FLAVORS, ResolvedModel, described

if TYPE_CHECKING:
    from sparkbird.model import CompiledModel


def compiled(resolved: ResolvedModel, outputs: Sequence[str] | str | None = None) -> CompiledModel:
    """The model, compiled for the columns of its signature and for `outputs`, all if None.

    A model of Spark ML is read from its files, without Spark.

    Raises
    ------
    ArtifactError
        The artefact is damaged, or its library is not installed.
    UnsupportedModelError
        It is of no flavour that sparkbird compiles.
    UnsupportedError, NotFittedError, SchemaError
        It cannot be compiled.
    """
    if resolved.flavor == FLAVOR_NAME:
        return _artefact(resolved)
    from sparkbird.compiler import compile as compiled_for
    from sparkbird.mlflow.signature import inputs_of

    inputs = inputs_of(described(resolved.path).signature)
    return compiled_for(_loaded(resolved), inputs, outputs=outputs)


def own_output(resolved: ResolvedModel) -> str | None:
    """The output that ``pyfunc`` gives of the model, None for its first."""
    if resolved.flavor == "spark":
        return "prediction"
    flavors = described(resolved.path).flavors
    output: str | None = flavors.get("python_function", {}).get("predict_fn")
    return output


def _artefact(resolved: ResolvedModel) -> CompiledModel:
    from sparkbird.model import load

    conf = described(resolved.path).flavors[FLAVOR_NAME]
    model = load(resolved.path / conf["data"])
    if model.digest != conf["digest"]:
        raise ArtifactError(
            f"{resolved.uri} holds another artefact than its MLmodel says", "log it again."
        )
    return model


def _loaded(resolved: ResolvedModel) -> Any:
    """The model as its own library has it."""
    if not resolved.flavor:
        found = ", ".join(sorted(described(resolved.path).flavors))
        raise UnsupportedModelError(
            f"{resolved.uri} is of the flavours {found}, which sparkbird does not compile",
            f"it compiles {', '.join(FLAVORS[1:])}; log the model with one of these, or compiled "
            "with sparkbird.mlflow.log_model.",
        )
    if resolved.flavor == "spark":
        return _of_spark(resolved.path)
    try:
        return importlib.import_module(f"mlflow.{resolved.flavor}").load_model(str(resolved.path))
    except ImportError as error:
        raise ArtifactError(
            f"{resolved.uri} was logged with {resolved.flavor}, and {error}",
            "install it where models are compiled; to score they do not need it.",
        ) from error


def _of_spark(folder: Path) -> str:
    """The folder that Spark saved the model to."""
    return str(folder / described(folder).flavors["spark"]["model_data"])
