"""How much there is to compute, as strategies count it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.trees import categories, gemm

if TYPE_CHECKING:
    from sparkbird.trees.forest import Forest


@dataclass(frozen=True)
class Work:
    """A forest and a batch in numbers.

    steps    the tests on the way to a leaf, mean over leaves, summed over trees
    columns  those that categorical tests add to a row
    entries  of the path matrices of `gemm`
    scalar   whether each tree adds to one output only
    """

    trees: int
    depth: int
    steps: float
    nodes: int
    leaves: int
    features: int
    outputs: int
    columns: int
    entries: int
    scalar: bool
    batch: int

    @classmethod
    def of(cls, forest: Forest, *, features: int, batch: int) -> Work:
        """The work of `forest` on batches of `batch` rows of `features` values."""
        leaves = np.flatnonzero(forest.leaves)
        in_tree = np.bincount(forest.tree[leaves])
        summed = np.bincount(forest.tree[leaves], weights=forest.level[leaves])
        return cls(
            trees=forest.n_trees,
            depth=forest.depth,
            steps=float((summed / in_tree).sum()),
            nodes=len(forest.left),
            leaves=len(leaves),
            features=features,
            outputs=forest.n_outputs,
            columns=categories.columns(forest),
            entries=gemm.entries(forest),
            scalar=is_scalar(forest),
            batch=batch,
        )


def is_scalar(forest: Forest) -> bool:
    """Whether each leaf adds to one output only, as in boosting; elsewhere leaves are vectors."""
    return bool(((forest.value[forest.leaves] != 0).sum(axis=1) <= 1).all())
