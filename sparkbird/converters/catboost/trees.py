"""catboost: trees as its JSON writes them, as a `Forest`.

N is the number of rows, T of trees, M of nodes, K of outputs, B of the tests that the trees
choose from, D of the columns that these ask for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkbird.trees import Forest

#: A node as the JSON has it: a test with two nodes below, or a leaf.
_Node = Mapping[str, Any]


@dataclass(frozen=True)
class Tests:
    """The tests, by the number that trees give for them: whether ``column > border``.

    column     [B]  which of the D columns
    threshold  [B]  the border for rows of any type, as `decided_as_float32` has it
    nan_left   [B]  whether NaN does not pass
    """

    column: np.ndarray
    threshold: np.ndarray
    nan_left: np.ndarray

    @classmethod
    def of(cls, borders: Sequence[np.ndarray], nan_passes: Sequence[bool]) -> Tests:
        """All tests of D columns, one column after the other, by increasing border."""
        counts = [*map(len, borders)]
        return cls(
            column=np.repeat(np.arange(len(counts)), counts),
            threshold=decided_as_float32(np.concatenate([*borders, np.empty(0)])),
            nan_left=~np.repeat(np.array(nan_passes, np.bool_), counts),
        )


def decided_as_float32(border: np.ndarray) -> np.ndarray:
    """The greatest float64 that as float32 is not above `border`.

    So ``x <= result`` says of a float64, and of a float32, whether ``float32(x) <= border``.

    >>> 1 + 2**-24 == decided_as_float32(np.ones(1))
    array([ True])
    """
    single = np.asarray(border, np.float32)
    with np.errstate(over="ignore", under="ignore"):
        above = np.nextafter(single, np.float32(np.inf)).astype(np.float64)
    # Past the greatest float32 what is halfway to the next power of 2 becomes infinite.
    above = np.where(np.isposinf(above) & np.isfinite(single), 2.0**128, above)
    middle = single + (above - single) / 2
    is_even = single.view(np.int32) % 2 == 0  # the middle is rounded to even
    return np.where(is_even | np.isinf(single), middle, np.nextafter(middle, -np.inf))


def forest_of(written: Mapping[str, Any], tests: Tests, outputs: int) -> Forest | None:
    """The trees of a model, or nothing if there are none.

    Source: catboost/libs/model/model_export/json_model_helpers.cpp (1.2).
    """
    if symmetric := written.get("oblivious_trees"):
        return _oblivious(symmetric, tests, outputs)
    if grown := written.get("trees"):
        return _grown(grown, tests, outputs)
    return None


def _oblivious(written: Sequence[Mapping[str, Any]], tests: Tests, outputs: int) -> Forest:
    """Trees that ask one question on each level, all trees of one depth at once.

    Test number j of a tree gives bit j of the leaf's number: the last test is the root, and
    leaves stand in order. A tree is numbered level by level.

    Source: catboost/libs/model/cpu/evaluator_impl.cpp, CalcTreesSingleDocImpl (1.2).
    """
    splits = [[s["split_index"] for s in tree.get("splits") or ()] for tree in written]
    depth = np.array([*map(len, splits)])
    size = 2 ** (depth + 1) - 1
    start = np.cumsum(size) - size
    nodes = int(size.sum())
    test, leaf_id = np.zeros((2, nodes), np.int64)
    left = np.arange(nodes)
    right = left.copy()
    value = np.zeros((nodes, outputs))
    for d in np.unique(depth):
        trees = np.flatnonzero(depth == d)
        inner = start[trees, None] + np.arange(2**d - 1)
        leaves = start[trees, None] + np.arange(2**d - 1, 2 ** (d + 1) - 1)
        level = np.repeat(np.arange(d), 2 ** np.arange(d))
        asked = np.array([splits[t] for t in trees.tolist()], np.int64).reshape(len(trees), d)
        test[inner] = asked[:, d - 1 - level]
        left[inner] = start[trees, None] + 2 * np.arange(2**d - 1) + 1
        right[inner] = left[inner] + 1
        leaf_id[leaves] = np.arange(2**d)
        values = np.array([written[t]["leaf_values"] for t in trees.tolist()], np.float64)
        value[leaves] = values.reshape(len(trees), 2**d, outputs)
    return _forest(tests, test, start, left, right, value, leaf_id)


def _grown(written: Sequence[_Node], tests: Tests, outputs: int) -> Forest:
    """Trees that were grown node by node.

    The leaves of a tree are numbered in the order of the nodes above them, the left one first.

    Source: catboost/libs/model/model_build_helper.cpp, TNonSymmetricTreeModelBuilder (1.2).
    """
    nodes, way, roots = _listed(written)
    numbers = np.arange(len(nodes))
    children = np.stack([numbers, numbers], axis=1)
    below = np.delete(numbers, roots)
    children.ravel()[way[below]] = below
    left, right = children.T
    is_leaf = left == numbers
    leaves = np.flatnonzero(is_leaf)
    values = np.array([nodes[i]["value"] for i in leaves.tolist()], np.float64)
    value = np.zeros((len(nodes), outputs))
    value[leaves] = values.reshape(-1, outputs)
    leaf_id = np.zeros(len(nodes), np.int64)
    leaf_id[leaves[np.argsort(way[leaves])]] = np.arange(len(leaves))
    before = np.cumsum(is_leaf)[roots] - is_leaf[roots]
    leaf_id -= before[np.searchsorted(roots, numbers, side="right") - 1]
    test = np.array([node["split"]["split_index"] if "split" in node else 0 for node in nodes])
    return _forest(tests, test, roots, left, right, value, leaf_id)


def _listed(written: Sequence[_Node]) -> tuple[list[_Node], np.ndarray, np.ndarray]:
    """The nodes of all trees, the way to each [M], and where the trees start [T].

    A node is followed by all that is left of it, then by all that is right. The way is twice
    the number of the node above, and 1 more to the right; of a root, twice its own number.
    """
    nodes: list[_Node] = []
    ways: list[int] = []
    roots: list[int] = []
    for root in written:
        roots.append(len(nodes))
        waiting = [(root, 2 * len(nodes))]
        while waiting:
            node, way = waiting.pop()
            if "split" in node:
                below = 2 * len(nodes)
                waiting += [(node["right"], below + 1), (node["left"], below)]
            nodes.append(node)
            ways.append(way)
    return nodes, np.array(ways), np.array(roots)


def _forest(
    tests: Tests,
    test: np.ndarray,
    roots: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    value: np.ndarray,
    leaf_id: np.ndarray,
) -> Forest:
    """Nodes whose tests are known by number; a leaf has test 0, if there is one at all."""
    if not len(tests.column):
        tests = Tests(np.zeros(1, np.int64), np.zeros(1), np.zeros(1, np.bool_))
    return Forest(
        roots=roots,
        feature=tests.column[test],
        threshold=tests.threshold[test],
        nan_left=tests.nan_left[test],
        left=left,
        right=right,
        value=value,
        leaf_id=leaf_id,
    )
