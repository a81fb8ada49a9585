"""sklearn.ensemble: random forests, extra trees, their embedding, and gradient boosting.

N is the number of rows, F of features, T of trees or boosting stages, K of outputs of a
stage: 1, or the number of classes if there are more than two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird import trees
from sparkbird.converters import labels
from sparkbird.converters.registry import convert, converts, qualified_name
from sparkbird.converters.sklearn.tree import (
    GROWTH,
    class_results,
    forest_of,
    labels_refused,
    leaves,
    of_targets,
    rows,
)
from sparkbird.converters.sklearn.validation import finite
from sparkbird.converters.sklearn.version import installed
from sparkbird.graph import op, special
from sparkbird.graph.sparse import Coded, Sparse
from sparkbird.graph.table import numbers
from sparkbird.trees import links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sklearn.ensemble import (
        GradientBoostingClassifier,
        GradientBoostingRegressor,
        RandomTreesEmbedding,
    )
    from sklearn.ensemble._forest import BaseForest
    from sklearn.ensemble._gb import BaseGradientBoosting

    from sparkbird.converters.registry import Results
    from sparkbird.graph.op import Array
    from sparkbird.graph.table import Table
    from sparkbird.trees import Forest

_BAGGING = "n_estimators bootstrap oob_score n_jobs verbose warm_start max_samples "


@converts(
    "sklearn.ensemble.RandomForestClassifier",
    "sklearn.ensemble.ExtraTreesClassifier",
    consumes="",
    ignores=GROWTH + _BAGGING + "class_weight",
    objections=labels_refused,
)
def forest_classifier(model: BaseForest, x: Array | Table) -> Results:
    """The class of the greatest mean probability, [N, F] -> [N] or [N, O].

    ``leaf`` is ``apply``: the number of the node in each tree, [N, T].

    Source: sklearn/ensemble/_forest.py, ForestClassifier.predict (1.9).
    """
    mean, forest_leaves = _mean(model, x)
    return class_results(model, mean) | {"leaf": forest_leaves}


@converts(
    "sklearn.ensemble.RandomForestRegressor",
    "sklearn.ensemble.ExtraTreesRegressor",
    consumes="",
    ignores=GROWTH + _BAGGING,
)
def forest_regressor(model: BaseForest, x: Array | Table) -> Results:
    """The mean over trees of the leaves' values, [N, F] -> [N] or [N, O].

    ``leaf`` is ``apply``: the number of the node in each tree, [N, T].

    Source: sklearn/ensemble/_forest.py, ForestRegressor.predict (1.9).
    """
    mean, forest_leaves = _mean(model, x)
    return {"predict": of_targets(model, mean), "leaf": forest_leaves}


def _mean(model: BaseForest, x: Array | Table) -> tuple[Array, Array]:
    """The mean over trees of the leaves' values, and the leaves: [N, F] -> [N, K], [N, T]."""
    x = rows(model, model.estimators_[0], x)
    forest = forest_of([estimator.tree_ for estimator in model.estimators_])
    return trees.leaf_sum(forest, x) / float(forest.n_trees), leaves(forest, x)


@converts(
    "sklearn.ensemble.RandomTreesEmbedding",
    consumes="",
    ignores=GROWTH + _BAGGING + "sparse_output",
)
def random_trees_embedding(model: RandomTreesEmbedding, x: Array | Table) -> Results:
    """1 for the leaf that a row is in, 0 for the others, tree by tree, [N, F] -> [N, leaves].

    ``leaf`` is ``apply``: the number of the node in each tree, [N, T].

    Source: sklearn/ensemble/_forest.py, RandomTreesEmbedding.transform (1.9).
    """
    x = rows(model, model.estimators_[0], x)
    forest = forest_of([estimator.tree_ for estimator in model.estimators_])
    found = trees.leaf_index(forest, x)
    widths = [len(seen) for seen in model.one_hot_encoder_.categories_]
    place = _places_of_leaves(model, forest)
    if (place[forest.leaves] < 0).any():  # trees of an earlier fit, with warm_start
        unseen = op.cast(op.take(place, found) < np.int64(0), dtype=np.int32)
        op.check(op.sum(unseen, axis=1) > 0, f"{type(model).__name__} takes no unseen leaf")
    places = op.take(np.maximum(place, 0), found)
    blocks = (Coded(op.take(places, i, axis=1), np.ones(n)) for i, n in enumerate(widths))
    return {
        "transform": Sparse(tuple(blocks)),
        "leaf": op.take(forest.leaf_id.astype(np.int64), found),
    }


def _places_of_leaves(model: RandomTreesEmbedding, forest: Forest) -> np.ndarray:
    """The column of each leaf among those of its tree, -1 for one that no row was in, [M]."""
    place = np.full(len(forest.left), -1)
    for start, seen in zip(forest.starts, model.one_hot_encoder_.categories_, strict=True):
        place[start + seen] = np.arange(len(seen))
    return place


_BOOSTING = """
    n_estimators subsample verbose warm_start validation_fraction n_iter_no_change tol
"""


def _own_init(model: BaseGradientBoosting) -> Iterator[tuple[str, object]]:
    """The estimator that a user has given for the first guess."""
    if not _is_constant(model.init_):
        yield ".init_", model.init_


