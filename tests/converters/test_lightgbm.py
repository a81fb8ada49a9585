"""LightGBM: every objective, missing values of three kinds, categories, every type of label."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

import sparkbird
from sparkbird.errors import ColumnTypeError, NotFittedError, UnsupportedOptionError
from tests.converters.boundaries import (
    BESIDE,
    SMALL,
    UNUSUAL,
    assert_equal,
    fitted,
    in_float64,
    rows_about,
)
from tests.converters.test_hist_gradient_boosting import positive_target, string_columns
from tests.converters.test_tree import assert_ledger_is_whole, continuous_with_nan, one_class
from tests.parity import Case, check, parameters
from tests.rows import (
    boolean_labels,
    continuous,
    far_from_zero,
    float_labels,
    gaussian,
    named_numbers,
    small_integers,
    string_labels,
    three_classes,
    with_nan,
)


def about_zero():
    """Most values are 0, or so near to it that LightGBM takes them for 0."""
    rng = np.random.default_rng(0)
    X = rng.choice([*SMALL, *BESIDE, 1.0, -1.0, 2.0, -2.0], size=(400, 3))
    return X, X[:, 0] + 2 * (X[:, 1] > 0) + (X[:, 2] < 0)


def about_zero_with_nan():
    X, y = about_zero()
    X[::7, 0] = np.nan
    return X, y + np.isnan(X[:, 0])


def ratings():
    X, y = gaussian()
    return X, y * 0.5 + 0.25


def codes():
    """An array of codes: few, many, fractional, large, and some missing."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(300, 4))
    X[:, 1] = rng.integers(0, 70, 300)
    X[:, 2] = rng.choice([0, 3, 40, 1000], 300)
    X[:, 3] = rng.integers(0, 3, 300)
    X[::13, 3] = np.nan
    return X, np.sin(X[:, 1]) + (X[:, 2] == 40) + np.nan_to_num(X[:, 3]) + 0.1 * X[:, 0]


FEW = {"n_estimators": 5, "num_leaves": 6, "min_child_samples": 3, "n_jobs": 1, "verbose": -1}
CODES = (-1.0, -0.5, 0.5, 69.9, 70.0, 1e6, 2.0**31, -(2.0**31), 2.0**32, 40.5, 1e20)
CATEGORIES = {
    "categorical_feature": [1, 2, 3],
    "min_data_per_group": 5,
    "cat_smooth": 1,
    "cat_l2": 1,
}

CLASSIFIERS = [
    *(
        Case(LGBMClassifier(**FEW), rows)
        for rows in (
            gaussian,
            three_classes,
            string_labels,
            boolean_labels,
            float_labels,
            one_class,
            with_nan,
            far_from_zero,
            named_numbers,
        )
    ),
    Case(LGBMClassifier(objective="multiclassova", **FEW), string_labels),
    Case(LGBMClassifier(objective="multiclass", num_class=2, **FEW), gaussian),
    Case(LGBMClassifier(objective="multiclassova", sigmoid=2.5, **FEW), three_classes),
    Case(LGBMClassifier(sigmoid=0.7, **FEW), gaussian),
    Case(LGBMClassifier(objective="cross_entropy", **FEW), gaussian),
    Case(LGBMClassifier(is_unbalance=True, **FEW), gaussian),
    Case(LGBMClassifier(scale_pos_weight=3.0, boost_from_average=False, **FEW), gaussian),
    Case(LGBMClassifier(class_weight="balanced", **FEW), string_labels),
    Case(LGBMClassifier(boosting_type="dart", drop_seed=1, **FEW), three_classes),
    *(
        Case(LGBMClassifier(boosting_type="rf", bagging_freq=1, bagging_fraction=0.6, **FEW), rows)
        for rows in (gaussian, three_classes)
    ),
    Case(LGBMClassifier(data_sample_strategy="goss", **FEW), gaussian),
    Case(LGBMClassifier(extra_trees=True, feature_fraction=0.5, **FEW), three_classes),
    Case(LGBMClassifier(max_depth=1, n_estimators=1, n_jobs=1, verbose=-1), gaussian),
    Case(
        LGBMClassifier(min_child_samples=1000, n_jobs=1, verbose=-1),
        three_classes,
        note="lone leaves",
    ),
    Case(LGBMClassifier(**FEW), small_integers, dtypes=("float64", "int64", "bool")),
]

