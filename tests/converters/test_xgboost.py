"""XGBoost: every objective and booster, early stopping, many outputs, missing values."""

import numpy as np
import pytest
import xgboost as xgb
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingClassifier, VotingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier, XGBRFRegressor

import sparkbird
from sparkbird.converters.xgboost.reader import describe, forest_of
from tests.converters.boundaries import UNUSUAL, assert_equal, fitted, in_float64, rows_about
from tests.converters.test_hist_gradient_boosting import positive_target, string_columns
from tests.converters.test_lightgbm import codes, ratings
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
    three_classes,
    two_targets,
    with_nan,
)

# Models are small: threads would mostly wait for each other.
xgb.set_config(nthread=1)


def one_class():
    X, _ = gaussian()
    return X, np.zeros(len(X), int)


def labels():
    """Three labels that a row may have or not."""
    X, _ = gaussian()
    return X, (X[:, :3] + X[:, 1:4] > 0).astype(int)


def one_label():
    X, y = labels()
    return X, y[:, :1]


def marked():
    """What is missing is -1, which other columns hold as a value too."""
    X, y = continuous_with_nan()
    X[5::7, 1] = -1.0
    return np.where(np.isnan(X), -1.0, X), y


def in_tenths():
    """What is missing is 0.1, which float32 does not hold."""
    X, y = continuous()
    X = np.round(X, 1)
    return X, y + 3 * (X[:, 0] == 0.1)


def two_counts():
    X, y = two_targets()
    return X, y**2


def survival():
    X, y = continuous()
    return X, np.where(X[:, 3] > 1, -1, 1) * np.exp(y / 3)


def few(**more):
    return {"n_estimators": 5, "max_depth": 3, "n_jobs": 1, **more}


def squared(y_true, y_pred):
    return y_pred - y_true, np.ones_like(y_true)


def each_class(y_true, y_pred):
    shares = np.exp(y_pred) / np.exp(y_pred).sum(axis=1, keepdims=True)
    hits = y_true[:, None] == np.arange(y_pred.shape[1])
    return shares - hits, shares * (1 - shares) + 1e-3


def squared_log(y_true, y_pred):
    return (y_pred - y_true) / 3, np.full_like(y_true, 1.5)


CLASSIFIERS = [
    *(
        Case(XGBClassifier(**few()), rows)
        for rows in (
            gaussian,
            three_classes,
            boolean_labels,
            one_class,
            with_nan,
            far_from_zero,
            constant_column,
            named_numbers,
            labels,
            one_label,
        )
    ),
    Case(XGBClassifier(**few()), small_integers, dtypes=("float64", "int64", "bool")),
    *(
        Case(XGBClassifier(objective=objective, **few()), gaussian)
        for objective in ("binary:hinge", "binary:logitraw", "reg:logistic", "reg:squarederror")
    ),
    *(
        Case(XGBClassifier(objective=objective, **few()), three_classes)
        for objective in ("multi:softmax", "multi:softprob", each_class)
    ),
    Case(XGBClassifier(objective=squared, **few()), gaussian),
    Case(XGBClassifier(objective="multi:softprob", num_class=2, **few()), gaussian),
    Case(XGBClassifier(objective="multi:softmax", num_class=2, **few()), gaussian),
    *(Case(XGBClassifier(base_score=p, **few()), gaussian) for p in (0.2, 1e-7, 0.9999995)),
    Case(XGBClassifier(base_score=[0.1, -0.3, 0.7], **few()), three_classes),
    Case(XGBClassifier(scale_pos_weight=3.0, max_delta_step=1, **few()), gaussian),
    Case(XGBClassifier(num_parallel_tree=3, subsample=0.5, **few()), three_classes),
    Case(XGBClassifier(multi_strategy="multi_output_tree", **few()), labels),
    Case(XGBClassifier(multi_strategy="multi_output_tree", **few()), three_classes),
    *(
        Case(XGBClassifier(booster="dart", rate_drop=0.5, one_drop=1, **few()), rows)
        for rows in (gaussian, three_classes, labels)
    ),
    *(
        Case(XGBClassifier(booster="gblinear", n_estimators=5, n_jobs=1), rows)
        for rows in (gaussian, three_classes, with_nan)
    ),
    *(Case(XGBRFClassifier(**few(n_estimators=7)), rows) for rows in (gaussian, three_classes)),
    Case(XGBRFClassifier(multi_strategy="multi_output_tree", **few()), labels),
    Case(
        XGBClassifier(grow_policy="lossguide", max_leaves=5, max_depth=0, n_estimators=5), with_nan
    ),
]

