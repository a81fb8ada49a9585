"""Trees of at most 256 leaves as networks of multiplexers, for a group of rows at a time.

Leaves have codes, of which each bit is a plane: a bit for each row of a group. A node gives, for
each plane, the bit of its right child where its condition holds and that of its left one
elsewhere. So the planes of the root come from those of leaves, which are constant, by one
operation for each plane of a node that is not constant below it; and a condition, such as that
the rank of a column is greater than some other, is found once for all nodes that ask for it. It
takes the many rows of a group, and few conditions beside nodes, to be worth it.

Trees are read one after the other, each aligned to a register: a `HEAD`, its operations, and the
values of its leaves.

Related work: Lucchese et al., "QuickScorer", SIGIR 2015, and Ye et al., "RapidScorer", KDD 2018,
find leaves from the bits of conditions as well, but by a mask of leaves for each node.

T is the number of trees, K of outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.kernels.emit import POINTER, U8, U16, U32, U64, Function, Value
from sparkbird.kernels.leaves import add_from_memory, add_shuffled, shuffles, tables
from sparkbird.kernels.machine import REGISTER, TILE
from sparkbird.kernels.variant import Variant

if TYPE_CHECKING:
    from sparkbird.kernels.machine import Machine

#: The tiles of a group: a register has a byte for each row of a tile, with a bit for each tile.
TILES = 8
GROUP = TILES * TILE

#: The planes of the codes of at most `MOST` leaves.
PLANES = 8

#: A tree: how many operations it takes; where the values of its leaves are, and where the next
#: tree is, in bytes from here; the output that it adds to; how many registers a table of leaves
#: takes; and in which registers the planes are in the end.
HEAD = np.dtype(
    [
        ("operations", np.uint32),
        ("leaves", np.uint32),
        ("next", np.uint32),
        ("output", np.uint32),
        ("registers", np.uint32),
        ("planes", np.uint16, PLANES),
        ("unused", np.uint8, 28),
    ]
)
assert HEAD.itemsize == REGISTER

#: The registers of an operation: the condition, and the planes of the left and the right child.
#: Its result goes to the register after that of the operation before, the first to `FIRST`.
OPERATION = np.dtype([("condition", np.uint16), ("left", np.uint16), ("right", np.uint16)])

#: Registers: one of 0 for all rows, one of 1, and that of the first operation.
ZEROS, ONES, FIRST = 0, 1, 2

#: A condition: the place of its column, the rank that is to be exceeded, and 1 if NaN does not.
CONDITION = np.dtype([("column", np.uint16), ("rank", np.uint16), ("nan_left", np.uint16)])

#: Trees that have their conditions in common: where these are, and how many; which register has
#: the first of them; where the trees are, and how many.
BLOCK = np.dtype([(n, np.uint64) for n in ("conditions", "count", "first", "trees", "size")])


class Planes:
    """The code that takes groups of rows through the trees of a block.

    registers  where the function has room for as many as the block needs
    """

    def __init__(self, f: Function, variant: Variant, block: Value, registers: Value) -> None:
        self.f, self._variant = f, variant
        self._block, self._registers = block, registers
        self.codes = f.buffer(U8.of(GROUP))
        f.store(f.constant(0, _PLANE), registers, ZEROS * REGISTER)
        f.store(f.constant(255, _PLANE), registers, ONES * REGISTER)

    def each_tree(self, ranks: Value, tile_bytes: Value, visit: Callable[[Value], None]) -> None:
        """Let `visit` have each tree's head, when the `codes` of a group's leaves are there."""
        f = self.f
        self._find_conditions(ranks, tile_bytes)
        tree = f.variable(f.address(self._block, BLOCK, "trees"))
        with f.loop(f.field(self._block, BLOCK, "size")):
            head = tree.get()
            self._operate(head)
            for tile, codes in enumerate(self._transposed(head)):
                f.store(codes, self.codes, tile * TILE)
            visit(head)
            tree.set(head + f.field(head, HEAD, "next"))

    def _find_conditions(self, ranks: Value, tile_bytes: Value) -> None:
        """Store for each condition which rows of a group meet it."""
        f, kind = self.f, self._variant.ranks
        at = f.address(self._block, BLOCK, "conditions")
        first = self._registers + f.field(self._block, BLOCK, "first") * REGISTER
        with f.loop(f.field(self._block, BLOCK, "count")) as c:
            condition = at + c * CONDITION.itemsize
            column = ranks + f.field(condition, CONDITION, "column") * (TILE * kind.size)
            limit = f.field(condition, CONDITION, "rank").to(kind)
            offset = f.field(condition, CONDITION, "nan_left").to(kind)
            if self._variant.missing:
                limit = limit + offset
            limits, offsets = f.splat(limit, TILE), f.splat(offset, TILE)
            met, bit = f.variable(f.constant(0, _PLANE)), f.variable(f.constant(1, _PLANE))
            with f.loop(TILES) as tile:
                seen = f.load(column + tile_bytes * tile, kind.of(TILE))
                if self._variant.missing:
                    seen = seen + offsets
                met.set((seen > limits).select(met.get() + bit.get(), met.get()))
                bit.set(bit.get() + bit.get())
            f.store(met.get(), first + c * REGISTER)

    def _operate(self, head: Value) -> None:
        """Do the operations of a tree."""
        f = self.f
        result = f.variable(self._registers + FIRST * REGISTER)
        with f.loop(f.field(head, HEAD, "operations")) as n:
            operation = head + n * OPERATION.itemsize + HEAD.itemsize
            condition, left, right = (
                self._register(f.field(operation, OPERATION, name))
                for name in ("condition", "left", "right")
            )
            place = result.get()
            f.store((condition & right) | ((condition ^ 255) & left), place)
            result.set(place + REGISTER)

    def _register(self, number: Value) -> Value:
        return self.f.load(self._registers + number * REGISTER, _PLANE)

    def _transposed(self, head: Value) -> list[Value]:
        """The codes of leaves, a byte for each row, for each tile: from a bit for each tile.

        Source: Warren, "Hacker's Delight", 2nd edition, 2012, section 7-3.
        """
        rows = [self._register(self.f.field(head, HEAD, "planes", n)) for n in range(PLANES)]
        for apart, mask in ((4, 0x0F), (2, 0x33), (1, 0x55)):
            for first in (n for n in range(PLANES) if not n & apart):
                x, y = rows[first], rows[first + apart]
                swapped = (_shifted(x, right=apart) ^ y) & mask
                rows[first + apart] = y ^ swapped
                rows[first] = x ^ _shifted(swapped, left=apart)
        return rows


def _shifted(bits: Value, *, left: int = 0, right: int = 0) -> Value:
    """Bytes moved by some bits, which others come into that are of no use."""
    words = bits.bits_as(U16.of(REGISTER // 2))
    return (words << left if left else words >> right).bits_as(_PLANE)


_PLANE = U8.of(REGISTER)


def emit(module: Any, name: str, machine: Machine, variant: Variant) -> None:
    """The function `name` that adds the leaves of a block's trees to totals.

    Its arguments: ranks, bytes of a tile, groups, the block, its registers, totals, bytes of an
    output's totals, outputs of a leaf. An output's totals, one for each row, stand side by side.
    """
    f = Function(module, name, [POINTER, U64, U64, POINTER, POINTER, POINTER, U64, U64])
    ranks, tile_bytes, groups, block, registers, totals, output_bytes, width = f.arguments
    planes, size = Planes(f, variant, block, registers), variant.leaf.size
    with f.loop(groups) as g:

        def visit(head: Value) -> None:
            count = f.field(head, HEAD, "registers")
            leaves = head + f.field(head, HEAD, "leaves")
            first = totals + f.field(head, HEAD, "output") * output_bytes + g * (GROUP * size)
            with f.loop(width) as k:
                own, place = leaves + k * count * (REGISTER * size), first + k * output_bytes
                if shuffles(machine, variant.leaf):
                    _add_shuffled(planes, machine, variant, (count, own), place)
                else:
                    add_from_memory(f, variant.leaf, own, planes.codes, place, GROUP)

        planes.each_tree(ranks + g * tile_bytes * TILES, tile_bytes, visit)
    f.finish()


def _add_shuffled(
    planes: Planes, machine: Machine, variant: Variant, leaves: tuple[Value, Value], totals: Value
) -> None:
    """Add the values of leaves, so many registers for each byte of them, from some place on."""
    f, leaf = planes.f, variant.leaf
    count, place = leaves

    def emit_for(registers: int) -> None:
        bytes_of = tables(f, leaf, place, registers)
        with f.loop(GROUP, step=TILE) as row:
            codes = f.load(planes.codes + row, U8.of(TILE))
            add_shuffled(f, machine, leaf, bytes_of, codes, totals + row * leaf.size)

    one, two = count.equals(1), count.equals(2)
    with f.otherwise(one, lambda: emit_for(1)), f.otherwise(two, lambda: emit_for(2)):
        emit_for(4)


def emit_numbers(module: Any, name: str, _: Machine, variant: Variant) -> None:
    """The function `name` that stores the numbers of rows' leaves, [N, T] of 32 bits.

    Its arguments: ranks, bytes of a tile, groups, the block, its registers, numbers, bytes of a
    row's. A tree's numbers are in the place of its output.
    """
    f = Function(module, name, [POINTER, U64, U64, POINTER, POINTER, POINTER, U64])
    ranks, tile_bytes, groups, block, registers, numbers, row_bytes = f.arguments
    planes = Planes(f, variant, block, registers)
    with f.loop(groups) as g:

        def visit(head: Value) -> None:
            leaves = head + f.field(head, HEAD, "leaves")
            first = numbers + f.field(head, HEAD, "output") * U32.size
            with f.loop(GROUP) as row:
                code = f.load(planes.codes + row, U8).to(U64)
                number = f.load(leaves, U32, code * U32.size)
                f.store(number, first + (g * GROUP + row) * row_bytes)

        planes.each_tree(ranks + g * tile_bytes * TILES, tile_bytes, visit)
    f.finish()
