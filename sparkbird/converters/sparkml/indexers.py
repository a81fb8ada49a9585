"""Strings to indices, indices to strings, and indices to indicators.

N is the number of rows, K of categories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.frame import SPARSE, Column
from sparkbird.converters.sparkml.stages import (
    input_columns,
    output_columns,
    reads_each,
    stage,
)
from sparkbird.dtypes import STRING
from sparkbird.graph import op
from sparkbird.graph.sparse import Coded, Sparse

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

#: The name that Spark gives to what has no label of its own.
_UNKNOWN = "__unknown"


@stage(
    "feature.StringIndexerModel",
    reads=reads_each("string"),
    consumes="handleInvalid",
    ignores="stringOrderType",
)
def string_indexer(stage: Stage, frame: Frame) -> Frame:
    """The place of each string among the labels, [N] -> [N]; of numbers that of their text.

    What is no label, NULL included, is an error, or the number of labels, or drops the row.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/StringIndexer.scala,
    StringIndexerModel.transform (4.3).
    """
    how = stage.params["handleInvalid"]
    inputs, outputs = input_columns(stage), output_columns(stage)
    for source, target, labels in zip(inputs, outputs, stage.row["labelsArray"], strict=True):
        index = _places(frame, source, labels)
        unknown = index < 0.0
        if how == "error":
            frame.check(unknown, f"{stage.uid} takes in column {source!r} no string but its labels")
        elif how == "skip":
            frame = frame.dropping(unknown)
        else:
            index = op.where(unknown, np.float64(len(labels)), index)
        levels = (*labels, _UNKNOWN) if how == "keep" else (*labels,)
        frame = frame.with_column(target, index, levels=levels)
    return frame


def _places(frame: Frame, name: str, labels: list[str]) -> Array:
    """The place of each value among the labels, -1 for what is none: [N] -> [N]."""
    places = np.arange(len(labels), dtype=np.float64)
    if frame[name].is_text:
        return op.lookup(
            frame.text(name), keys=np.array(labels, STRING), values=places, default=-1.0
        )
    keys = np.array([float(label) for label in labels])
    return op.lookup(frame.numbers(name), keys=keys, values=places, default=-1.0)


@stage("feature.OneHotEncoderModel", reads=reads_each("float64"), consumes="handleInvalid dropLast")
def one_hot_encoder(stage: Stage, frame: Frame) -> Frame:
    """A vector of zeros with a 1 at the index, [N] -> [N, K].

    The last category may have no value of its own; what is no index is an error, or one more
    category.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/OneHotEncoder.scala,
    OneHotEncoderModel.getEncoder and configedCategorySize (4.3).
    """
    keeps, drops = stage.params["handleInvalid"] == "keep", stage.params["dropLast"]
    inputs, outputs = input_columns(stage), output_columns(stage)
    for source, target, size in zip(inputs, outputs, stage.row["categorySizes"], strict=True):
        index = frame.numbers(source)
        known = (index >= 0.0) & (index < float(size))
        if not keeps:
            frame.check(
                ~known, f"{stage.uid} takes in column {source!r} indices from 0 to {size - 1}"
            )
        width = size + int(keeps) - int(drops)
        code = op.cast(op.where(known, index, np.float64(size)), dtype=np.int64)
        coded = op.where(code < np.int64(width), code, np.int64(width))
        values = Sparse((Coded(coded, np.ones(width)),))
        parts = _indicators(frame[source], size, width)
        frame = frame.with_column(target, values, parts=parts, stored=SPARSE)
    return frame


def _indicators(column: Column, size: int, width: int) -> tuple[Column, ...]:
    """What is known of the values of a one-hot vector: the categories that they are named by."""
    levels = column.levels if isinstance(column.levels, tuple) else map(str, range(size))
    names = [*levels, "invalidValues"][:width]
    return tuple(Column(None, name=name) for name in names)
