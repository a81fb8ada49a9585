"""ONNX's own TreeEnsemble, one node for the whole forest.

N is the number of rows, F of features, T of trees, K of outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.graph import op, trace
from sparkbird.graph.op import ML, Op
from sparkbird.graph.tensor import Integers
from sparkbird.trees.forest import narrowed
from sparkbird.trees.sums import in_order
from sparkbird.trees.work import is_scalar

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from sparkbird.graph.op import Array
    from sparkbird.trees.forest import Forest
    from sparkbird.trees.work import Work

#: Of ai.onnx.ml 5: aggregate_function, post_transform and nodes_modes. A post_transform is
#: never asked for: onnxruntime takes LOGISTIC for SOFTMAX.
_SUM, _NO_TRANSFORM, _LESS_OR_EQUAL = 1, 0, 0


def leaf_sum(forest: Forest, x: Array, dtype: DTypeLike) -> Array:
    """The leaf values added in `dtype` in the order of the trees, [N, F] -> [N, K].

    Rows, thresholds and values have one type in a TreeEnsemble: here that of the sum, to which
    float32 rows widen exactly. A leaf of it adds to one output. Where leaves are vectors, where
    rows are wider than the sum, or to be widened for one tree alone, it gives the numbers of
    leaves instead, and the values are gathered.
    """
    as_they_are = x.dtype == dtype
    widened = x.dtype == np.float32 and forest.n_trees > 1
    if not is_scalar(forest) or not (as_they_are or widened):
        return in_order(forest, leaf_index(forest, x), dtype)
    if dtype == np.float32:
        forest = narrowed(forest)
    weight = forest.value.sum(axis=1)
    target = (forest.value != 0).argmax(axis=1)
    return _applied(forest, op.cast(x, dtype=dtype), weight, target, forest.n_outputs)


def leaf_index(forest: Forest, x: Array) -> Array:
    """The leaf that each row falls into, [N, F] -> [N, T]: each tree adds to an own output."""
    if x.dtype == np.float32 and len(forest.left) <= 2**24:  # float32 counts so far
        forest = narrowed(forest)
    else:
        x = op.cast(x, dtype=np.float64)
    number = _applied(forest, x, np.arange(len(forest.left)), forest.tree, forest.n_trees)
    trace.inside(number)
    return op.cast(number, dtype=np.int32)


def _applied(
    forest: Forest, x: Array, weight: np.ndarray, target: np.ndarray, n_targets: int
) -> Array:
    """The sums of the `weight` [M] of leaves over those with the same `target` [M]."""
    nodes, leaves, again = _numbering(forest)
    place, number = _positions(nodes, forest), _positions(leaves, forest)
    other = number.copy()
    other[again] = len(leaves) + np.arange(len(again))
    leaves = np.append(leaves, again)
    ends = forest.leaves

    def child(side: np.ndarray, number: np.ndarray) -> np.ndarray:
        to = side[nodes]
        return np.asarray(np.where(ends[to], number[to], place[to]))

    nan_left = forest.nan_left[nodes].astype(np.int64)
    # fmt: off
    return tree_ensemble(
        x,
        aggregate_function=_SUM, post_transform=_NO_TRANSFORM, n_targets=n_targets,
        tree_roots=place[forest.roots],
        nodes_featureids=forest.feature[nodes],
        nodes_modes=np.full(len(nodes), _LESS_OR_EQUAL, np.uint8),
        nodes_splits=forest.threshold[nodes].astype(x.dtype),
        nodes_truenodeids=child(forest.left, number),
        nodes_trueleafs=ends[forest.left[nodes]].astype(np.int64),
        nodes_falsenodeids=child(forest.right, other),
        nodes_falseleafs=ends[forest.right[nodes]].astype(np.int64),
        leaf_targetids=target[leaves], leaf_weights=weight[leaves].astype(x.dtype),
        # Without the attribute onnxruntime need not look for NaN.
        **({"nodes_missing_value_tracks_true": nan_left} if nan_left.any() else {}),
    )
    # fmt: on


def _numbering(forest: Forest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nodes and the leaves in the order in which they are written, and leaves written again.

    Nodes and leaves are numbered apart, and onnxruntime 1.21 takes a root for a leaf if the
    numbers of its two children are equal, also if one is of a node and one of a leaf. So the
    roots are the first T nodes, and the leaves beside a node under a root the first leaves,
    T at most. A lone leaf is a test of which both sides have its value, as two leaves.
    """
    roots, is_leaf = forest.roots, forest.leaves
    left, right = forest.left[roots], forest.right[roots]
    beside = np.where(is_leaf[left], left, right)[is_leaf[left] != is_leaf[right]]
    nodes = np.append(roots, np.flatnonzero(forest.inner & (forest.level > 0)))
    others = is_leaf.copy()
    others[beside] = False
    leaves = np.append(beside, np.flatnonzero(others))
    return nodes, leaves, roots[is_leaf[roots]]


