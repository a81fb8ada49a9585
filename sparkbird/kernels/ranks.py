"""Values to ranks: how many thresholds of its column lie below a value.

``x <= threshold[k]`` is ``rank(x) <= k``, exactly, so that trees compare small whole numbers
whatever the type of the values. A column's thresholds stand in the order of a search among
them (Eytzinger): the first is the middle one, those after it the middles of its halves, at
places 1, 2 and 3, and so on; the rank is where the search ends.

Source of the order: Khuong and Morin, "Array Layouts for Comparison-Based Searching", 2017.

N is the number of rows, C of columns, D of steps of a search.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.kernels.emit import (
    F32,
    F64,
    POINTER,
    U8,
    U16,
    U32,
    U64,
    Function,
    Kind,
    Value,
)
from sparkbird.kernels.machine import TILE

if TYPE_CHECKING:
    from sparkbird.kernels.machine import Machine

#: A column to rank: where its first value is, how many bytes on the next one, its thresholds,
#: the steps to search them, the rank of what is below them all, the rank of NaN, and its place
#: among the columns of a tile.
COLUMN = np.dtype(
    [
        ("values", np.uint64),
        ("stride", np.uint64),
        ("thresholds", np.uint64),
        ("steps", np.uint64),
        ("start", np.uint64),
        ("missing", np.uint64),
        ("place", np.uint64),
    ]
)

#: The steps of a search that ends at a rank of one byte.
BYTE = 8

#: How many rows are searched side by side where there are no vectors for it.
_TOGETHER = 8

#: Values by their NumPy type, and ranks by theirs.
VALUES = {np.dtype(np.float32): F32, np.dtype(np.float64): F64}
RANKS = {np.dtype(np.uint8): U8, np.dtype(np.uint16): U16}


def searched(thresholds: np.ndarray, least_steps: int) -> tuple[np.ndarray, int]:
    """Ascending thresholds [E] in the order of a search [2**D], +inf where there are too few."""
    steps = max(least_steps, len(thresholds).bit_length())
    padded = np.full(2**steps - 1, np.inf, thresholds.dtype)
    padded[: len(thresholds)] = thresholds
    found = np.empty(2**steps, thresholds.dtype)
    found[0] = np.nan  # never looked at
    for level in range(steps):
        width = 2 ** (steps - level)
        found[2**level : 2 ** (level + 1)] = padded[width // 2 - 1 :: width]
    return found, steps


def least_steps(values: np.dtype) -> int:
    """The steps that a search among values of this type takes at least: those in two registers."""
    return (64 // values.itemsize).bit_length()


def emit(module: Any, name: str, machine: Machine, values: Kind, ranks: Kind) -> None:
    """The function `name` (columns, how many, rows, tiles, bytes of a tile) of values to ranks.

    Tiles hold `TILE` ranks of each column side by side; those behind the last row are not
    written.
    """
    f = Function(module, name, [POINTER, U64, U64, POINTER, U64])
    columns, count, rows, tiles, tile_bytes = f.arguments
    with f.loop(count) as c:
        column = _Column(f, columns + c * COLUMN.itemsize, values, ranks)
        first = tiles + column.place * (TILE * ranks.size)
        whole = f.variable(f.constant(0, U64))
        if machine.permutes and ranks == U8:
            _emit_tiles(column, rows, first, tile_bytes)
            whole.set(rows & ~(TILE - 1) % 2**64)
        _emit_rows(column, (whole.get(), rows), first, tile_bytes)
    f.finish()


def _emit_tiles(column: _Column, rows: Value, first: Value, tile_bytes: Value) -> None:
    """The ranks of the rows of whole tiles, several at a time."""
    f, search = column.f, _Vectors(column)
    size = column.values.size
    beside = f.buffer(column.values.of(TILE))
    with f.loop(rows >> TILE.bit_length() - 1) as t:
        tile, place = first + t * tile_bytes, f.variable(beside)
        source = column.values_at + t * TILE * column.stride
        with f.otherwise(column.stride.equals(size), lambda: place.set(source)):
            with f.loop(TILE, step=_TOGETHER) as row:
                for i in [row + n for n in range(_TOGETHER)]:
                    f.store(f.load(source + i * column.stride, column.values), beside + i * size)
            place.set(beside)
        with f.loop(TILE, step=search.lanes) as row:
            x = f.load(place.get() + row * size, column.values.of(search.lanes))
            f.store(search.ranks(x), tile + row * column.ranks.size)


def _emit_rows(column: _Column, span: tuple[Value, Value], first: Value, tile_bytes: Value) -> None:
    """The ranks of rows from one up to another, `_TOGETHER` of them at a time, and the rest."""
    f = column.f
    start, end = span
    together = (end - start) & ~(_TOGETHER - 1) % 2**64

    def emit_some(row: Value, several: int) -> None:
        at = [row + n for n in range(several)]
        seen = [f.load(column.values_at + i * column.stride, column.values) for i in at]
        for i, rank in zip(at, column.searched(seen), strict=True):
            tile = first + (i >> TILE.bit_length() - 1) * tile_bytes
            f.store(rank, tile + (i & TILE - 1) * column.ranks.size)

    with f.loop(together, step=_TOGETHER) as row:
        emit_some(start + row, _TOGETHER)
    with f.loop(end - start - together) as row:
        emit_some(start + together + row, 1)


class _Column:
    """A `COLUMN` in memory, and a search among its thresholds."""

    def __init__(self, f: Function, at: Value, values: Kind, ranks: Kind) -> None:
        self.f, self.values, self.ranks = f, values, ranks

        def load(name: str, kind: Kind = U64) -> Value:
            return f.load(at, kind, COLUMN.fields[name][1])  # type: ignore[index]

        self.values_at, self.thresholds = load("values", POINTER), load("thresholds", POINTER)
        self.stride, self.steps = load("stride"), load("steps")
        self.missing, self.place = load("missing"), load("place")
        #: What is taken from the end of a search to give the rank.
        self.ends = (f.constant(1, U64) << self.steps) - load("start")

    def searched(self, seen: Sequence[Value]) -> list[Value]:
        """The rank of each of some scalars; their searches wait for memory side by side."""
        f = self.f
        places = [f.variable(f.constant(1, U64)) for _ in seen]
        with f.loop(self.steps):
            for x, place in zip(seen, places, strict=True):
                i = place.get()
                threshold = f.load(self.thresholds, self.values, i * self.values.size)
                place.set((i << 1) + (threshold < x).to(U64))
        return [
            x.is_nan().select(self.missing, place.get() - self.ends).to(self.ranks)
            for x, place in zip(seen, places, strict=True)
        ]


class _Vectors:
    """Searches of at most `BYTE` steps by as many values as a register of 512 bits holds.

    The thresholds of a step are looked up among registers: memory is slow to gather from.
    """

    def __init__(self, column: _Column) -> None:
        f = column.f
        self.column, self.lanes = column, 64 // column.values.size
        self._kind = column.values.of(self.lanes)
        self._index = (U32 if column.values == F32 else U64).of(self.lanes)
        self._first = self._tables(0)
        self._ends = f.splat(column.ends.to(self._index), self.lanes)
        self._missing = f.splat(column.missing.to(self._index), self.lanes)

    def ranks(self, x: Value) -> Value:
        """The ranks of a vector."""
        f, column = self.column.f, self.column
        in_first = self.lanes.bit_length()
        i = f.constant(1, self._index)
        for _ in range(in_first):
            i = self._step(x, i, self._first)
        place = f.variable(i)
        for step in range(in_first, BYTE):
            with f.when(column.steps > step):
                place.set(self._step(x, place.get(), self._tables(step)))
        rank = place.get() - self._ends
        return x.is_nan().select(self._missing, rank).to(column.ranks)

    def _tables(self, step: int) -> list[Value]:
        """The thresholds of a step, or those of all steps that fit into two registers."""
        registers = max(2, 2**step // self.lanes)
        start = 2**step * self.column.values.size if step else 0
        f = self.column.f
        return [
            f.load(self.column.thresholds, self._kind, start + n * 64) for n in range(registers)
        ]

    def _step(self, x: Value, i: Value, tables: list[Value]) -> Value:
        """The place after the one at `i`, by the threshold that `tables` have for it."""
        f = self.column.f
        name = f"llvm.x86.avx512.vpermi2var.p{'s' if self.column.values == F32 else 'd'}.512"
        found = [
            f.call(name, self._kind, tables[n], i, tables[n + 1]) for n in range(0, len(tables), 2)
        ]
        bit = 2 * self.lanes
        while len(found) > 1:
            upper = (i & bit) > 0
            found = [upper.select(found[n + 1], found[n]) for n in range(0, len(found), 2)]
            bit *= 2
        return (i << 1) + (found[0] < x).to(self._index)
