"""LightGBM: sets of categories of every size, and categories of pandas by their names."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor

import sparkbird
from sparkbird.errors import UnsupportedOptionError
from tests.converters.boundaries import assert_equal, fitted, in_float64, rows_about
from tests.converters.test_hist_gradient_boosting import categories
from tests.converters.test_lightgbm import CODES, FEW, thresholds
from tests.parity import Case, check, parameters


def two_codes():
    return codes_among(2)


def many_codes():
    return codes_among(3000, of_which=60)


def huge_codes():
    """Few codes, far apart and far from 0."""
    X, y = codes_among(40)
    X[:, 1] = X[:, 1] * 9_973 + 7
    return X, y


def codes_beside_each_other():
    """Two features of huge codes, one of small ones, and numbers that look like codes."""
    X, y = huge_codes()
    X[:, 2] = 5_000 + X[:, 1] % 13
    X[:, 3] = X[:, 1] % 5
    return X, y


def negative_and_fractional_codes():
    X, y = codes_among(9)
    X[:, 1] = X[:, 1] - 3 + np.arange(len(X)) % 4 / 4
    X[::11, 1] = np.nan
    return X, y


def no_codes():
    """A categorical feature that is missing wherever one looks."""
    X, y = codes_among(5)
    X[:, 1] = np.nan
    return X, y


def codes_among(n, of_which=None):
    """300 rows, whose second value is one of `n` codes."""
    rng = np.random.default_rng(n)
    X = rng.normal(size=(300, 4))
    own = rng.choice(n, of_which or n, replace=False)
    X[:, 1] = rng.choice(own, 300)
    return X, np.sin(X[:, 1]) + 0.1 * X[:, 0]


SETS = {"min_data_per_group": 3, "cat_smooth": 1, "cat_l2": 0.1}
ONE, ALL = {"categorical_feature": [1], **SETS}, {"categorical_feature": [1, 2, 3], **SETS}
#: Beside the codes, where they are huge.
NEIGHBOURS = (6.0, 7.0, 7.9, 9_980.0, 9_980.5, 9_981.0, 5_000.0, 5_012.9, 5_013.0, 1023.0, 1024.0)

CASES = [
    Case(LGBMRegressor(**ONE, **FEW), two_codes, rtol=0, traps=CODES),
    Case(LGBMRegressor(**ONE, **FEW), many_codes, rtol=0, traps=CODES),
    Case(LGBMRegressor(**ONE, **FEW), huge_codes, rtol=0, traps=(*CODES, *NEIGHBOURS)),
    Case(LGBMRegressor(**ALL, **FEW), codes_beside_each_other, rtol=0, traps=(*CODES, *NEIGHBOURS)),
    Case(LGBMRegressor(**ONE, **FEW), negative_and_fractional_codes, rtol=0, traps=CODES),
    Case(LGBMRegressor(**ONE, **FEW), no_codes, rtol=0, traps=CODES),
    *(
        Case(LGBMRegressor(**ONE, **more, **FEW), rows, rtol=0, traps=CODES)
        for more in ({"zero_as_missing": True}, {"use_missing": False})
        for rows in (huge_codes, negative_and_fractional_codes)
    ),
    Case(LGBMRegressor(**ONE, max_cat_threshold=1, **FEW), many_codes, rtol=0),
    Case(LGBMRegressor(**ONE, max_cat_to_onehot=4000, **FEW), many_codes, rtol=0),
    Case(LGBMRegressor(cat_feature=[1], **SETS, **FEW), two_codes, rtol=0, note="by another name"),
    Case(LGBMRegressor(categorical_column="1", **SETS, **FEW), two_codes, rtol=0, note="as text"),
]

# LightGBM's of `categorical_feature` among the parameters, though it does not ignore it.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize(("case", "dtype"), parameters([*in_float64(CASES[:6])]))
def test_it_gives_what_lightgbm_gives(case, dtype):
    check(case, dtype)


@pytest.mark.parametrize(("case", "dtype"), parameters(CASES))
def test_codes_and_their_neighbours_reach_the_same_leaves(case, dtype):
    X, model, compiled = fitted(case, dtype)
    rows = rows_about(
        X, {**thresholds(model), 1: np.unique(X[:, 1])[:50]}, (*CODES, *NEIGHBOURS, np.nan, np.inf)
    )
    assert_equal(compiled, model, rows, methods_of(model))


def methods_of(model):
    return {
        "leaf": lambda rows: model.predict(rows, pred_leaf=True),
        "margin": lambda rows: model.predict(rows, raw_score=True),
        "predict": model.predict,
    }


def test_there_are_tests_of_the_huge_codes():
    X, y = huge_codes()
    model = LGBMRegressor(**ONE, **FEW).fit(X, y)
    asked = model.booster_.trees_to_dataframe().query("decision_type == '=='")["threshold"]
    assert max(int(code) for codes in asked for code in codes.split("||")) > 10**5


def test_a_feature_that_was_numeric_in_the_first_trees_and_categorical_in_the_others():
    X, y = huge_codes()
    first = lgb.train(FEW | {"num_iterations": 3}, lgb.Dataset(X, y))
    data = lgb.Dataset(X, y, categorical_feature=[1], free_raw_data=False)
    booster = lgb.train(FEW | SETS | {"num_iterations": 3}, data, init_model=first)
    assert_equal(sparkbird.compile(booster, inputs=X), booster, X, methods_of(booster))


def ordered_categories():
    frame, y = categories()
    frame["grade"] = pd.Categorical(
        np.where(frame["age"] > 45, "high", np.where(frame["age"] > 35, "mid", "low")),
        categories=["low", "mid", "high"],
        ordered=True,
    )
    return frame.drop(columns="size"), y


def boolean_categories():
    frame, y = categories()
    return frame.assign(size=pd.Categorical(frame["size"] == 10)), y


def float_categories():
    frame, y = categories()
    return frame.assign(size=pd.Categorical(frame["size"].astype(float) / 4)), y


def ordered_numbers():
    frame, y = categories()
    return frame.assign(size=pd.Categorical(frame["size"], ordered=True)), y


@pytest.mark.parametrize(
    "rows",
    [categories, ordered_categories, boolean_categories, float_categories, ordered_numbers],
)
def test_categories_of_pandas_have_equal_leaves(rows):
    frame, y = rows()
    model = LGBMClassifier(**FEW, min_data_per_group=5).fit(frame, y)
    compiled = sparkbird.compile(model, inputs=frame)
    methods = methods_of(model)
    assert_equal(compiled, model, frame, methods)
    np.testing.assert_allclose(compiled.predict_proba(frame), model.predict_proba(frame), 1e-13)
    for value in ("unseen", "never heard of", None, "a"):
        frame["city"] = pd.Categorical(
            [value] * len(frame), categories=["a", "unseen", "never heard of"]
        )
        assert_equal(compiled, model, frame, methods)


@pytest.mark.parametrize("rows", [categories, boolean_categories])
def test_a_booster_that_was_read_again_knows_the_categories_by_name(rows, tmp_path):
    frame, y = rows()
    model = LGBMClassifier(**FEW, min_data_per_group=5).fit(frame, y).booster_
    model.save_model(tmp_path / "model.txt")
    booster = lgb.Booster(model_file=tmp_path / "model.txt")
    compiled = sparkbird.compile(booster, inputs=frame)
    methods = {"leaf": lambda rows: booster.predict(rows, pred_leaf=True)}
    assert_equal(compiled, booster, frame, methods)


def test_categories_that_training_did_not_see_and_missing_numbers():
    frame, y = categories()
    model = LGBMClassifier(**FEW, min_data_per_group=5).fit(frame, y)
    compiled = sparkbird.compile(model, inputs=frame)
    frame["size"] = pd.Categorical([30, 10, 99, None] * 50)
    assert_equal(compiled, model, frame, methods_of(model))


def test_without_inputs_the_model_says_which_columns_are_strings():
    frame, y = categories()
    model = LGBMClassifier(**FEW).fit(frame, y)
    compiled = sparkbird.compile(model)
    np.testing.assert_array_equal(compiled.predict(frame), model.predict(frame))


def test_categories_that_cannot_be_placed_are_refused():
    frame, y = ordered_categories()
    with pytest.raises(UnsupportedOptionError, match="which columns were categories"):
        sparkbird.compile(LGBMClassifier(**FEW).fit(frame, y))
    frame, y = categories()
    frame = frame.assign(
        size=pd.Categorical(frame["size"], ordered=True), count=np.arange(len(frame)) % 3
    )
    # What LightGBM calls categorical is `count`, whose values could be codes of `size`.
    model = LGBMClassifier(**FEW).fit(frame, y, categorical_feature=["city", "count"])
    with pytest.raises(UnsupportedOptionError, match="which columns were categories"):
        sparkbird.compile(model, inputs=frame)


def test_categories_of_several_types_are_refused():
    frame, y = categories()
    mixed = frame["size"].cat.rename_categories(["ten", 20, 30])
    model = LGBMClassifier(**FEW).fit(frame.assign(size=mixed), y)
    with pytest.raises(UnsupportedOptionError, match="which columns were categories"):
        sparkbird.compile(model, inputs=frame)
