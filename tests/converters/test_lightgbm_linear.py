"""LightGBM: trees with a linear model in each leaf."""

import lightgbm as lgb
import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor

import sparkbird
from tests.converters.boundaries import BESIDE, SMALL, assert_equal, fitted, in_float64, rows_about
from tests.converters.test_hist_gradient_boosting import positive_target
from tests.converters.test_lightgbm import CATEGORIES, FEW, about_zero, codes, ratings, thresholds
from tests.converters.test_lightgbm_categories import methods_of
from tests.converters.test_tree import continuous_with_nan
from tests.parity import Case, check, parameters
from tests.rows import (
    boolean_labels,
    constant_column,
    continuous,
    far_from_zero,
    gaussian,
    named_numbers,
    small_integers,
    string_labels,
    three_classes,
)


def wide():
    """Many features, each used in few leaves."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(300, 60))
    return X, (X[:, :50] * np.arange(50) * (X[:, [0]] > 0)).sum(axis=1)


LINEAR = {"linear_tree": True, **FEW}
FOREST = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}

#: Where the sum of huge values is infinite or of no value at all, LightGBM's classifiers take
#: the first class, and so do we; their probabilities are NaN.
CASES = [
    *(
        Case(LGBMRegressor(**LINEAR), rows, rtol=0, traps=(*SMALL, *BESIDE))
        for rows in (
            continuous,
            continuous_with_nan,
            about_zero,
            far_from_zero,
            constant_column,
            named_numbers,
            wide,
        )
    ),
    Case(LGBMRegressor(**LINEAR), small_integers, rtol=0, dtypes=("float64", "int64", "bool")),
    *(
        Case(LGBMRegressor(**more, **LINEAR), continuous_with_nan, rtol=0)
        for more in (
            {"use_missing": False},
            {"linear_lambda": 0.5},
            {"boosting_type": "dart"},
            {"data_sample_strategy": "goss"},
            {"reg_sqrt": True},
            {"monotone_constraints": [1, 0, 0, -1, 0]},
            FOREST,
        )
    ),
    Case(
        LGBMRegressor(**{**LINEAR, "min_child_samples": 1000}),
        continuous,
        rtol=0,
        note="lone leaves",
    ),
    *(
        Case(LGBMRegressor(objective=objective, **LINEAR), rows)
        for objective, rows in (
            ("huber", continuous),
            ("quantile", continuous),
            ("poisson", positive_target),
            ("gamma", positive_target),
            ("tweedie", positive_target),
            ("cross_entropy", ratings),
            ("cross_entropy_lambda", ratings),
        )
    ),
    *(
        Case(LGBMClassifier(**LINEAR), rows)
        for rows in (gaussian, three_classes, string_labels, boolean_labels)
    ),
    Case(LGBMClassifier(objective="multiclassova", **LINEAR), three_classes),
    Case(LGBMClassifier(**FOREST, **LINEAR), three_classes),
    Case(LGBMRegressor(**CATEGORIES, **LINEAR), codes, rtol=0),
]

# LightGBM's of `categorical_feature` and of parameters with several names.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize(("case", "dtype"), parameters([*in_float64(CASES)]))
def test_it_gives_what_lightgbm_gives(case, dtype):
    check(case, dtype)


@pytest.mark.parametrize(("case", "dtype"), parameters(CASES))
def test_rows_on_and_about_thresholds_have_the_same_sums(case, dtype):
    X, model, compiled = fitted(case, dtype)
    if not isinstance(X, np.ndarray):
        X = X.to_numpy()
        compiled = sparkbird.compile(model, inputs=X)
    if X.dtype.kind == "f":
        more = (np.nan, np.inf, -np.inf, *SMALL, *BESIDE, 1e300, -1e300, 5e-324)
        X = rows_about(X, {k: v[:8] for k, v in [*thresholds(model).items()][:6]}, more)
    methods = {name: methods_of(model)[name] for name in ("leaf", "margin")}
    assert_equal(compiled, model, X, methods)


def test_leaves_have_terms_and_some_have_more_than_others():
    X, y = continuous_with_nan()
    text = LGBMRegressor(**LINEAR).fit(X, y).booster_.model_to_string()
    found = [line.split("=")[1].split() for line in text.splitlines() if "num_features=" in line]
    assert {*map(len, found)} == {6}
    assert len({count for counts in found for count in counts}) > 2


def test_a_missing_value_of_a_feature_that_the_leaf_does_not_use_changes_nothing():
    """And one that it does use takes the value of the leaf instead of its model."""
    X, y = continuous()
    model = LGBMRegressor(**LINEAR).fit(X, y)
    compiled = sparkbird.compile(model)
    rows = np.repeat(X[:20], X.shape[1], axis=0)
    rows[np.arange(len(rows)), np.arange(len(rows)) % X.shape[1]] = np.nan
    expected = model.predict(rows)
    assert (expected == np.repeat(model.predict(X[:20]), X.shape[1])).any()
    np.testing.assert_array_equal(compiled.predict(rows), expected)


@pytest.mark.parametrize("order", [(False, True), (True, False)])
def test_linear_trees_after_others_and_before_them(order):
    X, y = continuous_with_nan()
    first, second = (LGBMRegressor(**(LINEAR if linear else FEW)) for linear in order)
    model = second.fit(X, y, init_model=first.fit(X, y))
    assert model.booster_.num_trees() == 10
    assert_equal(sparkbird.compile(model), model, X, methods_of(model))


@pytest.mark.parametrize("outputs", ["predict", "margin", "leaf"])
def test_a_booster_that_was_read_again_gives_the_same(outputs):
    X, y = continuous_with_nan()
    booster = LGBMRegressor(**LINEAR).fit(X, y).booster_
    again = lgb.Booster(model_str=booster.model_to_string())
    compiled = sparkbird.compile(again, inputs=X, outputs=outputs)
    assert_equal(compiled, again, X, {outputs: methods_of(booster)[outputs]})


@pytest.mark.parametrize("strategy", ["ensemble", "traversal", "perfect", "gemm"])
def test_every_strategy_finds_the_leaves(strategy):
    X, y = continuous_with_nan()
    model = LGBMRegressor(**LINEAR).fit(X, y)
    compiled = sparkbird.compile(model, strategy=strategy)
    np.testing.assert_array_equal(compiled.predict(X), model.predict(X))