@converts(
    "sklearn.ensemble.GradientBoostingClassifier",
    consumes="loss learning_rate init",
    ignores=GROWTH + _BOOSTING,
    objections=labels_refused,
    parts=_own_init,
)
def gradient_boosting_classifier(model: GradientBoostingClassifier, x: Array | Table) -> Results:
    """The class by the sum of the stages, [N, F] -> [N]; of two, the second from 0 on.

    ``margin`` is ``decision_function``; ``leaf`` is ``apply``, [N, T, K] float64.

    Source: sklearn/ensemble/_gb.py, GradientBoostingClassifier.predict (1.9).
    """
    raw, stage_leaves = _stages(model, x)
    two = raw.shape[1] == 1
    margin = op.take(raw, 0, axis=1) if two else raw
    number = op.cast(margin >= 0.0, dtype=np.int64) if two else op.argmax(raw, axis=1)
    # The exponential loss has half of the logit for its link.
    steep = 2.0 if model.loss == "exponential" else 1.0
    proba = links.two_classes(steep * raw) if two else links.softmax(raw)
    return {
        "predict": labels.label(model.classes_, number),
        "predict_proba": proba,
        "predict_log_proba": op.log(proba),
        "decision_function": margin,
        "margin": margin,
        "leaf": op.reshape(stage_leaves, lengths=model.estimators_.shape),
    }


@converts(
    "sklearn.ensemble.GradientBoostingRegressor",
    consumes="loss learning_rate init",
    ignores=GROWTH + _BOOSTING + "alpha",
    parts=_own_init,
)
def gradient_boosting_regressor(model: GradientBoostingRegressor, x: Array | Table) -> Results:
    """``init + sum(learning_rate * leaf)``, [N, F] -> [N].

    ``margin`` is the same; ``leaf`` is ``apply``, [N, T] float64.

    Source: sklearn/ensemble/_gb.py, GradientBoostingRegressor.predict (1.9).
    """
    raw, stage_leaves = _stages(model, x)
    margin = op.take(raw, 0, axis=1)
    return {"predict": margin, "margin": margin, "leaf": stage_leaves}


def _stages(model: BaseGradientBoosting, x: Array | Table) -> tuple[Array, Array]:
    """The first guess and all stages added to it, and the leaves: [N, F] -> [N, K], [N, T * K].

    Source: sklearn/ensemble/_gradient_boosting.pyx, predict_stages (1.9).
    """
    x = finite(model, op.cast(numbers(x), dtype=np.float32))
    forest = forest_of(
        [estimator.tree_ for estimator in model.estimators_.ravel()],
        scale=model.learning_rate,
        outputs=model.estimators_.shape[1],
    )
    found = op.cast(leaves(forest, x), dtype=np.float64)
    if not _is_constant(model.init_):
        return _sum_from(_guess(model, x), forest, x), found
    zeros = np.zeros((1, model.n_features_in_), np.float32)
    base = model._raw_predict_init(zeros)[0]  # noqa: SLF001  the same for every row
    return trees.leaf_sum(forest, x, base=base), found


def _is_constant(init: Any) -> bool:
    """Whether the first guess does not depend on the row."""
    dummies = ("sklearn.dummy.DummyClassifier", "sklearn.dummy.DummyRegressor")
    at_random = ("stratified", "uniform")
    return isinstance(init, str) or (
        qualified_name(type(init)) in dummies and init.strategy not in at_random
    )


def _guess(model: BaseGradientBoosting, x: Array) -> Array:
    """The first guess of a user's estimator as a raw score, [N, F] -> [N, K].

    Probabilities are kept from 0 and 1, before scikit-learn 1.8 by more than since.

    Source: sklearn/ensemble/_gb.py, _init_raw_predictions (1.7, 1.9).
    """
    results = convert(model.init_, x, part=".init_")
    if not hasattr(model, "classes_"):
        return op.expand(op.cast(results["predict"], dtype=np.float64), axis=1)
    eps = float(np.finfo(np.float32 if installed() < (1, 8) else np.float64).eps)
    proba = op.clip(op.cast(results["predict_proba"], dtype=np.float64), eps, 1 - eps)
    if model.n_classes_ > 2:
        return _centred_log(proba)
    half = 0.5 if model.loss == "exponential" else 1.0
    return half * _logit(op.take(proba, np.array([1]), axis=1))


def _logit(p: Array) -> Array:
    """``log(p / (1 - p))``, accurate also where it is near 0.

    Source: xsf, logit; SciPy has its own branch about 0.5 as well.
    """
    from_half = 2.0 * (p - 0.5)
    near = (p > 0.3) & (p < 0.65)
    accurate = special.log1p(from_half) - special.log1p(-from_half)
    return op.where(near, accurate, op.log(p / (1.0 - p)))


def _centred_log(p: Array) -> Array:
    """``log(p / gmean(p))``, [N, K] -> [N, K].

    Source: sklearn/_loss/link.py, MultinomialLogit.link (1.9).
    """
    mean = op.exp(op.sum(op.log(p), axis=1) / float(p.shape[1]))
    return op.log(p / op.expand(mean, axis=1))


def _sum_from(base: Array, forest: Forest, x: Array) -> Array:
    """``((base + t0) + t1) + ...`` where each row has its own base, [N, K]."""
    values = op.take(forest.value, trees.leaf_index(forest, x))
    steps = op.concat(op.expand(base, axis=1), values, axis=1)
    return op.take(op.cumsum(steps, axis=1), forest.n_trees, axis=1)
