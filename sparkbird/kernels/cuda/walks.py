"""The kernels that take rows down trees, and how they are launched.

A walk stores the numbers of leaves, or adds their values up. A few rows are spread over the
device by letting blocks have trees of their own, which only numbers allow: sums must be added in
the order of the trees.

N is the number of rows, T of trees, L of leaves, K of outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from ctypes import c_uint32, c_uint64, c_void_p
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sparkbird.kernels.cuda import layout
from sparkbird.kernels.cuda.driver import Device, Memory, Stream
from sparkbird.kernels.cuda.layout import LANES, WORD
from sparkbird.kernels.cuda.library import kernel

#: How C calls the types of ranks, values and leaves.
C_TYPES = {
    np.dtype(np.uint8): "unsigned char",
    np.dtype(np.uint16): "unsigned short",
    np.dtype(np.uint32): "unsigned",
    np.dtype(np.float32): "float",
    np.dtype(np.float64): "double",
}

#: Sums of a row that a thread keeps in registers.
MOST_OUTPUTS = 8


@dataclass(frozen=True)
class Shape:
    """The threads of a block, and the rows that each of them takes down the trees."""

    threads: int
    rows: int

    @property
    def tiles(self) -> int:
        """Of a block."""
        return self.threads // LANES * self.rows


#: Of walks that add up, and of those that store: the first one that suits is taken. Two blocks
#: at least should find room on a multiprocessor: one computes while trees are copied for the other.
ADDING = (Shape(512, 4), Shape(512, 2), Shape(256, 2), Shape(256, 1), Shape(128, 1), Shape(32, 1))
STORING = (Shape(512, 1), Shape(256, 1), Shape(128, 1), Shape(32, 1))
_BLOCKS = 2

#: Blocks that a multiprocessor should have to choose from: where trees are parted among them, and
#: where a thread takes the most rows.
_WAVES, _WHOLE_WAVES = 8, 3


@dataclass(frozen=True)
class Ranks:
    """Ranks of `count` rows on a device, `words` of a row, of type `dtype`."""

    address: int
    count: int
    words: int
    dtype: np.dtype


@dataclass(frozen=True)
class Target:
    """Where results go: the first, and how many elements on those of the next row and tree."""

    address: int
    row_step: int
    tree_step: int = 0
    adds: bool = False


@dataclass(frozen=True, eq=False)
class Walk:
    """Trees on a device, and the kernel that takes rows down them.

    name     of the kernel
    units    groups or trees
    room     what a unit takes of shared memory, in bytes
    before   addresses of what the kernel reads
    after    further ones
    stores   whether it stores
    defined  what the kernel is compiled with
    kept     what the addresses are of
    """

    name: str
    units: int
    room: int
    before: tuple[int, ...]
    after: tuple[int, ...]
    stores: bool
    defined: Mapping[str, str | int]
    kept: tuple[Memory, ...] = field(repr=False)

    def run(self, stream: Stream, ranks: Ranks, target: Target) -> None:
        """Take all rows down all trees."""
        shape, near = _shape(stream.device, self, ranks)
        tiles = -(-ranks.count // LANES)
        blocks = -(-tiles // shape.tiles)
        slices = 1
        if self.stores:
            wanted = -(-stream.device.processors * _WAVES // blocks)
            slices = max(1, min(self.units, wanted))
        a_slice = -(-self.units // slices)
        shared = self.room + near * shape.tiles * ranks.words * LANES * WORD
        made = {**self.defined, "THREADS": shape.threads, "ROWS": shape.rows, "NEAR": int(near)}
        arguments: list[tuple[int, Any]] = [
            (ranks.address, c_void_p),
            (ranks.words, c_uint32),
            (ranks.count, c_uint32),
            *((address, c_void_p) for address in self.before),
            (self.units, c_uint32),
            (a_slice, c_uint32),
            *((address, c_void_p) for address in self.after),
            (target.address, c_void_p),
            (target.row_step, c_uint64),
            (target.tree_step, c_uint64),
            (int(target.adds), c_uint32),
        ]
        grid = blocks, -(-self.units // a_slice)
        found = kernel(stream.device, self.name, made)
        stream.launch(found, grid, (shape.threads, 1), arguments, shared)


def _shape(device: Device, walk: Walk, ranks: Ranks) -> tuple[Shape, bool]:
    """How a walk is launched, and whether ranks are in shared memory; full trees ask for that."""
    first, *others = STORING if walk.stores else ADDING
    many = ranks.count >= _WHOLE_WAVES * device.processors * first.tiles * LANES
    for blocks in (_BLOCKS, 1):
        for shape in (first, *others) if many or first.rows == 1 else others:
            near = shape.tiles * ranks.words * LANES * WORD
            if near + walk.room <= device.shared_bytes // blocks:
                return shape, True
    assert walk.name == "sparse", "full trees are made where they fit"
    return Shape(128, 1), False


def fits(device: Device, room: int, words: int) -> bool:
    """Whether groups that take so much `room` find it beside the ranks of some rows."""
    return room + words * LANES * WORD <= device.shared_bytes


def full(device: Device, made: layout.Full, ranks: np.dtype, leaf: np.dtype, **kind: int) -> Walk:
    """The walk of full trees."""
    kept = device.copy(made.content), device.copy(made.groups)
    before = tuple(memory.address for memory in kept)
    defined = _defined(ranks, leaf, kind) | {"LEVELS": made.levels}
    stores = bool(kind["STORES"])
    return Walk("full", len(made.groups), made.room, before, (), stores, defined, kept)


def sparse(
    nodes: Memory,
    roots: Memory,
    count: int,
    values: Memory | None,
    ranks: np.dtype,
    leaf: np.dtype,
    **kind: int,
) -> Walk:
    """The walk of trees as they are, whose leaves have `values` if these are added up."""
    kept = (nodes, roots, *([values] if values else []))
    after = values.address if values else 0
    defined = _defined(ranks, leaf, kind)
    stores = bool(kind["STORES"])
    before = nodes.address, roots.address
    return Walk("sparse", count, 0, before, (after,), stores, defined, kept)


def _defined(ranks: np.dtype, leaf: np.dtype, kind: Mapping[str, int]) -> dict[str, str | int]:
    return {"RANK": C_TYPES[ranks], "LEAF": C_TYPES[leaf], **kind}