REGRESSORS = [
    *(
        Case(XGBRegressor(objective=objective, **few()), continuous, rtol=0)
        for objective in (
            "reg:squarederror",
            "reg:absoluteerror",
            "reg:pseudohubererror",
            squared_log,
        )
    ),
    Case(XGBRegressor(objective="reg:squaredlogerror", **few()), positive_target, rtol=0),
    Case(XGBRegressor(objective="reg:pseudohubererror", huber_slope=2, **few()), continuous),
    *(
        Case(XGBRegressor(objective=objective, **few()), positive_target)
        for objective in ("count:poisson", "reg:gamma", "reg:tweedie")
    ),
    Case(XGBRegressor(objective="count:poisson", base_score=7.5, **few()), positive_target),
    Case(
        XGBRegressor(objective="reg:tweedie", tweedie_variance_power=1.2, **few()), positive_target
    ),
    Case(XGBRegressor(objective="survival:cox", **few()), survival),
    Case(XGBRegressor(objective="survival:cox", base_score=2.0, **few()), survival),
    *(
        Case(XGBRegressor(objective=objective, base_score=base, **few()), ratings)
        for objective in ("reg:logistic", "binary:logistic", "binary:logitraw", "binary:hinge")
        for base in (None, 0.3)
    ),
    Case(
        XGBRegressor(objective="reg:quantileerror", quantile_alpha=0.3, **few()), continuous, rtol=0
    ),
    *(
        Case(
            XGBRegressor(objective="reg:quantileerror", quantile_alpha=[0.1, 0.5, 0.9], **more),
            continuous,
            rtol=0,
        )
        for more in (few(), few(multi_strategy="multi_output_tree"), few(booster="dart"))
    ),
    *(
        Case(XGBRegressor(**few(**more)), two_targets, rtol=0)
        for more in (
            {},
            {"multi_strategy": "multi_output_tree"},
            {"multi_strategy": "multi_output_tree", "num_parallel_tree": 2},
            {"booster": "dart", "rate_drop": 0.5, "one_drop": 1},
            {"base_score": 0.5},
        )
    ),
    Case(
        XGBRegressor(objective="count:poisson", **few()),
        two_counts,
    ),
    *(
        Case(XGBRegressor(booster="gblinear", n_estimators=5, n_jobs=1), rows, rtol=0)
        for rows in (continuous, two_targets, continuous_with_nan)
    ),
    Case(XGBRegressor(booster="gblinear", n_estimators=5, missing=-1.0, n_jobs=1), marked, rtol=0),
    Case(
        XGBRegressor(booster="gblinear", n_estimators=5, missing=np.inf, n_jobs=1),
        continuous,
        rtol=0,
    ),
    Case(XGBRegressor(booster="gblinear", n_estimators=0), two_targets, rtol=0),
    Case(
        XGBRegressor(
            booster="dart", sample_type="weighted", normalize_type="forest", rate_drop=0.3, **few()
        ),
        continuous,
        rtol=0,
    ),
    Case(XGBRegressor(missing=-1.0, **few()), marked, rtol=0, traps=(-1.0,)),
    Case(
        XGBRegressor(missing=0.1, **few()), in_tenths, rtol=0, traps=(0.1, float(np.float32(0.1)))
    ),
    *(
        Case(XGBRegressor(missing=m, **few()), continuous_with_nan, rtol=0)
        for m in (0.0, np.inf, -np.inf)
    ),
    Case(XGBRegressor(**few()), continuous_with_nan, rtol=0),
    Case(XGBRegressor(n_estimators=0), two_targets, rtol=0, note="no trees"),
    Case(XGBRegressor(n_estimators=1, max_depth=1), continuous, rtol=0, note="one tree"),
    Case(XGBRegressor(gamma=1e9, **few()), continuous, rtol=0, note="lone leaves"),
    Case(
        XGBRegressor(tree_method="exact", gamma=20, **few(max_depth=6)),
        continuous,
        rtol=0,
        note="pruned",
    ),
    Case(XGBRegressor(tree_method="approx", **few()), continuous, rtol=0),
    Case(XGBRegressor(monotone_constraints=(1, -1, 0, 0, 0), **few()), continuous, rtol=0),
    Case(XGBRFRegressor(**few(n_estimators=7)), continuous, rtol=0),
    Case(XGBRFRegressor(multi_strategy="multi_output_tree", **few()), two_targets, rtol=0),
]

