"""Linear models: a weighted sum of the features, and what it says of the classes.

Spark adds up dense vectors by BLAS, in an order that is the machine's, and sparse ones from left
to right: so sums agree to the last few digits, not to the last.

N is the number of rows, F of features, K of classes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters.sparkml.predictions import (
    PREDICTION,
    classified,
    softmax,
    two_shares,
    two_sided,
)
from sparkbird.converters.sparkml.stages import TRAINING, reads_vector, stage
from sparkbird.errors import UnsupportedOptionError
from sparkbird.graph import op, special
from sparkbird.graph.sparse import Sparse, dense, product

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

_BOUNDS = """
    lowerBoundsOnCoefficients upperBoundsOnCoefficients lowerBoundsOnIntercepts
    upperBoundsOnIntercepts
"""


def weighted(x: Array | Sparse, coefficients: Mapping[str, Any]) -> Array:
    """The weighted sum of the features, [N, F] -> [N], of coefficients as they are stored.

    Coefficients stored as a sparse vector say nothing of the others: there NaN and infinities
    are passed over, where a stored 0 makes NaN of them.

    Source: mllib-local/src/main/scala/org/apache/spark/ml/linalg/BLAS.scala, dot (4.3).
    """
    values = np.array(coefficients["values"], np.float64)
    if coefficients["type"] == 1:
        return product(x, values)
    return _of_some(x, np.array(coefficients["indices"], np.int64), values)


def _of_some(x: Array | Sparse, places: np.ndarray, values: np.ndarray) -> Array:
    if not places.size:
        return op.rows_of(np.float64(0.0), dense(x))
    some = x.select([*places]) if isinstance(x, Sparse) else op.take(x, places, axis=1)
    return product(some, values)


@stage(
    "regression.LinearRegressionModel",
    reads=reads_vector(lambda stage: len(stage.row["coefficients"])),
    ignores=f"{TRAINING} fitIntercept loss epsilon",
)
def linear_regression(stage: Stage, frame: Frame) -> Frame:
    """``x . coefficients + intercept``, [N, F] -> [N].

    Source: mllib/src/main/scala/org/apache/spark/ml/regression/LinearRegression.scala,
    LinearRegressionModel.predict (4.3).
    """
    return _predicted(stage, frame, margin(stage, frame))


def margin(stage: Stage, frame: Frame) -> Array:
    """``x . coefficients + intercept`` of a model that stores these two, [N, F] -> [N]."""
    x = frame.sparse(stage.params["featuresCol"], len(stage.row["coefficients"]))
    (stored,) = stage.data["coefficients"].to_pylist()
    return weighted(x, stored) + np.float64(stage.row["intercept"])


def _predicted(stage: Stage, frame: Frame, values: Array) -> Frame:
    name = stage.params["predictionCol"]
    return frame.with_column(name, values) if name else frame


@stage(
    "classification.LinearSVCModel",
    reads=reads_vector(lambda stage: len(stage.row["coefficients"])),
    consumes="threshold",
    ignores=f"{TRAINING} fitIntercept",
)
def linear_svc(stage: Stage, frame: Frame) -> Frame:
    """Whether ``m = x . coefficients + intercept`` is above the threshold; (-m, m): [N, 2].

    Source: mllib/src/main/scala/org/apache/spark/ml/classification/LinearSVC.scala,
    LinearSVCModel.predictRaw and raw2prediction (4.3).
    """
    found = margin(stage, frame)
    if name := stage.params["rawPredictionCol"]:
        frame = frame.with_column(name, two_sided(found))
    above = _above(found, stage.params["threshold"])
    if name := stage.params["predictionCol"]:
        frame = frame.with_column(name, above, levels=2)
    return frame


def _logistic_objections(stage: Stage) -> Iterator[UnsupportedOptionError]:
    """Thresholds that Spark itself refuses for two classes."""
    thresholds = stage.params.get("thresholds")
    if not stage.row["isMultinomial"] and thresholds is not None and len(thresholds) != 2:
        yield UnsupportedOptionError(
            f"{stage.name}(thresholds={thresholds!r}) has not one threshold for each of 2 classes",
            "give two thresholds; Spark refuses others, too.",
        )


@stage(
    "classification.LogisticRegressionModel",
    reads=reads_vector(lambda stage: stage.row["numFeatures"]),
    consumes=f"{PREDICTION} threshold",
    ignores=f"{TRAINING} {_BOUNDS} family fitIntercept",
    objections=_logistic_objections,
)
def logistic_regression(stage: Stage, frame: Frame) -> Frame:
    """One margin for two classes, with a threshold, or one for each class, with softmax: [N, K].

    With two thresholds the threshold is ``1 / (1 + t[0] / t[1])``. It is compared with the
    margin, or, without raw predictions, with a probability, which is rounded.

    Source: mllib/src/main/scala/org/apache/spark/ml/classification/LogisticRegression.scala,
    LogisticRegressionModel: predictRaw, raw2probabilityInPlace, raw2prediction (4.3).
    """
    x = frame.sparse(stage.params["featuresCol"], stage.row["numFeatures"])
    (stored,) = stage.data["coefficientMatrix"].to_pylist()
    intercepts = stage.row["interceptVector"]
    if stage.row["isMultinomial"]:
        return classified(stage, frame, _margins(x, stored) + intercepts, softmax)
    (coefficients,) = _lines(stored)
    found = weighted(x, coefficients) + np.float64(intercepts[0])
    threshold = _threshold(stage)
    return classified(
        stage,
        frame,
        two_sided(found),
        lambda raw: two_shares(special.sigmoid(op.take(raw, 0, axis=1))),
        of_raw=lambda raw: _above(op.take(raw, 1, axis=1), _logit(threshold)),
        of_probability=lambda shares: _above(op.take(shares, 1, axis=1), threshold),
        alone=lambda: _above(special.sigmoid(found), threshold),
    )


def _margins(x: Array | Sparse, stored: Mapping[str, Any]) -> Array:
    """The weighted sums by the rows of a matrix as it is stored, [N, F] -> [N, K]."""
    lines = _lines(stored)
    if stored["type"] == 1:
        return product(x, np.array([line["values"] for line in lines]).T)
    return op.concat(*(op.expand(weighted(x, line), axis=1) for line in lines), axis=1)


def _lines(stored: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a matrix as it is stored, each as a vector is stored."""
    rows, columns = stored["numRows"], stored["numCols"]
    values = np.array(stored["values"], np.float64)
    if stored["type"] == 1:
        by_rows = stored["isTransposed"]
        table = values.reshape(rows, columns) if by_rows else values.reshape(columns, rows).T
        return [{"type": 1, "values": line} for line in table]
    counts = np.diff(stored["colPtrs"])
    major = np.repeat(np.arange(len(counts)), counts)
    minor = np.array(stored["rowIndices"], np.int64)
    line, place = (major, minor) if stored["isTransposed"] else (minor, major)
    return [
        {"type": 0, "indices": place[line == row], "values": values[line == row]}
        for row in range(rows)
    ]


def _threshold(stage: Stage) -> float:
    """The probability of the second class above which it is predicted."""
    thresholds = stage.params.get("thresholds")
    if thresholds is None:
        return float(stage.params["threshold"])
    first, second = map(float, thresholds)
    return 1.0 / (1.0 + first / second) if second else 0.0


def _logit(share: float) -> float:
    """The margin of a probability."""
    if share in (0.0, 1.0):
        return -math.inf if share == 0.0 else math.inf
    return math.log(share / (1.0 - share))


def _above(values: Array, bound: float) -> Array:
    """1 where the values are above the bound, else 0, as float64: [N] -> [N]."""
    return op.cast(values > np.float64(bound), dtype=np.float64)
