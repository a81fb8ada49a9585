"""Naive Bayes: multinomial, complement, Bernoulli and Gaussian.

N is the number of rows, F of features, K of classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.predictions import PREDICTION, added, classified, softmax
from sparkbird.converters.sparkml.stages import TRAINING, reads_vector, stage
from sparkbird.graph import op
from sparkbird.graph.reference import quietly
from sparkbird.graph.sparse import Coded, Entries, Sparse, dense, product

if TYPE_CHECKING:
    from collections.abc import Callable

    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array


@stage(
    "classification.NaiveBayesModel",
    reads=reads_vector(lambda stage: stage.row["theta"].shape[1]),
    consumes=f"{PREDICTION} modelType",
    ignores=f"{TRAINING} smoothing",
)
def naive_bayes(stage: Stage, frame: Frame) -> Frame:
    """The logarithm of each class's likelihood, [N, F] -> [N, K]; softmax makes probabilities.

    Source: mllib/src/main/scala/org/apache/spark/ml/classification/NaiveBayes.scala,
    NaiveBayesModel.predictRawFunc and raw2probabilityInPlace (4.3).
    """
    x = frame.sparse(stage.params["featuresCol"], stage.row["theta"].shape[1])
    raw = _LIKELIHOODS[stage.params["modelType"].lower()](stage, frame, x)
    return classified(stage, frame, raw, softmax)


def _multinomial(stage: Stage, frame: Frame, x: Array | Sparse) -> Array:
    """``pi + theta . x``, of values that are not negative and not NaN."""
    _refuse(stage, frame, x, _negative, "no value below 0 and no NaN")
    return product(x, stage.row["theta"].T) + stage.row["pi"]


@quietly
def _complement(stage: Stage, frame: Frame, x: Array | Sparse) -> Array:
    """``theta . x`` less the logarithm of the sum of its exponentials, of values as before."""
    _refuse(stage, frame, x, _negative, "no value below 0 and no NaN")
    weighted = product(x, stage.row["theta"].T)
    greatest = op.expand(op.max(weighted, axis=1), axis=1)
    total = op.expand(added(op.exp(weighted - greatest)), axis=1)
    return weighted - (op.log(total) + greatest)


def _bernoulli(stage: Stage, frame: Frame, x: Array | Sparse) -> Array:
    """The logarithms of the shares of what is 1, and of the rest of what is 0."""
    _refuse(stage, frame, x, _fractional, "no value but 0 and 1")
    theta, pi = stage.row["theta"], stage.row["pi"]
    rest = np.log1p(-np.exp(theta))
    return product(x, (theta - rest).T) + (pi + rest.sum(axis=1))


@quietly
def _gaussian(stage: Stage, _: Frame, x: Array | Sparse) -> Array:
    """``pi - (sum((x - theta)^2 / sigma) + sum(log(sigma))) / 2`` for each class."""
    theta, sigma, pi = (stage.row[name] for name in ("theta", "sigma", "pi"))
    values = dense(x)
    raw = []
    for k in range(len(pi)):
        apart = values - theta[k]
        total = op.sum(apart * apart / sigma[k], axis=1)
        raw.append(pi[k] - (total + np.log(sigma[k]).sum()) / 2.0)
    return op.concat(*(op.expand(each, axis=1) for each in raw), axis=1)


_LIKELIHOODS: dict[str, Callable[[Stage, Frame, Array | Sparse], Array]] = {
    "multinomial": _multinomial,
    "complement": _complement,
    "bernoulli": _bernoulli,
    "gaussian": _gaussian,
}


def _negative(values: Array) -> Array:
    """Whether each value is below 0 or NaN."""
    return ~(values >= 0.0)


def _fractional(values: Array) -> Array:
    """Whether each value is neither 0 nor 1."""
    return ~(op.equal(values, 0.0) | op.equal(values, 1.0))


def _refuse(
    stage: Stage,
    frame: Frame,
    x: Array | Sparse,
    failing: Callable[[Array], Array],
    taken: str,
) -> None:
    """Check that no row holds a value that fails; 0 never does."""
    fact = f"{stage.uid} takes {taken} in column {stage.params['featuresCol']!r}"
    for block in x.blocks if isinstance(x, Sparse) else (x,):
        if isinstance(block, Coded):
            fails = np.append(failing(block.values), False)  # the place of none
            if fails.any():
                frame.check(op.take(fails, block.place), fact)
        elif isinstance(block, Entries):
            counted = op.cast(failing(block.value), dtype=np.float64)
            none = op.rows_of(np.float64(0.0), block.like)
            frame.check(op.add_at(none, block.row, counted) > 0.0, fact)
        else:
            counted = op.cast(failing(block), dtype=np.int32)
            frame.check(op.max(counted, axis=1) > np.int32(0), fact)
