"""The folder of a compiled model, as MLflow lays it out."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sparkbird
from sparkbird.errors import SchemaError
from sparkbird.logged.uris import FLAVOR_NAME

if TYPE_CHECKING:
    from sparkbird.model import CompiledModel

ARTEFACT = "model.onnx"

#: What an executor needs, and what else each may be installed as.
_NEEDED = (("numpy",), ("pyarrow",), ("onnxruntime", "onnxruntime-gpu"))

_ENVIRONMENT = ("conda_env", "pip_requirements", "extra_pip_requirements")


def requirements() -> list[str]:
    """The packages that scoring needs, pinned to the versions installed here."""
    found = [f"sparkbird=={sparkbird.__version__}"]
    for names in _NEEDED:
        found += [f"{name}=={number}" for name in names if (number := _installed(name))][:1]
    return found


def written(
    model: CompiledModel,
    folder: Path,
    *,
    signature: Any,
    example: Any,
    rows: Any,
    metadata: dict[str, Any] | None,
    mlflow_model: Any,
    environment: dict[str, Any],
) -> None:
    """Write `model` and what MLflow wants beside it to `folder`.

    Raises
    ------
    SchemaError
        `environment` has a keyword that the flavour does not know.
    """
    from mlflow.models import Model
    from mlflow.models.model import MLMODEL_FILE_NAME
    from mlflow.models.utils import _save_example
    from mlflow.utils.environment import _validate_env_arguments
    from mlflow.utils.model_utils import _validate_and_prepare_target_save_path

    from sparkbird.mlflow.signature import signature_of

    if unknown := [name for name in environment if name not in _ENVIRONMENT]:
        raise SchemaError(
            f"save_model knows no {', '.join(unknown)}",
            f"beside its own it takes {', '.join(_ENVIRONMENT)}.",
        )
    _validate_env_arguments(*(environment.get(name) for name in _ENVIRONMENT))
    _validate_and_prepare_target_save_path(str(folder))
    described = Model() if mlflow_model is None else mlflow_model
    if example is not None:
        _save_example(described, _as_mlflow(example), str(folder))
    described.signature = signature_of(model.schema, rows) if signature is None else signature
    if metadata is not None:
        described.metadata = metadata
    model.save(folder / ARTEFACT)
    _describe(described, model)
    described.save(str(folder / MLMODEL_FILE_NAME))
    _write_environment(folder, environment)


def _describe(described: Any, model: CompiledModel) -> None:
    """Both flavours of the model: any Python's, and ours."""
    from mlflow import pyfunc

    pyfunc.add_to_model(
        described,
        loader_module="sparkbird.mlflow",
        data=ARTEFACT,
        conda_env="conda.yaml",
        python_env="python_env.yaml",
    )
    described.add_flavor(
        FLAVOR_NAME,
        data=ARTEFACT,
        sparkbird_version=sparkbird.__version__,
        digest=model.digest,
        outputs=[*model.outputs],
    )
    described.model_size_bytes = len(model.to_bytes())


def _write_environment(folder: Path, given: dict[str, Any]) -> None:
    """Write the files that say what is to be installed, as each flavour of MLflow does."""
    import yaml
    from mlflow.utils.environment import (
        _process_conda_env,
        _process_pip_requirements,
        _PythonEnv,
    )

    if (conda := given.get("conda_env")) is not None:
        conda, pip, constraints = _process_conda_env(conda)
    else:
        conda, pip, constraints = _process_pip_requirements(
            requirements(), given.get("pip_requirements"), given.get("extra_pip_requirements")
        )
    (folder / "conda.yaml").write_text(yaml.safe_dump(conda, default_flow_style=False), "utf-8")
    (folder / "requirements.txt").write_text("\n".join(pip), "utf-8")
    if constraints:
        (folder / "constraints.txt").write_text("\n".join(constraints), "utf-8")
    _PythonEnv.current().to_yaml(str(folder / "python_env.yaml"))


def _as_mlflow(example: Any) -> Any:
    """MLflow takes no table of Arrow."""
    return example.to_pandas() if type(example).__module__.startswith("pyarrow.") else example


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
