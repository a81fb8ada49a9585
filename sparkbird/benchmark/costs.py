"""Predicted time beside measured time, for models of different kinds: how good the prices are.

A batch of rows goes from Arrow columns to arrays on one thread, which is what is predicted; the
fastest run counts, as it does for prices. On the machine of `conf/costs/amd-epyc.yaml`, whose two
cores others used too, 16 of 21 were within 1.5 times in one run and 18 in another, and the median
took 1.27 times as long as predicted. Scalers and PCA took up to 1.8 times as long: where little is
computed, calls and memory around it count, which have no price. Texts took 5.8 times as long, as
nobody knows their words beforehand. A forest of any depth took 0.7 times as long: its rows reach
leaves sooner than the mean leaf is deep.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn import (
    decomposition,
    ensemble,
    feature_extraction,
    impute,
    linear_model,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline

from sparkbird.benchmark.calibration.timing import FULL, QUICK, nanoseconds
from sparkbird.benchmark.measure import pinned, threads_said
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.results import Group, Measurement
from sparkbird.compiler import compile as compile_model
from sparkbird.costs import BATCH, predicted
from sparkbird.prices import current
from sparkbird.runtime.scoring import score_columns
from sparkbird.runtime.sessions import open_session

#: The names of facts.
PREDICTED, MEASURED, RATIO = "predicted µs a row", "measured µs a row", "measured / predicted"
_OWN = "sparkbird"
#: A prediction is near that is wrong by no more than this factor.
NEAR = 1.5
#: Rows that models are fitted to.
_TRAINED, _QUICK = 5_000, 200

Rows: TypeAlias = Any


@dataclass(frozen=True)
class Case:
    """A model that is not fitted, and the rows that it takes: [N, F], a dataframe, or texts."""

    model: Callable[[], Any]
    rows: Callable[[int], Rows]
    output: str = "predict"


def _numbers(rows: int, features: int = 28, dtype: Any = np.float64) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((rows, features)).astype(dtype)


def _people(rows: int) -> pd.DataFrame:
    """Three columns of strings, and five of numbers, some of them missing."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            name: rng.choice([f"{name} {i}" for i in range(distinct)], rows)
            for name, distinct in (("town", 30), ("trade", 12), ("state", 4))
        }
    )
    for i in range(5):
        values = rng.standard_normal(rows)
        frame[f"x{i}"] = np.where(rng.random(rows) < 0.05, np.nan, values)
    return frame


def _prepared(estimator: Any) -> Any:
    """One-hot strings, numbers imputed and scaled, and an estimator."""
    numbers = make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
    hot = preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    features = make_column_transformer(
        (hot, ["town", "trade", "state"]), (numbers, [f"x{i}" for i in range(5)])
    )
    return make_pipeline(features, estimator)


def _texts(rows: int) -> pd.Series[Any]:
    words = np.array([f"word{i}" for i in range(300)])
    drawn = np.random.default_rng(0).choice(words, (rows, 8))
    return pd.Series([" ".join(line) for line in drawn])


