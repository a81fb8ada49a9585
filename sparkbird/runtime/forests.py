"""The forests of a graph, found where `trees.ensemble` has written them.

N is the number of rows, F of features, T of trees, I of tests, L of leaves, M of leaf numbers,
K of outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from sparkbird.dtypes import BY_NAME
from sparkbird.kernels.trees import Trees, narrowed
from sparkbird.runtime.graph import Graph, Node

_ML = "ai.onnx.ml"
_INT32, _FLOAT32 = BY_NAME["int32"].onnx, BY_NAME["float32"].onnx


@dataclass(frozen=True, eq=False)
class Found:
    """A forest in a graph.

    rows     the name of what it takes, [N, F] of the type of its thresholds
    result   the name of what it gives
    trees    the leaves of which have numbers of `values`, or are the numbers that are given
    values   [L, K]  whose sums [N, K] are given; None if the numbers are, [N, T] int32
    output   [T]     the first output that each tree adds to, of `outputs`
    """

    rows: str
    result: str
    trees: Trees
    values: np.ndarray | None
    output: np.ndarray
    outputs: int

    @property
    def dtype(self) -> np.dtype:
        """Of what is given."""
        return np.dtype(np.int32) if self.values is None else self.values.dtype


def forests(graph: Graph) -> Iterator[Found]:
    """All forests of a graph, in order."""
    readers = _readers(graph)
    makers = {name: node for node in graph.nodes for name in node.outputs}
    for node in forest_nodes(graph):
        yield _unwidened(graph, makers, _found(graph, readers, node))


def forest_nodes(graph: Graph) -> Iterator[Node]:
    """The nodes of a graph that are forests."""
    return (n for n in graph.nodes if n.domain == _ML and n.operator == "TreeEnsemble")


def _unwidened(graph: Graph, makers: Mapping[str, Node], found: Found) -> Found:
    """The same forest on rows of float32, if these are all that its rows of float64 are.

    ONNX's forests have one type, that of their sums; ranks are found sooner among float32.
    """
    cast = makers.get(found.rows)
    if found.trees.threshold.dtype != np.float64 or cast is None or cast.operator != "Cast":
        return found
    (narrow,) = cast.inputs
    maker, given = makers.get(narrow), graph.inputs.get(narrow)
    is_cast = maker is not None and maker.operator == "Cast" and maker.integer("to") == _FLOAT32
    if not is_cast and (given is None or given.dtype != np.float32):
        return found
    trees = replace(found.trees, threshold=narrowed(found.trees.threshold))
    return replace(found, rows=narrow, trees=trees)


def _readers(graph: Graph) -> dict[str, list[Node]]:
    """Which nodes take each value."""
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    return readers


def _found(graph: Graph, readers: dict[str, list[Node]], node: Node) -> Found:
    trees, weight, target = trees_of(node)
    outputs = node.integer("n_targets")
    (rows,), (result,) = node.inputs[:1], node.outputs
    numbered = _only_reader(readers, result, "Cast")
    own = len(trees.roots) == outputs > 1 and bool((target == _tree_of_leaf(trees)).all())
    if own and numbered and numbered.integer("to") == _INT32:
        numbers = weight.astype(np.int64)
        trees = _renumbered(trees, numbers)
        none = np.arange(outputs)
        if added := _added(graph, readers, numbered, outputs):
            values, result = added
            return Found(rows, result, trees, values, np.zeros_like(none), values.shape[1])
        return Found(rows, numbered.outputs[0], trees, None, none, outputs)
    output = _first_target(trees, target)
    values = weight[:, None]
    if (target != output[_tree_of_leaf(trees)]).any():
        values = np.zeros((len(weight), outputs), weight.dtype)
        values[np.arange(len(weight)), target] = weight
        output = np.zeros_like(output)
    return Found(rows, result, trees, values, output, outputs)


def _added(
    graph: Graph, readers: dict[str, list[Node]], numbered: Node, trees: int
) -> tuple[np.ndarray, str] | None:
    """The values that leaves' numbers are turned into, and the name of their sum over trees.

    As `trees.sums.in_order` writes it: gathered, added up along the trees, the last one taken.
    """
    gathered = _only_reader(readers, numbered.outputs[0], "Gather")
    if not gathered or gathered.integer("axis"):
        return None
    values = graph.constant(gathered.inputs[0])
    summed = _only_reader(readers, gathered.outputs[0], "CumSum")
    last = _only_reader(readers, summed.outputs[0], "Gather") if summed else None
    if values is None or values.ndim != 2 or not summed or not last:
        return None
    axis, place = graph.constant(summed.inputs[1]), graph.constant(last.inputs[1])
    known = axis is not None and axis == 1 and place is not None and place == trees - 1
    return (values, last.outputs[0]) if known and last.integer("axis") == 1 else None


def _only_reader(readers: dict[str, list[Node]], name: str, operator: str) -> Node | None:
    """The node that takes a value, if there is no other and it is of that operator."""
    found = readers.get(name, [])
    return found[0] if len(found) == 1 and found[0].operator == operator else None


def trees_of(node: Node) -> tuple[Trees, np.ndarray, np.ndarray]:
    """The trees of a TreeEnsemble, leaves numbered as its own, and their weights and targets.

    Tests come first, leaves after them.
    """
    tests = len(splits := node.array("nodes_splits"))
    weight, target = node.array("leaf_weights"), node.integers("leaf_targetids")
    itself = tests + np.arange(len(weight))

    def children(side: str) -> np.ndarray:
        child = node.integers(f"nodes_{side}nodeids")
        ends = node.integers(f"nodes_{side}leafs") == 1
        return np.append(np.where(ends, tests + child, child), itself).astype(np.int32)

    missing = "nodes_missing_value_tracks_true"
    nan_left = node.integers(missing) == 1 if missing in node else np.zeros(tests, np.bool_)
    trees = Trees(
        roots=node.integers("tree_roots"),
        feature=np.append(node.integers("nodes_featureids"), 0 * itself).astype(np.int32),
        threshold=np.append(splits, np.zeros(len(weight), splits.dtype)),
        nan_left=np.append(nan_left, np.zeros(len(weight), np.bool_)),
        left=children("true"),
        right=children("false"),
        leaf=np.append(np.zeros(tests, np.int64), np.arange(len(weight))),
    )
    return trees, weight, target


def _tree_of_leaf(trees: Trees) -> np.ndarray:
    return trees.tree[~trees.inner]


def _first_target(trees: Trees, target: np.ndarray) -> np.ndarray:
    """The target of a leaf of each tree, [T]."""
    output = np.zeros(len(trees.roots), np.int64)
    output[_tree_of_leaf(trees)] = target
    return output


def _renumbered(trees: Trees, numbers: np.ndarray) -> Trees:
    """The trees whose leaves have the `numbers` [L] in place of their own."""
    leaf = np.append(np.zeros(int(trees.inner.sum()), np.int64), numbers)
    return Trees(
        trees.roots, trees.feature, trees.threshold, trees.nan_left, trees.left, trees.right, leaf
    )
