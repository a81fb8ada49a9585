"""A forest as flat arrays, free of the library that trained it.

N is the number of rows, F of features, T of trees, M of nodes, K of outputs, S of category
sets and C of the codes that they speak of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from sparkbird.kernels import trees


def _none_given() -> np.ndarray:
    return np.empty(0, np.int64)


def _no_sets() -> np.ndarray:
    return np.zeros((0, 1), np.bool_)


@dataclass(frozen=True, eq=False)
class Forest:
    """T trees of M nodes in all, K outputs a leaf.

    A numeric node ``i`` sends a row left if ``row[feature[i]] <= threshold[i]``, or if that
    value is NaN and ``nan_left[i]``. A categorical node, ``category_set[i] >= 0``, truncates
    the value toward zero, as ``int`` does, and sends the row left if that code is in the set
    ``sets[category_set[i]]``; NaN and a code outside 0..C-1 go where ``nan_left[i]`` says.
    (A library that parts NaN from unknown codes gives the latter a code of their own.)

    A leaf is its own left and right child, so a walk that has arrived stays: no value stands
    for "none". What a leaf has beside its value and number, the value of an inner node and the
    threshold of a categorical one are never read, and set to 0. The nodes of a tree follow each
    other, as do the trees.

    roots         [T]    int64
    feature       [M]    int32
    threshold     [M]    float64 may be infinite, not NaN
    nan_left      [M]    bool
    left,right    [M]    int32   indices into these arrays, not into one tree
    value         [M, K] float64
    category_set  [M]    int32   -1 at a numeric node; may be left out
    sets          [S, C] bool    may be left out
    leaf_id       [M]    int32   the library's number of the leaf; if left out, the node's
                                 number in its tree

    Raises
    ------
    ValueError
        The arrays are not T trees: a converter is wrong.
    """

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    nan_left: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    category_set: np.ndarray = field(default_factory=_none_given)
    sets: np.ndarray = field(default_factory=_no_sets)
    leaf_id: np.ndarray = field(default_factory=_none_given)

    def __post_init__(self) -> None:
        """Bring the arrays to their types and check once what every strategy relies on."""
        self._set("roots", np.asarray(self.roots, np.int64))
        for name in ("left", "right"):
            self._set(name, np.asarray(getattr(self, name), np.int32))
        if not self.category_set.size:
            self._set("category_set", np.full(len(self.left), -1, np.int32))
        self._check_lengths()
        leaf = self.leaves
        numeric = np.asarray(self.category_set) < 0
        # fmt: off
        self._set("category_set", np.where(leaf, -1, self.category_set).astype(np.int32))
        self._set("feature",   np.where(leaf, 0, self.feature).astype(np.int32))
        self._set("threshold", np.where(leaf | ~numeric, 0.0, self.threshold).astype(np.float64))
        self._set("nan_left",  np.asarray(self.nan_left, np.bool_) & ~leaf)
        self._set("value",     np.where(leaf[:, None], self.value, 0.0).astype(np.float64))
        self._set("sets",      np.asarray(self.sets, np.bool_))
        # fmt: on
        self._check_values()
        numbers = self.leaf_id if self.leaf_id.size else np.arange(len(leaf)) - self._first
        self._set("leaf_id", np.asarray(numbers, np.int32))

    def _set(self, name: str, value: np.ndarray) -> None:
        object.__setattr__(self, name, value)

    def _check_lengths(self) -> None:
        nodes = len(self.left)
        per_node = (self.feature, self.threshold, self.nan_left, self.right, self.value)
        lengths = {len(array) for array in (*per_node, self.category_set)}
        if lengths != {nodes} or len(self.leaf_id) not in (0, nodes):
            raise ValueError("a Forest's arrays must have one entry for each node")
        if np.ndim(self.value) != 2:
            raise ValueError("a Forest's values must be [M, K]")
        if not len(self.roots):
            raise ValueError("a Forest must have a tree")
        children = np.concatenate([self.roots, self.left, self.right])
        if children.min() < 0 or children.max() >= nodes:
            raise ValueError(f"a child lies outside the {nodes} nodes of the Forest")
        if (self.leaves != (self.right == np.arange(nodes))).any():
            raise ValueError("a node of the Forest is its own child on one side only")

    def _check_values(self) -> None:
        inner = self.inner
        children = np.concatenate([self.roots, self.left[inner], self.right[inner]])
        if (np.bincount(children, minlength=len(inner)) != 1).any() or (self.tree < 0).any():
            raise ValueError("a node of the Forest has not exactly one way to it")
        if (self.tree[1:] < self.tree[:-1]).any():
            raise ValueError("the nodes of the Forest's trees do not follow each other")
        if (self.feature < 0).any() or np.isnan(self.threshold).any():
            raise ValueError("a test of the Forest has no feature or no threshold")
        if self.category_set.max() >= len(self.sets):
            raise ValueError(f"a node of the Forest names none of its {len(self.sets)} sets")

    @classmethod
    def join(cls, trees: Sequence[Forest]) -> Forest:
        """The forest of all `trees`, their node numbers shifted to follow each other."""
        codes = max(tree.sets.shape[1] for tree in trees)
        trees = [_widened(tree, codes) for tree in trees]
        start = np.cumsum([0, *(len(tree.feature) for tree in trees[:-1])])
        set_start = np.cumsum([0, *(len(tree.sets) for tree in trees[:-1])])

        def flat(name: str) -> np.ndarray:
            return np.concatenate([getattr(tree, name) for tree in trees])

        def shifted(name: str, by: np.ndarray) -> np.ndarray:
            moved = [getattr(tree, name) + s for tree, s in zip(trees, by, strict=True)]
            return np.concatenate(moved)

        # fmt: off
        return cls(
            roots=shifted("roots", start),
            feature=flat("feature"), threshold=flat("threshold"), nan_left=flat("nan_left"),
            left=shifted("left", start), right=shifted("right", start), value=flat("value"),
            category_set=np.where(
                flat("category_set") < 0, -1, shifted("category_set", set_start)),
            sets=flat("sets"), leaf_id=flat("leaf_id"),
        )
        # fmt: on

    def part(self, first: int, last: int) -> Forest:
        """The trees from `first` up to but not including `last`."""
        ends = np.append(self.starts, len(self.feature))
        start, end = ends[first], ends[last]
        # fmt: off
        return Forest(
            roots=self.roots[first:last] - start,
            feature=self.feature[start:end], threshold=self.threshold[start:end],
            nan_left=self.nan_left[start:end],
            left=self.left[start:end] - start, right=self.right[start:end] - start,
            value=self.value[start:end], category_set=self.category_set[start:end],
            sets=self.sets, leaf_id=self.leaf_id[start:end],
        )
        # fmt: on

    @cached_property
    def leaves(self) -> np.ndarray:
        """[M], whether each node is a leaf."""
        return np.asarray(self.left == np.arange(len(self.left)))

    @property
    def inner(self) -> np.ndarray:
        """[M], whether each node has children."""
        return ~self.leaves

    @cached_property
    def tree(self) -> np.ndarray:
        """[M], the number of the tree that each node belongs to; -1 where no way leads."""
        return self._walked[0]

    @cached_property
    def level(self) -> np.ndarray:
        """[M], the steps from the root to each node."""
        return self._walked[1]

    @cached_property
    def _walked(self) -> tuple[np.ndarray, np.ndarray]:
        tree, level = np.full((2, len(self.left)), -1, np.int32)
        frontier, steps = self.roots, 0
        tree[frontier] = np.arange(len(frontier))
        while frontier.size and steps <= len(self.left):
            level[frontier] = steps
            parents = frontier[self.inner[frontier]]
            left, right = self.left[parents], self.right[parents]
            tree[left] = tree[right] = tree[parents]
            frontier, steps = np.concatenate([left, right]), steps + 1
            if frontier.size > len(self.left):  # a cycle: it would double for ever
                break
        return tree, level

    @cached_property
    def starts(self) -> np.ndarray:
        """[T], the first node of each tree."""
        return np.searchsorted(self.tree, np.arange(len(self.roots)))

    @property
    def _first(self) -> np.ndarray:
        """[M], the first node of each node's tree."""
        return np.asarray(self.starts[self.tree])

    @property
    def depth(self) -> int:
        """The longest walk from a root to a leaf."""
        return int(self.level.max())

    @property
    def n_trees(self) -> int:
        """T."""
        return len(self.roots)

    @property
    def n_outputs(self) -> int:
        """K."""
        return int(self.value.shape[1])

    @property
    def categorical(self) -> np.ndarray:
        """[M], whether each node asks for membership in a set."""
        return np.asarray(self.category_set >= 0)


