"""Random trees as kernels take them, rows that are traps for them, and a plain walk."""

import numpy as np

from sparkbird.kernels.trees import Trees

#: Values next to which thresholds and rows fall: zeros, infinities, the least numbers there are.
SPECIAL = [0.0, -0.0, np.inf, -np.inf, 5e-324, 1e-40, -1e-40, 1.0, np.nextafter(1, 2)]


def grown(rng, *, trees, leaves, features, values, dtype, missing=True):
    """Random trees; those of many leaves grow deep on one side."""
    rows = []
    roots = []
    for _ in range(trees):
        roots.append(len(rows))
        rows.append([0, 0.0, False, len(rows), len(rows)])
        ends = [roots[-1]]
        for _ in range(int(rng.integers(1, leaves + 1)) - 1):
            at = ends.pop(int(rng.integers(len(ends))) if rng.random() < 0.7 else -1)
            first = len(rows)
            rows += [[0, 0.0, False, i, i] for i in (first, first + 1)]
            left = bool(missing and rng.random() < 0.5)
            rows[at] = [rng.integers(features), rng.choice(values), left, first, first + 1]
            ends += [first, first + 1]
    feature, threshold, nan_left, left, right = zip(*rows, strict=True)
    return Trees(
        np.array(roots),
        np.array(feature, np.int32),
        np.array(threshold, dtype),
        np.array(nan_left),
        np.array(left),
        np.array(right),
        np.arange(len(rows)),
    )


def rows_for(rng, trees, count, features, dtype):
    """Rows of which many values are thresholds, missing, infinite or zero."""
    x = rng.standard_normal((count, features)).astype(dtype)
    kind = rng.random(x.shape)
    x[kind < 0.2] = np.nan
    x[kind > 0.7] = rng.choice(np.append(trees.threshold, SPECIAL), (kind > 0.7).sum())
    return x


def walked(trees, x):
    """The leaf of each row in each tree, a step at a time: [N, T]."""
    found = np.zeros((len(x), len(trees.roots)), np.int64)
    for number, root in enumerate(trees.roots):
        node = np.full(len(x), root)
        while trees.inner[node].any():
            seen = x[np.arange(len(x)), trees.feature[node]]
            left = (seen <= trees.threshold[node]) | (np.isnan(seen) & trees.nan_left[node])
            below = np.where(left, trees.left[node], trees.right[node])
            node = np.where(trees.inner[node], below, node)
        found[:, number] = node
    return found


def added(values, leaves):
    """The leaves' values added tree after tree."""
    total = np.zeros((len(leaves), values.shape[1]), values.dtype)
    for tree in leaves.T:
        total += values[tree]
    return total


def many_thresholds(trees):
    """Trees, each a long row of tests of one column, with no threshold in common."""
    leaves = 30_000
    inner = np.arange(leaves - 1) * 2
    nodes = 2 * leaves - 1
    left, right = np.arange(nodes), np.arange(nodes)
    left[inner], right[inner] = inner + 1, inner + 2
    threshold = np.zeros((trees, nodes))
    threshold[:, inner] = np.arange(trees * len(inner)).reshape(trees, -1)
    start = np.arange(trees)[:, None] * nodes
    flat = np.zeros(trees * nodes, np.int64)
    return Trees(
        start.ravel(),
        flat,
        threshold.ravel(),
        flat > 0,
        (left + start).ravel(),
        (right + start).ravel(),
        np.arange(trees * nodes),
    )
