"""Tokens to vectors: how often terms are there, how rare they are, what they mean.

N is the number of rows, T of the most tokens that a row has, M of the tokens of all rows, K of
values of a vector.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.frame import SPARSE, Storage
from sparkbird.converters.sparkml.stages import TRAINING, reads_each, reads_vector, stage
from sparkbird.dtypes import NO_TOKEN, STRING
from sparkbird.errors import UnsupportedError, UnsupportedOptionError
from sparkbird.graph import op, strings
from sparkbird.graph.sparse import Entries, Sparse, summed

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

#: The seed of Spark's hashes.
_SEED = 42


def _old_hash(stage: Stage) -> Iterator[UnsupportedError]:
    if int(stage.metadata["sparkVersion"].partition(".")[0]) < 3:
        yield UnsupportedOptionError(
            f"{stage.name} of Spark {stage.metadata['sparkVersion']} is not compiled: it hashes "
            "the last bytes of a term in another way",
            "fit it with Spark 3 or later.",
        )


@stage(
    "feature.HashingTF",
    reads=reads_each("string"),
    consumes="numFeatures binary",
    objections=_old_hash,
)
def hashing_tf(stage: Stage, frame: Frame) -> Frame:
    """How often the terms of each hash are in a row, [N, T] -> [N, K].

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/HashingTF.scala, indexOf and
    transform (4.3).
    """
    tokens = frame.tokens(stage.params["inputCol"])
    features = stage.params["numFeatures"]
    token, row = strings.flat(tokens, absent=NO_TOKEN)
    code = op.cast(strings.murmur3(token, seed=_SEED), dtype=np.int64)
    counts = _counted(row, op.mod(code, np.int64(features)), features, tokens)
    if stage.params["binary"]:
        counts = counts.mapped(_ones)
    return frame.with_column(stage.params["outputCol"], Sparse((counts,)), stored=SPARSE)


@stage(
    "feature.CountVectorizerModel",
    reads=reads_each("string"),
    consumes="minTF binary",
    ignores="vocabSize minDF maxDF",
)
def count_vectorizer(stage: Stage, frame: Frame) -> Frame:
    """How often each term of the vocabulary is in a row, [N, T] -> [N, K].

    Those that are there fewer times than `minTF`, or a smaller share of the tokens, count as 0.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/CountVectorizer.scala,
    CountVectorizerModel.transform (4.3).
    """
    tokens = frame.tokens(stage.params["inputCol"])
    vocabulary = stage.row["vocabulary"]
    column, row = _known(tokens, vocabulary)
    counts = _counted(row, column, len(vocabulary), tokens)
    least = float(stage.params["minTF"])
    if least > 1.0:
        counts = _of_at_least(counts, op.rows_of(np.float64(least), _first(tokens)))
    elif least < 1.0:
        counts = _of_at_least(counts, _lengths(tokens) * least)
    if stage.params["binary"]:
        counts = counts.mapped(_ones)
    return frame.with_column(stage.params["outputCol"], Sparse((counts,)), stored=SPARSE)


def _of_at_least(counts: Entries, least: Array) -> Entries:
    """Those of the entries that are not below what counts at `least` [N] in their row."""
    kept = counts.value >= op.take(least, counts.row)
    row, column, value = (
        op.compress(part, kept) for part in (counts.row, counts.column, counts.value)
    )
    return replace(counts, row=row, column=column, value=value)


def _known(tokens: Array, words: list[str]) -> tuple[Array, Array]:
    """The places of the tokens among the words, and their rows; other tokens are left out."""
    token, row = strings.flat(tokens, absent=NO_TOKEN)
    keys, places = np.array(words, STRING), np.arange(len(words))
    place = op.lookup(token, keys=keys, values=places, default=-1)
    known = place >= np.int64(0)
    return op.compress(place, known), op.compress(row, known)


def _counted(row: Array, column: Array, width: int, tokens: Array) -> Entries:
    ones = op.cast(op.equal(column, column), dtype=np.float64)
    return summed(row, column, ones, width, _first(tokens))


def _first(tokens: Array) -> Array:
    return op.take(tokens, 0, axis=1)


def _lengths(tokens: Array) -> Array:
    """How many tokens each row has, [N, T] -> [N]."""
    there = ~op.equal(tokens, np.asarray(NO_TOKEN, STRING))
    return op.sum(op.cast(there, dtype=np.float64), axis=1)


def _ones(values: Array) -> Array:
    return op.where(op.equal(values, values), np.float64(1.0), values)


@stage(
    "feature.IDFModel",
    reads=reads_vector(lambda stage: len(stage.row["idf"])),
    ignores="minDocFreq",
)
def idf(stage: Stage, frame: Frame) -> Frame:
    """Each count times the weight of its term, [N, K] -> [N, K].

    Source: mllib/src/main/scala/org/apache/spark/mllib/feature/IDF.scala, transformDense and
    transformSparse (4.3).
    """
    weights = stage.row["idf"]
    name = stage.params["inputCol"]
    x = frame.sparse(name, len(weights))
    scaled = x.scaled(weights) if isinstance(x, Sparse) else x * weights
    return frame.with_column(stage.params["outputCol"], scaled, stored=frame[name].stored)


@stage(
    "feature.Word2VecModel",
    reads=reads_each("string"),
    consumes="vectorSize",
    ignores=f"{TRAINING} maxSentenceLength minCount numPartitions stepSize windowSize",
)
def word2vec(stage: Stage, frame: Frame) -> Frame:
    """The sum of the known words' vectors, by the number of all words: [N, T] -> [N, K].

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/Word2Vec.scala,
    Word2VecModel.transform (4.3).
    """
    tokens = frame.tokens(stage.params["inputCol"])
    words = stage.data["word"].to_pylist()
    vectors = np.array(stage.data["vector"].to_pylist(), np.float64)
    place, row = _known(tokens, words)
    zeros = op.rows_of(np.zeros(stage.params["vectorSize"]), _first(tokens))
    total = op.add_at(zeros, row, op.take(vectors, place))
    count = _lengths(tokens)
    values = total * op.expand(1.0 / op.maximum(count, np.float64(1.0)), axis=1)
    return frame.with_column(stage.params["outputCol"], values, stored=Storage(count < 1.0))