_FOREST, _BOOSTED = ensemble.RandomForestClassifier, ensemble.HistGradientBoostingClassifier
_FLOAT32 = partial(_numbers, dtype=np.float32)
# fmt: off
CASES: Mapping[str, Case] = {
    "LinearRegression": Case(linear_model.LinearRegression, _numbers),
    "LogisticRegression": Case(linear_model.LogisticRegression, _numbers, "predict_proba"),
    "StandardScaler": Case(preprocessing.StandardScaler, _numbers, "transform"),
    "MinMaxScaler, 4 features": Case(
        preprocessing.MinMaxScaler, partial(_numbers, features=4), "transform"),
    "QuantileTransformer": Case(
        partial(preprocessing.QuantileTransformer, n_quantiles=40), _numbers, "transform"),
    "PolynomialFeatures, 10 features": Case(
        preprocessing.PolynomialFeatures, partial(_numbers, features=10), "transform"),
    "PCA": Case(partial(decomposition.PCA, 5), _numbers, "transform"),
    "GaussianNB": Case(naive_bayes.GaussianNB, _numbers),
    "MLPClassifier": Case(partial(neural_network.MLPClassifier, max_iter=20), _numbers),
    "SVC, 500 rows": Case(svm.SVC, _numbers),
    "KNeighborsClassifier, 500 rows": Case(neighbors.KNeighborsClassifier, _numbers),
    "DecisionTree, depth 6": Case(partial(tree.DecisionTreeClassifier, max_depth=6), _numbers),
    "RandomForest, 100 x depth 6": Case(
        partial(_FOREST, max_depth=6, random_state=0), _numbers, "predict_proba"),
    "RandomForest, 100 x any depth": Case(
        partial(_FOREST, random_state=0), _numbers, "predict_proba"),
    "RandomForest, 300 x depth 8, float32": Case(
        partial(_FOREST, 300, max_depth=8, random_state=0), _FLOAT32, "predict_proba"),
    "boosting, 100 x 31 leaves": Case(_BOOSTED, _numbers, "predict_proba"),
    "boosting, 300 x 31 leaves, 90 features": Case(
        partial(_BOOSTED, max_iter=300, early_stopping=False), partial(_numbers, features=90)),
    "one-hot, imputer, scaler, logistic regression": Case(
        lambda: _prepared(linear_model.LogisticRegression()), _people, "predict_proba"),
    "one-hot, imputer, scaler, boosting": Case(
        lambda: _prepared(_BOOSTED()), _people, "predict_proba"),
    "scaler, PCA, random forest": Case(
        lambda: make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(5),
                              _FOREST(50, max_depth=6, random_state=0)), _numbers),
    "TfidfVectorizer": Case(feature_extraction.text.TfidfVectorizer, _texts, "transform"),
}
# fmt: on
#: Those fitted to few rows: they are kept in the model.
_FEW = 500


def measured(options: Options) -> Iterator[Group]:
    """One group: a case for each model, predicted and measured."""
    found: list[Measurement] = []
    with pinned(1):
        found += [_of_case(case, CASES[case], options) for case in options.each(CASES)]
    rows = _rows(options)
    title = f"Predicted and measured, batches of {rows:,} rows, {threads_said(1)}"
    notes = (f"Prices of {current().machine}.\n",)
    summary = _summary([m.facts[RATIO] for m in found])
    yield Group("costs", "costs", title, _OWN, "µs a row", tuple(found), "bars", summary, notes)


def _of_case(name: str, case: Case, options: Options) -> Measurement:
    trained = _QUICK if options.quick else _FEW if f"{_FEW} rows" in name else _TRAINED
    fitted_on, rows = case.rows(trained), _rows(options)
    y = np.random.default_rng(1).integers(2, size=trained)
    model = case.model().fit(fitted_on, y)
    compiled = compile_model(model, fitted_on, outputs=case.output)
    session = open_session(compiled.to_bytes(), [*compiled.outputs])
    given = _arrays(case.rows(rows))
    arrays = [given[place] for place in session.schema.places]
    effort = QUICK if options.quick else FULL
    run = partial(score_columns, session, arrays)
    seconds = tuple(1e-9 * nanoseconds(run, effort) for _ in range(options.repeats))
    expected = predicted(session, rows=rows).seconds
    took = min(seconds) / rows
    facts = {PREDICTED: 1e6 * expected, MEASURED: 1e6 * took, RATIO: took / expected}
    return Measurement(name, _OWN, rows, seconds, facts)


def _arrays(rows: Rows) -> list[pa.Array]:
    """Rows as Arrow columns."""
    if isinstance(rows, pd.DataFrame):
        return [pa.array(rows[name].to_numpy(), from_pandas=True) for name in rows.columns]
    if isinstance(rows, pd.Series):
        return [pa.array(rows.tolist())]
    return [pa.array(np.ascontiguousarray(column)) for column in rows.T]


def _rows(options: Options) -> int:
    return options.rows or (_QUICK if options.quick else BATCH)


def _summary(ratios: list[float]) -> dict[str, float | str]:
    """How many are near, and the extremes."""
    if not ratios:
        return {}
    near = sum(1 / NEAR <= ratio <= NEAR for ratio in ratios)
    spread = {"least": min(ratios), "median": statistics.median(ratios), "most": max(ratios)}
    return {
        f"within {NEAR} times": f"{near} of {len(ratios)}",
        **{f"{name} {RATIO}": f"{ratio:.2f}" for name, ratio in spread.items()},
    }
