"""Columns to one vector, and a vector to another one of some of its values.

N is the number of rows, K of values of a vector.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from sparkbird.converters.sparkml.frame import Column, compressed
from sparkbird.converters.sparkml.stages import input_columns, reads_each, stage
from sparkbird.graph import op
from sparkbird.graph.sparse import Sparse, beside

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array


@stage("feature.VectorAssembler", reads=reads_each("float64"), consumes="handleInvalid")
def vector_assembler(stage: Stage, frame: Frame) -> Frame:
    """Numbers and vectors side by side: [N] and [N, K] to [N, sum of K].

    A number that is NaN or NULL is an error, stays NaN, or drops the row; NaN in a vector stays.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/VectorAssembler.scala, assemble
    (4.3).
    """
    names = input_columns(stage)
    blocks: list[Array | Sparse] = []
    parts: list[Column] = []
    missing: list[Array] = []
    for name in names:
        column = frame[name]
        if column.is_vector:
            blocks.append(column.values)
            parts.extend(_named(name, column))
        else:
            values = frame.numbers(name)
            missing.append(op.isnan(values))
            blocks.append(op.expand(values, axis=1))
            parts.append(Column(None, column.levels, name=name))
    how = stage.params["handleInvalid"]
    if missing and how != "keep":
        invalid = functools.reduce(op.logical_or, missing)
        if how == "error":
            frame.check(invalid, f"{stage.uid} takes no NULL and no NaN")
        else:
            frame = frame.dropping(invalid)
    values = _beside(blocks)
    attributes = {"parts": tuple(parts), "stored": compressed(stage, values)}
    return frame.with_column(stage.params["outputCol"], values, **attributes)


def _named(name: str, column: Column) -> Iterable[Column]:
    """What is known of the values of a vector, called after its column."""
    if not column.parts:
        return (Column(None),) * int(column.values.shape[1])
    return (
        replace(part, name=f"{name}_{part.name}") if part.name else part for part in column.parts
    )


def _beside(blocks: list[Array | Sparse]) -> Array | Sparse:
    if any(isinstance(block, Sparse) for block in blocks):
        return beside(blocks)
    return blocks[0] if len(blocks) == 1 else op.concat(*blocks, axis=1)
