"""Columns multiplied with each other, categories as indicators.

N is the number of rows, K of values that one column has as a vector, M of the products.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.frame import Column, anywhere, compressed
from sparkbird.converters.sparkml.stages import reads_each, stage
from sparkbird.errors import UnsupportedOptionError
from sparkbird.graph import op
from sparkbird.graph.sparse import Coded, Entries, Sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array


@stage("feature.Interaction", reads=reads_each("float64"))
def interaction(stage: Stage, frame: Frame) -> Frame:
    """The products of all values of all columns, the last column's running fastest: [N, M].

    A column of categories, of which stages before have said how many there are, is one value
    for each, of which one is 1. All other numbers are taken as they are.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/Interaction.scala, transform and
    FeatureEncoder.foreachNonzeroOutput (4.3).
    """
    names = stage.params["inputCols"]
    if any(frame[name].is_vector for name in names):
        values = _of_vectors(stage, frame, names)
    else:
        values = _of_numbers(stage, frame, names)
    parts = (Column(None),) * int(values.shape[1])
    attributes = {"parts": parts, "stored": compressed(stage, values)}
    return frame.with_column(stage.params["outputCol"], values, **attributes)


def _of_numbers(stage: Stage, frame: Frame, names: Sequence[str]) -> Array | Sparse:
    """The products where each column has one value a row: [N, M] with one value in each row."""
    place, value, width = None, None, 1
    for name in reversed(names):
        categories = frame[name].categories
        if categories > 1:
            index = op.cast(_indices(stage, frame, name), dtype=np.int64) * np.int64(width)
            place = index if place is None else place + index
            width *= categories
        else:
            numbers = _numbers(stage, frame, name)
            value = numbers if value is None else value * numbers
    if place is None:
        return op.expand(value, axis=1)
    if value is None:
        return Sparse((Coded(place, np.ones(width)),))
    return Sparse((Entries(op.row_numbers(place), place, value, width, place),))


def _of_vectors(stage: Stage, frame: Frame, names: Sequence[str]) -> Array:
    """The products with vectors among the columns, [N, M]."""
    found: Array = None
    for name in reversed(names):
        categories = frame[name].categories
        if frame[name].is_vector:
            block = _vector(frame, name)
        elif categories > 1:
            index = op.cast(_indices(stage, frame, name), dtype=np.int64)
            block = Coded(index, np.ones(categories)).dense()
        else:
            block = op.expand(_numbers(stage, frame, name), axis=1)
        # A 0 of a sparse vector Spark leaves out, that of a dense one makes NaN of infinities.
        infinite = anywhere(op.isnan(block) | op.isinf(block))
        frame.check(infinite, f"{stage.uid} takes next to vectors finite numbers only")
        if found is None:
            found = block
        else:
            outer = op.expand(block, axis=2) * op.expand(found, axis=1)
            found = op.reshape(outer, lengths=(int(block.shape[1]) * int(found.shape[1]),))
    return found


def _indices(stage: Stage, frame: Frame, name: str) -> Array:
    """The numbers of a column of categories, [N]."""
    index, categories = frame.numbers(name), frame[name].categories
    known = (index >= 0.0) & (index < float(categories)) & op.equal(op.floor(index), index)
    frame.check(~known, f"{stage.uid} takes in column {name!r} indices from 0 to {categories - 1}")
    return op.where(known, index, np.float64(0.0))


def _numbers(stage: Stage, frame: Frame, name: str) -> Array:
    """The numbers of a column; NULL, and so NaN, is an error: [N]."""
    numbers = frame.numbers(name)
    frame.check(op.isnan(numbers), f"{stage.uid} takes in column {name!r} no NULL and no NaN")
    return numbers


def _vector(frame: Frame, name: str) -> Array:
    """The vectors of a column whose values are numbers, [N, K]."""
    parts = frame[name].parts
    if not parts or any(part.categories > 1 for part in parts):
        why = (
            "vectors with categories among their values are not compiled: of sparse ones Spark "
            "leaves out the first category"
            if parts
            else "it is not known which of its values are categories"
        )
        raise UnsupportedOptionError(
            f"feature.Interaction(inputCols) with column {name!r}: {why}",
            "give the columns that the vector was assembled from.",
        )
    return frame.vector(name)