def narrowed(forest: Forest) -> Forest:
    """The forest that decides float32 rows in float32 as `forest` decides them in float64.

    Thresholds are kept as float64.
    """
    return replace(forest, threshold=trees.narrowed(forest.threshold).astype(np.float64))


def less_than(threshold: np.ndarray) -> np.ndarray:
    """The thresholds for which ``x <= result`` is ``x < threshold``, in their own type.

    For ``-inf`` there is none, and none is needed: no row of finite numbers is below it, and
    `-inf` itself must be kept from the node by the converter.
    """
    with np.errstate(under="ignore"):
        below: np.ndarray = np.nextafter(threshold, np.asarray(-np.inf, threshold.dtype))
    return below


def _widened(tree: Forest, codes: int) -> Forest:
    """`tree` with sets that speak of `codes` codes; the new ones go where unknown ones went."""
    if tree.sets.shape[1] == codes:
        return tree
    cat = tree.categorical
    pairs, inverse = np.unique(tree.category_set[cat] * 2 + tree.nan_left[cat], return_inverse=True)
    sets = np.repeat((pairs % 2 == 1)[:, None], codes, axis=1)  # of no rows, if it has no sets
    sets[:, : tree.sets.shape[1]] = tree.sets[pairs // 2]
    category_set = np.full(len(cat), -1)
    category_set[cat] = inverse
    return replace(tree, category_set=category_set, sets=sets)
