"""Batches of whole rows with predictions added: what ``mapInArrow`` calls on a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

#: A GPU is given so many rows at a time, at least, where they come in smaller batches.
GATHERED_ROWS = 2**16


@dataclass(frozen=True)
class Rows:
    """A function of columns as one of batches.

    function  of Arrow columns
    takes     the positions of these in a batch
    kept      how many columns of a batch, the first ones, are handed on
    name      of the column that is added to them
    at_least  the rows that it is called with, as long as there are so many
    """

    function: Callable[..., pa.Array]
    takes: tuple[int, ...]
    kept: int
    name: str
    at_least: int = 1

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches with the column added, perhaps fewer and longer ones."""
        for batch in gathered(batches, self.at_least):
            columns = batch.columns[: self.kept]
            added = self.function(*(batch.column(i) for i in self.takes))
            names = batch.schema.names[: self.kept]
            yield pa.RecordBatch.from_arrays([*columns, added], [*names, self.name])


def gathered(batches: Iterable[pa.RecordBatch], at_least: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of `at_least` so many, the last one perhaps of fewer."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        if count >= at_least:
            yield _one(waiting)
            waiting, count = [], 0
    if waiting:
        yield _one(waiting)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    table = pa.Table.from_batches(batches).combine_chunks()
    found = table.to_batches()
    return found[0] if found else batches[0]  # of no rows at all
