"""Regressions on a line of their own: of survival times, and isotonic.

N is the number of rows, F of features, Q of quantiles, T of boundaries.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sklearn.isotonic import reached
from sparkbird.converters.sparkml.linear import margin
from sparkbird.converters.sparkml.stages import TRAINING, reads_vector, stage
from sparkbird.errors import UnsupportedError, UnsupportedOptionError
from sparkbird.graph import op
from sparkbird.graph.reference import quietly

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array


@stage(
    "regression.AFTSurvivalRegressionModel",
    reads=reads_vector(lambda stage: len(stage.row["coefficients"])),
    consumes="quantileProbabilities quantilesCol",
    ignores=f"{TRAINING} censorCol fitIntercept",
)
@quietly
def aft_survival_regression(stage: Stage, frame: Frame) -> Frame:
    """``exp(x . coefficients + intercept)``, and its quantiles: [N, F] -> [N] and [N, Q].

    Source: mllib/src/main/scala/org/apache/spark/ml/regression/AFTSurvivalRegression.scala,
    AFTSurvivalRegressionModel: transform, predict, predictQuantiles (4.3).
    """
    params = stage.params
    time = op.exp(margin(stage, frame))
    if name := params.get("quantilesCol"):
        shares = np.array(params["quantileProbabilities"], np.float64)
        quantiles = np.exp(np.log(-np.log1p(-shares)) * stage.row["scale"])
        frame = frame.with_column(name, op.expand(time, axis=1) * quantiles)
    return frame.with_column(params["predictionCol"], time) if params["predictionCol"] else frame


def _reads(stage: Stage) -> dict[str, str]:
    return {stage.params["featuresCol"]: "float64"}


def _boundaries(stage: Stage) -> Iterator[UnsupportedError]:
    if (np.diff(stage.row["boundaries"]) <= 0).any():
        yield UnsupportedOptionError(
            f"{stage.name} with equal boundaries is not compiled: where Spark finds one of them "
            "hangs on their number",
            f"fit {stage.uid} again with Spark 3 or later.",
        )


@stage(
    "regression.IsotonicRegressionModel",
    reads=_reads,
    consumes="featureIndex",
    ignores="isotonic labelCol weightCol",
    objections=_boundaries,
)
def isotonic_regression(stage: Stage, frame: Frame) -> Frame:
    """The line through the boundaries, its ends beyond them and for NaN: [N] -> [N].

    It reads a number, or one value of a vector. -0.0 is before 0.0, as Java's doubles are.

    Source: mllib/src/main/scala/org/apache/spark/mllib/regression/IsotonicRegression.scala,
    IsotonicRegressionModel.predict (4.3).
    """
    name = stage.params["featuresCol"]
    if frame[name].is_vector:
        x = op.take(frame.vector(name), stage.params["featureIndex"], axis=1)
    else:
        x = frame.numbers(name)
        frame.check(op.isnan(x), f"{stage.uid} takes no NULL and no NaN, which it tells apart")
    return frame.with_column(stage.params["predictionCol"], _on_line(stage, x))


@quietly
def _on_line(stage: Stage, x: Array) -> Array:
    points, values = (np.array(stage.row[name]) for name in ("boundaries", "predictions"))
    count, last = reached(points, x), len(points) - 1
    place = op.maximum(count - np.int64(1), np.int64(0))
    end = np.minimum(np.arange(len(points)) + 1, last)
    start, length = op.take(points, place), op.take(points[end] - points, place)
    low, rise = op.take(values, place), op.take(values[end] - values, place)
    between = low + rise * (x - start) / length
    stays = op.equal(x, start) | op.equal(count, np.int64(0))
    line = op.where(stays, low, between)
    line = op.where((x > points[-1]) | op.isnan(x), values[-1], line)
    zeros = np.flatnonzero((points == 0) & ~np.signbit(points))
    if not zeros.size or not zeros[0]:
        return line
    # -0.0 is no boundary then, but lies between 0.0 and the one before.
    begin, end = zeros[0] - 1, zeros[0]
    way = (values[end] - values[begin]) * (-0.0 - points[begin])
    before = values[begin] + way / (points[end] - points[begin])
    is_negative = op.equal(x, np.float64(0.0)) & (1.0 / x < np.float64(0.0))
    return op.where(is_negative, before, line)
