"""Trees for one row at a time: several are walked side by side, by values and not by ranks.

To rank a row and to fill a tile take longer than one row's way down all trees does. Each step
of it waits for memory, so `LANES` trees take theirs together.

A node holds its threshold; its column, in bytes from the start of a row, with `NAN_RIGHT` if NaN
goes right; where its left child is, in bytes from the first node, which its right child
follows; and the number of a leaf. A leaf is its own left child, and nothing goes right there.

F is the number of features, T of trees, M of nodes, L of leaves, K of outputs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from sparkbird.kernels.emit import F32, F64, POINTER, U32, U64, Function, Kind, Value
from sparkbird.kernels.library import Library
from sparkbird.kernels.machine import Machine
from sparkbird.kernels.trees import Trees

#: Trees that are walked together: so many places and what they point to stay in registers.
LANES = 8

NAN_RIGHT = 1

#: What nodes may take, so that 32 bits address them.
MOST_BYTES = 2**32

#: `LANES` trees or fewer: where their roots are, and how many steps the longest way takes.
GROUP = np.dtype([("roots", np.uint32, LANES), ("trees", np.uint64), ("steps", np.uint64)])

#: Addresses of nodes, of groups and how many, of the outputs [T] that trees add to, of the
#: leaves' values [L, K], and how many a leaf has.
FOREST = np.dtype(
    [(name, np.uint64) for name in ("nodes", "groups", "count", "output", "values", "width")]
)

_KINDS: dict[np.dtype, Kind] = {
    np.dtype(np.float32): F32,
    np.dtype(np.float64): F64,
    np.dtype(np.int32): U32,
}


def node_of(values: np.dtype) -> np.dtype:
    """A node whose thresholds are of this type."""
    whole = ("column", "child", "leaf")
    return np.dtype([("threshold", values), *((name, np.uint32) for name in whole)])


class TooLargeError(ValueError):
    """A forest has more nodes than 32 bits address."""


class Single:
    """The sums of trees' leaves, or the leaves' numbers, for one row of one type.

    values  [L, K]  of leaves, float32 or float64, the type of the sums; None for numbers
    output  [T]     the first of the K outputs that a tree adds to, of `outputs` in all

    Raises
    ------
    TooLargeError
        There are more nodes than 32 bits address.
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
        if output is None:
            output = np.zeros(count, np.int64) if values is not None else np.arange(count)
        self._dtype = np.dtype(np.int32) if values is None else values.dtype
        self._shape = (1, count if values is None else outputs)
        self._of_rows = trees.threshold.dtype
        self._empty = ctypes.c_char * (self._shape[1] * self._dtype.itemsize)
        # fmt: off
        self._kept = {
            "nodes": _nodes(trees), "groups": _groups(trees), "output": output.astype(np.uint32),
            "values": np.ascontiguousarray(np.empty(0) if values is None else values),
        }
        # fmt: on
        self._forest = np.zeros(1, FOREST)
        self._forest["count"] = len(self._kept["groups"])
        self._forest["width"] = 1 if values is None else values.shape[1]
        for name, array in self._kept.items():
            self._forest[name] = array.ctypes.data
        self._address = self._forest.ctypes.data
        self._walk = _function(machine, _KINDS[self._of_rows], _KINDS[self._dtype])

    def result(self, row: np.ndarray) -> np.ndarray:
        """The leaves' values added tree after tree, [1, K], or the leaves' numbers, [1, T] int32.

        `row` [1, F] is of the type of the thresholds.
        """
        assert row.dtype == self._of_rows, "rows are of the type of the thresholds"
        found: Any = self._empty()
        self._walk(row.tobytes(), self._address, found)
        return np.ndarray(self._shape, self._dtype, found)


def _nodes(trees: Trees) -> np.ndarray:
    """The nodes, level after level, so that a right child follows its left one: [M]."""
    kind = node_of(trees.threshold.dtype)
    order = np.concatenate(trees.levels)
    if len(order) * kind.itemsize > MOST_BYTES:
        raise TooLargeError("there are more nodes than 32 bits address")
    inner = trees.inner[order]
    nodes = np.zeros(len(order), kind)
    nodes["threshold"] = np.where(inner, trees.threshold[order], np.inf)
    nodes["column"] = np.where(inner, trees.feature[order], 0) * trees.threshold.itemsize
    nodes["column"] |= np.where(inner & ~trees.nan_left[order], NAN_RIGHT, 0).astype(np.uint32)
    nodes["child"] = _places(trees, order)[trees.left[order]] * kind.itemsize
    nodes["leaf"] = np.where(inner, 0, trees.leaf[order])
    return nodes


