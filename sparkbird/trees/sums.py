"""The values of leaves, added up. N is the number of rows, T of trees, K of outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.graph import op, trace
from sparkbird.trees.options import current

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from sparkbird.graph.op import Array
    from sparkbird.trees.forest import Forest


def in_order(forest: Forest, leaves: Array, dtype: DTypeLike) -> Array:
    """The values of `leaves`, added in `dtype` in the order of the trees, [N, T] -> [N, K].

    On CUDA in the order of its reduction: a running sum there costs the square of T.
    """
    value = forest.value.astype(dtype)
    if forest.n_trees == 1:
        return op.take(value, op.reshape(leaves, lengths=()))
    values = op.take(value, leaves)
    if current().device == "cuda":
        return op.sum(values, axis=1)
    running = op.cumsum(values, axis=1)
    trace.inside(leaves, values, running)
    return op.take(running, forest.n_trees - 1, axis=1)


def based(forest: Forest, base: np.ndarray, dtype: DTypeLike) -> Forest:
    """The forest whose sum starts at `base` [K]: ``((base + t0) + t1) + ...``, rounded so too.

    The first tree that adds to an output has the base of it in its leaves.
    """
    adds = np.where(forest.leaves[:, None], forest.value != 0, False)  # noqa: FBT003  a value
    first = np.logical_or.reduceat(adds, forest.starts, axis=0).argmax(axis=0)
    chosen = forest.leaves[:, None] & (forest.tree[:, None] == first)
    value = forest.value.astype(dtype)
    return replace(forest, value=np.where(chosen, base.astype(dtype) + value, value))
