"""Ranks of columns that few different values make up: looked up by the number of the value.

N is the number of rows, D of different values, at most `MOST`.
"""

from __future__ import annotations

from functools import partial
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
        numbers = f.address(column, COLUMN, "numbers")
        offset = f.field(column, COLUMN, "place") * (TILE * ranks.size)
        target = (tiles + offset, tile_bytes, tile_count)
        emit_for = partial(_emit_column, f, machine, ranks, (numbers, values + offset), target)
        one, two = registers.equals(1), registers.equals(2)
        with f.otherwise(one, partial(emit_for, 1)), f.otherwise(two, partial(emit_for, 2)):
            emit_for(4)
    f.finish()


def _emit_column(
    f: Function,
    machine: Machine,
    ranks: Kind,
    source: tuple[Value, Value],
    target: tuple[Value, Value, Value],
    registers: int,
) -> None:
    """A tile at a time, each byte of ranks in as many registers as there are tiles of values."""
    (numbers, values), (place, tile_bytes, count) = source, target
    tiles = [f.load(values + tile_bytes * n, ranks.of(TILE)) for n in range(registers)]
    bytes_of = [[(tile >> 8 * n).to(U8) for tile in tiles] for n in range(ranks.size)]
    with f.loop(count) as t:
        rows = f.load(numbers, U8.of(TILE), t * TILE)
        low, *high = [machine.lookup(f, tables, rows).to(ranks) for tables in bytes_of]
        f.store(low | (high[0] << 8) if high else low, place, t * tile_bytes)
