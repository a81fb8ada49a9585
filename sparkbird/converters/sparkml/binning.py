"""Numbers to classes of numbers: above a threshold or not, and between which of many.

N is the number of rows, K of values of a vector, B of splits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.frame import DENSE, compressed
from sparkbird.converters.sparkml.stages import input_columns, output_columns, reads_each, stage
from sparkbird.graph import op

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array


@stage("feature.Binarizer", reads=reads_each("float64"), consumes="threshold thresholds")
def binarizer(stage: Stage, frame: Frame) -> Frame:
    """Whether a number is above the threshold, as 1 or 0: [N] -> [N], [N, K] -> [N, K].

    NaN is not, and NULL neither. In vectors NaN is, if the threshold is negative.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/Binarizer.scala, transform (4.3).
    """
    sources = input_columns(stage)
    thresholds = stage.params.get("thresholds") or [stage.params["threshold"]] * len(sources)
    for source, target, given in zip(sources, output_columns(stage), thresholds, strict=True):
        threshold = np.float64(given)
        if frame[source].is_vector:
            x = frame.vector(source)
            above = x > threshold if threshold >= 0 else ~(x <= threshold)
        else:
            above = frame.numbers(source) > threshold
        values = op.cast(above, dtype=np.float64)
        stored = compressed(stage, values) if frame[source].is_vector else DENSE
        frame = frame.with_column(target, values, stored=stored)
    return frame


@stage(
    "feature.Bucketizer", reads=reads_each("float64"), consumes="splits splitsArray handleInvalid"
)
def bucketizer(stage: Stage, frame: Frame) -> Frame:
    """The number of the bucket that holds a number, [N] -> [N]: the last one holds its end.

    NaN is an error, one more bucket, or drops the row. NULL stays NULL, or drops the row: where
    the two differ, both are an error, but in columns of integers. What is in no bucket is an
    error in any case.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/Bucketizer.scala, transform and
    binarySearchForBuckets (4.3).
    """
    params = stage.params
    several = params["splitsArray"] if "inputCols" in params else [params["splits"]]
    how = params["handleInvalid"]
    columns = [frame.numbers(name) for name in input_columns(stage)]
    if how == "skip":
        for x in columns:
            frame = frame.dropping(op.isnan(x))
    named = zip(input_columns(stage), output_columns(stage), strict=True)
    for (source, target), x, given in zip(named, columns, several, strict=True):
        splits = np.array(given, np.float64)
        gone = op.isnan(x)
        if how != "skip" and not frame[source].is_whole:
            frame.check(gone, f"{stage.uid} takes in column {source!r} no NULL and no NaN")
        outside = (x < splits[0]) | (x > splits[-1]) | _is_below(x, splits[0])
        frame.check(outside, f"{stage.uid} takes in column {source!r} {splits[0]} to {splits[-1]}")
        buckets = len(splits) - 1
        bucket = op.where(gone, x, _bucket(x, splits))
        frame = frame.with_column(target, bucket, levels=buckets)
    return frame


def _bucket(x: Array, splits: np.ndarray) -> Array:
    """How many inner splits are not above each number, [N] -> [N] float64."""
    inner = splits[1:-1]
    reached = op.expand(x, axis=1) >= inner
    if (inner == 0).any():  # Java has -0.0 below 0.0
        at = int(np.flatnonzero(inner == 0)[0])
        low = op.expand(_is_below(x, inner[at]), axis=1) & (np.arange(len(inner)) == at)
        reached = reached & ~low
    return op.sum(op.cast(reached, dtype=np.float64), axis=1)


def _is_below(x: Array, split: np.float64) -> Array:
    """Whether a number is -0.0 where the split is 0.0, [N]: equal, and yet below in Java."""
    if split != 0 or np.signbit(split):
        return x < np.float64(-np.inf)
    return op.equal(x, np.float64(0.0)) & (1.0 / x < 0.0)
