"""The values of the leaves that rows have come to, looked up and added to totals.

N is the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.kernels.emit import U8, U64, Function, Kind, Value
from sparkbird.kernels.machine import REGISTER, TILE

if TYPE_CHECKING:
    from sparkbird.kernels.machine import Machine

#: Leaves of one tree, which a byte numbers.
MOST = 256

#: Rows whose values are fetched side by side.
_TOGETHER = 8


def shuffles(machine: Machine, leaf: Kind) -> bool:
    """Whether the bytes of leaves' values are looked up one by one, in tables of their own."""
    return machine.permutes and leaf.floating


def add_from_memory(
    f: Function, leaf: Kind, leaves: Value, numbers: Value, totals: Value, rows: int
) -> None:
    """Add the values of the leaves of so many rows, whose `numbers` are bytes in memory."""
    with f.loop(rows, step=_TOGETHER) as row:
        for i in [row + n for n in range(_TOGETHER)]:
            number = f.load(numbers + i, U8).to(U64)
            place = totals + i * leaf.size
            value = f.load(leaves, leaf, number * leaf.size)
            f.store(f.load(place, leaf) + value, place)


def tables(f: Function, leaf: Kind, leaves: Value, registers: int) -> list[list[Value]]:
    """For each byte of the values of leaves, a table of so many registers."""
    return [
        [
            f.load(leaves, U8.of(REGISTER), (byte * registers + n) * REGISTER)
            for n in range(registers)
        ]
        for byte in range(leaf.size)
    ]


def add_shuffled(
    f: Function,
    machine: Machine,
    leaf: Kind,
    bytes_of: Sequence[list[Value]],
    numbers: Value,
    totals: Value,
) -> None:
    """Add the values of the leaves of a tile, [TILE] `numbers`.

    Each byte of the values is looked up for all rows, and they are woven together.
    """
    ordered = numbers.shuffled(_order(leaf))
    planes = [machine.lookup(f, table, ordered) for table in bytes_of]
    woven = _woven(planes, lambda x, y, lanes: x.shuffled(lanes, y))
    kind = leaf.of(REGISTER // leaf.size)
    for n, values in enumerate(woven):
        place = totals + n * REGISTER
        f.store(f.load(place, kind) + values.bits_as(kind), place)


def _woven(planes: list[Any], weave: Callable[[Any, Any, list[int]], Any]) -> list[Any]:
    """The first bytes of values, the second, ..., [TILE] each, as whole values in registers.

    Pieces of two registers, by turns, double in width with each step.
    """
    groups, width = [[plane] for plane in planes], 1
    while len(groups) > 1:
        groups = [
            [
                weave(x, y, _by_turns(width, upper=upper))
                for x, y in zip(first, second, strict=True)
                for upper in (False, True)
            ]
            for first, second in zip(groups[::2], groups[1::2], strict=True)
        ]
        width *= 2
    return groups[0]


def _by_turns(width: int, *, upper: bool) -> list[int]:
    """Pieces of `width` bytes of two registers, from the same half of each 128 bits of both.

    That is what processors have an instruction for.
    """
    places = []
    for lane in range(0, REGISTER, 16):
        start = lane + 8 * upper
        for piece in range(start, start + 8, width):
            own = [*range(piece, piece + width)]
            places += own + [REGISTER + place for place in own]
    return places


@cache
def _order(leaf: Kind) -> list[int]:
    """Where the byte of each row must come from, so that values come out in the rows' order."""
    planes = [np.arange(TILE)] * leaf.size
    woven = _woven(planes, lambda x, y, lanes: np.concatenate([x, y])[lanes])
    came_from = np.concatenate([values[:: leaf.size] for values in woven])
    order: list[int] = np.argsort(came_from).tolist()
    return order
