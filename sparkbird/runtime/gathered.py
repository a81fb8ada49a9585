"""Functions of columns as functions of batches, which Spark hands to a worker one by one.

A GPU takes a hundred thousand rows in little more time than ten thousand, so that batches are put
together for it. N is the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import pyarrow as pa

#: A GPU is given so many rows at a time, at least, where they come in smaller batches.
GATHERED_ROWS = 2**16

T = TypeVar("T")
_Function: TypeAlias = Callable[..., pa.Array]


@dataclass(frozen=True)
class Columns:
    """A function of columns as one of batches of them: what an ``arrow_udf`` of iterators calls.

    at_least  the rows that the function is called with, as long as there are so many
    """

    function: _Function
    at_least: int

    @property
    def __name__(self) -> str:
        """What Spark calls the column."""
        return self.function.__name__

    def __call__(self, batches: Iterable[pa.Array | tuple[pa.Array, ...]]) -> Iterator[pa.Array]:
        """The results [N] for Arrow columns [N], perhaps of several batches together."""
        columns = (batch if isinstance(batch, tuple) else (batch,) for batch in batches)
        for group in gathered(columns, self.at_least, lambda batch: len(batch[0])):
            yield self.function(*map(_one, zip(*group, strict=True)))


@dataclass(frozen=True)
class Rows:
    """A function of columns as one of batches of whole rows: what ``mapInArrow`` calls.

    takes     the positions of its columns in a batch
    kept      how many columns of a batch, the first ones, are handed on
    name      of the column that is added to them
    at_least  the rows that it is called with, as long as there are so many
    """

    function: _Function
    takes: tuple[int, ...]
    kept: int
    name: str
    at_least: int = 1

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches with the column added, perhaps fewer and longer ones."""
        for group in gathered(batches, self.at_least, lambda batch: batch.num_rows):
            columns = [_one(arrays) for arrays in zip(*(b.columns for b in group), strict=True)]
            added = self.function(*(columns[i] for i in self.takes))
            names = group[0].schema.names[: self.kept]
            yield pa.RecordBatch.from_arrays([*columns[: self.kept], added], [*names, self.name])


def gathered(batches: Iterable[T], at_least: int, rows: Callable[[T], int]) -> Iterator[list[T]]:
    """The batches in groups of `at_least` so many `rows` together, the last one perhaps of fewer.

    >>> [*gathered([3, 3, 1, 5, 2], 5, lambda batch: batch)]
    [[3, 3], [1, 5], [2]]
    """
    waiting: list[T] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += rows(batch)
        if count >= at_least:
            yield waiting
            waiting, count = [], 0
    if waiting:
        yield waiting


def _one(arrays: tuple[pa.Array, ...]) -> pa.Array:
    """A column of a group."""
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)
