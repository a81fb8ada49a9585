"""Trees as kernels take them: by ranks of values in place of the values themselves.

T is the number of trees, M of nodes, C of columns asked for, E of thresholds of a column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: Thresholds of a column that ranks of one byte tell apart, and of two. The greatest rank is
#: that of NaN; the one below, which no value has, never sends to the right.
BYTE, WORD = 2**8 - 2, 2**16 - 3


@dataclass(frozen=True, eq=False)
class Trees:
    """T trees of M nodes, of which a row goes left if ``x[feature] <= threshold``.

    A leaf is its own child. Nodes may stand in any order.

    roots      [T]
    feature    [M]
    threshold  [M]  float32 or float64, the type of the rows; not NaN
    nan_left   [M]  whether NaN goes left
    left,right [M]
    leaf       [M]  the number of a leaf's value
    """

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    nan_left: np.ndarray
    left: np.ndarray
    right: np.ndarray
    leaf: np.ndarray

    @cached_property
    def inner(self) -> np.ndarray:
        """[M], whether each node has children."""
        return np.asarray(self.left != np.arange(len(self.left)))

    @cached_property
    def levels(self) -> list[np.ndarray]:
        """The nodes on each level, roots first."""
        found, nodes = [], self.roots
        while nodes.size:
            found.append(nodes)
            parents = nodes[self.inner[nodes]]
            nodes = np.stack([self.left[parents], self.right[parents]], axis=1).ravel()
        return found

    @cached_property
    def tree(self) -> np.ndarray:
        """[M], the number of each node's tree."""
        tree = np.zeros(len(self.left), np.int32)
        tree[self.roots] = np.arange(len(self.roots))
        for nodes in self.levels:
            parents = nodes[self.inner[nodes]]
            tree[self.left[parents]] = tree[self.right[parents]] = tree[parents]
        return tree


def narrowed(threshold: np.ndarray) -> np.ndarray:
    """The float32 thresholds that decide every float32 as those of float64 do.

    Each is the greatest float32 that is not above its own: no float32 lies between the two.
    """
    with np.errstate(over="ignore", under="ignore"):
        nearest = threshold.astype(np.float32)
        below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > threshold, below, nearest)


@dataclass(frozen=True, eq=False)
class Ranked:
    """Some of the trees, their thresholds as ranks.

    first,last  the trees: from one up to another, which is not among them
    features    [C]  the features asked for
    thresholds  the different ones of each, ascending
    missing     [C]  whether NaN of a feature has the greatest rank, else it has rank 0
    place       [M]  which of the C columns a node asks for
    rank        [M]  that of a node's threshold
    nan_left    [M]  whether a node sends the greatest rank to the left
    """

    first: int
    last: int
    features: np.ndarray
    thresholds: list[np.ndarray]
    missing: np.ndarray
    place: np.ndarray
    rank: np.ndarray
    nan_left: np.ndarray

    @property
    def most(self) -> int:
        """The thresholds of the column that has most of them."""
        return max(map(len, self.thresholds), default=0)


def ranked(trees: Trees) -> Iterator[Ranked]:
    """The trees by ranks, in parts of which no column has more than `WORD` thresholds.

    Raises
    ------
    ValueError
        One tree alone has more.
    """
    first = 0
    while first < len(trees.roots):
        last = len(trees.roots)
        while (part := _ranked(trees, first, last)).most > WORD:
            if last - first == 1:
                raise ValueError("a tree has more thresholds than ranks of two bytes tell apart")
            last = first + max(1, int((last - first) * WORD / part.most))
        yield part
        first = last


def _ranked(trees: Trees, first: int, last: int) -> Ranked:
    own = np.flatnonzero(trees.inner & (trees.tree >= first) & (trees.tree < last))
    features, place = np.unique(trees.feature[own], return_inverse=True)
    by_place = np.argsort(place.astype(np.uint16), kind="stable")
    ends = np.searchsorted(place[by_place], np.arange(len(features)), side="right")
    nodes = [own[some] for some in np.split(by_place, ends[:-1])] if len(features) else []
    rank, nan_left = np.zeros(len(trees.left), np.int32), np.zeros(len(trees.left), np.bool_)
    thresholds, missing = [], np.ones(len(features), np.bool_)
    for number, some in enumerate(nodes):
        different, rank[some] = np.unique(trees.threshold[some], return_inverse=True)
        thresholds.append(different)
        if trees.nan_left[some].all():
            missing[number] = False
        else:
            nan_left[some] = trees.nan_left[some]
    places = np.zeros(len(trees.left), np.int32)
    places[own] = place
    return Ranked(
        first, last, features.astype(np.int64), thresholds, missing, places, rank, nan_left
    )
