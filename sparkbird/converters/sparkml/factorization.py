"""Factorization machines: a linear model, and the products of features by their factors.

N is the number of rows, F of features, K of factors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.frame import anywhere
from sparkbird.converters.sparkml.linear import weighted
from sparkbird.converters.sparkml.predictions import (
    PREDICTION,
    added,
    classified,
    two_shares,
    two_sided,
)
from sparkbird.converters.sparkml.stages import TRAINING, reads_vector, stage
from sparkbird.graph import op, special
from sparkbird.graph.reference import quietly
from sparkbird.graph.sparse import Sparse, product

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

_FIT = f"{TRAINING} factorSize fitIntercept fitLinear initStd miniBatchFraction stepSize"
_FEATURES = reads_vector(lambda stage: len(stage.row["linear"]))


@stage("regression.FMRegressionModel", reads=_FEATURES, ignores=_FIT)
def fm_regression(stage: Stage, frame: Frame) -> Frame:
    """What `_raw` gives, [N, F] -> [N].

    Source: mllib/src/main/scala/org/apache/spark/ml/regression/FMRegressor.scala,
    FMRegressionModel.predict (4.3).
    """
    name = stage.params["predictionCol"]
    return frame.with_column(name, _raw(stage, frame)) if name else frame


@stage("classification.FMClassificationModel", reads=_FEATURES, consumes=PREDICTION, ignores=_FIT)
def fm_classification(stage: Stage, frame: Frame) -> Frame:
    """Its sigmoid is the probability of the second class, [N, F] -> [N, 2].

    Source: mllib/src/main/scala/org/apache/spark/ml/classification/FMClassifier.scala,
    FMClassificationModel: predictRaw, raw2probabilityInPlace (4.3).
    """
    return classified(stage, frame, two_sided(_raw(stage, frame)), _shares)


@quietly
def _shares(raw: Array) -> Array:
    second = special.sigmoid(op.take(raw, 1, axis=1))
    return op.take(two_shares(second), np.array([1, 0]), axis=1)


@quietly
def _raw(stage: Stage, frame: Frame) -> Array:
    """``w0 + x . w + sum((x V)^2 - x^2 V^2) / 2``, [N, F] -> [N].

    Spark squares each product, here the factors of the products are squared: numbers so great
    that their squares are infinite are refused.

    Source: mllib/src/main/scala/org/apache/spark/ml/regression/FMRegressor.scala,
    FactorizationMachines.getRawPrediction (4.3).
    """
    (linear,) = stage.data["linear"].to_pylist()
    factors = stage.row["factors"]
    x = frame.sparse(stage.params["featuresCol"], len(factors))
    sums = product(x, factors)
    squares = product(x.mapped(_squared) if isinstance(x, Sparse) else x * x, factors * factors)
    overflow = (op.isinf(squares) | op.isnan(squares)) & ~(op.isinf(sums) | op.isnan(sums))
    frame.check(anywhere(overflow), f"{stage.uid} takes no numbers beyond 1e154")
    pairs = 0.5 * (sums * sums - squares)
    return weighted(x, linear) + np.float64(stage.row["intercept"]) + added(pairs)


def _squared(values: Array) -> Array:
    return values * values
