"""Boosters in the files that their own libraries write.

A file holds the plain booster, and so does the folder of a model of ``xgboost.spark``: what is
compiled of it gives what LightGBM's and XGBoost's `Booster` and CatBoost's `CatBoost` give. For
the labels of a classifier, load the file into the library's class, and compile that.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sparkbird.errors import ArtifactError
from sparkbird.logged.flavors import loaded
from sparkbird.logged.uris import is_uri, resolve

#: The library by the end of a file's name.
SUFFIXES = {".txt": "lightgbm", ".json": "xgboost", ".ubj": "xgboost", ".cbm": "catboost"}

#: How each library, once imported, reads its file.
_READERS: dict[str, Callable[[Any, str], Any]] = {
    "lightgbm": lambda lightgbm, path: lightgbm.Booster(model_file=path),
    "xgboost": lambda xgboost, path: xgboost.Booster(model_file=path),
    "catboost": lambda catboost, path: catboost.CatBoost().load_model(path),
}


def opened(model: Any, inputs: Any = None) -> tuple[Any, Any]:
    """`model` as converters know it, and what its columns are.

    It is read from its file or folder, from the registry of MLflow, or from what Spark saves of
    it; the path of an artefact stays one. The columns are `inputs`; of a logged model without
    any they are those of its signature.

    Raises
    ------
    ArtifactError, UnsupportedModelError
        It cannot be read.
    """
    if isinstance(model, str) and is_uri(model):
        model, signed = loaded(resolve(model))
        inputs = signed if inputs is None else inputs
    return _read(model), inputs


def _read(model: Any) -> Any:
    if isinstance(model, (str, os.PathLike)):
        return _from(model)
    if type(model).__module__.startswith("pyspark.ml."):
        from sparkbird.converters.sparkml import saving

        return saving.saved(model)
    return model


def _from(given: str | os.PathLike[str]) -> Any:
    """What lies at a path: a booster in a file, a model of Spark ML in a folder; else the path."""
    from sparkbird.converters.sparkml import persisted, remote

    path = os.fspath(given)
    if library := SUFFIXES.get(Path(path).suffix.lower()):
        return read(path, library)
    if remote.is_url(path):
        return remote.fetched(path)
    if Path(path).is_dir():
        return _of_xgboost(Path(path)) if _is_of_xgboost(Path(path)) else persisted.read(path)
    if "/" in path and not Path(path).exists():
        raise ArtifactError(
            f"there is no model at {path}", "paths are relative to the current directory."
        )
    return given


def _is_of_xgboost(folder: Path) -> bool:
    """Whether a model of ``xgboost.spark`` was saved to the folder."""
    lines = _lines(folder / "metadata")
    return bool(lines) and '"class":"xgboost.spark.' in lines[0].replace('": "', '":"')


def _of_xgboost(folder: Path) -> Any:
    """The booster in the folder, whose JSON is cut into lines.

    Source: xgboost/spark/core.py, SparkXGBModelWriter (3.2).
    """
    try:
        booster = importlib.import_module("xgboost").Booster
    except ImportError as error:
        raise _not_installed(str(folder), "xgboost", error) from error
    try:
        return booster(model_file=bytearray("".join(_lines(folder / "model")).encode()))
    except Exception as error:  # of XGBoost, which has no class for it
        raise ArtifactError(
            f"xgboost cannot read {folder}: {error}", "save the model again."
        ) from error


def _lines(folder: Path) -> list[str]:
    """The lines of the text that Spark has written to a folder, in order."""
    parts = sorted(folder.glob("part-*"))
    return [line for part in parts for line in part.read_text().splitlines()]


def _not_installed(path: str, library: str, error: ImportError) -> ArtifactError:
    return ArtifactError(
        f"{path} is read by {library}, which cannot be imported: {error}",
        f"install {library} where models are compiled; to score they do not need it.",
    )


def read(path: str, library: str) -> Any:
    """The booster in the file `path`, as `library` reads it.

    Raises
    ------
    ArtifactError
        There is no such file, the library cannot read it, or it is not installed.
    """
    if not Path(path).is_file():
        raise ArtifactError(
            f"there is no model at {path}", "paths are relative to the current directory."
        )
    try:
        return _READERS[library](importlib.import_module(library), path)
    except ImportError as error:
        raise _not_installed(path, library, error) from error
    except Exception as error:  # the libraries' errors have no common class
        raise ArtifactError(
            f"{library} cannot read {path}: {error}", f"give it a file that {library} has saved."
        ) from error
