"""A forest that is ready to run: thresholds, programs, and the kernels that read them.

N is the number of rows, F of features, T of trees, L of leaves, K of outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, Protocol

import numpy as np

from sparkbird.kernels import codes, levels, ranks, walk
from sparkbird.kernels.emit import F32, F64, U8, U16, U32
from sparkbird.kernels.levels import Variant
from sparkbird.kernels.library import Library
from sparkbird.kernels.machine import TILE, Machine
from sparkbird.kernels.program import Program, Writer, aligned
from sparkbird.kernels.trees import BYTE, Ranked, Trees, ranked

#: What of the trees should stay in the cache of a core, in bytes, and of the ranks that pass by
#: them: more where trees are so large that to fetch one costs more than to fetch ranks.
TREES_BYTES = RANKS_BYTES = 256 * 2**10
DEEP_RANKS_BYTES = 2 * 2**20

#: So many values of leaves are no burden.
_FEW_VALUES = 2**16

_LEAVES = {np.dtype(np.float32): F32, np.dtype(np.float64): F64, np.dtype(np.uint32): U32}


@cache
def _function(machine: Machine, kernel: str, *parameters: Any) -> Callable[..., None]:
    """A kernel, made when it is first needed in this process."""
    from llvmlite import binding, ir

    emit, arguments = _KERNELS[kernel]
    module = ir.Module(kernel)
    module.triple = binding.get_default_triple()
    emit(module, kernel, machine, *parameters)
    return Library(str(module), machine).function(kernel, arguments)


#: What writes each kernel, and how many arguments it takes.
_KERNELS: dict[str, tuple[Callable[..., None], int]] = {
    "codes": (codes.emit, 7),
    "ranks": (ranks.emit, 5),
    "levels": (levels.emit, 8),
    "levels_numbers": (levels.emit_numbers, 7),
    "walk": (walk.emit, 10),
    "walk_numbers": (walk.emit_numbers, 8),
}


class Rows(Protocol):
    """N rows, wherever their values are."""

    @property
    def count(self) -> int:
        """N."""
        ...

    def rank(self, part: Part, span: range, tiles: int) -> None:
        """Write the ranks of a span of rows among the thresholds of `part`, at `tiles`."""
        ...


@dataclass(frozen=True, eq=False)
class Matrix:
    """Rows [N, F] of the type of a forest's thresholds, laid out as they may be."""

    values: np.ndarray

    @property
    def count(self) -> int:
        """N."""
        return len(self.values)

    def rank(self, part: Part, span: range, tiles: int) -> None:
        """Write the ranks of a span of rows among the thresholds of `part`, at `tiles`."""
        assert self.values.dtype == part.values, "ranks are among thresholds of the same type"
        step, apart = self.values.strides
        columns = part.columns.copy()
        columns["stride"] = step
        columns["values"] = self.values.ctypes.data + span.start * step + part.features * apart
        rank = part.ranker(self.values.dtype)
        rank(columns.ctypes.data, len(columns), len(span), tiles, part.tile_bytes)