REGRESSORS = [
    *(
        Case(LGBMRegressor(objective=objective, **FEW), continuous, rtol=0)
        for objective in (
            "regression",
            "regression_l1",
            "huber",
            "fair",
            "quantile",
            "mape",
            "l2",
            "mae",
        )
    ),
    *(
        Case(LGBMRegressor(objective=objective, **FEW), positive_target)
        for objective in ("poisson", "gamma", "tweedie")
    ),
    Case(LGBMRegressor(objective="quantile", alpha=0.1, **FEW), continuous, rtol=0),
    Case(LGBMRegressor(objective="tweedie", tweedie_variance_power=1.2, **FEW), positive_target),
    Case(LGBMRegressor(objective="cross_entropy", **FEW), ratings),
    Case(
        LGBMRegressor(boosting_type="rf", bagging_freq=1, bagging_fraction=0.6, **FEW),
        continuous,
        rtol=0,
    ),
    Case(LGBMRegressor(boosting_type="dart", **FEW), continuous, rtol=0),
    Case(
        LGBMRegressor(min_child_samples=1000, n_jobs=1, verbose=-1),
        continuous,
        rtol=0,
        note="lone leaves",
    ),
    Case(LGBMRegressor(monotone_constraints=[1, -1, 0, 0, 0], **FEW), continuous, rtol=0),
    *(
        Case(LGBMRegressor(**missing, **FEW), rows, rtol=0, traps=(*SMALL, *BESIDE))
        for missing in ({}, {"zero_as_missing": True}, {"use_missing": False})
        for rows in (continuous_with_nan, about_zero, about_zero_with_nan)
    ),
    *(
        Case(LGBMRegressor(**CATEGORIES, **more, **FEW), codes, rtol=0, traps=CODES)
        for more in (
            {},
            {"max_cat_to_onehot": 100},
            {"zero_as_missing": True},
            {"use_missing": False},
        )
    ),
]

FRAMES = [
    *(
        Case(
            make_pipeline(
                make_column_transformer((encoder, ["city"]), remainder="passthrough"),
                LGBMClassifier(**FEW),
            ),
            string_columns,
        )
        for encoder in (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        )
    ),
]


@pytest.mark.parametrize(
    ("case", "dtype"), parameters([*in_float64([*CLASSIFIERS, *REGRESSORS, *FRAMES])])
)
def test_it_gives_what_lightgbm_gives(case, dtype):
    check(case, dtype)


def thresholds(model):
    """The thresholds by feature, those of categorical tests left out."""
    table = model._Booster.trees_to_dataframe()
    table = table[table["decision_type"] == "<="]
    names = model._Booster.feature_name()
    return {
        names.index(name): np.unique(group["threshold"].to_numpy(float))
        for name, group in table.groupby("split_feature")
    }


@pytest.mark.parametrize(("case", "dtype"), parameters([*CLASSIFIERS, *REGRESSORS]))
def test_rows_on_and_about_thresholds_reach_the_same_leaves(case, dtype):
    X, model, compiled = fitted(case, dtype)
    if not isinstance(X, np.ndarray):
        X = X.to_numpy()
        compiled = sparkbird.compile(model, inputs=X)
    methods = {
        "leaf": lambda rows: model.predict(rows, pred_leaf=True),
        "margin": lambda rows: model.predict(rows, raw_score=True),
    }
    if hasattr(model, "classes_"):
        methods |= {"predict": model.predict, "decision_function": model.decision_function}
    assert_equal(compiled, model, X, methods)
    if X.dtype.kind == "f":
        more = (*UNUSUAL, *SMALL, *BESIDE, *CODES, 1e300, 5e-324)
        assert_equal(compiled, model, rows_about(X, thresholds(model), more), methods)


def test_zeros_are_missing_where_the_model_was_told_so():
    """The cases above would show nothing if no test had missing zeros, on either side."""
    X, y = about_zero()
    model = LGBMRegressor(zero_as_missing=True, **FEW).fit(X, y)
    table = model._Booster.trees_to_dataframe()
    table = table[table["missing_type"] == "Zero"]
    assert {*table["missing_direction"]} == {"left", "right"}


@pytest.mark.parametrize(("rows", "dtype"), [(gaussian, np.float64), (three_classes, np.float32)])
def test_a_booster_gives_what_its_own_predict_gives(rows, dtype):
    X, y = rows()
    X = X.astype(dtype)
    booster = LGBMClassifier(**FEW).fit(X, y).booster_
    compiled = sparkbird.compile(booster, inputs=X)
    np.testing.assert_allclose(compiled.predict(X), booster.predict(X), 1e-13)
    assert_equal(
        compiled,
        booster,
        X,
        {
            "leaf": lambda rows: booster.predict(rows, pred_leaf=True),
            "margin": lambda rows: booster.predict(rows, raw_score=True),
        },
    )


