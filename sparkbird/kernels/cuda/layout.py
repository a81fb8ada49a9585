"""Trees as `forest.cu` reads them.

T is the number of trees, M of nodes, C of columns of a part, D of columns on the device, L of
leaves, K of outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sparkbird.kernels.trees import BYTE, Ranked, Trees

#: Rows that stand in a tile, and the bytes of a word of each.
LANES, WORD = 32, 4

#: A column to rank, trees that are in shared memory together, and one of these; a node of trees
#: of any depth, and where one of these starts.
# fmt: off
COLUMN = np.dtype([("offset", np.uint64), *((name, np.uint32) for name in
                   ("stride", "first", "steps", "start", "missing", "coded"))])
GROUP = np.dtype([("start", np.uint64), *((name, np.uint32) for name in
                  ("size", "count", "first", "unused"))])
TREE = np.dtype([(name, np.uint32) for name in ("nodes", "leaves", "levels", "output")])
NODE = np.dtype([("column", np.uint16), ("rank", np.uint16), ("child", np.uint32)])
ROOT = np.dtype([("root", np.uint32), ("output", np.uint32)])
# fmt: on

#: The rank of a leaf, and of a node that sends all to the left.
ARRIVED = NEVER_RIGHT = 2**16 - 1

#: What trees of a group take together, in bytes: there is room for it beside ranks of rows.
GROUP_BYTES = 32 * 2**10

#: Trees of so few levels are always full on the device; of so many if they are nearly so.
FEW_LEVELS, MOST_LEVELS = 8, 11
#: The leaves of a full tree to those that there are.
_SPARSE = 4


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns on the device: two of a column whose nodes no rank of NaN suits.

    place    [D]  which of the part's columns each is
    missing  [D]  the rank of NaN: it goes left at the nodes from this rank on, and right at others
    of_node  [M]  that of each node
    """

    place: np.ndarray
    missing: np.ndarray
    of_node: np.ndarray

    @classmethod
    def of(cls, part: Ranked, own: np.ndarray) -> Columns:
        """Those of a part, whose nodes are `own`."""
        place, rank = part.place[own], part.rank[own]
        left = part.nan_left[own] | ~part.missing[place]
        first_left = np.full(len(part.thresholds), ARRIVED)
        after_right = np.zeros(len(part.thresholds), np.int64)
        np.minimum.at(first_left, place[left], rank[left])
        np.maximum.at(after_right, place[~left], rank[~left] + 1)
        two = after_right > first_left
        most = np.iinfo(np.uint16 if part.most > BYTE else np.uint8).max
        different, number = np.unique(2 * place + (left & two[place]), return_inverse=True)
        known = different >> 1
        of_two = np.where(different % 2 == 1, 0, most)
        of_node = np.zeros(len(part.place), np.int64)
        of_node[own] = number
        return cls(known, np.where(two[known], of_two, after_right[known]), of_node)

    def words(self, ranks: np.dtype) -> int:
        """How many words the ranks of a row take."""
        return -(-max(1, len(self.place)) * ranks.itemsize // WORD)


def offsets(columns: np.ndarray, ranks: np.dtype) -> np.ndarray:
    """Where the ranks of `columns` are in a tile, in bytes from the first word of a row."""
    a_word = WORD // ranks.itemsize
    found: np.ndarray = columns // a_word * (LANES * WORD) + columns % a_word * ranks.itemsize
    return found


def nodes_of(trees: Trees, part: Ranked) -> np.ndarray:
    """The nodes of a part's trees that have children."""
    return np.flatnonzero(trees.inner & (trees.tree >= part.first) & (trees.tree < part.last))


@dataclass(frozen=True, eq=False)
class Full:
    """Trees filled up with nodes that send all to the left, in groups.

    content  bytes
    groups   [G]  `GROUP`
    levels   of the tree that has most of them
    """

    content: np.ndarray
    groups: np.ndarray
    levels: int

    @property
    def room(self) -> int:
        """What the greatest group takes, in bytes."""
        return int(self.groups["size"].max(initial=0))


def is_full(trees: Trees, part: Ranked, columns: Columns, ranks: np.dtype) -> bool:
    """Whether the trees of a part should be filled up: they are shallow, or nearly full."""
    levels = int(_levels(trees, part).max(initial=0))
    leaves = len(nodes_of(trees, part)) / (part.last - part.first) + 1
    last = offsets(np.array([max(1, len(columns.place)) - 1]), ranks)[0]
    nearly = levels <= MOST_LEVELS and 2**levels <= _SPARSE * leaves
    return bool(last < 2**16 and (levels <= FEW_LEVELS or nearly))


def full(
    trees: Trees, part: Ranked, columns: Columns, ranks: np.dtype, leaves: np.ndarray,
    output: np.ndarray,
) -> Full:  # fmt: skip
    """The trees of `part` with a row of `leaves` [M, K] for each node that is one.

    `output` [T] is the first output that each of all trees adds to.
    """
    levels = _levels(trees, part)
    width = leaves.dtype.itemsize * leaves.shape[1]
    nodes_bytes = _whole(WORD << levels)
    size = nodes_bytes + _whole(width << levels) + TREE.itemsize
    group = _groups(size)
    groups, place = _placed(group, size)
    groups["first"] += part.first
    heads = np.zeros(len(levels), TREE)
    in_group = place - groups["start"][group] - TREE.itemsize * _counted(group)
    heads["nodes"] = in_group + TREE.itemsize * groups["count"][group]
    heads["leaves"] = heads["nodes"] + nodes_bytes
    heads["levels"], heads["output"] = levels, output[part.first : part.last]
    content = np.full(int(size.sum()) // WORD, NEVER_RIGHT, np.uint32).view(np.uint8)
    start = groups["start"][group].astype(np.int64)
    _put(content, start + TREE.itemsize * _counted(group), heads)
    heap, level = _heap(trees, part)
    tree = trees.tree - part.first
    own = nodes_of(trees, part)
    words = (offsets(columns.of_node[own], ranks) << 16 | part.rank[own]).astype(np.uint32)
    _put(content, (start + heads["nodes"])[tree[own]] + WORD * heap[own], words)
    ends = np.flatnonzero(~trees.inner & (heap > 0))
    slot = (heap[ends] << (levels[tree[ends]] - level[ends])) - (1 << levels[tree[ends]])
    _put(content, (start + heads["leaves"])[tree[ends]] + width * slot, leaves[ends])
    return Full(content, groups, int(levels.max(initial=0)))


def _whole(size: np.ndarray) -> np.ndarray:
    return -(-size // TREE.itemsize) * TREE.itemsize


def _levels(trees: Trees, part: Ranked) -> np.ndarray:
    """The levels below the root of each tree of a part, [T]."""
    levels = np.zeros(len(trees.roots), np.int64)
    for level, nodes in enumerate(trees.levels):
        levels[trees.tree[nodes]] = level
    return levels[part.first : part.last]


def _groups(size: np.ndarray) -> np.ndarray:
    """The group of each tree: as many together as there is room for, one at least, [T]."""
    group = np.zeros(len(size), np.int64)
    number, taken = 0, 0
    for tree, own in enumerate(size.tolist()):
        if taken and taken + own > GROUP_BYTES:
            number, taken = number + 1, 0
        group[tree] = number
        taken += own
    return group


def _placed(group: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The groups, and where what is of each tree starts if all of it stood in one piece, [T]."""
    groups = np.zeros(int(group[-1]) + 1, GROUP)
    groups["size"] = np.bincount(group, size)
    groups["count"] = np.bincount(group)
    groups["start"] = np.cumsum(groups["size"], dtype=np.int64) - groups["size"]
    groups["first"] = np.searchsorted(group, np.arange(len(groups)))
    return groups, np.cumsum(size) - size


def _counted(group: np.ndarray) -> np.ndarray:
    """The place of each tree among those of its group, [T]."""
    return np.arange(len(group)) - np.searchsorted(group, group)


def _heap(trees: Trees, part: Ranked) -> tuple[np.ndarray, np.ndarray]:
    """The number of each of a part's nodes in its full tree, 1 for the root, and its level: [M]."""
    heap, depth = np.zeros((2, len(trees.left)), np.int64)
    heap[trees.roots[part.first : part.last]] = 1
    for level, nodes in enumerate(trees.levels):
        own = nodes[heap[nodes] > 0]
        depth[own] = level
        parents = own[trees.inner[own]]
        heap[trees.left[parents]] = 2 * heap[parents]
        heap[trees.right[parents]] = 2 * heap[parents] + 1
    return heap, depth


def _put(content: np.ndarray, places: np.ndarray, values: np.ndarray) -> None:
    """Write each of some values [N, ...] at its place."""
    if len(values):
        rows = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)
        content[places.astype(np.int64)[:, None] + np.arange(rows.shape[1])] = rows


@dataclass(frozen=True, eq=False)
class Sparse:
    """Trees as they are: `nodes` [M] of `NODE`, tree after tree, and `roots` [T] of `ROOT`."""

    nodes: np.ndarray
    roots: np.ndarray


def sparse(trees: Trees, part: Ranked, columns: Columns, output: np.ndarray) -> Sparse:
    """The trees of `part`; `output` [T] is the first output that each of all trees adds to."""
    order = np.concatenate([*_own_levels(trees, part)])
    order = order[np.argsort(trees.tree[order], kind="stable")]  # two children stay together
    number = np.zeros(len(trees.left), np.int64)
    number[order] = np.arange(len(order))
    inner = trees.inner[order]
    nodes = np.zeros(len(order), NODE)
    nodes["column"] = columns.of_node[order]
    nodes["rank"] = np.where(inner, part.rank[order], ARRIVED)
    nodes["child"] = np.where(inner, number[trees.left[order]], trees.leaf[order])
    roots = np.zeros(part.last - part.first, ROOT)
    roots["root"] = number[trees.roots[part.first : part.last]]
    roots["output"] = output[part.first : part.last]
    return Sparse(nodes, roots)


def _own_levels(trees: Trees, part: Ranked) -> Iterator[np.ndarray]:
    for nodes in trees.levels:
        tree = trees.tree[nodes]
        yield nodes[(tree >= part.first) & (tree < part.last)]