class Forest:
    """The sums of trees' leaves, or the leaves' numbers, for rows of one type.

    values  [L, K]  of leaves, float32 or float64, the type of the sums; None for numbers
    output  [T]     the first of the K outputs that a tree adds to, of `outputs` in all

    Raises
    ------
    ValueError
        One tree has more thresholds than ranks of two bytes tell apart.
    """

    def __init__(
        self,
        machine: Machine,
        trees: Trees,
        values: np.ndarray | None = None,
        output: np.ndarray | None = None,
        outputs: int = 1,
    ) -> None:
        count = len(trees.roots)
        self.features = np.unique(trees.feature[trees.inner])
        self._trees, self._outputs = count, outputs
        self._sums = None if values is None else values.dtype
        if values is not None:
            trees, values = _repeats_shared(trees, np.ascontiguousarray(values))
        if output is None:
            output = np.zeros(count, np.int64) if values is not None else np.arange(count)
        self.parts = [Part(machine, trees, part, values, output) for part in ranked(trees)]
        self._described = f"{count:,} trees of at most {len(trees.levels) - 1} levels by a kernel"
        self._described += f" ({machine.name}, {self.size / 2**20:,.1f} MiB)"

    @property
    def size(self) -> int:
        """Its arrays, in bytes."""
        return sum(part.size for part in self.parts)

    def __str__(self) -> str:
        return self._described

    def result(self, rows: Rows) -> np.ndarray:
        """The sums, or the numbers if there are no values."""
        return self.numbers(rows) if self._sums is None else self.sums(rows)

    def sums(self, rows: Rows) -> np.ndarray:
        """The leaves' values added tree after tree, [N, K]."""
        assert self._sums is not None
        totals = np.zeros((self._outputs, _whole_tiles(rows)), self._sums)
        for part in self.parts:
            part.add(rows, totals)
        return np.ascontiguousarray(totals[:, : rows.count].T)

    def numbers(self, rows: Rows) -> np.ndarray:
        """The number of each row's leaf in each tree, [N, T] int32."""
        numbers = np.zeros((_whole_tiles(rows), self._trees), np.int32)
        for part in self.parts:
            part.number(rows, numbers)
        return numbers[: rows.count]


def _repeats_shared(trees: Trees, values: np.ndarray) -> tuple[Trees, np.ndarray]:
    """The trees with leaves of equal values sharing these, if many do, as pure classes are.

    Values that a cache holds are fetched sooner than those that it does not.
    """
    if len(values) <= _FEW_VALUES:
        return trees, values
    weights = np.random.default_rng(0).uniform(1, 2, values.shape[1])  # tell rows apart, as a rule
    _, first, number = np.unique(values @ weights, return_index=True, return_inverse=True)
    shared = values[first]
    if len(first) > len(values) // 16 or not np.array_equal(shared[number], values):
        return trees, values
    return replace(trees, leaf=number[trees.leaf]), shared