#: Codes beside those of training, and on the bounds of what XGBoost takes for a code.
CODES = (-1.0, -0.5, -0.0, 0.5, 69.99, 70.0, 95.0, 96.0, 1e6, 2.0**24 - 1, 2.0**24, 2.0**31, 1e20)
CATEGORICAL = [
    Case(
        XGBRegressor(
            feature_types=["q", "c", "c", "c"],
            enable_categorical=True,
            max_cat_to_onehot=one_hot,
            **few(**more),
        ),
        codes,
        rtol=0,
        traps=CODES,
    )
    for one_hot in (1, 5, 2000)
    for more in ({}, {"booster": "dart", "rate_drop": 0.5}, {"missing": 3.0})
]

PIPELINES = [
    Case(make_pipeline(StandardScaler(), XGBClassifier(**few())), gaussian),
    Case(
        make_pipeline(
            make_column_transformer(
                (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["city"]),
                remainder="passthrough",
            ),
            XGBClassifier(**few()),
        ),
        string_columns,
    ),
    Case(CalibratedClassifierCV(XGBClassifier(**few()), cv=2), three_classes),
    Case(
        StackingClassifier(
            [("xgb", XGBClassifier(**few()))], LogisticRegression(), cv=2, passthrough=True
        ),
        three_classes,
        # LogisticRegression is given float32 probabilities, and scipy's softmax rounds otherwise.
        rtol=1e-6,
    ),
    Case(
        VotingRegressor([("a", XGBRegressor(**few())), ("b", XGBRegressor(n_estimators=2))]),
        continuous,
    ),
    Case(MultiOutputRegressor(XGBRegressor(**few())), two_targets, rtol=0),
]


@pytest.mark.parametrize(
    ("case", "dtype"),
    parameters([*in_float64([*CLASSIFIERS, *REGRESSORS, *CATEGORICAL, *PIPELINES])]),
)
def test_it_gives_what_xgboost_gives(case, dtype):
    check(case, dtype)


def thresholds(model):
    """The thresholds by feature, those of categorical tests left out."""
    found = describe(model.get_booster())
    if found.booster == "gblinear":
        return {}
    forest, _ = forest_of(found, None, in_place=True)
    if forest is None:
        return {}
    tests = forest.inner & ~forest.categorical
    above = np.nextafter(forest.threshold[tests].astype(np.float32), np.float32(np.inf))
    return {
        int(f): np.unique(above[forest.feature[tests] == f])
        for f in {*forest.feature[tests].tolist()}
    }


@pytest.mark.parametrize(("case", "dtype"), parameters([*CLASSIFIERS, *REGRESSORS, *CATEGORICAL]))
def test_rows_on_and_about_thresholds_have_equal_margins_and_leaves(case, dtype):
    X, model, compiled = fitted(case, dtype)
    if not isinstance(X, np.ndarray):
        X = X.to_numpy()
        compiled = sparkbird.compile(model, inputs=X)
    has_trees = hasattr(compiled, "leaf")
    methods = {"margin": lambda rows: model.predict(rows, output_margin=True)}
    if hasattr(model, "classes_"):
        methods["predict"] = model.predict
    named = hasattr(model, "feature_names_in_")  # a DMatrix of an array has no names
    leaves = {"leaf": model.apply} if has_trees and not named else {}
    assert_equal(compiled, model, X, methods | leaves)
    if X.dtype.kind == "f" and has_trees:
        rows = rows_about(X, thresholds(model), (*UNUSUAL, *CODES, -1e-45, 1e300, 5e-324))
        assert_equal(compiled, model, rows, methods)
        with np.errstate(over="ignore"):
            finite = np.isfinite(rows.astype(np.float32)) | np.isnan(rows)
        assert_equal(compiled, model, rows[finite.all(axis=1)], leaves)


def test_a_tree_that_was_pruned_has_nodes_to_which_no_way_leads():
    """The case above would show nothing otherwise."""
    X, y = continuous()
    model = XGBRegressor(tree_method="exact", gamma=20, **few(max_depth=6)).fit(X, y)
    trained = describe(model.get_booster()).raw["model"]["trees"]
    assert any(int(tree["tree_param"]["num_deleted"]) for tree in trained)
