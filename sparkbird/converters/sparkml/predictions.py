"""The columns that classifiers add: raw predictions, probabilities and a prediction.

N is the number of rows, K of classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.errors import UnsupportedOptionError
from sparkbird.graph import op
from sparkbird.graph.reference import quietly

if TYPE_CHECKING:
    from collections.abc import Callable

    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

#: The parameters that the columns are named by, and that prediction hangs on.
PREDICTION = "thresholds predictionCol probabilityCol rawPredictionCol"

#: The least finite number of float64.
_LEAST = np.finfo(np.float64).min


def classified(
    stage: Stage,
    frame: Frame,
    raw: Array,
    probability: Callable[[Array], Array],
    *,
    of_raw: Callable[[Array], Array] | None = None,
    of_probability: Callable[[Array], Array] | None = None,
    alone: Callable[[], Array] | None = None,
) -> Frame:
    """The frame with the columns of a probabilistic classifier, of its `raw` predictions [N, K].

    A prediction is the place of the greatest raw prediction, or, with thresholds, of the
    greatest probability over its threshold. An empty name switches a column off, and what is
    left decides what the prediction is made from: the raw predictions, the probabilities, or,
    where it stands alone, the features. Classes that have an own way say so.

    of_raw          the prediction [N] by raw predictions
    of_probability  the prediction [N] by probabilities
    alone           the prediction [N] where it is the only column

    Source: mllib/src/main/scala/org/apache/spark/ml/classification/
    ProbabilisticClassifier.scala, transform, raw2prediction and probability2prediction (4.3).

    Raises
    ------
    UnsupportedOptionError
        There is not one threshold for each class.
    """
    params = stage.params
    thresholds = _thresholds(stage, int(raw.shape[1]))
    shares = probability(raw)
    of_probability = of_probability or (lambda shares: _over_thresholds(shares, thresholds))
    if of_raw is None:
        of_raw = greatest if thresholds is None else lambda raw: of_probability(probability(raw))
    if params.get("rawPredictionCol"):
        place = of_raw(raw)
    elif params.get("probabilityCol"):
        place = of_probability(shares)
    else:
        place = alone() if alone else of_raw(raw)
    levels = {"predictionCol": int(raw.shape[1])}
    for column, values in (
        ("rawPredictionCol", raw),
        ("probabilityCol", shares),
        ("predictionCol", place),
    ):
        if params.get(column):
            frame = frame.with_column(params[column], values, levels=levels.get(column))
    return frame


def greatest(values: Array) -> Array:
    """The place of the greatest of each row as float64, the first of equals: [N, K] -> [N].

    NaN is never greater: the first value stays if it is NaN, others that are NaN are passed
    over.

    Source: mllib-local/src/main/scala/org/apache/spark/ml/linalg/Vectors.scala,
    DenseVector.argmax (4.3).
    """
    first = op.between(values, start=0, stop=1)
    least = np.float64(-np.inf)
    compared = op.where(op.isnan(values), least, values)
    place = op.cast(op.argmax(compared, axis=1), dtype=np.float64)
    return op.where(op.take(op.isnan(first), 0, axis=1), np.float64(0.0), place)


@quietly
def normalized(raw: Array) -> Array:
    """Each row's shares of its sum, unchanged where that is 0: [N, K] -> [N, K].

    Source: .../ProbabilisticClassifier.scala, normalizeToProbabilitiesInPlace (4.3).
    """
    total = op.expand(added(raw), axis=1)
    return op.where(op.equal(total, np.float64(0.0)), raw, raw / total)


@quietly
def softmax(raw: Array) -> Array:
    """Each row's exponentials as shares of their sum, [N, K] -> [N, K].

    Infinity takes all, the first of several; the others become 0 times what they were.

    Source: mllib/src/main/scala/org/apache/spark/ml/impl/Utils.scala, softmax (4.3).
    """
    shifted = op.exp(raw - op.expand(_greatest_finite(raw), axis=1))
    shares = shifted * (1.0 / op.expand(added(shifted), axis=1))
    endless = op.equal(raw, np.float64(np.inf))
    first = op.expand(op.argmax(op.cast(endless, dtype=np.int32), axis=1), axis=1)
    is_first = op.equal(first, np.arange(int(raw.shape[1])))
    any_endless = op.max(op.cast(endless, dtype=np.int32), axis=1) > np.int32(0)
    one = op.where(is_first, np.float64(1.0), raw * 0.0)
    return op.where(op.expand(any_endless, axis=1), one, shares)


def two_sided(margin: Array) -> Array:
    """The raw predictions of two classes, that of the first negated: [N] -> [N, 2]."""
    column = op.expand(margin, axis=1)
    return op.concat(-column, column, axis=1)


def two_shares(first: Array) -> Array:
    """The probability of the first class [N], and what is left to 1: [N, 2]."""
    column = op.expand(first, axis=1)
    return op.concat(column, 1.0 - column, axis=1)


def added(values: Array) -> Array:
    """The sum of each row from left to right, as a loop adds it: [N, K] -> [N]."""
    if values.shape[1] > _UNROLLED:
        return op.take(op.cumsum(values, axis=1), int(values.shape[1]) - 1, axis=1)
    total = op.take(values, 0, axis=1)
    for place in range(1, values.shape[1]):
        total = total + op.take(values, place, axis=1)
    return total


#: Up to so many values are added one by one. A running sum is one node, and slow on CUDA.
_UNROLLED = 64


def _greatest_finite(raw: Array) -> Array:
    """The greatest of each row but for NaN, at least the least finite number: [N, K] -> [N]."""
    known = op.where(op.isnan(raw), np.float64(_LEAST), raw)
    return op.maximum(op.max(known, axis=1), np.float64(_LEAST))


def _thresholds(stage: Stage, classes: int) -> np.ndarray | None:
    given = stage.params.get("thresholds")
    if given is not None and len(given) != classes:
        raise UnsupportedOptionError(
            f"{stage.name}(thresholds={given!r}) has not one threshold for each of the "
            f"{classes} classes",
            "give as many thresholds as there are classes; Spark refuses others, too.",
        )
    return None if given is None else np.asarray(given, np.float64)


@quietly
def _over_thresholds(shares: Array, thresholds: np.ndarray | None) -> Array:
    """The place of the greatest probability over its threshold, the first of equals: [N].

    A threshold of 0 gives infinity, or NaN for a probability of 0, which is never greater.
    """
    if thresholds is None:
        return greatest(shares)
    scaled = shares / thresholds
    scaled = op.where(op.isnan(scaled), np.float64(-np.inf), scaled)
    return op.cast(op.argmax(scaled, axis=1), dtype=np.float64)
