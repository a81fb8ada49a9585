"""Tree traversal: every tree of every row takes one step down at a time.

N is the number of rows, F of features, T of trees, M of nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.graph import op

if TYPE_CHECKING:
    from sparkbird.graph.op import Array
    from sparkbird.trees.forest import Forest
    from sparkbird.trees.work import Work

#: Node numbers: half as wide as int64, and no file of 2 GiB holds more nodes.
INDEX = np.int32


def leaf_index(forest: Forest, x: Array) -> Array:
    """The leaf that each row falls into, [N, F] -> [N, T], in as many steps as `depth`.

    Source: Nakandala et al., "A Tensor Compiler for Unified Machine Learning Prediction
    Serving", OSDI 2020, algorithm 2.
    """
    node = forest.roots.astype(INDEX)
    if not forest.depth:
        return op.rows_of(node, x)
    left, right = forest.left.astype(INDEX), forest.right.astype(INDEX)
    for _ in range(forest.depth):
        goes_left = decided(forest, x, node, np.arange(len(left)))
        node = op.where(goes_left, op.take(left, node), op.take(right, node))
    return node


def decided(forest: Forest, x: Array, place: Array, nodes: np.ndarray) -> Array:
    """Whether each row goes left in each tree, [N, T].

    `place` is where each walk is, an index into `nodes`; before the first step it is the same
    for all rows, and a constant [T].
    """
    feature = op.take(forest.feature[nodes].astype(INDEX), place)
    seen = op.take(x, feature, axis=1) if feature.ndim == 1 else op.take_along(x, feature, axis=1)
    threshold = forest.threshold[nodes].astype(x.dtype)
    goes_left = op.less_equal(seen, op.take(threshold, place))
    nan_left = forest.nan_left[nodes]
    if nan_left.any():
        goes_left = goes_left | (op.isnan(seen) & op.take(nan_left, place))
    return goes_left


def obstacle(_: Forest) -> str:
    """Why `forest` cannot be computed so: there is no reason."""
    return ""


def counts(work: Work) -> dict[str, float]:
    """What a row costs: node launches, steps of one tree, leaf values added."""
    return {
        "launch": (8 * work.depth + 3) / work.batch,
        "step": work.trees * work.depth,
        "value": work.trees * work.outputs,
    }