def _places(trees: Trees, order: np.ndarray) -> np.ndarray:
    """Which place in `order` each node has."""
    places = np.zeros(len(trees.left), np.int64)
    places[order] = np.arange(len(order))
    return places


def _groups(trees: Trees) -> np.ndarray:
    """The trees in order, `LANES` together; a place that is left over has the first root."""
    count = len(trees.roots)
    depth = np.zeros(-(-count // LANES) * LANES, np.int64)
    for level, nodes in enumerate(trees.levels):
        depth[trees.tree[nodes]] = level
    roots = np.zeros(depth.size, np.int64)
    roots[:count] = np.arange(count) * node_of(trees.threshold.dtype).itemsize
    groups = np.zeros(len(depth) // LANES, GROUP)
    groups["roots"] = roots.reshape(-1, LANES)
    groups["steps"] = depth.reshape(-1, LANES).max(axis=1)
    groups["trees"] = np.minimum(LANES, count - np.arange(len(groups)) * LANES)
    return groups


@cache
def _function(machine: Machine, values: Kind, leaf: Kind) -> Callable[..., None]:
    """The kernel for rows and leaves of these kinds, made when it is first needed."""
    from llvmlite import binding, ir

    module = ir.Module("single")
    module.triple = binding.get_default_triple()
    emit(module, "single", values, leaf)
    return Library(str(module), machine).function("single", 3, ctypes.c_void_p)


def emit(module: Any, name: str, values: Kind, leaf: Kind) -> None:
    """The function `name` that adds the leaves of a row to sums, or stores their numbers.

    Its arguments: the row, a `FOREST`, sums or numbers.
    """
    f = Function(module, name, [POINTER, POINTER, POINTER])
    row, forest, results = f.arguments
    nodes, groups, output, leaves = (
        _field(f, forest, FOREST, name, POINTER) for name in ("nodes", "groups", "output", "values")
    )
    count, width = (_field(f, forest, FOREST, name, U64) for name in ("count", "width"))
    arrived = f.buffer(U32.of(LANES))
    with f.loop(count) as g:
        group = groups + g * GROUP.itemsize
        for n, node in enumerate(_walked(f, values, row, nodes, group)):
            f.store(node, arrived, n * U32.size)
        with f.loop(_field(f, group, GROUP, "trees", U64)) as lane:
            node = nodes + f.load(arrived, U32, lane * U32.size)
            number = _field(f, node, node_of(_dtype(values)), "leaf", U32).to(U64)
            first = f.load(output, U32, (g * LANES + lane) * U32.size).to(U64)
            if leaf == U32:
                f.store(number.to(U32), results, first * U32.size)
            else:
                with f.loop(width) as k:
                    place = results + (first + k) * leaf.size
                    value = f.load(leaves, leaf, (number * width + k) * leaf.size)
                    f.store(f.load(place, leaf) + value, place)
    f.finish()


def _walked(f: Function, values: Kind, row: Value, nodes: Value, group: Value) -> list[Value]:
    """Where the row arrives in each tree of a group."""
    kind = node_of(_dtype(values))
    places = [f.variable(f.load(group, U32, lane * U32.size)) for lane in range(LANES)]
    with f.loop(_field(f, group, GROUP, "steps", U64)):
        for place in places:
            node = nodes + place.get()
            column = _field(f, node, kind, "column", U32)
            seen = f.load(row, values, column & (2**32 - 1 - NAN_RIGHT))
            right = seen > _field(f, node, kind, "threshold", values)
            right = right | (seen.is_nan() & (column & NAN_RIGHT).equals(NAN_RIGHT))
            place.set(_field(f, node, kind, "child", U32) + right.to(U32) * kind.itemsize)
    return [place.get() for place in places]


def _field(f: Function, record: Value, kind: np.dtype, name: str, of: Kind) -> Value:
    """A field of the record at an address."""
    return f.load(record, of, kind.fields[name][1])  # type: ignore[index]


def _dtype(values: Kind) -> np.dtype:
    return next(dtype for dtype, kind in _KINDS.items() if kind == values)
