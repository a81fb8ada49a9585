"""CatBoost on numbers: every loss, missing values of three kinds, every type of label."""

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoost, CatBoostClassifier, CatBoostRanker, CatBoostRegressor
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import sparkbird
from sparkbird.converters.catboost.trees import decided_as_float32
from sparkbird.errors import ColumnCountError, NotFittedError, UnsupportedOptionError
from tests.converters.boundaries import UNUSUAL, assert_equal, fitted, in_float64, rows_about
from tests.converters.test_hist_gradient_boosting import positive_target, string_columns
from tests.converters.test_tree import assert_ledger_is_whole, continuous_with_nan
from tests.parity import Case, check, parameters
from tests.rows import (
    boolean_labels,
    constant_column,
    continuous,
    far_from_zero,
    float_labels,
    gaussian,
    named_numbers,
    small_integers,
    string_labels,
    three_classes,
    two_label_targets,
    two_targets,
    with_nan,
)

FEW = {"iterations": 6, "depth": 3, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
GROWN = [{"grow_policy": "Depthwise"}, {"grow_policy": "Lossguide", "max_leaves": 7}]

#: 1 less a probability near to 1, and the logarithm of one near to 1, are rounded to that of 1.
ROUNDED = {"atol": 4e-16}

#: Near to the greatest float32, whose upper half no value is rounded to, and near to 0.
EDGES = (3.4028235677973366e38, 3.4028235677973362e38, -3.4028235677973366e38, 1e-46, -1e-46)


def complete():
    X, y = continuous_with_nan()
    return np.where(np.isnan(X), 0.25, X), y


def two_names():
    X, y = gaussian()
    return X, np.array(["no", "yes"])[y]


def one_class():
    X, _ = gaussian()
    return X, np.full(len(X), "only")


def shares():
    X, y = gaussian()
    return X, y * 0.5 + 0.25


def two_shares():
    X, y = two_label_targets()
    return X, (y > 0) * 0.5 + 0.25


def yes_or_no():
    X, y = two_label_targets()
    return X, (y > 0).astype(int)


def even_classes():
    """Of five classes, those of even numbers."""
    X, y = three_classes()
    return X, 2 * y


def bounds():
    """A target known to lie between two values, or above one."""
    X, y = positive_target()
    return X, np.column_stack([y, np.where(y > 1, y + 1, -1)])


def with_infinities():
    """Infinities beside missing values: some borders are infinite then."""
    X, y = continuous_with_nan()
    X[::9, 1], X[3::9, 2] = np.inf, -np.inf
    X[1::11, 1] = np.nan
    return X, y + 3 * np.isposinf(X[:, 1]) - 3 * np.isneginf(X[:, 2]) + 9 * np.isnan(X[:, 1])


def large_integers():
    """Whole numbers that float64 does not hold: CatBoost rounds them to float32 at once."""
    rng = np.random.default_rng(3)
    X = rng.integers(-3, 4, size=(80, 2)) * (2**60 + 2**36) + rng.integers(-2, 3, size=(80, 2))
    return X, (X[:, 0] > 0).astype(int)


def classifier(**more):
    return CatBoostClassifier(**FEW | more)


def regressor(**more):
    return CatBoostRegressor(**FEW | more)


CLASSIFIERS = [
    *(
        Case(classifier(), rows, **ROUNDED)
        for rows in (
            gaussian,
            two_names,
            boolean_labels,
            three_classes,
            string_labels,
            float_labels,
            with_nan,
            far_from_zero,
            constant_column,
            named_numbers,
        )
    ),
    *(
        Case(classifier(loss_function=loss), rows, **ROUNDED)
        for loss, rows in (
            ("CrossEntropy", shares),
            ("CrossEntropy", gaussian),
            ("Focal:focal_alpha=0.5;focal_gamma=2", gaussian),
            ("MultiClass", gaussian),
            ("MultiClassOneVsAll", string_labels),
            ("MultiClassOneVsAll", gaussian),
            ("MultiLogloss", yes_or_no),
            ("MultiCrossEntropy", two_shares),
        )
    ),
    *(
        Case(classifier(**more), rows, **ROUNDED)
        for more, rows in (
            ({"classes_count": 5, "loss_function": "MultiClass"}, even_classes),
            ({"classes_count": 5, "loss_function": "MultiClassOneVsAll"}, even_classes),
            ({"class_names": (2, 0, 1)}, three_classes),
            ({"class_names": ("p", "q"), "loss_function": "MultiLogloss"}, yes_or_no),
            ({"allow_const_label": True}, one_class),
            ({"target_border": 0.5}, shares),
            ({"auto_class_weights": "Balanced"}, string_labels),
            ({"scale_pos_weight": 3.0}, gaussian),
            ({"boosting_type": "Ordered"}, gaussian),
            ({"bootstrap_type": "Bayesian", "bagging_temperature": 2.0}, three_classes),
            ({"model_shrink_rate": 0.1, "learning_rate": 0.1}, gaussian),
            ({"langevin": True, "diffusion_temperature": 10}, gaussian),
            ({"depth": 1, "iterations": 1}, gaussian),
            ({"depth": 9, "iterations": 2}, gaussian),
            ({"l2_leaf_reg": 0, "boost_from_average": True}, gaussian),
            *((grown, rows) for grown in GROWN for rows in (gaussian, three_classes)),
        )
    ),
    Case(classifier(), small_integers, dtypes=("float64", "int64", "bool"), **ROUNDED),
    Case(classifier(), large_integers, dtypes=("int64",), **ROUNDED),
]

REGRESSORS = [
    *(
        Case(regressor(loss_function=loss), rows)
        for loss, rows in (
            ("RMSE", continuous),
            ("MAE", continuous),
            ("Quantile:alpha=0.3", continuous),
            ("LogLinQuantile:alpha=0.4", positive_target),
            ("Poisson", positive_target),
            ("Tweedie:variance_power=1.5", positive_target),
            ("MAPE", positive_target),
            ("Huber:delta=1", continuous),
            ("Expectile:alpha=0.3", continuous),
            ("Lq:q=2.5", continuous),
            ("LogCosh", continuous),
            ("RMSPE", positive_target),
            ("Cox", positive_target),
            ("SurvivalAft", bounds),
            ("RMSEWithUncertainty", continuous),
            ("MultiRMSE", two_targets),
            ("MultiRMSEWithMissingValues", two_targets),
            ("MultiQuantile:alpha=0.2,0.8", continuous),
        )
    ),
    *(
        Case(regressor(**more), rows, rtol=0)
        for more, rows in (
            ({"boost_from_average": False}, continuous),
            ({"monotone_constraints": "(1,-1,0,0,0)"}, continuous),
            ({"ignored_features": (1, 3)}, continuous),
            ({"border_count": 2}, continuous),
            ({"border_count": 400, "depth": 6}, continuous),
            ({"feature_border_type": "Uniform"}, far_from_zero),
            ({"min_data_in_leaf": 1000, **GROWN[0]}, continuous),
            *((grown, continuous) for grown in GROWN),
        )
    ),
    *(
        Case(regressor(nan_mode=mode, **more), rows, rtol=0, traps=EDGES)
        for mode, rows in (
            ("Min", continuous_with_nan),
            ("Max", continuous_with_nan),
            ("Forbidden", complete),
            ("Min", complete),
            ("Max", complete),
            ("Min", with_infinities),
            ("Max", with_infinities),
        )
        for more in ({}, GROWN[0])
    ),
]

FRAMES = [
    *(
        Case(
            make_pipeline(
                make_column_transformer((encoder, ["city"]), remainder="passthrough"),
                classifier(),
            ),
            string_columns,
            **ROUNDED,
        )
        for encoder in (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            OneHotEncoder(handle_unknown="ignore"),
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        )
    ),
    Case(make_pipeline(StandardScaler(), regressor()), continuous),
]


@pytest.mark.parametrize(
    ("case", "dtype"), parameters([*in_float64([*CLASSIFIERS, *REGRESSORS, *FRAMES])])
)
def test_it_gives_what_catboost_gives(case, dtype):
    check(case, dtype)


def methods_of(model):
    """The raw scores and the leaves, and of a classifier the labels."""
    methods = {
        "leaf": lambda rows: model.calc_leaf_indexes(rows).astype(np.int32),
        "margin": lambda rows: model.predict(rows, prediction_type="RawFormulaVal"),
    }
    return methods | ({"predict": model.predict} if hasattr(model, "predict_proba") else {})


@pytest.mark.parametrize(("case", "dtype"), parameters([*CLASSIFIERS, *REGRESSORS]))
def test_rows_on_and_about_borders_reach_the_same_leaves(case, dtype):
    X, model, compiled = fitted(case, dtype)
    if not isinstance(X, np.ndarray):
        X = X.to_numpy()
        compiled = sparkbird.compile(model, inputs=X)
    methods = methods_of(model)
    assert_equal(compiled, model, X, methods)
    if X.dtype.kind == "f":
        borders = {i: np.array(found) for i, found in model.get_borders().items()}
        rows = rows_about(X, borders, (*UNUSUAL, *EDGES, 0.0, -0.0, 1e300, 5e-324, 1e-45))
        assert_equal(compiled, model, rows, methods)


@pytest.mark.parametrize(
    "border",
    [0.0, -0.0, 1.0, -1.0, 0.1, -0.1, 1e-45, -1e-45, 3e-45, 3.4028235e38, -3.4028235e38, -np.inf],
)
def test_a_border_of_float32_decides_float64_as_if_it_were_rounded(border):
    border = np.float32(border)
    limit = decided_as_float32(np.array([border]))[0]
    with np.errstate(over="ignore"):
        assert np.float32(limit) <= border
        assert np.float32(np.nextafter(limit, np.inf)) > border


def test_nothing_is_above_a_border_of_infinity():
    assert decided_as_float32(np.array([np.inf])) == np.inf


@pytest.mark.parametrize(
    "loss",
    ["YetiRank", "PairLogit", "QueryRMSE", "QuerySoftMax", "YetiRankPairwise", "LambdaMart"],
)
def test_a_ranker_gives_its_scores(loss):
    X, y = three_classes()
    groups = np.repeat(np.arange(12), 8)
    model = CatBoostRanker(loss_function=loss, **FEW).fit(X, y / 2, group_id=groups)
    np.testing.assert_array_equal(sparkbird.compile(model).predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("loss", "rows"),
    [("Logloss", gaussian), ("MultiClass", string_labels), ("Poisson", positive_target)],
)
def test_a_raw_model_gives_its_raw_score_whatever_the_loss(loss, rows):
    X, y = rows()
    model = CatBoost({"loss_function": loss, **FEW}).fit(X, y)
    compiled = sparkbird.compile(model)
    assert not hasattr(compiled, "predict_proba")
    np.testing.assert_array_equal(compiled.predict(X), model.predict(X))


def test_columns_are_found_by_name():
    frame, y = named_numbers()
    model = regressor().fit(frame, y)
    compiled = sparkbird.compile(model)
    shuffled = frame[[*frame.columns[::-1]]].assign(more=1.0)
    np.testing.assert_array_equal(compiled.predict(shuffled), model.predict(frame))


def test_an_array_of_another_width_is_refused():
    X, y = continuous()
    model = regressor().fit(X, y)
    with pytest.raises(ColumnCountError, match="takes 5 columns"):
        sparkbird.compile(model, inputs=X[:, :4])


def test_text_and_embedding_features_are_refused():
    frame = pd.DataFrame({"text": ["a b", "c d", "a d", "e f"] * 10, "x": np.arange(40.0)})
    model = classifier(text_features=["text"]).fit(frame, np.arange(40) % 2)
    with pytest.raises(UnsupportedOptionError, match="with text features"):
        sparkbird.compile(model)
    frame = frame.assign(text=[[float(i), 1.0] for i in range(40)])
    model = classifier(embedding_features=["text"]).fit(frame, np.arange(40) % 2)
    with pytest.raises(UnsupportedOptionError, match="with embedding features"):
        sparkbird.compile(model)


@pytest.mark.parametrize("cls", [CatBoost, CatBoostClassifier, CatBoostRegressor, CatBoostRanker])
def test_an_unfitted_model_is_refused(cls):
    with pytest.raises(NotFittedError, match=f"{cls.__name__} is not fitted"):
        sparkbird.compile(cls())


@pytest.mark.parametrize("cls", [CatBoostClassifier, CatBoostRegressor, CatBoostRanker])
def test_every_parameter_of_the_class_is_in_exactly_one_list(cls):
    assert_ledger_is_whole(f"catboost.core.{cls.__name__}", cls)
