"""Perfect tree traversal: trees filled up to one depth, so that children need no pointers.

N is the number of rows, F of features, T of trees, D the depth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.graph import op
from sparkbird.trees.traversal import INDEX, decided

if TYPE_CHECKING:
    from sparkbird.graph.op import Array
    from sparkbird.trees.forest import Forest
    from sparkbird.trees.work import Work

#: A perfect tree of depth D has 2**D leaves, whether or not the tree had.
DEEPEST = 10
LARGEST = 2**24


def leaf_index(forest: Forest, x: Array) -> Array:
    """The leaf that each row falls into, [N, F] -> [N, T], by doubling a number at each step.

    The right child of the node at place i of a level is at place 2 i of the next one, the
    left child at 2 i + 1. A leaf is its own child and so fills the levels beneath it.

    Source: Nakandala et al., OSDI 2020, algorithm 3.
    """
    place: Array = np.arange(forest.n_trees, dtype=INDEX)
    nodes = forest.roots
    for _ in range(forest.depth):
        goes_left = decided(forest, x, place, nodes)
        place = place * np.asarray(2, INDEX) + op.cast(goes_left, dtype=INDEX)
        nodes = np.stack([forest.right[nodes], forest.left[nodes]], axis=1).ravel()
    leaves = nodes.astype(INDEX)
    return op.take(leaves, place) if forest.depth else op.rows_of(leaves, x)


def obstacle(forest: Forest) -> str:
    """Why `forest` cannot be computed so, or nothing."""
    if forest.depth > DEEPEST:
        return f"its depth of {forest.depth} is more than {DEEPEST}"
    if forest.n_trees * 2**forest.depth > LARGEST:
        return f"filled up, it would have more than {LARGEST} leaves"
    return ""


def counts(work: Work) -> dict[str, float]:
    """What a row costs: node launches, steps of one tree, leaf values added."""
    return {
        "launch": (7 * work.depth + 3) / work.batch,
        "step": work.trees * work.depth,
        "value": work.trees * work.outputs,
    }
