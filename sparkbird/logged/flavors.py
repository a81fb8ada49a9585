"""What compiles of a logged model: an artefact, or what the library of its flavour loads."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from sparkbird import artifact
from sparkbird.errors import ArtifactError, UnsupportedModelError
from sparkbird.logged.columns import inputs_of
from sparkbird.logged.uris import FLAVOR_NAME, FLAVORS, ResolvedModel, described


def loaded(resolved: ResolvedModel) -> tuple[Any, Any]:
    """The model and its columns, as `sparkbird.compile` takes them.

    One of sparkbird is the path of its artefact, one of Spark ML the folder that Spark saved it
    to, and any other what its library loads. The columns are those of its signature, None if
    that says nothing or the artefact knows them.

    Raises
    ------
    ArtifactError
        The artefact is damaged, or the library is not installed.
    UnsupportedModelError
        It is of no flavour that sparkbird compiles.
    """
    if resolved.flavor == FLAVOR_NAME:
        return _artefact(resolved), None
    return _loaded(resolved), inputs_of(described(resolved.path).signature)


def own_output(resolved: ResolvedModel) -> str | None:
    """The output that ``pyfunc`` gives of the model, None for its first."""
    if resolved.flavor == "spark":
        return "prediction"
    flavors = described(resolved.path).flavors
    output: str | None = flavors.get("python_function", {}).get("predict_fn")
    return output


def _artefact(resolved: ResolvedModel) -> str:
    """The path of the artefact, which is the one that was logged."""
    conf = described(resolved.path).flavors[FLAVOR_NAME]
    path = resolved.path / conf["data"]
    if artifact.digest(artifact.read(path), source=str(path)) != conf["digest"]:
        raise ArtifactError(
            f"{resolved.uri} holds another artefact than its MLmodel says", "log it again."
        )
    return str(path)


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