def test_a_ranker_gives_its_scores():
    X, y = three_classes()
    model = LGBMRanker(**FEW).fit(X, y, group=[48, 48])
    np.testing.assert_array_equal(sparkbird.compile(model).predict(X), model.predict(X))


def test_a_model_that_stopped_early_is_that_of_its_best_iteration():
    X, y = gaussian()
    model = LGBMClassifier(n_estimators=50, min_child_samples=3, n_jobs=1, verbose=-1)
    stop = lgb.early_stopping(3, verbose=False)
    model.fit(X[:48], y[:48], eval_X=(X[48:],), eval_y=(y[48:],), callbacks=[stop])
    for best in (model.best_iteration_, 2):
        model.booster_.best_iteration = best
        compiled = sparkbird.compile(model)
        assert compiled.leaf(X).shape == (len(X), best)
        np.testing.assert_array_equal(compiled.margin(X), model.predict(X, raw_score=True))


def test_a_model_trained_further_with_weights_and_scores_to_start_from():
    X, y = continuous()
    first = LGBMRegressor(**FEW).fit(X, y)
    weights = np.linspace(0.1, 2.0, len(X))
    model = LGBMRegressor(**FEW).fit(X, y, weights, init_score=y / 2, init_model=first)
    np.testing.assert_array_equal(sparkbird.compile(model).predict(X), model.predict(X))


def test_a_model_read_from_its_text_is_the_same():
    X, y = continuous_with_nan()
    model = LGBMRegressor(**FEW).fit(X, y)
    booster = lgb.Booster(model_str=model.booster_.model_to_string())
    compiled = sparkbird.compile(booster, inputs=X)
    np.testing.assert_array_equal(compiled.predict(X), model.predict(X))


def test_a_column_of_strings_that_was_none_is_refused():
    X, y = gaussian()
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = LGBMClassifier(**FEW).fit(frame, y)
    with pytest.raises(ColumnTypeError, match="'b' is a string"):
        sparkbird.compile(model, inputs=frame.astype({"b": str}))


@pytest.mark.parametrize(
    ("model", "rows", "fact"),
    [
        (LGBMClassifier(pred_early_stop=True, **FEW), gaussian, "pred_early_stop=True"),
        (LGBMClassifier(pred_early_stop=True, **FEW), three_classes, "pred_early_stop=True"),
        (
            LGBMClassifier(pred_early_stop=True, objective="ova", **FEW),
            three_classes,
            "pred_early_stop=True",
        ),
        (LGBMRegressor(validate_features=True, **FEW), continuous, "validate_features=True"),
        (LGBMRegressor(never_heard_of=2, **FEW), continuous, "never_heard_of=2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_changes_a_prediction_and_is_not_compiled_is_refused(model, rows, fact):
    with pytest.raises(UnsupportedOptionError) as caught:
        sparkbird.compile(clone(model).fit(*rows()))
    assert fact in str(caught.value)


@pytest.mark.parametrize(
    ("model", "group"),
    [(LGBMRanker(**FEW), True), (LGBMClassifier(objective="multiclass", num_class=2, **FEW), None)],
    ids=["ranker", "softmax"],
)
def test_the_way_out_of_an_early_stop_of_predictions_needs_no_fit(model, group):
    X, y = gaussian()
    fitted_model = clone(model).fit(X, y, **({"group": [len(y)]} if group else {}))
    fitted_model.set_params(pred_early_stop=True, pred_early_stop_freq=1, pred_early_stop_margin=0)
    with pytest.raises(UnsupportedOptionError, match="set_params"):
        sparkbird.compile(fitted_model)
    fitted_model.set_params(pred_early_stop=False)
    compiled = sparkbird.compile(fitted_model)
    np.testing.assert_array_equal(compiled.margin(X), fitted_model.predict(X, raw_score=True))


def test_an_unfitted_model_is_refused():
    with pytest.raises(NotFittedError, match="LGBMClassifier is not fitted"):
        sparkbird.compile(LGBMClassifier())


@pytest.mark.parametrize("cls", [LGBMClassifier, LGBMRegressor, LGBMRanker])
def test_every_parameter_of_the_class_is_in_exactly_one_list(cls):
    assert_ledger_is_whole(f"lightgbm.sklearn.{cls.__name__}", cls)
