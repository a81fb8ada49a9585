"""Vectors moved and scaled, value by value. N is the number of rows, K of values of a vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.stages import reads_vector, stage
from sparkbird.graph import op

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array


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
    x: Array = frame.vector(stage.params["inputCol"], len(std))
    if stage.params["withMean"]:
        x = x - mean
    if stage.params["withStd"]:
        x = x * inverse(std)
    return frame.with_column(stage.params["outputCol"], x)


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
    return frame.with_column(stage.params["outputCol"], scaled)


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
    x = frame.vector(stage.params["inputCol"], len(greatest))
    return frame.with_column(stage.params["outputCol"], x * scale)


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
    x = frame.vector(stage.params["inputCol"], len(spread))
    if stage.params["withCentering"]:
        x = x - median
    if stage.params["withScaling"]:
        x = x * inverse(spread)
    return frame.with_column(stage.params["outputCol"], x)
