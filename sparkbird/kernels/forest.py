"""A forest that is ready to run: thresholds, programs, and the kernels that read them.

N is the number of rows, F of features, T of trees, L of leaves, K of outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np

from sparkbird.kernels import ranks
from sparkbird.kernels.emit import F32, F64, U8, U16, U32
from sparkbird.kernels.forms import form
from sparkbird.kernels.functions import function
from sparkbird.kernels.given import Asked, Given, of_matrix
from sparkbird.kernels.machine import TILE, Machine
from sparkbird.kernels.memory import aligned
from sparkbird.kernels.planes import GROUP
from sparkbird.kernels.trees import BYTE, Ranked, Trees, ranked
from sparkbird.kernels.variant import Variant
from sparkbird.kernels.work import of_ranking

#: So many values of leaves are no burden.
_FEW_VALUES = 2**16

_LEAVES = {np.dtype(np.float32): F32, np.dtype(np.float64): F64, np.dtype(np.uint32): U32}


class Rows(Protocol):
    """N rows, wherever their values are."""

    @property
    def count(self) -> int:
        """N."""
        ...

    def rank(self, part: Part, span: range, tiles: int) -> None:
        """Write the ranks of a span of rows among the thresholds of `part`, at `tiles`."""
        ...

    def given(self, part: Asked) -> Given:
        """Where the values are, for a device that ranks them itself."""
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

    def given(self, part: Asked) -> Given:
        """Where the values are, for a device that ranks them itself."""
        assert self.values.dtype == part.values, "ranks are among thresholds of the same type"
        return of_matrix(self.values, part.features, part.thresholds)


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
    def lengths(self) -> tuple[int]:
        """Those of a row of its result."""
        return (self._trees if self._sums is None else self._outputs,)

    @property
    def size(self) -> int:
        """Its arrays, in bytes."""
        return sum(part.size for part in self.parts)

    def work(self, values: np.dtype | None = None, coded: Collection[int] = ()) -> dict[str, float]:
        """What a row comes to by unit, as `kernels.work` counts; a `call` is one for all rows.

        `values` is the type of what is ranked, that of the thresholds if None. Features `coded`
        are not: the ranks of their distinct strings are `spread` over the rows.
        """
        found = {"call": 1.0}
        for part in self.parts:
            for unit, count in part.work(part.values if values is None else values, coded).items():
                found[unit] = found.get(unit, 0.0) + count
        return found

    def __str__(self) -> str:
        return self._described

    def result(self, rows: Rows) -> np.ndarray:
        """The sums, or the numbers if there are no values."""
        return self.numbers(rows) if self._sums is None else self.sums(rows)

    def sums(self, rows: Rows) -> np.ndarray:
        """The leaves' values added tree after tree, [N, K]."""
        assert self._sums is not None
        totals = np.zeros((self._outputs, _whole_groups(rows.count)), self._sums)
        for part in self.parts:
            part.add(rows, totals)
        return np.ascontiguousarray(totals[:, : rows.count].T)

    def numbers(self, rows: Rows) -> np.ndarray:
        """The number of each row's leaf in each tree, [N, T] int32."""
        numbers = np.zeros((_whole_groups(rows.count), self._trees), np.int32)
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


def _whole_groups(rows: int) -> int:
    return -(-rows // GROUP) * GROUP


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
        self._machine = machine
        self.columns, self._searched = columns_of(part.thresholds, self.ranks)
        self.columns["missing"] *= part.missing
        self._form = form(machine, trees, part, variant, values, output)

    @property
    def size(self) -> int:
        """Its arrays, in bytes."""
        return self._form.size + sum(array.nbytes for array in self._searched)

    def work(self, values: np.dtype, coded: Collection[int]) -> dict[str, float]:
        """See `Forest.work`."""
        kept = [i for i, feature in enumerate(self.features) if feature not in coded]
        vectors = self._machine.permutes and self.ranks == np.uint8
        steps = self.columns["steps"][kept].tolist()
        spread = {"spread": float(len(self.features) - len(kept))}
        return self._form.work() | of_ranking(steps, values, vectors=vectors) | spread

    def add(self, rows: Rows, totals: np.ndarray) -> None:
        """Add the leaves of rows to `totals`, [outputs, whole groups of rows]."""
        for row, run in self._runs(rows):
            run(totals[:, row:].ctypes.data, totals.strides[0])

    def number(self, rows: Rows, numbers: np.ndarray) -> None:
        """Store the numbers of rows' leaves in `numbers`, [whole groups of rows, T]."""
        for row, run in self._runs(rows):
            run(numbers[row:].ctypes.data, numbers.strides[0])

    def ranker(self, values: np.dtype) -> Callable[..., None]:
        """The kernel that ranks columns of this type."""
        return function(self._machine, "ranks", ranks.VALUES[values], ranks.RANKS[self.ranks])

    def spreader(self) -> Callable[..., None]:
        """The kernel that spreads the ranks of different values over rows."""
        return function(self._machine, "codes", ranks.RANKS[self.ranks])

    def _runs(self, rows: Rows) -> Iterator[tuple[int, Callable[[int, int], None]]]:
        """The first rows of chunks, and what takes a chunk of ranks down all trees."""
        together = self._form.rows
        most = self._form.ranks_bytes * TILE // (self.tile_bytes * together)
        chunk = min(max(1, most), -(-rows.count // together)) * together
        found = aligned(chunk // TILE * self.tile_bytes)
        for row in range(0, rows.count, max(1, chunk)):
            span = range(row, min(row + chunk, rows.count))
            rows.rank(self, span, found.ctypes.data)
            tiles = -(-len(span) // together) * together // TILE
            yield row, partial(self._form.run, found.ctypes.data, self.tile_bytes, tiles)


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
