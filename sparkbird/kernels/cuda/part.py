"""Trees on a GPU whose thresholds have ranks in common.

N is the number of rows, T of trees, L of leaves, K of outputs, C of columns, D of columns on the
device.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ctypes import c_uint32, c_void_p
from dataclasses import dataclass, replace

import numpy as np

from sparkbird.kernels.cuda import layout
from sparkbird.kernels.cuda.driver import Device, Memory, Stream
from sparkbird.kernels.cuda.kinds import Leaves, Walks
from sparkbird.kernels.cuda.layout import LANES, WORD
from sparkbird.kernels.cuda.library import kernel
from sparkbird.kernels.cuda.transfer import content_of
from sparkbird.kernels.cuda.walks import C_TYPES, Ranks, Target
from sparkbird.kernels.given import Given
from sparkbird.kernels.trees import BYTE, Ranked, Trees

#: Warps of a block that ranks rows, a word each at a time, and of one that adds what is stored;
#: the trees of which that one has this in shared memory.
_WARPS, _ADDING_WARPS, _TREES = 8, 16, 128


@dataclass(frozen=True, eq=False)
class Ranking:
    """How the columns of a part come from values.

    table       [D and more]  `layout.COLUMN`, whose offsets are those in a row of their block
    block       [D]  that block
    thresholds  of all columns, on the device
    """

    table: np.ndarray
    block: np.ndarray
    thresholds: Memory

    def placed(self, starts: Sequence[int], strides: Sequence[int]) -> np.ndarray:
        """The table for blocks that start there, rows so far apart, in bytes."""
        table = self.table.copy()
        own = table[
            : len(self.block)
        ]  # others fill the last word, and read the first value there is
        own["offset"] += np.array(starts, np.uint64)[self.block]
        own["stride"] = np.array(strides, np.uint32)[self.block]
        return table


class Part:
    """Some of the trees of a forest; see `kernels.forest.Part`."""

    def __init__(
        self, device: Device, trees: Trees, part: Ranked, output: np.ndarray, leaves: Leaves | None
    ) -> None:
        self.values = trees.threshold.dtype
        self.ranks = np.dtype(np.uint16 if part.most > BYTE else np.uint8)
        self.features, self.thresholds, self.missing = part.features, part.thresholds, part.missing
        self.first, self.count = part.first, part.last - part.first
        self._device, self._leaves = device, leaves
        self._columns = layout.Columns.of(part, layout.nodes_of(trees, part))
        self.words = self._columns.words(self.ranks)
        self._walks = Walks.of(device, trees, part, self._columns, self.ranks, output, leaves)
        self._outputs = device.copy(output[part.first : part.last].astype(np.uint32))
        self._rankings: list[tuple[Given, Ranking]] = []

    @property
    def size(self) -> int:
        """Its arrays on the device, in bytes."""
        return sum(memory.size for memory in self._walks.kept)

    @property
    def adds_at_once(self) -> bool:
        """Whether sums can be had without the numbers of leaves."""
        return self._walks.sums is not None

    def ranking(self, given: Given) -> Ranking:
        """How the columns come from what is given."""
        for known, ranking in self._rankings:
            same = known.thresholds is given.thresholds and known.dtype == given.dtype
            if same and content_of(known.columns) == content_of(given.columns):
                return ranking
        found = _ranking(self._device, self._columns, self, given)
        bare = replace(given, blocks=(), distinct=None)
        self._rankings = [*self._rankings[-7:], (bare, found)]  # a fold, rows of other layouts
        return found

    def rank(
        self, stream: Stream, ranking: Ranking, table: int, values: tuple[int, np.dtype],
        coded: int, ranks: Ranks,
    ) -> None:  # fmt: skip
        """Write the ranks of rows whose `values` lie at an address, by the `table` at another."""
        place, dtype = values
        defined = {"VALUE": C_TYPES[dtype], "RANK": C_TYPES[self.ranks]}
        arguments = [
            (place, c_void_p),
            (table, c_void_p),
            (self.words, c_uint32),
            (ranking.thresholds.address, c_void_p),
            (coded, c_void_p),
            (ranks.count, c_uint32),
            (ranks.address, c_void_p),
        ]
        grid = -(-ranks.count // LANES), 1
        block = LANES, min(_WARPS, self.words)
        stream.launch(kernel(self._device, "rank", defined), grid, block, arguments)

    def store(self, stream: Stream, ranks: Ranks, target: Target) -> None:
        """Store the numbers of rows' leaves."""
        self._walks.numbers.run(stream, ranks, target)

    def add(self, stream: Stream, ranks: Ranks, target: Target) -> None:
        """Add up the values of rows' leaves."""
        assert self._walks.sums
        self._walks.sums.run(stream, ranks, target)

    def store_for_sums(self, stream: Stream, ranks: Ranks, target: Target) -> None:
        """Store what `add_stored` adds up: values of leaves, or numbers of leaves of many."""
        (self._walks.values or self._walks.numbers).run(stream, ranks, target)

    @property
    def stored_bytes(self) -> int:
        """What that takes for a row and tree."""
        return self._leaves.values.itemsize if self._leaves and self._walks.values else WORD

    def add_stored(self, stream: Stream, stored: Target, count: int, target: Target) -> None:
        """The sums by what is `stored` of leaves, those of a tree beside each other."""
        leaves = self._leaves
        assert leaves
        arguments = [
            (stored.address, c_void_p),
            (stored.tree_step, c_uint32),
            (count, c_uint32),
            (self.count, c_uint32),
            (self._outputs.address, c_void_p),
            (leaves.memory.address, c_void_p),
            (leaves.width, c_uint32),
            (target.address, c_void_p),
            (leaves.outputs, c_uint32),
            (int(target.adds), c_uint32),
        ]
        defined: dict[str, str | int] = {
            "LEAF": C_TYPES[leaves.values.dtype],
            "ONE": int(leaves.outputs == 1),
            "NUMBERS": int(self._walks.values is None),
            "WARPS": _ADDING_WARPS,
            "TREES": _TREES,
        }
        found = kernel(self._device, "add", defined)
        grid = -(-count // LANES), -(-leaves.outputs // _ADDING_WARPS)
        shared = _TREES * LANES * self.stored_bytes
        stream.launch(found, grid, (LANES, _ADDING_WARPS), arguments, shared)


def _ranking(device: Device, columns: layout.Columns, part: Part, given: Given) -> Ranking:
    known = given.columns[columns.place]
    table = np.zeros(part.words * WORD // part.ranks.itemsize, layout.COLUMN)
    own = table[: len(known)]
    for name in ("offset", "coded", "start"):
        own[name] = known[name]
    steps = np.array([len(thresholds).bit_length() for thresholds in given.thresholds], np.int64)
    first = np.cumsum(2**steps - 1) - (2**steps - 1)
    own["first"], own["steps"] = first[columns.place], steps[columns.place]
    padded = np.full(int((2**steps - 1).sum()), np.inf, given.dtype)
    for start, thresholds in zip(first, given.thresholds, strict=True):
        padded[start : start + len(thresholds)] = thresholds
    own["missing"] = [*_missing(part, columns, known["missing"])]
    return Ranking(table, known["block"], device.copy(padded))


def _missing(part: Part, columns: layout.Columns, values: np.ndarray) -> Iterator[int]:
    """The rank that each column has where it is missing, when the forest sees these `values`."""
    for place, rank, value in zip(columns.place, columns.missing, values, strict=True):
        known = part.thresholds[place]
        yield int(rank if np.isnan(value) else np.searchsorted(known, value))
