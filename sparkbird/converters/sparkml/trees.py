"""Decision trees, random forests and boosted trees of Spark ML.

N is the number of rows, F of features, T of trees, M of nodes, K of classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird import trees
from sparkbird.converters.sparkml.forests import forest_of, rows_of
from sparkbird.converters.sparkml.predictions import (
    PREDICTION,
    classified,
    normalized,
    two_shares,
    two_sided,
)
from sparkbird.converters.sparkml.stages import TRAINING, reads_vector, stage
from sparkbird.graph import op, special

if TYPE_CHECKING:
    from collections.abc import Callable

    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array
    from sparkbird.trees import Forest

_GROWTH = f"""{TRAINING}
    maxDepth maxBins minInstancesPerNode minWeightFractionPerNode minInfoGain maxMemoryInMB
    cacheNodeIds impurity pruneTree numTrees featureSubsetStrategy subsamplingRate bootstrap
"""
_BOOSTING = f"{_GROWTH} lossType stepSize validationTol"

_FEATURES = reads_vector(lambda stage: stage.metadata["numFeatures"])


@stage(
    "classification.DecisionTreeClassificationModel",
    reads=_FEATURES,
    consumes=PREDICTION,
    ignores=_GROWTH,
)
def decision_tree_classifier(stage: Stage, frame: Frame) -> Frame:
    """How many training rows of each class fell into the leaf, [N, F] -> [N, K].

    Where the prediction stands alone it is that of the leaf, whatever the thresholds.

    Source: mllib/src/main/scala/org/apache/spark/ml/classification/
    DecisionTreeClassifier.scala, DecisionTreeClassificationModel.predictRaw, predict (4.3).
    """
    forest, rows = _given(stage, frame, _counts)
    raw = trees.leaf_sum(forest, rows)
    frame = classified(
        stage,
        frame,
        raw,
        normalized,
        alone=lambda: _first(trees.leaf_sum(*_given(stage, frame, _predictions))),
    )
    return _with_leaves(stage, frame, forest, rows)


@stage(
    "classification.RandomForestClassificationModel",
    reads=_FEATURES,
    consumes=PREDICTION,
    ignores=_GROWTH,
)
def random_forest_classifier(stage: Stage, frame: Frame) -> Frame:
    """The sum of the trees' shares of classes, [N, F] -> [N, K].

    Source: mllib/src/main/scala/org/apache/spark/ml/classification/
    RandomForestClassifier.scala, predictRaw (4.3).
    """
    forest, rows = _given(stage, frame, _shares)
    frame = classified(stage, frame, trees.leaf_sum(forest, rows), normalized)
    return _with_leaves(stage, frame, forest, rows)


@stage(
    "classification.GBTClassificationModel",
    reads=_FEATURES,
    consumes=PREDICTION,
    ignores=_BOOSTING,
)
def boosted_classifier(stage: Stage, frame: Frame) -> Frame:
    """``m``, the weighted sum of the trees; (-m, m), of which the logistic of twice each: [N, 2].

    Source: mllib/src/main/scala/org/apache/spark/ml/classification/GBTClassifier.scala,
    GBTClassificationModel.margin, predictRaw, raw2probabilityInPlace; .../mllib/tree/loss/
    LogLoss.scala, computeProbability (4.3).
    """
    forest, rows = _given(stage, frame, _weighted(stage))
    margin = _first(trees.leaf_sum(forest, rows))
    frame = classified(
        stage,
        frame,
        two_sided(margin),
        lambda raw: two_shares(special.sigmoid(op.take(raw, 0, axis=1) * 2.0)),
        alone=None
        if stage.params.get("thresholds")
        else lambda: op.cast(margin > 0.0, dtype=np.float64),
    )
    return _with_leaves(stage, frame, forest, rows)


@stage(
    "regression.DecisionTreeRegressionModel",
    reads=_FEATURES,
    consumes="varianceCol",
    ignores=_GROWTH,
)
def decision_tree_regressor(stage: Stage, frame: Frame) -> Frame:
    """The prediction of the leaf, and the variance of the training rows in it, [N, F] -> [N].

    Source: mllib/src/main/scala/org/apache/spark/ml/regression/DecisionTreeRegressor.scala,
    DecisionTreeRegressionModel.transform; .../mllib/tree/impurity/Variance.scala (4.3).
    """
    forest, rows = _given(stage, frame, _predictions)
    frame = _predicted(stage, frame, _first(trees.leaf_sum(forest, rows)))
    if name := stage.params.get("varianceCol"):
        spread = trees.leaf_sum(*_given(stage, frame, _variances))
        frame = frame.with_column(name, _first(spread))
    return _with_leaves(stage, frame, forest, rows)


@stage("regression.RandomForestRegressionModel", reads=_FEATURES, ignores=_GROWTH)
def random_forest_regressor(stage: Stage, frame: Frame) -> Frame:
    """The mean of the trees' predictions, [N, F] -> [N].

    Source: mllib/src/main/scala/org/apache/spark/ml/regression/RandomForestRegressor.scala,
    RandomForestRegressionModel.predict (4.3).
    """
    forest, rows = _given(stage, frame, _predictions)
    mean = _first(trees.leaf_sum(forest, rows)) / np.float64(forest.n_trees)
    return _with_leaves(stage, _predicted(stage, frame, mean), forest, rows)


@stage("regression.GBTRegressionModel", reads=_FEATURES, ignores=_BOOSTING)
def boosted_regressor(stage: Stage, frame: Frame) -> Frame:
    """The weighted sum of the trees' predictions, [N, F] -> [N].

    Source: mllib/src/main/scala/org/apache/spark/ml/regression/GBTRegressor.scala,
    GBTRegressionModel.predict (4.3).
    """
    forest, rows = _given(stage, frame, _weighted(stage))
    total = _first(trees.leaf_sum(forest, rows))
    return _with_leaves(stage, _predicted(stage, frame, total), forest, rows)


def _given(
    stage: Stage, frame: Frame, values: Callable[[dict[str, Any]], np.ndarray]
) -> tuple[Forest, Array]:
    """The forest of a model with such values, and the rows that it takes."""
    x = frame.vector(stage.params["featuresCol"], stage.metadata["numFeatures"])
    return rows_of(forest_of(stage, values), x)


def _predicted(stage: Stage, frame: Frame, values: Array) -> Frame:
    name = stage.params["predictionCol"]
    return frame.with_column(name, values) if name else frame


def _with_leaves(stage: Stage, frame: Frame, forest: Forest, rows: Array) -> Frame:
    """The frame with the number of the leaf, of a forest of those in all trees, if wanted.

    Source: mllib/src/main/scala/org/apache/spark/ml/tree/treeModels.scala, leafIterator,
    DecisionTreeModel.predictLeaf and TreeEnsembleModel.predictLeaf (4.3).
    """
    name = stage.params.get("leafCol")
    if not name:
        return frame
    number = op.take(forest.leaf_id.astype(np.float64), trees.leaf_index(forest, rows))
    alone = ".DecisionTree" in stage.name
    return frame.with_column(name, op.take(number, 0, axis=1) if alone else number)


def _first(values: Array) -> Array:
    """The one column, [N, 1] -> [N]."""
    return op.take(values, 0, axis=1)


def _counts(nodes: dict[str, Any]) -> np.ndarray:
    """The weight of the training rows of each class at each node, [M, K]."""
    return np.stack([*nodes["impurityStats"]])


def _shares(nodes: dict[str, Any]) -> np.ndarray:
    """The shares of the classes among the training rows of each node, [M, K]."""
    counts = _counts(nodes)
    total = counts.cumsum(axis=1)[:, -1:]  # from left to right
    return np.divide(counts, total, out=np.zeros_like(counts), where=total != 0)


def _predictions(nodes: dict[str, Any]) -> np.ndarray:
    """What each node predicts, [M, 1]."""
    return np.asarray(nodes["prediction"])[:, None]


def _variances(nodes: dict[str, Any]) -> np.ndarray:
    """The variance of the training rows of each node, [M, 1], by count, sum and squares."""
    count, total, squares = np.stack([*nodes["impurityStats"]]).T
    known = count != 0
    count = np.where(known, count, 1.0)
    return np.where(known, (squares - total * total / count) / count, 0.0)[:, None]


def _weighted(stage: Stage) -> Callable[[dict[str, Any]], np.ndarray]:
    """What each node predicts times the weight of its tree, [M, 1]."""
    table = stage.table("treesMetadata")  # the number of a tree, its metadata and its weight
    weights = dict(zip(table[0].to_pylist(), table[2].to_pylist(), strict=True))

    def values(nodes: dict[str, Any]) -> np.ndarray:
        return _predictions(nodes) * np.array([weights[tree] for tree in nodes["tree"]])[:, None]

    return values
