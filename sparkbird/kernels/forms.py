"""The forms that trees are run in, and which of them suits which trees.

T is the number of trees, M of nodes, L of leaves, K of outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np

from sparkbird.kernels import blocks, program
from sparkbird.kernels.emit import U16
from sparkbird.kernels.functions import function
from sparkbird.kernels.leaves import MOST, shuffles
from sparkbird.kernels.machine import REGISTER, TILE, Machine
from sparkbird.kernels.memory import aligned
from sparkbird.kernels.planes import BLOCK, GROUP
from sparkbird.kernels.program import Program
from sparkbird.kernels.trees import Ranked, Trees
from sparkbird.kernels.variant import Variant
from sparkbird.kernels.work import of_levels, of_planes

#: What of the trees should stay in the cache of a core, in bytes, and of the ranks that pass by
#: them: more where trees are so large that to fetch one costs more than to fetch ranks.
TREES_BYTES = RANKS_BYTES = 256 * 2**10
DEEP_RANKS_BYTES = 2 * 2**20

#: Planes are worth it where so many nodes have a condition in common: one costs as much as three
#: operations.
NODES_OF_A_CONDITION = 4


class Form(Protocol):
    """Trees that are ready to run.

    rows         so many are run together: what is given has a multiple of them
    ranks_bytes  how many ranks should be given at a time
    """

    rows: int
    ranks_bytes: int

    @property
    def size(self) -> int:
        """Its arrays, in bytes."""
        ...

    def work(self) -> dict[str, float]:
        """How much there is to do for a row, by units that have prices."""
        ...

    def run(self, ranks: int, tile_bytes: int, tiles: int, results: int, apart: int) -> None:
        """Add the leaves of some tiles of `ranks` to `results`, or store their numbers there.

        `apart` is how many bytes lie between the totals of two outputs, or between the numbers
        of two rows. Ranks and results are addresses.
        """
        ...


def form(
    machine: Machine,
    trees: Trees,
    part: Ranked,
    variant: Variant,
    values: np.ndarray | None,
    output: np.ndarray,
) -> Form:
    """The form that suits the trees of `part`, whose leaves have `values` [L, K] or only numbers.

    `output` [T] is the output that each of all trees adds to, or the place of its numbers.
    """
    own = output[part.first : part.last]
    nodes = trees.inner & (part.first <= trees.tree) & (trees.tree < part.last)
    leaves = np.bincount(trees.tree[nodes], minlength=len(trees.roots)) + 1
    conditions = sum(map(len, part.thresholds))
    shared = np.count_nonzero(nodes) >= NODES_OF_A_CONDITION * conditions
    if shared and leaves.max() <= MOST and conditions <= blocks.MOST_CONDITIONS:
        return Planes(machine, trees, part, variant, values, own)
    return Levels(machine, trees, part, variant, values, own)


def _content(trees: Trees, values: np.ndarray | None) -> np.ndarray:
    """What each node has if it is a leaf, [M, K]."""
    return trees.leaf[:, None].astype(np.uint32) if values is None else values[trees.leaf]


class Planes:
    """Trees as networks of multiplexers, see `planes`."""

    rows, ranks_bytes = GROUP, RANKS_BYTES

    def __init__(
        self,
        machine: Machine,
        trees: Trees,
        part: Ranked,
        variant: Variant,
        values: np.ndarray | None,
        output: np.ndarray,
    ) -> None:
        shuffled = shuffles(machine, variant.leaf)
        writer = blocks.Writer(trees, part)
        self._blocks = writer.finish(_content(trees, values), output, shuffled=shuffled)
        name = "planes_numbers" if values is None else "planes"
        self._take_down = function(machine, name, variant)
        self._further = () if values is None else (values.shape[1],)
        self.work = partial(of_planes, self._blocks, variant, *self._further or (1,))

    @property
    def size(self) -> int:
        """Its arrays, in bytes."""
        return self._blocks.size

    def run(self, ranks: int, tile_bytes: int, tiles: int, results: int, apart: int) -> None:
        """Add the leaves of some tiles of `ranks` to `results`, or store their numbers there."""
        registers = aligned(self._blocks.room * REGISTER)
        own = self._blocks.blocks
        for block in range(own.ctypes.data, own.ctypes.data + own.nbytes, BLOCK.itemsize):
            self._take_down(
                ranks,
                tile_bytes,
                tiles * TILE // GROUP,
                block,
                registers.ctypes.data,
                results,
                apart,
                *self._further,
            )


class Levels:
    """Trees level by level, and further down row by row, see `levels` and `walk`."""

    rows = TILE

    def __init__(
        self,
        machine: Machine,
        trees: Trees,
        part: Ranked,
        variant: Variant,
        values: np.ndarray | None,
        output: np.ndarray,
    ) -> None:
        self._program = _program(machine, trees, part, variant, values, output)
        deep = bool(self._program.nodes.size)
        self.ranks_bytes = DEEP_RANKS_BYTES if deep else RANKS_BYTES
        own = [self._program.nodes, *([] if values is None else [values])]
        self._kept = own if deep else []  # else all is in the program
        self._row_bytes = 0 if values is None else values.itemsize
        width = () if values is None else (values.shape[1],)
        self._further = (*width, *(array.ctypes.data for array in self._kept))
        name = ("walk" if deep else "levels") + ("_numbers" if values is None else "")
        self._walks: list[tuple[int, Callable[..., None]]] = [
            (tiles, function(machine, name, replace(variant, tiles=tiles)))
            for tiles in (machine.tiles, 1)
        ]
        self._blocks = _blocks(self._program)
        self.work = partial(of_levels, self._program, variant, *width or (1,))

    @property
    def size(self) -> int:
        """Its arrays, in bytes."""
        return self._program.content.nbytes + sum(array.nbytes for array in self._kept)

    def run(self, ranks: int, tile_bytes: int, tiles: int, results: int, apart: int) -> None:
        """Take all trees down the tiles, several of them at a time while there are."""
        row_bytes = self._row_bytes or apart
        first = 0
        for together, take_down in self._walks:
            count = (tiles - first) // together * together
            if count:
                for start, trees in self._blocks:
                    take_down(
                        ranks + first * tile_bytes,
                        tile_bytes,
                        count,
                        start,
                        trees,
                        results + first * TILE * row_bytes,
                        apart,
                        *self._further,
                    )
            first += count


def _program(
    machine: Machine,
    trees: Trees,
    part: Ranked,
    variant: Variant,
    values: np.ndarray | None,
    output: np.ndarray,
) -> Program:
    writer = program.Writer(trees, part, word=variant.ranks == U16, missing=variant.missing)
    if writer.goes_on:
        entries, _ = writer.numbers
        return writer.finish(entries[:, None].astype(np.uint32), output, shuffled=False)
    shuffled = shuffles(machine, variant.leaf)
    return writer.finish(_content(trees, values), output, shuffled=shuffled)


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
