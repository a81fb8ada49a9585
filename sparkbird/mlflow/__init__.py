"""The flavour ``sparkbird`` of MLflow: compiled models logged, registered and loaded.

The names are those that each flavour of MLflow has. The folder of a model holds one artefact,
``model.onnx``, and no pickle; who loads it needs no training library. MLflow itself is imported
by the functions that need it: workers of Spark never do.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkbird.logged.uris import FLAVOR_NAME
from sparkbird.mlflow.folder import ARTEFACT, requirements, written
from sparkbird.mlflow.predictor import Predictor

if TYPE_CHECKING:
    from mlflow.models.model import ModelInfo

    from sparkbird.model import CompiledModel

__all__ = [
    "FLAVOR_NAME",
    "get_default_conda_env",
    "get_default_pip_requirements",
    "load_model",
    "log_model",
    "save_model",
]


def get_default_pip_requirements() -> list[str]:
    """What who scores the model needs, pinned to what is installed here."""
    return requirements()


def get_default_conda_env() -> Any:
    """The same as an environment of Conda."""
    from mlflow.utils.environment import _mlflow_conda_env

    return _mlflow_conda_env(additional_pip_deps=requirements())


def save_model(
    model: Any,
    path: str | os.PathLike[str],
    *,
    outputs: Sequence[str] | str | None = None,
    signature: Any = None,
    input_example: Any = None,
    metadata: dict[str, Any] | None = None,
    mlflow_model: Any = None,
    **environment: Any,
) -> None:
    """Write `model`, compiled, to the folder `path` as a model of MLflow.

    Parameters
    ----------
    model
        A `CompiledModel`, or a fitted one, which is compiled: its columns are those of
        `input_example` or, without one, of `signature`.
    path
        A folder that is empty or not there.
    outputs
        The methods wanted of a fitted model, all of them if None. The first is what MLflow's
        ``pyfunc`` and `sparkbird.spark_udf` give.
    signature
        A ``ModelSignature``. Without it the columns are those that the model was fitted on, and
        the result is that of its first output.
    input_example
        Rows as MLflow takes them, or an Arrow table; saved beside the model.
    metadata, mlflow_model
        As each flavour of MLflow takes them.
    environment
        ``conda_env``, ``pip_requirements`` and ``extra_pip_requirements``, of which the default
        is `get_default_pip_requirements`.

    Raises
    ------
    UnsupportedError, NotFittedError, SchemaError
        The model cannot be compiled.
    """
    from sparkbird.logged.columns import inputs_of
    from sparkbird.mlflow.signature import rows_of

    example = rows_of(input_example)
    written(
        _compiled(model, inputs_of(signature) if example is None else example, outputs),
        Path(path).absolute(),
        signature=signature,
        example=input_example,
        rows=example,
        metadata=metadata,
        mlflow_model=mlflow_model,
        environment=environment,
    )


def log_model(
    model: Any, name: str | None = None, *, registered_model_name: str | None = None, **options: Any
) -> ModelInfo:
    """Log `model`, compiled, under `name`, and register it if there is a name for that.

    Further options are those of `save_model` and of ``mlflow.models.Model.log``: ``tags``,
    ``params``, ``model_type``, ``step``, ``await_registration_for``, ``run_id``, ...

    Raises
    ------
    UnsupportedError, NotFittedError, SchemaError
        The model cannot be compiled.
    """
    import sys

    from mlflow.models import Model

    return Model.log(
        artifact_path=None,
        name=name,
        flavor=sys.modules[__name__],
        registered_model_name=registered_model_name,
        model=model,
        **options,
    )


def load_model(model_uri: str, dst_path: str | None = None) -> CompiledModel:
    """The compiled model at `model_uri`; one of another flavour is loaded by it and compiled.

    Parameters
    ----------
    model_uri
        ``models:/name/3``, ``models:/name@alias``, ``models:/catalog.schema.name@alias``,
        ``runs:/<id>/model``, a folder, or what else MLflow downloads.
    dst_path
        Where to download it to, a folder that is there; None is a temporary one.

    Raises
    ------
    ArtifactError
        There is no such model, or it is damaged.
    UnsupportedError, NotFittedError, SchemaError
        It is of no flavour that sparkbird compiles, or cannot be compiled.
    """
    from sparkbird.logged.flavors import loaded
    from sparkbird.logged.uris import resolve

    return _compiled(*loaded(resolve(model_uri, dst_path=dst_path)), None)


def _compiled(model: Any, inputs: Any, outputs: Sequence[str] | str | None) -> CompiledModel:
    from sparkbird.compiler import compile as compiled_for

    return compiled_for(model, inputs, outputs=outputs)


def _load_pyfunc(path: str) -> Predictor:
    """What ``mlflow.pyfunc`` calls with the path of the artefact."""
    from sparkbird.model import load

    file = Path(path)
    return Predictor(load(file / ARTEFACT if file.is_dir() else file))
