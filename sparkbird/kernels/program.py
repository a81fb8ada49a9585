"""Trees written as the programs that `levels` runs, and as the nodes that `walk` goes on with.

All trees are written side by side, one level of all of them after the other. T is the number of
trees, M of nodes, S of places that rows may be at, A of trees that have a level, L of leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sparkbird.kernels.leaves import MOST
from sparkbird.kernels.levels import HEAD, HEAD_LEVELS, LEVEL, UNROLLED
from sparkbird.kernels.machine import REGISTER
from sparkbird.kernels.memory import aligned
from sparkbird.kernels.trees import Ranked, Trees
from sparkbird.kernels.walk import ARRIVED, NAN_LEFT, NODE

#: A place at which no row is: below a leaf in the first levels, which are always full.
_NOWHERE = -1


@dataclass(frozen=True, eq=False)
class Program:
    """Trees as the kernels read them.

    content  bytes, the first of them where a register may start
    starts   [T + 1]  where each tree starts, and where the last one ends
    nodes    those of `walk`; none if each tree has at most `MOST` leaves
    """

    content: np.ndarray
    starts: np.ndarray
    nodes: np.ndarray


@dataclass(frozen=True, eq=False)
class Places:
    """The places that rows may be at, S, those of a tree side by side.

    tree  [S]  the number of the tree, from 0
    node  [S]  the node there, or `_NOWHERE`
    """

    tree: np.ndarray
    node: np.ndarray

    def position(self) -> np.ndarray:
        """[S], the number of each place in its tree."""
        starts = np.searchsorted(self.tree, self.tree)
        return np.asarray(np.arange(len(self.tree)) - starts)


class Writer:
    """A program in the making: where things are in each tree, and then what is there."""

    def __init__(self, trees: Trees, part: Ranked, *, word: bool, missing: bool) -> None:
        self._trees, self._part = trees, part
        self._word, self._missing = word, missing
        self._never = 2**16 - 1 if word else 2**8 - 1  # no rank is greater
        self._pieces: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        roots = trees.roots[part.first : part.last]
        self._size = np.full(len(roots), HEAD.itemsize)
        self._head = np.zeros(len(roots), HEAD)
        self._places = self._grown(self._fill_head(roots))

    @property
    def goes_on(self) -> bool:
        """Whether rows may be at nodes after the last level, from where `walk` goes on."""
        node = self._places.node
        return bool((self._trees.inner[node] & (node >= 0)).any())

    def finish(self, leaves: np.ndarray, output: np.ndarray, *, shuffled: bool) -> Program:
        """The program with a row of `leaves` [M, K] for each node that a row may end at.

        `shuffled` tells to keep the first bytes of all rows together, and so on; `output` [T] is
        the output that each tree adds to.
        """
        if shuffled:
            leaves = np.ascontiguousarray(leaves).view(np.uint8)
        places = self._places
        there = places.node >= 0
        tree, position = places.tree[there], places.position()[there]
        content = leaves[places.node[there]]
        registers = _registers(np.bincount(places.tree, minlength=len(self._head)))
        self._head["registers"], self._head["output"] = registers, output
        self._head["leaves"] = self._size
        table = registers * REGISTER * leaves.dtype.itemsize
        for k in range(leaves.shape[1]):
            offset = self._size[tree] + k * table[tree] + position * leaves.dtype.itemsize
            self._put(tree, offset, content[:, k])
        self._size += table * leaves.shape[1]
        self._head["next"] = self._size
        return self._assembled()

    def _assembled(self) -> Program:
        self._put(np.arange(len(self._head)), np.zeros(len(self._head), np.int64), self._head)
        starts = np.concatenate([[0], np.cumsum(self._size)])
        content = aligned(int(starts[-1]))
        content[:] = 0
        for tree, offset, values in self._pieces:
            places = (starts[tree] + offset)[:, None] + np.arange(values.dtype.itemsize)
            content[places] = np.ascontiguousarray(values).view(np.uint8).reshape(places.shape)
        return Program(content, starts, self.nodes() if self.goes_on else np.empty(0, NODE))

    def _put(self, tree: np.ndarray, offset: np.ndarray, values: np.ndarray) -> None:
        """Write each of some values at an offset in its tree."""
        self._pieces.append((tree, offset, values))

    def _fill_head(self, roots: np.ndarray) -> Places:
        """Write the first levels, as if they were full; the places below them."""
        trees, part = self._trees, self._part
        nodes, first = roots[:, None], 0
        for _ in range(HEAD_LEVELS):
            there = trees.inner[nodes] & (nodes >= 0)
            span = slice(first, first + nodes.shape[1])
            self._head["column"][:, span] = np.where(there, part.place[nodes], 0)
            self._head["rank"][:, span] = np.where(there, part.rank[nodes], self._never)
            self._head["nan_left"][:, span] = there & part.nan_left[nodes] & self._missing
            left = np.where(there, trees.left[nodes], nodes)
            right = np.where(there, trees.right[nodes], _NOWHERE)
            nodes = np.stack([left, right], axis=2).reshape(len(roots), -1)
            first = span.stop
        return Places(np.repeat(np.arange(len(roots)), nodes.shape[1]), nodes.ravel())

    def _grown(self, places: Places) -> Places:
        """Write the levels of all trees until their rows have arrived, or may be at too many."""
        trees, count = self._trees, len(self._head)
        while True:
            inner = trees.inner[places.node] & (places.node >= 0)
            width = np.where(places.node < 0, 0, 1 + inner)
            below = np.bincount(places.tree, width, minlength=count)
            grows = (np.bincount(places.tree, inner, minlength=count) > 0) & (below <= MOST)
            if not grows.any():
                return places
            growing = grows[places.tree]
            own = Places(places.tree[growing], places.node[growing])
            self._write_level(own, inner[growing], width[growing])
            places = _below(trees, places, inner & growing, np.where(growing, width, 1))

    def _write_level(self, places: Places, inner: np.ndarray, width: np.ndarray) -> None:
        part, position = self._part, places.position()
        tree, number, counts = self._write_columns(places, inner)
        rank = np.where(inner, part.rank[places.node], self._never)
        before = np.cumsum(width) - width
        child = before - before[np.searchsorted(places.tree, places.tree)]
        tables = [number, rank & 0xFF, child]
        if self._word:
            tables.insert(2, rank >> 8)
        if self._missing:
            tables.append(inner & part.nan_left[places.node])
        registers = _registers(np.bincount(places.tree, minlength=len(self._head)))
        columns = -(-counts // UNROLLED) * UNROLLED
        first = _padded(LEVEL.itemsize + 2 * columns)
        head = np.zeros(len(tree), LEVEL)
        head["columns"], head["registers"], head["tables"] = (
            values[tree] for values in (columns, registers, first)
        )
        self._put(tree, self._size[tree], head)
        for n, table in enumerate(tables):
            start = self._size + first + n * registers * REGISTER
            self._put(places.tree, start[places.tree] + position, table.astype(np.uint8))
        self._size[tree] += (first + len(tables) * registers * REGISTER)[tree]
        self._head["levels"][tree] += 1

    def _write_columns(
        self, places: Places, inner: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The trees of a level [A], the number of each place's column [S], and how many [T]."""
        asks = places.tree[inner] * 2**16 + self._part.place[places.node[inner]]
        asked, inverse = np.unique(asks, return_inverse=True)
        tree, place = np.divmod(asked, 2**16)
        number = np.arange(len(asked)) - np.searchsorted(tree, tree)
        self._put(tree, self._size[tree] + LEVEL.itemsize + 2 * number, place.astype(np.uint16))
        own = np.zeros(len(inner), np.int64)
        own[inner] = number[inverse.ravel()]
        return np.unique(tree), own, np.bincount(tree, minlength=len(self._head))

    def nodes(self) -> np.ndarray:
        """All nodes as `walk` reads them, each at its `numbers`."""
        trees, part = self._trees, self._part
        number, own = self.numbers
        nodes = np.zeros(len(own), NODE)
        inner = trees.inner[own]
        place = number[own]
        nodes["rank"][place] = np.where(inner, part.rank[own], ARRIVED)
        nodes["column"][place] = np.where(inner, part.place[own] | NAN_LEFT * part.nan_left[own], 0)
        nodes["child"][place] = np.where(inner, number[trees.left[own]], trees.leaf[own])
        return nodes

    @cached_property
    def numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each node stands among those of `walk` [M], and which ones do.

        Two children stand beside each other, and what is below the left one before what is
        below the right one: near the leaves, a few steps are in one line of the cache.
        """
        trees, part = self._trees, self._part
        levels = trees.levels
        if part.last - part.first < len(trees.roots):
            own = (part.first <= trees.tree) & (trees.tree < part.last)
            levels = [nodes[own[nodes]] for nodes in levels]
        parents = [nodes[trees.inner[nodes]] for nodes in levels]
        below = np.zeros(len(trees.left), np.int32)  # inner nodes, itself included
        for nodes in reversed(parents):
            below[nodes] = 1 + below[trees.left[nodes]] + below[trees.right[nodes]]
        roots = trees.roots[part.first : part.last]
        sizes = 2 * below[roots] + 1
        first, before = np.zeros((2, len(trees.left)), np.int32)
        number = first.copy()
        first[roots] = number[roots] = np.cumsum(sizes) - sizes
        for nodes in parents:
            left, right = trees.left[nodes], trees.right[nodes]
            first[left] = first[right] = first[nodes]
            number[left] = first[nodes] + 2 * before[nodes] + 1
            number[right] = number[left] + 1
            before[left] = before[nodes] + 1
            before[right] = before[left] + below[left]
        return number, np.concatenate(levels)


def _below(trees: Trees, places: Places, inner: np.ndarray, width: np.ndarray) -> Places:
    """The places on the next level: the children of `inner` ones, and others `width` times."""
    source = np.repeat(np.arange(len(width)), width)
    second = np.append(False, source[1:] == source[:-1])
    node = places.node[source]
    child = np.where(second, trees.right[node], trees.left[node])
    return Places(places.tree[source], np.where(inner[source], child, node))


def _registers(entries: np.ndarray) -> np.ndarray:
    """How many registers tables of so many entries take."""
    return np.where(entries <= REGISTER, 1, np.where(entries <= 2 * REGISTER, 2, 4))


def _padded(size: np.ndarray) -> np.ndarray:
    return np.asarray(-(-size // REGISTER) * REGISTER)
