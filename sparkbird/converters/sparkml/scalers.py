"""Vectors moved and scaled, value by value. N is the number of rows, K of values of a vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.frame import DENSE, anywhere, compressed, rows_that
from sparkbird.converters.sparkml.stages import reads_vector, stage
from sparkbird.graph import op

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage


@stage(
    "feature.StandardScalerModel",
    reads=reads_vector(lambda stage: len(stage.row["std"])),
    consumes="withMean withStd",
)
def standard_scaler(stage: Stage, frame: Frame) -> Frame:
    """``(x - mean) * (1 / std)``, where the deviation is 0 times 0, [N, K] -> [N, K].

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/StandardScaler.scala,
    StandardScalerModel.getTransformFunc (4.3).
    """
    std, mean = stage.row["std"], stage.row["mean"]
    moved, scaled = stage.params["withMean"], stage.params["withStd"]
    center, scale = mean if moved else None, inverse(std) if scaled else None
    return _standardized(stage, frame, len(std), center, scale)


def _standardized(
    stage: Stage, frame: Frame, length: int, center: np.ndarray | None, scale: np.ndarray | None
) -> Frame:
    """``(x - center) * scale``, or what there is of it: [N, K] -> [N, K].

    Sparse vectors that are only scaled stay sparse, and their zeros zeros, also where the scale
    is no number: trained on NaN it is NaN.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/StandardScaler.scala,
    StandardScalerModel.getTransformFunc (4.3).
    """
    name, target = stage.params["inputCol"], stage.params["outputCol"]
    x, stored = frame.vector(name, length), frame[name].stored
    moved = x if center is None else x - center
    scaled = moved if scale is None else moved * scale
    if center is not None:
        return frame.with_column(target, scaled, stored=DENSE)
    if scale is not None and not np.isfinite(scale).all():
        zero = op.equal(x, np.float64(0.0)) & ~np.isfinite(scale)
        fact = f"{stage.uid} takes in column {name!r} no 0 where its scale is no number"
        unknown = anywhere(zero) & rows_that(stored.unknown, x)
        frame.check(unknown, f"{fact}: dense and sparse vectors then differ")
        kept = zero & op.expand(rows_that(stored.sparse, x), axis=1)
        scaled = op.where(kept, x, scaled)
    return frame.with_column(target, scaled, stored=stored)


def inverse(values: np.ndarray) -> np.ndarray:
    """``1 / values``, 0 where these are 0: [K] -> [K]."""
    found: np.ndarray = np.divide(1.0, values, out=np.zeros(len(values)), where=values != 0)
    return found


@stage(
    "feature.MinMaxScalerModel",
    reads=reads_vector(lambda stage: len(stage.row["originalMax"])),
    consumes="min max",
)
def min_max_scaler(stage: Stage, frame: Frame) -> Frame:
    """``(x - least) * scale + min``, into the range from `min` to `max`, [N, K] -> [N, K].

    A value that was constant in training becomes the middle of the range, NaN stays.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/MinMaxScaler.scala,
    MinMaxScalerModel.transform (4.3).
    """
    greatest, least = stage.row["originalMax"], stage.row["originalMin"]
    low, high = float(stage.params["min"]), float(stage.params["max"])
    x = frame.vector(stage.params["inputCol"], len(least))
    scale = (high - low) * inverse(greatest - least)
    middle = op.where(op.isnan(x), x, np.float64((low + high) / 2))
    scaled = op.where(scale == 0, middle, (x - least) * scale + low)
    return frame.with_column(stage.params["outputCol"], scaled, stored=compressed(stage, scaled))


@stage(
    "feature.MaxAbsScalerModel",
    reads=reads_vector(lambda stage: len(stage.row["maxAbs"])),
)
def max_abs_scaler(stage: Stage, frame: Frame) -> Frame:
    """``x * (1 / max(|x|))``, that of zeros alone 1, [N, K] -> [N, K].

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/MaxAbsScaler.scala,
    MaxAbsScalerModel.transform (4.3).
    """
    greatest = stage.row["maxAbs"]
    scale = 1.0 / np.where(greatest == 0, 1.0, greatest)
    return _standardized(stage, frame, len(greatest), None, scale)


@stage(
    "feature.RobustScalerModel",
    reads=reads_vector(lambda stage: len(stage.row["range"])),
    consumes="withCentering withScaling",
    ignores="lower upper relativeError",
)
def robust_scaler(stage: Stage, frame: Frame) -> Frame:
    """``(x - median) * (1 / range)``, where the range is 0 times 0, [N, K] -> [N, K].

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/RobustScaler.scala,
    RobustScalerModel.transform (4.3).
    """
    spread, median = stage.row["range"], stage.row["median"]
    moved, scaled = stage.params["withCentering"], stage.params["withScaling"]
    center, scale = median if moved else None, inverse(spread) if scaled else None
    return _standardized(stage, frame, len(spread), center, scale)
