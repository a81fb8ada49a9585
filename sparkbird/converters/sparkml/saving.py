"""Models of Spark ML in memory, by way of the folder that they save themselves to."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

from sparkbird.converters.sparkml.persisted import Stage, read
from sparkbird.errors import ArtifactError, UnsupportedModelError


def saved(model: Any) -> Stage:
    """The stage that `model`, an object of pyspark.ml, saves itself as.

    Node by node over the gateway a large forest would take minutes. The folder lasts as long
    as the stage.

    Raises
    ------
    UnsupportedModelError
        It cannot be saved: it is not fitted, or has a part that is written in Python.
    ArtifactError
        What was saved is not on this machine.
    """
    folder = Folder()
    path = folder.path / "model"
    name = type(model).__name__
    try:
        model.write().overwrite().save(path.as_uri())
    except Exception as error:  # of Spark, of the gateway or of Python
        raise UnsupportedModelError(
            f"{name} cannot be saved: {error}".partition("\n")[0],
            "fit it first; for a stage written in Python, compile what is before and behind it.",
        ) from error
    try:
        stage = read(path)
        _touch(stage)
    except ArtifactError as error:
        raise ArtifactError(
            f"{name} was saved, and not to this machine: {error.fact}",
            "save it to a folder that the driver can read, and compile that folder.",
        ) from error
    return replace(stage, keeper=folder)


class Folder:
    """A temporary folder, which goes without a warning when nobody holds it any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="sparkbird-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _touch(stage: Stage) -> None:
    """Make sure that the tables of a stage and those inside it are there."""
    if (stage.path / "data").is_dir():
        stage.data  # noqa: B018  it is read once
    for inner in stage.stages:
        _touch(inner)
