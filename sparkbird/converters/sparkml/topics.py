"""Topics of documents: LDA by variational inference, from Spark's own random start.

N is the number of rows, the documents; V of words; K of topics; M of the words of all rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sparkbird.converters.sparkml.frame import anywhere
from sparkbird.converters.sparkml.java_random import gammas, hash_of
from sparkbird.converters.sparkml.predictions import added
from sparkbird.converters.sparkml.stages import TRAINING, reads_vector, stage
from sparkbird.graph import op
from sparkbird.graph.loop import repeat
from sparkbird.graph.op import Array
from sparkbird.graph.reference import quietly
from sparkbird.graph.sparse import Entries, Sparse, dense

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage

#: The seed of the start. It is that which the class has before its parameters are set: those
#: of the user come too late for it.
_SEED = hash_of("org.apache.spark.ml.clustering.LocalLDAModel")

#: How little the distribution changes on the average, when it is done.
_TOLERANCE = 1e-3

#: The most iterations; Spark knows no end.
_LIMIT = 1_000_000


@stage(
    "clustering.LocalLDAModel",
    reads=reads_vector(lambda stage: stage.row["vocabSize"]),
    consumes="topicDistributionCol k",
    ignores=f"""
        {TRAINING} docConcentration topicConcentration optimizer optimizeDocConcentration
        learningDecay learningOffset subsamplingRate keepLastCheckpoint
    """,
)
@quietly
def local_lda(stage: Stage, frame: Frame) -> Frame:
    """The share of each topic in a document, zeros for one without words: [N, V] -> [N, K].

    Source: mllib/src/main/scala/org/apache/spark/ml/clustering/LDA.scala,
    getTopicDistributionMethod; .../mllib/clustering/LDAOptimizer.scala,
    variationalTopicInference (4.3).
    """
    row = stage.row
    x = frame.sparse(stage.params["featuresCol"], row["vocabSize"])
    topics = row["topicsMatrix"]
    words = np.exp(_digamma(topics) - _digamma(topics.sum(axis=0)))
    weigh, in_row = _of_entries(x, words) or _of_matrix(dense(x), words)
    frame.check(in_row(_is_negative), f"{stage.uid} takes no negative counts")
    empty = ~in_row(_is_count)
    start = gammas(_SEED, row["gammaShape"], topics.shape[1])
    found = _distribution(weigh, empty, start, row["docConcentration"])
    shares = found / op.expand(added(op.absolute(found)), axis=1)
    shares = op.where(op.expand(empty, axis=1), np.float64(0.0), shares)
    return frame.with_column(stage.params["topicDistributionCol"], shares)


def _distribution(
    weigh: Callable[[Array], Array], empty: Array, start: np.ndarray, prior: np.ndarray
) -> Array:
    """The parameters of each document's Dirichlet distribution, [N, K].

    `weigh` gives how much the words ask for each topic, [N, K] -> [N, K].
    """

    def step(active: Array, before: Array, theta: Array) -> tuple[Array, ...]:
        is_active = op.expand(active, axis=1)
        after = op.where(is_active, theta * weigh(theta) + prior, before)
        change = added(op.absolute(after - before)) / float(len(prior))
        going = active & (change > np.float64(_TOLERANCE))
        return going, going, after, op.where(is_active, _expectation(after), theta)

    theta = _expectation(start[None])[0]
    state = (~empty, op.rows_of(start, empty), op.rows_of(theta, empty))
    return repeat(step, *state, limit=_LIMIT)[1]


#: How much the words ask for each topic, [N, K] -> [N, K]; whether a row has a value of which
#: something is true.
_Words: TypeAlias = tuple[Callable[[Array], Array], Callable[[Callable[[Array], Array]], Array]]


def _of_matrix(x: Array, words: np.ndarray) -> _Words:
    """Of counts [N, V]."""

    def weigh(theta: Array) -> Array:
        return (x / (theta @ words.T + 1e-100)) @ words

    return weigh, lambda is_so: anywhere(is_so(x))


def _of_entries(x: Array | Sparse, words: np.ndarray) -> _Words | None:
    """Of counts that are entries, None if they are not."""
    if not isinstance(x, Sparse) or len(x.blocks) != 1 or not isinstance(x.blocks[0], Entries):
        return None
    entries = x.blocks[0]
    word = op.take(words, entries.column)
    zeros, none = (op.rows_of(value, entries.like) for value in (np.zeros(words.shape[1]), 0.0))

    def weigh(theta: Array) -> Array:
        norm = added(op.take(theta, entries.row) * word) + 1e-100
        return op.add_at(zeros, entries.row, word * op.expand(entries.value / norm, axis=1))

    def in_row(is_so: Callable[[Array], Array]) -> Array:
        found = op.cast(is_so(entries.value), dtype=np.float64)
        return op.add_at(none, entries.row, found) > np.float64(0.0)

    return weigh, in_row


def _is_count(values: Array) -> Array:
    return ~op.equal(values, np.float64(0.0))


def _is_negative(values: Array) -> Array:
    return values < np.float64(0.0)


def _expectation(x: Array) -> Array:
    """``exp(E[log(theta)])`` for theta of the Dirichlet distribution `x`, [N, K] -> [N, K].

    Source: mllib/src/main/scala/org/apache/spark/mllib/clustering/LDAUtils.scala (4.3).
    """
    return op.exp(_digamma(x) - op.expand(_digamma(added(x)), axis=1))


#: Up to here Spark's digamma function has a formula of its own, and from here on another.
_SMALL, _GREAT = 1e-5, 49.0

#: How many steps up are enough for the series, and its coefficients.
_STEPS = 10
_SERIES = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)


@quietly
def _digamma(x: Array) -> Array:
    """The digamma function of positive `x`, to the nine digits that Spark's own has.

    From 49 on Spark takes a series, two of whose signs are wrong, and below it goes up to 49 step
    by step. So here the error of that series is put to the exact function, and the steps saved.

    Source: org/apache/commons/math3/special/Gamma.java, digamma (3.6.1).
    """
    steps = op.maximum(op.ceil(_GREAT - x), np.float64(0.0))
    inverse = 1.0 / ((x + steps) * (x + steps))
    error = inverse * inverse * (inverse * (1.0 / 126 - inverse / 240) - 1.0 / 60)
    found = _exact(x) + error
    return op.where(x <= _SMALL, -_EULER - 1.0 / x, found)


_EULER = 0.577215664901532860606512090082


def _exact(x: Array) -> Array:
    """The digamma function of positive `x`, to the last few digits of float64."""
    below = 1.0 / x
    for step in range(1, _STEPS):
        below = below + 1.0 / (x + float(step))
    x = x + float(_STEPS)
    inverse = 1.0 / (x * x)
    series = inverse * _SERIES[-1]
    for coefficient in _SERIES[-2::-1]:
        series = inverse * (coefficient + series)
    return op.log(x) - 0.5 / x - series - below
