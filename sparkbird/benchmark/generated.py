"""Pipelines of scikit-learn for any table, as people write them: drawn by a seed, not by hand.

Numbers are imputed and scaled, binned or bent; categories are imputed and encoded; texts are
counted; behind them may stand a selection or a projection, and then an estimator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from sklearn import (
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_extraction,
    feature_selection,
    impute,
    linear_model,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline

from sparkbird.benchmark.tables import Table

#: What makes a step, not fitted.
Maker: TypeAlias = Callable[[], Any]


def pipeline(table: Table, number: int) -> Pipeline:
    """A pipeline for a table; of the estimators of its kind each `number` has the next."""
    digest = hashlib.sha256(f"{table.name} {number}".encode()).hexdigest()
    rng = np.random.default_rng(int(digest[:8], 16))
    parts: list[tuple[str, Any, Any]] = []
    if table.numbers:
        steps = [_drawn(rng, IMPUTERS), _drawn(rng, SCALERS)]
        parts.append(("numbers", make_pipeline(*steps), [*table.numbers]))
    if table.categories:
        steps = [_drawn(rng, FILLERS), _drawn(rng, ENCODERS)]
        parts.append(("categories", make_pipeline(*steps), [*table.categories]))
    parts += [(f"text of {name}", _drawn(rng, COUNTERS), name) for name in table.texts]
    features = ColumnTransformer(parts, sparse_threshold=0)
    estimators = ESTIMATORS[table.classes]
    estimator = estimators[number % len(estimators)]()
    return Pipeline(
        [
            ("features", features),
            ("selector", _drawn(rng, SELECTORS[table.classes])),
            ("estimator", estimator),
        ]
    )


def _drawn(rng: np.random.Generator, makers: Sequence[Maker]) -> Any:
    return makers[int(rng.integers(len(makers)))]()


def _nothing() -> str:
    """No step."""
    return "passthrough"


IMPUTERS: tuple[Maker, ...] = (
    impute.SimpleImputer,
    partial(impute.SimpleImputer, strategy="median"),
    partial(impute.SimpleImputer, strategy="median", add_indicator=True),
    partial(impute.SimpleImputer, strategy="most_frequent"),
    partial(impute.SimpleImputer, strategy="constant", fill_value=-1),
)
SCALERS: tuple[Maker, ...] = (
    _nothing,
    preprocessing.StandardScaler,
    preprocessing.StandardScaler,
    preprocessing.MinMaxScaler,
    preprocessing.MaxAbsScaler,
    preprocessing.RobustScaler,
    preprocessing.PowerTransformer,
    partial(preprocessing.QuantileTransformer, n_quantiles=40, random_state=0),
    partial(preprocessing.KBinsDiscretizer, 4, encode="onehot-dense", strategy="uniform"),
    partial(preprocessing.SplineTransformer, n_knots=4),
)
FILLERS: tuple[Maker, ...] = (
    partial(impute.SimpleImputer, strategy="most_frequent"),
    partial(impute.SimpleImputer, strategy="constant", fill_value="missing"),
    _nothing,
)
ENCODERS: tuple[Maker, ...] = (
    partial(preprocessing.OneHotEncoder, handle_unknown="ignore", sparse_output=False),
    partial(preprocessing.OneHotEncoder, handle_unknown="ignore", sparse_output=False),
    partial(
        preprocessing.OneHotEncoder,
        drop="if_binary",
        handle_unknown="ignore",
        sparse_output=False,
    ),
    partial(
        preprocessing.OneHotEncoder,
        handle_unknown="infrequent_if_exist",
        min_frequency=0.1,
        sparse_output=False,
    ),
    partial(
        preprocessing.OrdinalEncoder,
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        encoded_missing_value=-2,
    ),
    partial(preprocessing.TargetEncoder, random_state=0),
)
COUNTERS: tuple[Maker, ...] = (
    partial(feature_extraction.text.TfidfVectorizer, max_features=50),
    partial(feature_extraction.text.CountVectorizer, max_features=50, binary=True),
)

_EITHER: tuple[Maker, ...] = (
    _nothing,
    _nothing,
    feature_selection.VarianceThreshold,
    partial(decomposition.PCA, 0.95, svd_solver="full"),
)
#: By whether the target is a class.
SELECTORS: dict[bool, tuple[Maker, ...]] = {
    True: (
        *_EITHER,
        partial(feature_selection.SelectKBest, k=2),
        partial(feature_selection.SelectPercentile, percentile=60),
    ),
    False: (
        *_EITHER,
        partial(feature_selection.SelectKBest, feature_selection.f_regression, k=2),
        partial(feature_selection.SelectFromModel, linear_model.Ridge(), threshold="median"),
    ),
}
ESTIMATORS: dict[bool, tuple[Maker, ...]] = {
    True: (
        partial(linear_model.LogisticRegression, max_iter=500),
        partial(linear_model.SGDClassifier, loss="log_loss", random_state=0),
        linear_model.RidgeClassifier,
        partial(svm.LinearSVC, random_state=0),
        svm.SVC,
        naive_bayes.GaussianNB,
        neighbors.KNeighborsClassifier,
        partial(
            neural_network.MLPClassifier, hidden_layer_sizes=(20,), max_iter=50, random_state=0
        ),
        discriminant_analysis.LinearDiscriminantAnalysis,
        partial(tree.DecisionTreeClassifier, random_state=0),
        partial(ensemble.RandomForestClassifier, random_state=0),
        partial(ensemble.ExtraTreesClassifier, random_state=0),
        partial(ensemble.GradientBoostingClassifier, random_state=0),
        partial(ensemble.HistGradientBoostingClassifier, random_state=0),
        partial(ensemble.AdaBoostClassifier, random_state=0),
        partial(ensemble.BaggingClassifier, random_state=0),
    ),
    False: (
        linear_model.LinearRegression,
        linear_model.Ridge,
        partial(linear_model.Lasso, 0.01),
        partial(linear_model.ElasticNet, 0.01),
        linear_model.BayesianRidge,
        linear_model.HuberRegressor,
        svm.SVR,
        neighbors.KNeighborsRegressor,
        partial(neural_network.MLPRegressor, hidden_layer_sizes=(20,), max_iter=50, random_state=0),
        partial(tree.DecisionTreeRegressor, random_state=0),
        partial(ensemble.RandomForestRegressor, random_state=0),
        partial(ensemble.ExtraTreesRegressor, random_state=0),
        partial(ensemble.GradientBoostingRegressor, random_state=0),
        partial(ensemble.HistGradientBoostingRegressor, random_state=0),
        partial(ensemble.AdaBoostRegressor, random_state=0),
        partial(ensemble.BaggingRegressor, random_state=0),
    ),
}
