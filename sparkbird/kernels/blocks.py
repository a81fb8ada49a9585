"""Networks of multiplexers written as the blocks of trees that `planes` runs.

T is the number of trees, M of nodes, S of those of the trees of a part, L of leaves, K of
outputs, C of conditions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sparkbird.kernels.machine import REGISTER
from sparkbird.kernels.memory import aligned
from sparkbird.kernels.network import bits, codes, nodes_of, operations
from sparkbird.kernels.planes import BLOCK, CONDITION, FIRST, HEAD, OPERATION
from sparkbird.kernels.trees import Ranked, Trees

#: What the trees of a block should take together, in bytes, and how many conditions they ask for:
#: much of both should stay in the cache of a core, but each block finds its conditions anew.
TREES_BYTES, MOST_CONDITIONS = 4 * 2**20, 8_192


@dataclass(frozen=True, eq=False)
class Blocks:
    """Trees as `planes` reads them.

    blocks      [B]  `BLOCK`
    room        how many registers one of them needs at most
    operations  how many there are in all
    registers   how many the tables of all trees take, for each byte of a leaf's values
    kept        what blocks have the addresses of
    """

    blocks: np.ndarray
    room: int
    operations: int
    registers: int
    kept: list[np.ndarray]

    @property
    def size(self) -> int:
        """Its arrays, in bytes."""
        return sum(array.nbytes for array in (self.blocks, *self.kept))


class Writer:
    """The trees of `part` in the making."""

    def __init__(self, trees: Trees, part: Ranked) -> None:
        self._trees, self._part = trees, part
        self._roots = trees.roots[part.first : part.last]
        self._nodes = nodes_of(trees, self._roots)
        numbers = self._nodes.leaves()
        self._bits = bits(self._nodes)
        self._codes = codes(self._nodes, numbers, self._bits)
        self._operations = operations(self._nodes, numbers, self._codes)
        ends = ~self._nodes.inner
        self._leaves = np.empty(len(self._codes.tree), np.int64)  # from left to right
        self._leaves[numbers[ends]] = self._nodes.node[ends]
        self._conditions, self._condition = self._asked()

    def finish(self, leaves: np.ndarray, output: np.ndarray, *, shuffled: bool) -> Blocks:
        """The blocks, with a row of `leaves` [M, K] for each node that is one.

        `shuffled` tells to keep the first bytes of all rows together, and so on; `output` [T] is
        the output that each tree adds to.
        """
        head = self._heads(output, leaves.dtype.itemsize * leaves.shape[1])
        if shuffled:
            leaves = np.ascontiguousarray(leaves).view(np.uint8)
        first = FIRST + int(head["operations"].max(initial=0))
        spans = [*self._spans(head["next"].astype(np.int64))]
        blocks, kept = np.zeros(len(spans), BLOCK), []
        for block, (trees, conditions) in zip(blocks, spans, strict=True):
            register = np.zeros(len(self._conditions) + 1, np.int64)  # there may be none
            register[conditions] = first + np.arange(len(conditions))
            content = self._written(trees, head, register[self._condition], leaves)
            asked = self._conditions[conditions]
            block["conditions"], block["count"] = asked.ctypes.data, len(asked)
            block["first"], block["size"] = first, trees.stop - trees.start
            block["trees"] = content.ctypes.data
            kept += [content, asked]
        room = first + int(blocks["count"].max(initial=0))
        operations, registers = (int(head[name].sum()) for name in ("operations", "registers"))
        return Blocks(blocks, room, operations, registers, kept)

    def _asked(self) -> tuple[np.ndarray, np.ndarray]:
        """The different conditions [C], and which of them each node has, [S]."""
        part, inner = self._part, self._nodes.inner
        node = self._nodes.node[inner]
        key = (part.place[node].astype(np.int64) << 17) | (part.rank[node] << 1)
        key |= part.nan_left[node]
        different, number = np.unique(key, return_inverse=True)
        conditions = np.zeros(len(different), CONDITION)
        conditions["column"], conditions["rank"] = different >> 17, different >> 1
        conditions["nan_left"] = different & 1
        condition = np.zeros(len(inner), np.int64)
        condition[inner] = number.ravel()
        return conditions, condition

    def _heads(self, output: np.ndarray, entry: int) -> np.ndarray:
        """All but the planes; a leaf has so many bytes of values."""
        count = len(self._roots)
        head = np.zeros(count, HEAD)
        head["operations"] = np.bincount(self._operations.tree, minlength=count)
        head["output"], head["registers"] = output, (1 << self._bits) // REGISTER
        size = HEAD.itemsize + head["operations"] * OPERATION.itemsize
        head["leaves"] = -(-size // REGISTER) * REGISTER
        head["next"] = head["leaves"] + (entry << self._bits)
        return head

    def _spans(self, sizes: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """The trees of each block, and its conditions."""
        tree = self._nodes.tree[self._nodes.inner]
        order = np.argsort(tree, kind="stable")
        number = self._condition[self._nodes.inner][order]
        ends = np.searchsorted(tree[order], np.arange(len(sizes)), side="right")
        known = np.zeros(len(self._conditions), np.bool_)
        first, taken = 0, 0
        for last, (own, size) in enumerate(zip(np.split(number, ends[:-1]), sizes, strict=True)):
            asked = np.count_nonzero(known) + len(np.unique(own[~known[own]]))
            if last > first and (taken + size > TREES_BYTES or asked > MOST_CONDITIONS):
                yield slice(first, last), np.flatnonzero(known)
                known[:] = False
                first, taken = last, 0
            known[own] = True
            taken += size
        yield slice(first, len(sizes)), np.flatnonzero(known)

    def _written(
        self, trees: slice, head: np.ndarray, registers: np.ndarray, leaves: np.ndarray
    ) -> np.ndarray:
        """The trees of a block, by the registers of the conditions of all S nodes."""

        def known(places: np.ndarray) -> np.ndarray:
            return np.where(places < 0, registers[np.maximum(-1 - places, 0)], places)

        done = self._operations
        own = slice(*np.searchsorted(done.tree, [trees.start, trees.stop]))
        records = np.zeros(own.stop - own.start, OPERATION)
        records["condition"] = registers[done.condition[own]]
        records["left"], records["right"] = known(done.left[own]), known(done.right[own])
        head = head[trees]
        head["planes"] = known(done.planes[trees])
        starts = np.append(0, np.cumsum(head["next"], dtype=np.int64))
        content = aligned(int(starts[-1]))
        _put(content, starts[:-1], head)
        tree = done.tree[own] - trees.start
        number = np.arange(len(tree)) - np.searchsorted(tree, tree)
        _put(content, starts[tree] + HEAD.itemsize + number * OPERATION.itemsize, records)
        self._put_leaves(content, trees, starts[:-1] + head["leaves"], leaves)
        return content

    def _put_leaves(
        self, content: np.ndarray, trees: slice, tables: np.ndarray, leaves: np.ndarray
    ) -> None:
        """Write the values of leaves for all their codes, from where each tree has its `tables`."""
        known = self._codes
        own = slice(*np.searchsorted(known.tree, [trees.start, trees.stop]))
        times = 1 << known.free[own]
        after = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        code = np.repeat(known.first[own], times) + after
        tree = np.repeat(known.tree[own], times)
        size = leaves.dtype.itemsize
        places = tables[tree - trees.start] + code * size
        values = np.repeat(leaves[self._leaves[own]], times, axis=0)
        for k in range(leaves.shape[1]):
            offset = (k * size) << self._bits[tree]
            _put(content, places + offset, np.ascontiguousarray(values[:, k]))


def _put(content: np.ndarray, places: np.ndarray, values: np.ndarray) -> None:
    """Write each of some values at its place."""
    if len(values):
        rows = values.view(np.uint8).reshape(len(values), -1)
        content[places[:, None] + np.arange(rows.shape[1])] = rows
