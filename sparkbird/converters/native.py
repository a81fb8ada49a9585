"""Boosters in the files that their own libraries write.

A file holds the plain booster: what is compiled of it gives what LightGBM's and XGBoost's
`Booster` and CatBoost's `CatBoost` give. For the labels of a classifier, load the file into
the library's class, and compile that.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sparkbird.errors import ArtifactError

#: The library by the end of a file's name.
SUFFIXES = {".txt": "lightgbm", ".json": "xgboost", ".ubj": "xgboost", ".cbm": "catboost"}

#: How each library, once imported, reads its file.
_READERS: dict[str, Callable[[Any, str], Any]] = {
    "lightgbm": lambda lightgbm, path: lightgbm.Booster(model_file=path),
    "xgboost": lambda xgboost, path: xgboost.Booster(model_file=path),
    "catboost": lambda catboost, path: catboost.CatBoost().load_model(path),
}


def opened(model: Any) -> Any:
    """`model` as converters know it: read from its file or folder, or from what Spark saves of it.

    Raises
    ------
    ArtifactError, UnsupportedModelError
        It cannot be read.
    """
    if isinstance(model, (str, os.PathLike)):
        path = Path(model)
        if library := SUFFIXES.get(path.suffix.lower()):
            return read(str(path), library)
        if (path / "metadata").is_dir():
            from sparkbird.converters.sparkml import persisted

            return persisted.read(path)
    if type(model).__module__.startswith("pyspark.ml."):
        from sparkbird.converters.sparkml import saving

        return saving.saved(model)
    return model


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
        raise ArtifactError(
            f"{path} is read by {library}, which cannot be imported: {error}",
            f"install {library} where models are compiled; to score they do not need it.",
        ) from error
    except Exception as error:  # the libraries' errors have no common class
        raise ArtifactError(
            f"{library} cannot read {path}: {error}", f"give it a file that {library} has saved."
        ) from error
