"""sklearn.tree: single decision trees, and the reader that the ensembles share.

N is the number of rows, F of features, M of nodes, O of targets, C of classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird import trees
from sparkbird.converters import labels
from sparkbird.converters.registry import converts
from sparkbird.converters.sklearn.validation import finite, not_infinite
from sparkbird.graph import op
from sparkbird.graph.table import numbers
from sparkbird.trees import Forest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sklearn.tree import BaseDecisionTree
    from sklearn.tree._tree import Tree

    from sparkbird.converters.registry import Results
    from sparkbird.errors import UnsupportedOptionError
    from sparkbird.graph.op import Array
    from sparkbird.graph.table import Table

#: sklearn/tree/_tree.pyx, TREE_LEAF: what a leaf has for children.
_NO_CHILD = -1

#: How a tree is grown: none of it is asked for again once it stands.
GROWTH = """
    criterion max_depth min_samples_split min_samples_leaf min_weight_fraction_leaf max_features
    max_leaf_nodes min_impurity_decrease random_state ccp_alpha monotonic_cst
"""


def labels_refused(model: Any) -> Iterator[UnsupportedOptionError]:
    """Why the labels of a classifier, of one target or several, cannot be given back."""
    for classes in model.classes_ if isinstance(model.classes_, list) else [model.classes_]:
        yield from labels.refused(classes)


@converts(
    "sklearn.tree.DecisionTreeClassifier",
    "sklearn.tree.ExtraTreeClassifier",
    consumes="",
    ignores=GROWTH + "splitter class_weight",
    objections=labels_refused,
)
def decision_tree_classifier(model: BaseDecisionTree, x: Array | Table) -> Results:
    """The class that most training rows of the leaf had, [N, F] -> [N] or [N, O].

    ``leaf`` is ``apply``: the number of the node, [N].

    Source: sklearn/tree/_classes.py, BaseDecisionTree.predict (1.9).
    """
    x = rows(model, model, x)
    forest = forest_of([model.tree_])
    shares = trees.leaf_sum(forest, x)
    return class_results(model, shares) | {"leaf": op.take(leaves(forest, x), 0, axis=1)}


@converts(
    "sklearn.tree.DecisionTreeRegressor",
    "sklearn.tree.ExtraTreeRegressor",
    consumes="",
    ignores=GROWTH + "splitter",
)
def decision_tree_regressor(model: BaseDecisionTree, x: Array | Table) -> Results:
    """The value of the leaf, [N, F] -> [N] or [N, O]; ``leaf`` is ``apply``, [N].

    Source: sklearn/tree/_classes.py, BaseDecisionTree.predict (1.9).
    """
    x = rows(model, model, x)
    forest = forest_of([model.tree_])
    return {
        "predict": of_targets(model, trees.leaf_sum(forest, x)),
        "leaf": op.take(leaves(forest, x), 0, axis=1),
    }


def rows(model: object, tree: BaseDecisionTree, x: Array | Table) -> Array:
    """The rows as trees see them, as float32; NaN passes where `tree` knows missing values.

    Source: sklearn/tree/_classes.py, BaseDecisionTree._validate_X_predict (1.9).
    """
    single = op.cast(numbers(x), dtype=np.float32)
    if tree._support_missing_values(np.empty((0, 0))):  # noqa: SLF001  it has no public name
        return not_infinite(model, single)
    return finite(model, single)


def forest_of(found: Sequence[Tree], *, scale: float = 1.0, outputs: int | None = None) -> Forest:
    """The forest of these trees, their values multiplied by `scale`.

    With `outputs`, tree ``i`` adds its one value to output ``i % outputs``; without, a leaf
    has the values of all targets and classes side by side, [M, O * C].

    Source: sklearn/tree/_tree.pyx, Tree._apply_dense (1.9).
    """
    return Forest.join(
        [
            _read(tree, scale * _values(tree, outputs, i % outputs if outputs else 0))
            for i, tree in enumerate(found)
        ]
    )


def _values(tree: Tree, outputs: int | None, target: int) -> np.ndarray:
    """The values of the nodes, [M, O * C] or [M, outputs]."""
    value: np.ndarray = tree.value.reshape(tree.node_count, -1)
    if outputs in (None, 1):
        return value
    spread = np.zeros((len(value), int(outputs or 1)))
    spread[:, target] = value[:, 0]
    return spread


def _read(tree: Tree, value: np.ndarray) -> Forest:
    leaf = tree.children_left == _NO_CHILD
    itself = np.arange(tree.node_count)
    return Forest(
        roots=np.array([0]),
        feature=np.where(leaf, 0, tree.feature),
        threshold=np.where(leaf, 0.0, tree.threshold),
        nan_left=tree.__getstate__()["nodes"]["missing_go_to_left"].astype(np.bool_),
        left=np.where(leaf, itself, tree.children_left),
        right=np.where(leaf, itself, tree.children_right),
        value=value,
    )


def leaves(forest: Forest, x: Array) -> Array:
    """The leaf of each row in each tree as the library numbers it, [N, F] -> [N, T] int64."""
    return op.take(forest.leaf_id.astype(np.int64), trees.leaf_index(forest, x))


def class_results(model: Any, shares: Array) -> Results:
    """What a classifier gives for the shares of the classes, [N, O * C].

    Of several targets each has its own probabilities, and its own column of labels. Targets
    with fewer classes than others are filled up in a tree, and cut again here.
    """
    if model.n_outputs_ == 1:
        return {
            "predict": labels.of_greatest(model.classes_, shares),
            "predict_proba": shares,
            "predict_log_proba": op.log(shares),
        }
    most = max(model.n_classes_)
    spans = [np.arange(k * most, k * most + n) for k, n in enumerate(model.n_classes_)]
    apart = [op.take(shares, span, axis=1) for span in spans]
    # NumPy writes all labels into one array of the type of the first target's.
    dtype = model.classes_[0].dtype
    predicted = [
        op.expand(labels.of_greatest(classes.astype(dtype), p), axis=1)
        for classes, p in zip(model.classes_, apart, strict=True)
    ]
    return {
        "predict": op.concat(*predicted, axis=1),
        "predict_proba": apart,
        "predict_log_proba": [op.log(p) for p in apart],
    }


def of_targets(model: Any, values: Array) -> Array:
    """A regressor's values as it gives them: [N, O], or [N] for one target."""
    return op.take(values, 0, axis=1) if model.n_outputs_ == 1 else values