def _positions(nodes: np.ndarray, forest: Forest) -> np.ndarray:
    """The position of each of `nodes` among them, 0 for other nodes, [M]."""
    position = np.zeros(len(forest.left), np.int64)
    position[nodes] = np.arange(len(nodes))
    return position


def _walked(x: np.ndarray, **attributes: Any) -> np.ndarray:
    """What a TreeEnsemble of these attributes gives, one tree after the other."""
    total = np.zeros((len(x), attributes["n_targets"]), x.dtype)
    rows = np.arange(len(x))
    for root in attributes["tree_roots"] if len(x) else ():
        leaf = _leaf(x, int(root), attributes)
        total[rows, attributes["leaf_targetids"][leaf]] += attributes["leaf_weights"][leaf]
    return total


def _leaf(x: np.ndarray, root: int, tree: dict[str, Any]) -> np.ndarray:
    """The leaf of each row in the tree at `root`, [N, F] -> [N]."""
    nan_left = tree.get("nodes_missing_value_tracks_true", np.zeros(len(tree["nodes_modes"])))
    leaf, node, rows = np.zeros(len(x), np.int64), np.full(len(x), root), np.arange(len(x))
    while rows.size:
        seen = x[rows, tree["nodes_featureids"][node]]
        goes_left = seen <= tree["nodes_splits"][node]
        goes_left |= np.isnan(seen) & (nan_left[node] == 1)
        # fmt: off
        child = np.where(
            goes_left, tree["nodes_truenodeids"][node], tree["nodes_falsenodeids"][node])
        arrived = np.where(
            goes_left, tree["nodes_trueleafs"][node], tree["nodes_falseleafs"][node]) == 1
        # fmt: on
        leaf[rows[arrived]] = child[arrived]
        node, rows = child[~arrived], rows[~arrived]
    return leaf


def _attributes(**attributes: Any) -> dict[str, Any]:
    """The attributes as ONNX has them: whole numbers in lists, the rest as tensors."""
    return {
        name: Integers(_narrow(value)) if _are_integers(value) else value
        for name, value in attributes.items()
    }


def _are_integers(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "i"


def _narrow(values: np.ndarray) -> np.ndarray:
    """The same numbers in half of the memory, if they fit."""
    bound = np.iinfo(np.int32)
    fit = not len(values) or (values.min() >= bound.min and values.max() <= bound.max)
    return values.astype(np.int32) if fit else values


tree_ensemble = Op("TreeEnsemble", _walked, attributes=_attributes, domain=ML, version=5)


def obstacle(_: Forest) -> str:
    """Why `forest` cannot be computed so: there is no reason."""
    return ""


def counts(work: Work) -> dict[str, float]:
    """What a row costs: node launches, copied columns, steps in and out of the cache, values.

    onnxruntime keeps 32 bytes a node, and goes through all trees for each 128 rows.
    """
    near = work.nodes * 32 <= 2**20
    return {
        "launch": (2 if work.scalar else 6) / work.batch,
        "column": work.features,
        "near_step" if near else "far_step": work.steps,
        "value": 0 if work.scalar else work.trees * (1 + work.outputs),
    }
