"""Ranks of columns that few different values make up: looked up by the number of the value.

N is the number of rows, D of different values, at most `MOST`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.kernels.emit import POINTER, U8, U64, Function, Kind, Value
from sparkbird.kernels.machine import TILE

if TYPE_CHECKING:
    from sparkbird.kernels.machine import Machine

#: A column to look up: where the numbers of its rows' values are, a byte each and as many as
#: fill whole tiles; and its place among the columns of a tile.
COLUMN = np.dtype([("numbers", np.uint64), ("place", np.uint64)])

#: Values that a byte numbers.
MOST = 256


def emit(module: Any, name: str, machine: Machine, ranks: Kind) -> None:
    """The function `name` that spreads ranks of different values over rows.

    Its arguments: columns, how many, ranks of the values, in tiles as if they were rows, how
    many of these tiles, 1, 2 or 4, bytes of a tile, tiles of rows, how many.
    """
    f = Function(module, name, [POINTER, U64, POINTER, U64, U64, POINTER, U64])
    columns, count, values, registers, tile_bytes, tiles, tile_count = f.arguments
    with f.loop(count) as c:
        column = columns + c * COLUMN.itemsize
        numbers = f.load(column, POINTER, COLUMN.fields["numbers"][1])  # type: ignore[index]
        place = f.load(column, U64, COLUMN.fields["place"][1])  # type: ignore[index]
        offset = place * (TILE * ranks.size)
        target = (tiles + offset, tile_bytes, tile_count)
        if ranks == U8:
            _emit_looked_up(f, machine, numbers, values + offset, registers, target)
        else:
            _emit_loaded(f, ranks, numbers, values + offset, target)
    f.finish()


def _emit_looked_up(
    f: Function,
    machine: Machine,
    numbers: Value,
    values: Value,
    registers: Value,
    target: tuple[Value, Value, Value],
) -> None:
    """Of one byte: a tile at a time, in as many registers as there are tiles of values."""
    place, tile_bytes, count = target

    def emit_for(registers: int) -> None:
        tables = [f.load(values + tile_bytes * n, U8.of(TILE)) for n in range(registers)]
        with f.loop(count) as t:
            rows = f.load(numbers, U8.of(TILE), t * TILE)
            f.store(machine.lookup(f, tables, rows), place, t * tile_bytes)

    one, two = registers.equals(1), registers.equals(2)
    with f.otherwise(one, lambda: emit_for(1)), f.otherwise(two, lambda: emit_for(2)):
        emit_for(4)


def _emit_loaded(
    f: Function,
    ranks: Kind,
    numbers: Value,
    values: Value,
    target: tuple[Value, Value, Value],
) -> None:
    """Of two bytes: a row at a time."""
    place, tile_bytes, count = target
    with f.loop(count) as t, f.loop(TILE) as row:
        number = f.load(numbers + t * TILE, U8, row).to(U64)
        tile = values + tile_bytes * (number >> TILE.bit_length() - 1)
        rank = f.load(tile, ranks, (number & TILE - 1) * ranks.size)
        f.store(rank, place + t * tile_bytes, row * ranks.size)
