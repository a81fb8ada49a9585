"""Models of Spark ML as they lie on disk: metadata as JSON, data as Parquet.

A folder holds ``metadata/part-*``, one line of JSON, and for most models ``data/*.parquet``;
those of the models inside lie in folders below. So no JVM and no Spark session is needed, and
a forest of a hundred thousand nodes is read in milliseconds.

Source: mllib/src/main/scala/org/apache/spark/ml/util/ReadWrite.scala (3.5 to 4.3).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sparkbird.errors import ArtifactError

#: What all classes of Spark ML have in front of their names. Python writes those itself that hold
#: a stage which is written in Python: a pipeline with one class against the rest.
_PREFIXES = ("org.apache.spark.ml.", "pyspark.ml.", "pipeline.")


@dataclass(frozen=True, eq=False)
class Stage:
    """A transformer or a fitted model of Spark ML, read from the folder it was saved to.

    name      its class: ``feature.StringIndexerModel``
    uid       the name it has in its pipeline
    params    its parameters, set or by default
    metadata  what else stands in its metadata: ``numFeatures``, ``sparkVersion``
    path      the folder
    parts     the stages inside it, each with the way to it: ``.stages[0]``
    keeper    what the folder lasts as long as
    """

    name: str
    uid: str
    params: Mapping[str, Any]
    metadata: Mapping[str, Any]
    path: Path
    parts: tuple[tuple[str, Stage], ...] = ()
    keeper: object = None

    @cached_property
    def data(self) -> pa.Table:
        """The table in ``data``; models of spark.mllib inside have it one folder further down."""
        inner = self.path / "data" / "data"
        return _read(inner if inner.is_dir() else self.path / "data")

    def table(self, folder: str) -> pa.Table:
        """The table in one of its folders."""
        return _read(self.path / folder)

    @cached_property
    def row(self) -> dict[str, Any]:
        """The one row of ``data``, vectors and matrices of it as arrays."""
        (row,) = self.data.to_pylist()
        return {name: _decoded(value) for name, value in row.items()}

    @cached_property
    def inner_metadata(self) -> Mapping[str, Any]:
        """The metadata of the model of spark.mllib inside it."""
        return _metadata(self.path / "data")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages inside it."""
        return tuple(stage for _, stage in self.parts)

    def __repr__(self) -> str:
        return f"{self.name} {self.uid}"


def read(path: str | Path) -> Stage:
    """The model that was saved to the folder `path`.

    Raises
    ------
    ArtifactError
        It is no such folder, or is damaged.
    """
    path = Path(path)
    try:
        metadata = _metadata(path)
        params = {**metadata.pop("defaultParamMap", {}), **metadata.pop("paramMap")}
        return Stage(
            name=_without_prefixes(metadata.pop("class")),
            uid=metadata["uid"],
            params=params,
            metadata=metadata,
            path=path,
            parts=tuple(_parts(path, params)),
        )
    except (OSError, KeyError, ValueError) as error:
        raise ArtifactError(
            f"{path} is no saved model of Spark ML: {error}",
            "give the folder that model.write().save(path) has written, whole.",
        ) from error


def _without_prefixes(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _metadata(path: Path) -> dict[str, Any]:
    """What stands in ``metadata``, one line of JSON."""
    parts = sorted((path / "metadata").glob("part-*"))
    found: dict[str, Any] = json.loads("".join(part.read_text() for part in parts))
    return found


def _parts(path: Path, params: Mapping[str, Any]) -> list[tuple[str, Stage]]:
    """The stages that lie in folders below: of a pipeline, of a search, of one against the rest."""
    if uids := params.get("stageUids"):
        width = len(str(len(uids)))
        folders = [path / "stages" / f"{i:0{width}d}_{uid}" for i, uid in enumerate(uids)]
        return [(f".stages[{i}]", read(folder)) for i, folder in enumerate(folders)]
    if (path / "bestModel").is_dir():
        return [(".bestModel", read(path / "bestModel"))]
    if (path / "pipelineModel").is_dir():
        return [(".pipelineModel", read(path / "pipelineModel"))]
    models = sorted(path.glob("model_*"), key=lambda folder: int(folder.name.split("_")[1]))
    return [(f".models[{i}]", read(folder)) for i, folder in enumerate(models)]


def _read(folder: Path) -> pa.Table:
    """The rows of all Parquet files of a folder, in the order of the files."""
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise ArtifactError(
            f"there are no Parquet files in {folder}",
            "give the folder that model.write().save(path) has written, whole.",
        )
    return pa.concat_tables([pq.read_table(file) for file in files])


def _decoded(value: Any) -> Any:
    """A vector or a matrix as an array, also in a list; anything else as it is.

    Source: mllib-local/src/main/scala/org/apache/spark/ml/linalg/Vectors.scala and
    mllib/src/main/scala/org/apache/spark/ml/linalg/{VectorUDT,MatrixUDT}.scala (4.3).
    """
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_decoded(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if {*value} == {"type", "size", "indices", "values"}:
        return vector(value)
    if "isTransposed" in value:
        return _matrix(value)
    return {name: _decoded(inner) for name, inner in value.items()}


def vector(stored: Mapping[str, Any]) -> np.ndarray:
    """The vector that Parquet or JSON keep as a struct."""
    values = np.array(stored["values"], np.float64)
    if stored["type"] == 1:
        return values
    dense = np.zeros(stored["size"])
    dense[stored["indices"]] = values
    return dense


def _matrix(stored: Mapping[str, Any]) -> np.ndarray:
    rows, columns = stored["numRows"], stored["numCols"]
    values = np.array(stored["values"], np.float64)
    if stored["type"] == 1:
        by_rows = stored["isTransposed"]
        return values.reshape(rows, columns) if by_rows else values.reshape(columns, rows).T
    # Compressed by columns, or by rows if it is transposed.
    lines = rows if stored["isTransposed"] else columns
    dense = np.zeros((lines, columns if stored["isTransposed"] else rows))
    line = np.repeat(np.arange(lines), np.diff(stored["colPtrs"]))
    dense[line, stored["rowIndices"]] = values
    return dense if stored["isTransposed"] else dense.T
