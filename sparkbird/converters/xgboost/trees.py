"""xgboost: the nodes of all trees of a booster side by side.

T is the number of trees, M of nodes, K of outputs, S of category sets and C of the codes
that they speak of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

#: include/xgboost/tree_model.h, RegTree::kInvalidNodeId: what a leaf has for a child.
_NO_NODE = -1


class Nodes:
    """The M nodes of T trees as the model has them, those included to which no way leads.

    starts      [T]  the number of the first node of each tree, which is its root
    tree        [M]  the number of the tree of each node
    inner       [M]  whether it has children
    left,right  [M]  the numbers of its children; a leaf is its own child
    """

    def __init__(self, trees: Sequence[Mapping[str, Any]]) -> None:
        self._trees = trees
        sizes = [len(tree["left_children"]) for tree in trees]
        self.starts = np.cumsum([0, *sizes[:-1]])
        self.tree = np.repeat(np.arange(len(trees)), sizes)
        left, right = self.joined("left_children"), self.joined("right_children")
        self.inner = left != _NO_NODE
        start, itself = self.starts[self.tree], np.arange(len(left))
        self.left = np.where(self.inner, start + left, itself)
        self.right = np.where(self.inner, start + right, itself)

    def joined(self, name: str, dtype: DTypeLike = np.int64) -> np.ndarray:
        """What all trees have under `name`, one tree after the other."""
        return np.concatenate([np.asarray(tree[name]) for tree in self._trees]).astype(dtype)

    @cached_property
    def kept(self) -> np.ndarray:
        """[M], whether a way leads to the node: pruning leaves nodes behind."""
        kept = np.zeros(len(self.left), np.bool_)
        frontier = self.starts
        while frontier.size:
            kept[frontier] = True
            parents = frontier[self.inner[frontier]]
            frontier = np.concatenate([self.left[parents], self.right[parents]])
        return kept

    @cached_property
    def number(self) -> np.ndarray:
        """[M], the number of each node among those that are kept."""
        return np.cumsum(self.kept) - 1

    def values(self, output: np.ndarray, outputs: int) -> np.ndarray:
        """The values of leaves, [M, K] float32; `output` [T] is what a tree of numbers adds to.

        Source: src/tree/tree_model.cc, RegTree::LoadModel (3.2).
        """
        leaves = np.flatnonzero(~self.inner)
        value = np.zeros((len(self.tree), outputs), np.float32)
        if int(self._trees[0]["tree_param"]["size_leaf_vector"]) > 1:
            value[leaves] = self._vectors(outputs)[leaves]
        else:
            number = self.joined("split_conditions", np.float32)
            value[leaves, output[self.tree[leaves]]] = number[leaves]
        return value

    def _vectors(self, outputs: int) -> np.ndarray:
        """The vector of each leaf, and something else elsewhere, [M, K] float32.

        Since 3.1 leaves stand apart, and a leaf has the place of its own for a child.

        Source: src/tree/multi_target_tree_model.cc, MultiTargetTree::LoadModel (3.0, 3.2).
        """
        if "leaf_weights" not in self._trees[0]:
            return self.joined("base_weights", np.float32).reshape(-1, outputs)
        stored = self.joined("leaf_weights", np.float32).reshape(-1, outputs)
        sizes = [len(tree["leaf_weights"]) // outputs for tree in self._trees]
        place = self.joined("right_children") + np.cumsum([0, *sizes[:-1]])[self.tree]
        return np.asarray(stored[np.where(self.inner, 0, place)])

    def sets(self, categorical: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The set of each `categorical` node [M], else -1, and what each holds: [S, C + 1] bool.

        The model lists the codes that go right. A set holds all others, and with C those that
        no list has. Equal sets are one.
        """
        if not categorical.any():
            return np.full(len(categorical), -1), np.zeros((0, 1), np.bool_)
        node, code = self._listed()
        node, code = node[categorical[node]], code[categorical[node]]
        codes = int(code.max(initial=-1)) + 1
        place = np.cumsum(categorical) - 1
        bits = np.zeros((int(categorical.sum()), codes // 8 + 1), np.uint8)
        np.bitwise_or.at(bits, (place[node], code // 8), (1 << code % 8).astype(np.uint8))
        bits, which = np.unique(bits, axis=0, return_inverse=True)
        listed = np.unpackbits(bits, axis=1, count=codes + 1, bitorder="little")
        return np.where(categorical, which.ravel()[place], -1), listed == 0

    def _listed(self) -> tuple[np.ndarray, np.ndarray]:
        """Each code of each list, beside the node that it belongs to."""
        of_tree = np.repeat(
            np.arange(len(self._trees)), [len(tree["categories_nodes"]) for tree in self._trees]
        )
        lengths = [len(tree["categories"]) for tree in self._trees]
        first = self.joined("categories_segments") + np.cumsum([0, *lengths[:-1]])[of_tree]
        sizes = self.joined("categories_sizes")
        place = np.repeat(first - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
        node = np.repeat(self.joined("categories_nodes") + self.starts[of_tree], sizes)
        return node, self.joined("categories")[place]
