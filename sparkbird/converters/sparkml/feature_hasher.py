"""Columns hashed into one vector. N is the number of rows, K of values of the vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.frame import SPARSE
from sparkbird.converters.sparkml.stages import reads_each, stage
from sparkbird.dtypes import MISSING, STRING
from sparkbird.errors import UnsupportedOptionError
from sparkbird.graph import op, strings
from sparkbird.graph.sparse import Sparse, summed

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

#: The seed of all of Spark ML's hashes.
_SEED = 42


@stage("feature.FeatureHasher", reads=reads_each(""), consumes="numFeatures categoricalCols")
def feature_hasher(stage: Stage, frame: Frame) -> Frame:
    """Numbers at the place that the hash of their column's name has, strings as 1: [N, K].

    A string's place is that of ``column=string``. What falls on one place is added up, NULL is
    left out; NaN is an error, since NULL looks like it.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/FeatureHasher.scala, transform
    (4.3).
    """
    width = int(stage.params["numFeatures"])
    terms = [_term(stage, frame, name, width) for name in stage.params["inputCols"]]
    column, value = (
        op.concat(*(op.expand(term[i], axis=1) for term in terms), axis=1) for i in (0, 1)
    )
    like = terms[0][1]
    row = op.expand(op.row_numbers(like), axis=1) + np.zeros((1, len(terms)), np.int64)
    row, column, value = (op.reshape(x, lengths=()) for x in (row, column, value))
    hashed = summed(row, column, value, width, like)
    return frame.with_column(stage.params["outputCol"], Sparse((hashed,)), stored=SPARSE)


def _term(stage: Stage, frame: Frame, name: str, width: int) -> tuple[Array, Array]:
    """The place and the value that a column adds: [N] int64, [N] float64."""
    column = frame[name]
    if column.is_text:
        text = frame.text(name)
        prefix = np.array([f"{name}="], STRING)
        missing = op.equal(text, np.asarray(MISSING, STRING))
        value = op.where(missing, np.float64(0.0), np.float64(1.0))
        return _place(strings.attach(prefix, text), width), value
    x = frame.numbers(name)
    if column.declared == "bool":
        places = _place(np.array([f"{name}=false", f"{name}=true"], STRING), width)
        value = op.where(op.isnan(x), np.float64(0.0), np.float64(1.0))
        return op.take(places, op.cast(x > 0.0, dtype=np.int64)), value
    if name in stage.params.get("categoricalCols", ()):
        raise UnsupportedOptionError(
            f"feature.FeatureHasher(categoricalCols=[{name!r}]) is not compiled: numbers are "
            "hashed as Java writes them",
            f"cast column {name!r} to a string before the stage.",
        )
    frame.check(op.isnan(x), f"{stage.uid} takes in column {name!r} no NULL and no NaN")
    (place,) = _place(np.array([name], STRING), width)
    return op.rows_of(place, x), x


def _place(text: Array, width: int) -> Array:
    """The hash of each string, from 0 to `width`: [N] -> [N] int64."""
    code = op.cast(strings.murmur3(text, seed=_SEED), dtype=np.int64)
    return op.mod(code, np.int64(width))
