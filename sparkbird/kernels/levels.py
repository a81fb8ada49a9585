"""Trees of at most 256 leaves, level by level, for some tiles of rows at a time.

The nodes that rows of a tile may be at, on one level, are numbered from 0, leaves included,
which stay: a row is a byte, the number of its node. What a node asks is looked up by that
byte. The value asked for is the one lane in which the columns asked for on this level, each
with a number of its own, agree with the node's number of a column; so a level costs what it
has columns, not what it has nodes. The first three levels are decided without look-ups.

A program is the trees of a forest in the order of their walk, each aligned to a register: a
`HEAD`, its levels, its leaves. A level is a `LEVEL`, the places of its columns, and tables of
64 bytes or more: numbers of columns, ranks, the first child's number, and whether NaN is left.

T is the number of trees, L of levels, K of outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.kernels.emit import POINTER, U8, U16, U32, U64, Function, Value
from sparkbird.kernels.leaves import add_from_memory, add_shuffled, shuffles, tables
from sparkbird.kernels.machine import REGISTER, TILE
from sparkbird.kernels.variant import Variant

if TYPE_CHECKING:
    from sparkbird.kernels.machine import Machine

#: A tree: the places of the columns, ranks and, if NaN is left, 1 of its first seven nodes, in
#: the order of levels; how many levels follow; how many registers a table of leaves takes; where
#: that is, and where the next tree is, in bytes from here; the output that it adds to.
HEAD = np.dtype(
    [
        ("column", np.uint16, 7),
        ("rank", np.uint16, 7),
        ("nan_left", np.uint8, 7),
        ("registers", np.uint8),
        ("levels", np.uint16),
        ("leaves", np.uint32),
        ("next", np.uint32),
        ("output", np.uint32),
        ("unused", np.uint8, 14),
    ]
)
assert HEAD.itemsize == REGISTER

#: A level: how many columns are asked for, a multiple of `UNROLLED`; how many registers a table
#: takes; where the first table is, in bytes from here. The places of columns follow.
LEVEL = np.dtype([("columns", np.uint16), ("registers", np.uint16), ("tables", np.uint32)])

#: How many columns are compared in one go.
UNROLLED = 4

#: The levels in a `HEAD`.
HEAD_LEVELS = 3


class Levels:
    """The code that walks some tiles down a tree of a program."""

    def __init__(self, f: Function, machine: Machine, variant: Variant) -> None:
        self.f, self.machine, self.variant = f, machine, variant
        self._numbers = U8.of(TILE)
        self._tables = 1 + variant.ranks.size + 1 + variant.missing  # of a level

    def walked(self, tiles: Sequence[Value], head: Value) -> list[Value]:
        """The number of each row's leaf, [TILE] bytes for each tile."""
        f = self.f
        nodes = [f.variable(node) for node in self._in_head(tiles, head)]
        level = f.variable(head + HEAD.itemsize)
        with f.loop(self.f.field(head, HEAD, "levels")):
            at = level.get()
            registers = self.f.field(at, LEVEL, "registers")
            tables = at + self.f.field(at, LEVEL, "tables")
            asked = self._looked_up(tables, registers, [node.get() for node in nodes])
            for node, below in zip(nodes, self._below(tiles, at, asked), strict=True):
                node.set(below)
            level.set(tables + registers * (REGISTER * self._tables))
        return [node.get() for node in nodes]

    def by_registers(self, registers: Value, emit: Callable[[int], None]) -> None:
        """What `emit` writes for tables of 1, 2 or 4 registers, done for as many as there are."""
        f = self.f
        one, two = registers.equals(1), registers.equals(2)
        with f.otherwise(one, lambda: emit(1)), f.otherwise(two, lambda: emit(2)):
            emit(4)

    def loaded(self, tables: Value, registers: int) -> list[Value]:
        """A table of so many registers."""
        return [self.f.load(tables, self._numbers, n * REGISTER) for n in range(registers)]

    def _in_head(self, tiles: Sequence[Value], head: Value) -> list[Value]:
        """Which of the eight nodes below the first three levels each row is at."""
        return [self._of_eight(right) for right in zip(*self._go_right(tiles, head), strict=True)]

    def _of_eight(self, right: Sequence[Value]) -> Value:
        first = right[0]
        second = first.select(right[2], right[1])
        third = first.select(second.select(right[6], right[5]), second.select(right[4], right[3]))
        return self._bit(first, 4) | self._bit(second, 2) | self._bit(third, 1)

    def _go_right(self, tiles: Sequence[Value], head: Value) -> Iterator[list[Value]]:
        """Which rows of each tile would go right at each of the first seven nodes."""
        f, ranks = self.f, self.variant.ranks
        for node in range(7):
            rank = self.f.field(head, HEAD, "rank", node).to(ranks)
            place = self.f.field(head, HEAD, "column", node)
            seen = [self._column(tile, place) for tile in tiles]
            if self.variant.missing:
                left = self.f.field(head, HEAD, "nan_left", node).to(ranks)
                rank, lefts = rank + left, f.splat(left, TILE)
                seen = [x + lefts for x in seen]
            limit = f.splat(rank, TILE)
            yield [x > limit for x in seen]

    def _bit(self, bits: Value, worth: int) -> Value:
        return bits.select(self.f.constant(worth, self._numbers), 0)

    def _column(self, tile: Value, place: Value) -> Value:
        ranks = self.variant.ranks
        return self.f.load(tile, ranks.of(TILE), place * (TILE * ranks.size))

    def _looked_up(
        self, tables: Value, registers: Value, nodes: Sequence[Value]
    ) -> list[list[Value]]:
        """What each table of a level has for each row's node, for each tile."""
        f = self.f
        nothing = f.constant(0, self._numbers)
        found = [[f.variable(nothing) for _ in nodes] for _ in range(self._tables)]

        def emit(count: int) -> None:
            for number, places in enumerate(found):
                table = self.loaded(tables + number * count * REGISTER, count)
                for place, node in zip(places, nodes, strict=True):
                    place.set(self.machine.lookup(f, table, node))

        self.by_registers(registers, emit)
        return [[place.get() for place in places] for places in found]

    def _below(
        self, tiles: Sequence[Value], level: Value, asked: list[list[Value]]
    ) -> Iterator[Value]:
        """The number of each row's node on the next level, for each tile."""
        seen = self._seen(tiles, level, asked[0])
        return map(self._next, seen, zip(*asked[1:], strict=True))

    def _next(self, seen: Value, asked: Sequence[Value]) -> Value:
        """The number of each row's node on the next level, from its rank and its node's tables."""
        ranks = self.variant.ranks
        limit, rest = asked[0].to(ranks), asked[1:]
        if ranks == U16:
            limit, rest = limit | (rest[0].to(ranks) << 8), rest[1:]
        child, *left = rest
        if not left:
            return child + self._bit(seen > limit, 1)
        offset = left[0].to(ranks)
        return child + self._bit(seen + offset > limit + offset, 1)

    def _seen(self, tiles: Sequence[Value], level: Value, columns: Sequence[Value]) -> list[Value]:
        """The rank of each row in the column that its node asks for; `columns` are numbers."""
        f = self.f
        nothing = f.constant(0, self.variant.ranks.of(TILE))
        number = f.variable(f.constant(0, self._numbers))
        found = [f.variable(nothing) for _ in tiles]
        with f.loop(self.f.field(level, LEVEL, "columns"), step=UNROLLED) as c:
            for n in range(UNROLLED):
                place = f.load(level + c * 2, U16, LEVEL.itemsize + 2 * n).to(U64)
                asked = number.get() + n
                for tile, column, own in zip(tiles, columns, found, strict=True):
                    rank = self._column(tile, place)
                    own.set(column.equals(asked).select(rank, own.get()))
            number.set(number.get() + UNROLLED)
        return [own.get() for own in found]


