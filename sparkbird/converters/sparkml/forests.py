"""Trees of Spark ML as a `Forest`.

N is the number of rows, F of features, M of nodes, K of classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sparkbird.converters.sparkml.persisted import Stage
from sparkbird.graph import op
from sparkbird.trees import Forest

if TYPE_CHECKING:
    from sparkbird.graph.op import Array


def forest_of(stage: Stage, values: Callable[[dict[str, np.ndarray]], np.ndarray]) -> Forest:
    """The trees of a model, the value [M, K] of its nodes by `values` of their columns.

    A node tests ``x <= threshold``, or whether a category is among those that go left. Of
    categories Spark keeps the smaller side and looks there: what it has not seen in training
    goes to the other one. Leaves are counted from left to right, as nodes are numbered.

    values  of the columns of the nodes, and of `tree`, the number of the tree of each

    Source: mllib/src/main/scala/org/apache/spark/ml/tree/treeModels.scala, NodeData;
    .../tree/Split.scala, CategoricalSplit.shouldGoLeft (4.3).
    """
    table = stage.data
    nodes = table["nodeData"].combine_chunks() if "nodeData" in table.column_names else None
    flat = _columns(
        nodes
        if nodes is not None
        else pa.StructArray.from_arrays(
            [table[name].combine_chunks() for name in table.column_names], table.column_names
        )
    )
    tree = table["treeID"].to_numpy() if "treeID" in table.column_names else np.zeros(len(table))
    order = np.lexsort((flat["id"], tree))
    tree = tree[order]
    starts = np.flatnonzero(np.diff(tree, prepend=-1))
    ordered = {name: column[order] for name, column in flat.items()}
    return _forest({**ordered, "tree": tree}, starts, values)


def rows_of(forest: Forest, x: Array) -> tuple[Forest, Array]:
    """The forest that takes, behind the features, those it asks for categories as codes.

    What is no category, NaN and fractions included, is one more code, the last of each set.
    Categories that a node does not know, as it has fewer than others, go the same way.
    """
    features = np.unique(forest.feature[forest.categorical])
    if not features.size:
        return forest, x
    moved = x.shape[1] + np.searchsorted(features, forest.feature)
    codes = float(forest.sets.shape[1] - 1)
    seen = op.take(x, features, axis=1)
    known = op.equal(op.floor(seen), seen) & (seen >= 0.0) & (seen < codes)
    coded = op.concat(x, op.where(known, seen, np.float64(codes)), axis=1)
    return replace(forest, feature=np.where(forest.categorical, moved, forest.feature)), coded


def _columns(nodes: pa.StructArray) -> dict[str, Any]:
    names = ("id", "prediction", "impurityStats", "leftChild", "rightChild")
    found: dict[str, Any] = {
        name: nodes.field(name).to_numpy(zero_copy_only=False) for name in names
    }
    split = nodes.field("split")
    for name in ("featureIndex", "leftCategoriesOrThreshold", "numCategories"):
        found[name] = split.field(name).to_numpy(zero_copy_only=False)
    return found


def _forest(
    flat: dict[str, Any],
    starts: np.ndarray,
    values: Callable[[dict[str, np.ndarray]], np.ndarray],
) -> Forest:
    nodes = len(flat["tree"])
    first = np.repeat(starts, np.diff(np.append(starts, nodes)))
    itself = np.arange(nodes)
    leaf = flat["leftChild"] < 0
    categorical = ~leaf & (flat["numCategories"] >= 0)
    numeric = ~leaf & ~categorical
    threshold = np.zeros(nodes)
    threshold[numeric] = [split[0] for split in flat["leftCategoriesOrThreshold"][numeric]]
    codes = int(flat["numCategories"].max(initial=0)) + 1
    sets = np.zeros((int(categorical.sum()), codes), np.bool_)
    others_left = np.zeros(nodes, np.bool_)
    for row, node in zip(sets, np.flatnonzero(categorical), strict=True):
        listed = flat["leftCategoriesOrThreshold"][node].astype(np.int64)
        row[listed] = True
        others_left[node] = len(listed) > flat["numCategories"][node] // 2
        row[flat["numCategories"][node] :] = others_left[node]
    return Forest(
        roots=starts,
        feature=np.where(leaf, 0, flat["featureIndex"]),
        threshold=threshold,
        nan_left=np.zeros(nodes, np.bool_),
        left=np.where(leaf, itself, first + flat["leftChild"]),
        right=np.where(leaf, itself, first + flat["rightChild"]),
        value=values(flat),
        category_set=np.where(categorical, np.cumsum(categorical) - 1, -1),
        sets=sets,
        leaf_id=np.cumsum(leaf) - 1 - (np.cumsum(leaf) - leaf)[first],
    )
