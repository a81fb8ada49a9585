"""LightGBM: small models of drawn parameters, on drawn rows."""

import json
import re

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import sparkbird
from tests.converters.boundaries import SMALL, about, assert_equal
from tests.converters.test_lightgbm_categories import methods_of


def classes(y, n):
    """As many rows of each class: of linear trees for a class of none LightGBM 4.7 dies."""
    return y.argsort().argsort() * n // len(y)


OBJECTIVES = {
    "regression": lambda y: y,
    "regression_l1": lambda y: y,
    "huber": lambda y: y,
    "quantile": lambda y: y,
    "poisson": np.abs,
    "tweedie": np.abs,
    "binary": lambda y: classes(y, 2),
    "cross_entropy": lambda y: 1 / (1 + np.exp(-y)),
    "cross_entropy_lambda": lambda y: 1 / (1 + np.exp(-y)),
    "multiclass": lambda y: classes(y, 3),
    "multiclassova": lambda y: classes(y, 3),
}
BOOSTING = {
    "gbdt": {},
    "dart": {"drop_rate": 0.5, "skip_drop": 0.0},
    "rf": {"bagging_freq": 1, "bagging_fraction": 0.7},
}
FIXED = {"num_threads": 1, "verbose": -1, "min_data_per_group": 2, "cat_smooth": 1, "cat_l2": 0.1}


@st.composite
def parameters(draw):
    """Parameters of `train` that go together."""
    objective = draw(st.sampled_from([*OBJECTIVES]))
    boosting = draw(st.sampled_from([*BOOSTING]))
    linear = objective != "regression_l1" and draw(st.booleans())
    own = BOOSTING[boosting] | ({"num_class": 3} if objective.startswith("multi") else {})
    return {
        **FIXED,
        **own,
        "objective": objective,
        "boosting": boosting,
        "linear_tree": linear,
        "num_leaves": draw(st.integers(2, 12)),
        "max_depth": draw(st.sampled_from([-1, 1, 3])),
        "min_data_in_leaf": draw(st.sampled_from([1, 5, 1000])),
        "use_missing": draw(st.booleans()),
        "zero_as_missing": not linear and draw(st.booleans()),
        "reg_sqrt": draw(st.booleans()),
        "sigmoid": draw(st.sampled_from([0.3, 1.0, 2.0])),
        "learning_rate": draw(st.sampled_from([0.05, 0.5])),
        "extra_trees": draw(st.booleans()),
        "max_cat_to_onehot": draw(st.sampled_from([1, 4, 100])),
        "seed": draw(st.integers(0, 9)),
    }


def training_rows(seed, scale, codes, missing, zeros):
    """Rows of numbers and of codes with missing values and zeros, [N, 5], and a target [N]."""
    rng = np.random.default_rng(seed)
    X = rng.normal(scale=scale, size=(150, 5))
    X[:, 3] = rng.integers(0, codes, 150)
    X[:, 4] = rng.integers(-2, 3, 150) * 0.5
    X[rng.random(X.shape) < missing] = np.nan
    X[rng.random(X.shape) < zeros] = 0.0
    y = np.nan_to_num(X) @ rng.normal(size=5)
    return X, y / max(y.std(), 1e-9) + np.isnan(X[:, 0])


ROWS = st.builds(
    training_rows,
    st.integers(0, 1000),
    st.sampled_from([1e-3, 1.0, 1e6]),
    st.sampled_from([2, 9, 3000]),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.sampled_from([0.0, 0.3]),
)


def values_of(booster, X):
    """Those that decide: all thresholds and what lies beside them, codes, and unusual ones."""
    text = json.dumps(booster.dump_model()["tree_info"])
    numbers = [float(value) for value in re.findall(r'"threshold": ([-+.\de]+)', text)]
    sets = re.findall(r'"threshold": "([|\d]+)"', text)
    codes = [int(code) + part for s in sets for code in s.split("||")[:3] for part in (0, 0.5)]
    unusual = (np.nan, np.inf, -np.inf, *SMALL, -1.0, 1e20, 5e-324, 2.0**31)
    return np.array([*about(np.array(numbers or [0.0])), *codes, *unusual, *X[:5].ravel()])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    parameters(),
    ROWS,
    st.sampled_from([[], [3], [3, 4]]),
    st.sampled_from([np.float64, np.float32]),
    st.integers(0, 1000),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_margins_leaves_and_predictions_of_drawn_models(chosen, rows, categorical, dtype, seed):
    X, y = rows[0].astype(dtype), OBJECTIVES[chosen["objective"]](rows[1])
    booster = lgb.train(chosen, lgb.Dataset(X, y, categorical_feature=categorical), 5)
    rng = np.random.default_rng(seed)
    with np.errstate(over="ignore"):
        drawn = rng.choice(values_of(booster, X), size=(200, 5)).astype(dtype)
    drawn = np.where(rng.random(drawn.shape) < 0.5, drawn, X[rng.integers(0, len(X), 200)])
    compiled = sparkbird.compile(booster, inputs=X)
    methods = methods_of(booster)
    expected = methods.pop("predict")(drawn)
    assert_equal(compiled, booster, drawn, methods)
    np.testing.assert_allclose(compiled.predict(drawn), expected, 1e-12)
