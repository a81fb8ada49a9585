"""Missing numbers replaced. N is the number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.stages import input_columns, output_columns, reads_each, stage
from sparkbird.dtypes import BY_NAME
from sparkbird.graph import op

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Column, Frame
    from sparkbird.converters.sparkml.persisted import Stage


@stage(
    "feature.ImputerModel",
    reads=reads_each("float64"),
    consumes="missingValue",
    ignores="strategy relativeError",
)
def imputer(stage: Stage, frame: Frame) -> Frame:
    """The surrogate of its column for what is NULL or the missing value, [N] -> [N].

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/Imputer.scala,
    ImputerModel.transform (4.3).
    """
    missing = float(stage.params["missingValue"])
    for source, target in zip(input_columns(stage), output_columns(stage), strict=True):
        values = frame.numbers(source)
        gone = op.isnan(values)
        if not np.isnan(missing):
            if not frame[source].is_whole:
                # NULL is replaced and NaN is not, and both come as NaN.
                frame.check(gone, f"{stage.uid} takes in column {source!r} no NULL and no NaN")
            gone = gone | op.equal(values, np.float64(missing))
        surrogate = _in_type_of(frame[source], stage.row[source])
        imputed = op.cast(op.where(gone, surrogate, values), dtype=_type_of(frame[source]))
        frame = frame.with_column(target, imputed)
    return frame


def _type_of(column: Column) -> np.dtype:
    """What Spark casts the imputed values to: the type that the column had."""
    return BY_NAME[column.declared].numpy if column.is_whole else column.values.dtype


def _in_type_of(column: Column, surrogate: float) -> np.float64:
    """What becomes of the surrogate as Spark casts it to the type of the column."""
    if column.is_whole:
        return np.float64(np.trunc(surrogate))
    return np.float64(np.float32(surrogate) if column.values.dtype == np.float32 else surrogate)
