"""Trees of more leaves than a byte numbers: the rest of the way, row by row.

`levels` takes each row of a tile as far as 256 nodes go. From there on a row follows nodes in
memory; the rows of a tile wait for memory side by side, and those that have arrived leave the
others to go on.

A node is 8 bytes: the place of its column, with `NAN_LEFT` if NaN is left and others are not; a
rank; and the number of its left child, which its right child follows. A leaf has the rank
`ARRIVED`, which no other has, and in place of a child the number of its value.

T is the number of trees, K of outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.kernels.emit import POINTER, U8, U32, U64, Function, Value
from sparkbird.kernels.levels import HEAD, Levels
from sparkbird.kernels.machine import TILE
from sparkbird.kernels.variant import Variant

if TYPE_CHECKING:
    from sparkbird.kernels.machine import Machine

NODE = np.dtype([("column", np.uint16), ("rank", np.uint16), ("child", np.uint32)])

ARRIVED = 2**16 - 1
NAN_LEFT = 2**15

#: Rows that are added up in one go.
_TOGETHER = 8


def emit(module: Any, name: str, machine: Machine, variant: Variant) -> None:
    """The function `name` that adds the leaves of trees to totals.

    Its arguments: ranks, bytes of a tile, tiles, trees, how many, totals, bytes of an output's
    totals, outputs of a leaf, nodes, values of leaves [L, K]. An output's totals, one for each
    row, stand side by side.
    """
    kinds = [POINTER, U64, U64, POINTER, U64, POINTER, U64, U64, POINTER, POINTER]
    f = Function(module, name, kinds)
    ranks, tile_bytes, tiles, trees, count, totals, output_bytes, width, nodes, values = f.arguments
    walk = _Walk(f, machine, variant, nodes, tile_bytes)
    size = variant.leaf.size
    with f.loop(tiles, step=variant.tiles) as t:
        tree = f.variable(trees)
        with f.loop(count):
            head = tree.get()
            walk.arrive(ranks + t * tile_bytes, head)
            output = f.field(head, HEAD, "output") * output_bytes
            first = totals + output + t * (TILE * size)
            with f.loop(width) as k, f.loop(walk.rows, step=_TOGETHER) as row:
                for i in [row + n for n in range(_TOGETHER)]:
                    leaf = walk.arrived_at(i) * width + k
                    place = first + k * output_bytes + i * size
                    value = f.load(values, variant.leaf, leaf * size)
                    f.store(f.load(place, variant.leaf) + value, place)
            tree.set(head + f.field(head, HEAD, "next"))
    f.finish()


def emit_numbers(module: Any, name: str, machine: Machine, variant: Variant) -> None:
    """The function `name` that stores the numbers of rows' leaves, [N, T] of 32 bits.

    Its arguments: ranks, bytes of a tile, tiles, trees, how many, numbers, bytes of a row's,
    nodes. A tree's numbers are in the place of its output.
    """
    kinds = [POINTER, U64, U64, POINTER, U64, POINTER, U64, POINTER]
    f = Function(module, name, kinds)
    ranks, tile_bytes, tiles, trees, count, numbers, row_bytes, nodes = f.arguments
    walk = _Walk(f, machine, variant, nodes, tile_bytes)
    with f.loop(tiles, step=variant.tiles) as t:
        tree = f.variable(trees)
        with f.loop(count):
            head = tree.get()
            walk.arrive(ranks + t * tile_bytes, head)
            first = numbers + f.field(head, HEAD, "output") * U32.size
            with f.loop(walk.rows) as row:
                number = walk.arrived_at(row).to(U32)
                f.store(number, first + (t * TILE + row) * row_bytes)
            tree.set(head + f.field(head, HEAD, "next"))
    f.finish()


class _Walk:
    """The code that walks some tiles down a tree, wherever its leaves are."""

    def __init__(
        self, f: Function, machine: Machine, variant: Variant, nodes: Value, tile_bytes: Value
    ) -> None:
        self.f, self.levels = f, Levels(f, machine, variant)
        self._nodes, self._tile_bytes = nodes, tile_bytes
        self._variant, self.rows = variant, TILE * variant.tiles
        self._at = f.buffer(U32.of(self.rows))
        self._going = f.buffer(U8.of(self.rows))

    def arrived_at(self, row: Value) -> Value:
        """The number of the leaf that a row has arrived at."""
        return self.f.load(self._at, U32, row * U32.size).to(U64)

    def arrive(self, tiles: Value, head: Value) -> None:
        """Take all rows of the tiles to their leaves."""
        f = self.f
        first = [tiles + self._tile_bytes * n for n in range(self._variant.tiles)]
        for n, node in enumerate(self.levels.walked(first, head)):
            f.store(node, self._going, n * TILE)
        entries = head + f.field(head, HEAD, "leaves")
        with f.loop(self.rows) as row:
            entry = f.load(self._going, U8, row).to(U64)
            f.store(f.load(entries, U32, entry * U32.size), self._at, row * U32.size)
            f.store(row.to(U8), self._going, row)
        count = f.variable(f.constant(self.rows, U64))
        with f.repeat() as again:
            count.set(self._step(tiles, count.get()))
            again.set(count.get())

    def _step(self, tiles: Value, count: Value) -> Value:
        """One step of those rows that go on, the first `count` in the list; how many still do."""
        f = self.f
        left = f.variable(f.constant(0, U64))
        with f.loop(count) as i:
            row = f.load(self._going, U8, i).to(U64)
            node = f.load(self._nodes, U64, self.arrived_at(row) * NODE.itemsize)
            rank = (node >> 16) & ARRIVED
            goes_right = self._goes_right(tiles, row, node & ARRIVED, rank)
            following = (node >> 32) + goes_right.to(U64)
            f.store(following.to(U32), self._at, row * U32.size)
            f.store(row.to(U8), self._going, left.get())
            left.set(left.get() + (rank < ARRIVED).to(U64))
        return left.get()

    def _goes_right(self, tiles: Value, row: Value, column: Value, rank: Value) -> Value:
        f, ranks = self.f, self._variant.ranks
        place = column & (NAN_LEFT - 1) if self._variant.missing else column
        tile = tiles + self._tile_bytes * (row >> TILE.bit_length() - 1)
        seen = f.load(tile, ranks, (place * TILE + (row & TILE - 1)) * ranks.size).to(U64)
        if not self._variant.missing:
            return seen > rank
        left = column >> NAN_LEFT.bit_length() - 1
        most = 2**ranks.bits - 1
        return ((seen + left) & most) > (rank + left)