def emit(module: Any, name: str, machine: Machine, variant: Variant) -> None:
    """The function `name` that adds the leaves of trees to totals.

    Its arguments: ranks, bytes of a tile, tiles, trees, how many, totals, bytes of an output's
    totals, outputs of a leaf. An output's totals, one for each row, stand side by side.
    """
    f = Function(module, name, [POINTER, U64, U64, POINTER, U64, POINTER, U64, U64])
    ranks, tile_bytes, tiles, trees, count, totals, output_bytes, width = f.arguments
    levels = Levels(f, machine, variant)
    size = variant.leaf.size
    with f.loop(tiles, step=variant.tiles) as t:
        together = [t + n for n in range(variant.tiles)]
        tree = f.variable(trees)
        with f.loop(count):
            head = tree.get()
            nodes = levels.walked([ranks + i * tile_bytes for i in together], head)
            registers = f.field(head, HEAD, "registers")
            leaves = head + f.field(head, HEAD, "leaves")
            first = totals + f.field(head, HEAD, "output") * output_bytes
            with f.loop(width) as k:
                own = leaves + k * registers * (REGISTER * size)
                for i, node in zip(together, nodes, strict=True):
                    place = first + k * output_bytes + i * (TILE * size)
                    _add_leaves(levels, own, registers, node, place)
            tree.set(head + f.field(head, HEAD, "next"))
    f.finish()


def emit_numbers(module: Any, name: str, machine: Machine, variant: Variant) -> None:
    """The function `name` that stores the numbers of rows' leaves, [N, T] of 32 bits.

    Its arguments: ranks, bytes of a tile, tiles, trees, how many, numbers, bytes of a row's.
    A tree's numbers are in the place of its output.
    """
    f = Function(module, name, [POINTER, U64, U64, POINTER, U64, POINTER, U64])
    ranks, tile_bytes, tiles, trees, count, numbers, row_bytes = f.arguments
    levels = Levels(f, machine, variant)
    stored = f.buffer(U8.of(TILE))
    with f.loop(tiles, step=variant.tiles) as t:
        together = [t + n for n in range(variant.tiles)]
        tree = f.variable(trees)
        with f.loop(count):
            head = tree.get()
            leaves = head + f.field(head, HEAD, "leaves")
            first = numbers + f.field(head, HEAD, "output") * U32.size
            nodes = levels.walked([ranks + i * tile_bytes for i in together], head)
            for i, node in zip(together, nodes, strict=True):
                f.store(node, stored)
                with f.loop(TILE) as row:
                    number = f.load(leaves, U32, f.load(stored + row, U8).to(U64) * U32.size)
                    f.store(number, first + (i * TILE + row) * row_bytes)
            tree.set(head + f.field(head, HEAD, "next"))
    f.finish()


def _add_leaves(
    levels: Levels, leaves: Value, registers: Value, node: Value, totals: Value
) -> None:
    """Add the value of each row's leaf to its total."""
    f, machine, leaf = levels.f, levels.machine, levels.variant.leaf
    if not shuffles(machine, leaf):
        nodes = f.buffer(U8.of(TILE))
        f.store(node, nodes)
        add_from_memory(f, leaf, leaves, nodes, totals, TILE)
        return

    def emit(count: int) -> None:
        add_shuffled(f, machine, leaf, tables(f, leaf, leaves, count), node, totals)

    levels.by_registers(registers, emit)
