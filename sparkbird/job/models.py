"""Models from files: artefacts of sparkbird, boosters, and what joblib or pickle wrote."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from sparkbird.converters import native
from sparkbird.errors import ArtifactError
from sparkbird.logged.flavors import loaded
from sparkbird.logged.uris import is_uri, resolve
from sparkbird.model import load

Kind: TypeAlias = Literal["onnx", "pickle", "lightgbm", "xgboost", "catboost"]

#: The kind of a model file by the end of its name.
SUFFIXES: dict[str, str] = {
    ".onnx": "onnx",
    ".joblib": "pickle",
    ".pickle": "pickle",
    ".pkl": "pickle",
    **native.SUFFIXES,
}


@dataclass(frozen=True)
class Found:
    """A model, and what is said of it: an alias of MLflow is looked up once, here.

    model  a `CompiledModel`, a booster, or whatever was pickled
    """

    model: Any
    name: str
    version: str
    uri: str


def found(path: str, kind: str, *, device: str = "auto") -> Found:
    """The model at `path`, a file or a URI of MLflow.

    Raises
    ------
    ArtifactError
        There is no such model, or it is not of that kind.
    UnsupportedError, NotFittedError, SchemaError
        It is one of MLflow's, and cannot be compiled.
    """
    if not is_uri(path):
        return Found(read(path, kind, device=device), path, "", path)
    from sparkbird.compiler import compile as compile_model

    known = resolve(path)
    model, inputs = loaded(known)
    compiled = compile_model(model, inputs, device=device)
    return Found(compiled, known.name or path, known.version, known.uri)


def read(path: str, kind: str, *, device: str = "auto") -> Any:
    """The model in the file `path`: a `CompiledModel`, a booster, or whatever was pickled.

    Unpickling runs the code that is in the file. It happens for `kind` "pickle" alone, which
    is said by whoever trusts the writer of the file.

    Raises
    ------
    ArtifactError
        There is no such file, or it is not of that kind.
    """
    if kind == "onnx":
        return load(path, device=device)
    if kind != "pickle":
        return native.read(path, kind)
    if not Path(path).is_file():
        raise ArtifactError(
            f"there is no model at {path}", "paths are relative to the current directory."
        )
    try:
        return _unpickled(path)
    except Exception as error:  # what damaged bytes raise has no common class
        raise ArtifactError(
            f"cannot unpickle {path}: {error}",
            "it is damaged, not a pickle, or needs packages that are not installed here.",
        ) from error


def kind_of(path: str) -> str:
    """The kind of the model file `path`, by the end of its name.

    Raises
    ------
    ArtifactError
        The name does not tell.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ArtifactError(
            f"cannot tell from its name what {path} is", f"name it {', '.join(SUFFIXES)}."
        )
    return SUFFIXES[suffix]


def _unpickled(path: str) -> Any:
    """What joblib reads, if it is there: its own files and plain pickles alike."""
    try:
        import joblib
    except ImportError:
        with Path(path).open("rb") as file:
            return pickle.load(file)  # noqa: S301  what kind="pickle" says
    return joblib.load(path)