def _whole_tiles(rows: Rows) -> int:
    return -(-rows.count // TILE) * TILE


class Part:
    """Trees whose thresholds have ranks in common."""

    def __init__(
        self,
        machine: Machine,
        trees: Trees,
        part: Ranked,
        values: np.ndarray | None,
        output: np.ndarray,
    ) -> None:
        word = part.most > BYTE
        variant = Variant(
            U16 if word else U8,
            bool(part.nan_left.any()),
            U32 if values is None else _LEAVES[values.dtype],
            tiles=1,
        )
        self.values = trees.threshold.dtype
        self.ranks = np.dtype(np.uint16 if word else np.uint8)
        self.features, self.thresholds, self.missing = part.features, part.thresholds, part.missing
        self.tile_bytes = max(1, len(part.features)) * TILE * self.ranks.itemsize
        self._width = 1 if values is None else values.shape[1]
        self._machine = machine
        self.columns, self._searched = columns_of(part.thresholds, self.ranks)
        self.columns["missing"] *= part.missing
        self._program = _program(machine, trees, part, variant, values, output)
        self._deep = bool(self._program.nodes.size)
        self._leaves = values if self._deep else None  # else they are in the program
        name = "walk" if self._deep else "levels"
        name += "_numbers" if values is None else ""
        self._walks = [
            (tiles, _function(machine, name, replace(variant, tiles=tiles)))
            for tiles in (machine.tiles, 1)
        ]
        self._blocks = _blocks(self._program)

    @property
    def size(self) -> int:
        """Its arrays, in bytes."""
        leaves = np.empty(0) if self._leaves is None else self._leaves
        arrays = (self._program.content, self._program.nodes, leaves, *self._searched)
        return sum(array.nbytes for array in arrays)

    def add(self, rows: Rows, totals: np.ndarray) -> None:
        """Add the leaves of rows to `totals`, [outputs, tiles * TILE]."""
        further = [totals.strides[0], self._width]
        if self._deep:
            assert self._leaves is not None
            further += [self._program.nodes.ctypes.data, self._leaves.ctypes.data]
        for row, run in self._runs(rows):
            run(totals[:, row:].ctypes.data, totals.itemsize, *further)

    def number(self, rows: Rows, numbers: np.ndarray) -> None:
        """Store the numbers of rows' leaves in `numbers`, [tiles * TILE, T]."""
        further = [numbers.strides[0]]
        if self._deep:
            further += [self._program.nodes.ctypes.data]
        for row, run in self._runs(rows):
            run(numbers[row:].ctypes.data, numbers.strides[0], *further)

    def ranker(self, values: np.dtype) -> Callable[..., None]:
        """The kernel that ranks columns of this type."""
        return _function(self._machine, "ranks", ranks.VALUES[values], ranks.RANKS[self.ranks])

    def spreader(self) -> Callable[..., None]:
        """The kernel that spreads the ranks of different values over rows."""
        return _function(self._machine, "codes", ranks.RANKS[self.ranks])

    def _runs(self, rows: Rows) -> Iterator[tuple[int, Callable[..., None]]]:
        """The first rows of chunks, and what takes all trees down a chunk of ranks."""
        ranks_bytes = DEEP_RANKS_BYTES if self._deep else RANKS_BYTES
        chunk = max(1, ranks_bytes // self.tile_bytes) * TILE
        found = aligned(min(chunk, _whole_tiles(rows)) // TILE * self.tile_bytes)
        for row in range(0, rows.count, chunk):
            span = range(row, min(row + chunk, rows.count))
            rows.rank(self, span, found.ctypes.data)
            yield row, partial(self._run, found.ctypes.data, -(-len(span) // TILE))

    def _run(self, ranks: int, tiles: int, place: int, row_bytes: int, *further: int) -> None:
        """Take all trees down the tiles, several of them at a time while there are."""
        first = 0
        for together, walk_down in self._walks:
            count = (tiles - first) // together * together
            if count:
                for start, trees in self._blocks:
                    walk_down(
                        ranks + first * self.tile_bytes,
                        self.tile_bytes,
                        count,
                        start,
                        trees,
                        place + first * TILE * row_bytes,
                        *further,
                    )
            first += count


def columns_of(
    thresholds: Sequence[np.ndarray], kind: np.dtype
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Columns to rank by ascending `thresholds`, the first in the first place, and so on.

    With the thresholds in the order of a search, which must stay where they are; NaN has the
    greatest rank.
    """
    columns = np.zeros(len(thresholds), ranks.COLUMN)
    kept = []
    for i, own in enumerate(thresholds):
        searched, steps = ranks.searched(own, ranks.least_steps(own.dtype))
        kept.append(searched)
        columns[i]["thresholds"], columns[i]["steps"] = searched.ctypes.data, steps
    columns["missing"] = np.iinfo(kind).max
    columns["place"] = np.arange(len(columns))
    return columns, kept


def _program(
    machine: Machine,
    trees: Trees,
    part: Ranked,
    variant: Variant,
    values: np.ndarray | None,
    output: np.ndarray,
) -> Program:
    writer = Writer(trees, part, word=variant.ranks == U16, missing=variant.missing)
    own = output[part.first : part.last]
    if writer.goes_on:
        entries, _ = writer.numbers
        return writer.finish(entries[:, None].astype(np.uint32), own, shuffled=False)
    leaves = trees.leaf[:, None].astype(np.uint32) if values is None else values[trees.leaf]
    return writer.finish(leaves, own, shuffled=levels.shuffles(machine, variant.leaf))


def _blocks(program: Program) -> list[tuple[int, int]]:
    """Where trees start that together stay in the cache, and how many they are."""
    count = len(program.starts) - 1
    size = np.diff(program.starts) + program.nodes.nbytes // count
    ends = np.cumsum(size)
    blocks, first = [], 0
    while first < count:
        limit = (ends[first - 1] if first else 0) + TREES_BYTES
        last = max(first + 1, int(np.searchsorted(ends, limit, side="right")))
        blocks.append((program.content.ctypes.data + int(program.starts[first]), last - first))
        first = last
    return blocks
