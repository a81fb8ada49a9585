"""GEMM: every test of some trees at once, then a matrix product finds the leaves.

N is the number of rows, F of features, K of outputs; of a group of trees, I is the number of
tests and L of leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.graph import op

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from sparkbird.graph.op import Array
    from sparkbird.trees.forest import Forest
    from sparkbird.trees.work import Work

#: Leaves that share a product. The matrix of a group is all zeros outside the blocks of its
#: trees: more leaves mean more multiplications by zero, fewer mean more products.
GROUP = 128
#: Entries of all matrices together, 4 bytes each.
LARGEST = 2**25


def leaf_sum(forest: Forest, x: Array, dtype: DTypeLike) -> Array:
    """The sum over trees of the leaf values, in the order of the product, [N, F] -> [N, K].

    It is one of float64, rounded to `dtype` at the end.

    The published strategy also selects the tested columns by a product with a 0/1 matrix.
    Here they are gathered: 0 * inf is NaN, and one infinity in a row would spoil every test.

    Source: Nakandala et al., OSDI 2020, algorithm 1.
    """
    total: Array = None
    for group in groups(forest):
        values = op.matmul(_reached(group, x), group.value[group.leaves])
        total = values if total is None else total + values
    return op.cast(total, dtype=dtype)


def leaf_index(forest: Forest, x: Array) -> Array:
    """The leaf that each row falls into, [N, F] -> [N, T]."""
    found, start = [], 0
    for group in groups(forest):
        leaves = np.flatnonzero(group.leaves)
        number = np.zeros((len(leaves), group.n_trees))
        number[np.arange(len(leaves)), group.tree[leaves]] = leaves + start
        found.append(op.matmul(_reached(group, x), number))
        start += len(group.leaves)
    together = found[0] if len(found) == 1 else op.concat(*found, axis=1)
    return op.cast(together, dtype=np.int32)


def groups(forest: Forest) -> Iterator[Forest]:
    """Consecutive trees with at most `GROUP` leaves, or one tree that has more."""
    ends = np.cumsum(np.bincount(forest.tree[forest.leaves]))
    first = 0
    while first < forest.n_trees:
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + GROUP, side="right")))
        yield forest.part(first, last)
        first = last


def _reached(forest: Forest, x: Array) -> Array:
    """1.0 where a row is at a leaf, else 0.0: [N, F] -> [N, L]."""
    inner = np.flatnonzero(forest.inner)
    if not inner.size:  # lone leaves: ask one question, to which every answer is right
        inner = forest.roots[:1]
    path = paths(forest, inner)
    seen = op.take(x, forest.feature[inner], axis=1)
    goes_left = op.less_equal(seen, forest.threshold[inner].astype(x.dtype))
    if forest.nan_left.any():
        goes_left = goes_left | (op.isnan(seen) & forest.nan_left[inner])
    agreeing = op.matmul(op.cast(goes_left, dtype=np.float32), path)
    turns = (path == 1).sum(axis=0).astype(np.float32)
    return op.cast(op.equal(agreeing, turns), dtype=np.float64)


def paths(forest: Forest, inner: np.ndarray) -> np.ndarray:
    """The way from a root to each leaf over the nodes `inner`: [I, L].

    1 if the way to leaf l turns left at inner node i, -1 if right, 0 if it does not pass. A
    row is at leaf l just when ``goes_left @ path[:, l]`` is the number of left turns.
    """
    nodes = len(forest.left)
    row = np.zeros(nodes, np.int64)
    row[inner] = np.arange(len(inner))
    tests = np.flatnonzero(forest.inner)
    parent, turn = np.full(nodes, -1), np.zeros(nodes, np.float32)
    for child, sign in ((forest.left, 1.0), (forest.right, -1.0)):
        parent[child[tests]] = tests
        turn[child[tests]] = sign
    node = np.flatnonzero(forest.leaves)
    column = np.arange(len(node))
    path = np.zeros((len(inner), len(node)), np.float32)
    for _ in range(forest.depth):
        below = parent[node] >= 0
        node, column = node[below], column[below]
        path[row[parent[node]], column] = turn[node]
        node = parent[node]
    return path


def entries(forest: Forest) -> int:
    """The entries of all path matrices."""
    leaves = np.bincount(forest.tree[forest.leaves])
    # A tree of more than GROUP leaves stands alone; of others, that many stand together.
    return int((leaves * np.maximum(leaves, min(GROUP, leaves.sum()))).sum())


def obstacle(forest: Forest) -> str:
    """Why `forest` cannot be computed so, or nothing."""
    if entries(forest) > LARGEST:
        return f"its path matrices would have more than {LARGEST} entries"
    if not np.isfinite(forest.value[forest.leaves]).all():
        return "a leaf has an infinite value, and 0 times that is not 0"
    return ""


def counts(work: Work) -> dict[str, float]:
    """What a row costs: node launches, tests and leaves, multiplications."""
    products = max(1.0, work.leaves / max(GROUP, work.leaves / work.trees))
    return {
        "launch": 8 * products / work.batch,
        "test": 2 * work.leaves,
        "product": work.entries + work.leaves * work.outputs,
    }
