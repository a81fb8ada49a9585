"""LightGBM: every objective under each of its names, of the user's own, and in every boosting."""

import lightgbm as lgb
import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingRegressor, VotingClassifier
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB

import sparkbird
from tests.converters.boundaries import assert_equal, in_float64
from tests.converters.test_hist_gradient_boosting import positive_target
from tests.converters.test_lightgbm import FEW, ratings
from tests.converters.test_lightgbm_categories import methods_of
from tests.parity import Case, check, parameters
from tests.rows import (
    boolean_labels,
    continuous,
    far_from_zero,
    gaussian,
    string_labels,
    three_classes,
    with_nan,
)


def half_squares(y_true, y_pred):
    return y_pred - y_true, np.ones_like(y_true)


def logistic(y_true, y_pred):
    share = 1 / (1 + np.exp(-y_pred))
    return share - y_true, share * (1 - share)


def softmaxes(y_true, y_pred):
    share = np.exp(y_pred) / np.exp(y_pred).sum(axis=1, keepdims=True)
    return share - np.eye(share.shape[1])[y_true.astype(int)], 2 * share * (1 - share)


def rare():
    """Three classes, one of which has a few rows."""
    X, y = three_classes()
    return X, np.where(np.arange(len(y)) % 12 == 0, y, y % 2)


BOOSTING = {
    "gbdt": {},
    "dart": {"boosting_type": "dart", "drop_seed": 3, "drop_rate": 0.5, "skip_drop": 0.0},
    "rf": {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
    "goss": {"data_sample_strategy": "goss", "top_rate": 0.3},
    "boost": {"boost": "dart"},
    "old goss": {"boosting_type": "goss"},
}

#: Of each family of links: the class, its objective under several names, and rows for it.
FAMILIES = [
    (LGBMRegressor, ("regression", "mse", "l2_root"), continuous),
    (LGBMRegressor, ("poisson",), positive_target),
    (LGBMRegressor, ("gamma",), positive_target),
    (LGBMRegressor, ("cross_entropy", "xentropy"), ratings),
    (LGBMRegressor, ("cross_entropy_lambda", "xentlambda"), ratings),
    (LGBMClassifier, ("binary",), gaussian),
    (LGBMClassifier, ("multiclass", "softmax"), three_classes),
    (LGBMClassifier, ("multiclassova", "multiclass_ova", "ova", "ovr"), three_classes),
]
NAMES = [
    *(
        "regression",
        "mean_squared_error",
        "mse",
        "l2",
        "l2_root",
        "root_mean_squared_error",
        "rmse",
    ),
    *("regression_l1", "l1", "mean_absolute_error", "mae", "huber", "fair", "quantile"),
    *("mape", "mean_absolute_percentage_error"),
]

CASES = [
    *(
        Case(cls(objective=objectives[0], **more, **FEW), rows)
        for cls, objectives, rows in FAMILIES
        for boosting, more in BOOSTING.items()
        if boosting != "gbdt"
    ),
    *(
        Case(cls(objective=name, **FEW), rows)
        for cls, objectives, rows in FAMILIES[3:]
        for name in objectives
    ),
    *(Case(LGBMRegressor(objective=name, **FEW), continuous, rtol=0) for name in NAMES),
    *(
        Case(LGBMRegressor(objective=name, reg_sqrt=True, **FEW), continuous, rtol=0)
        for name in ("regression", "mae", "huber", "fair", "quantile", "mape")
    ),
    Case(LGBMRegressor(reg_sqrt=True, **FEW), far_from_zero, rtol=0),
    Case(LGBMRegressor(reg_sqrt=True, **BOOSTING["rf"], **FEW), continuous, rtol=0),
    Case(LGBMRegressor(objective="poisson", reg_sqrt=True, **FEW), positive_target),
    Case(LGBMRegressor(objective="binary", **FEW), gaussian),
    Case(LGBMClassifier(objective="xentlambda", **FEW), gaussian, note="no probabilities"),
    Case(LGBMClassifier(objective="regression", **FEW), boolean_labels, note="no probabilities"),
    Case(LGBMRegressor(objective="multiclass", num_class=3, **FEW), three_classes),
    Case(LGBMRegressor(objective="ova", num_classes=3, sigmoid=0.3, **FEW), three_classes),
    Case(LGBMClassifier(objective="multiclassova", is_unbalance=True, **FEW), rare),
    Case(LGBMClassifier(class_weight="balanced", **FEW), rare),
    Case(LGBMClassifier(loss="ova", **FEW), string_labels, note="by another name"),
    Case(LGBMRegressor(app="poisson", **FEW), positive_target, note="by another name"),
    *(
        Case(LGBMRegressor(objective=half_squares, **more, **FEW), rows, rtol=0)
        for rows in (continuous, with_nan)
        for boosting, more in BOOSTING.items()
        if boosting != "rf"  # which needs an objective of LightGBM's
    ),
    Case(LGBMRegressor(objective=half_squares, linear_tree=True, **FEW), continuous, rtol=0),
    Case(LGBMRegressor(objective=half_squares, pred_early_stop=True, **FEW), continuous, rtol=0),
    Case(LGBMRegressor(pred_early_stop=True, pred_early_stop_freq=1, **FEW), continuous, rtol=0),
    *(Case(LGBMClassifier(objective=logistic, **FEW), rows) for rows in (gaussian, boolean_labels)),
    *(
        Case(LGBMClassifier(objective=softmaxes, **FEW), rows)
        for rows in (three_classes, string_labels, rare)
    ),
    *(
        Case(model, gaussian)
        for model in (
            CalibratedClassifierCV(LGBMClassifier(**FEW), cv=2),
            VotingClassifier(
                [("trees", LGBMClassifier(**FEW)), ("bayes", GaussianNB())], voting="soft"
            ),
        )
    ),
    Case(
        StackingRegressor([("trees", LGBMRegressor(reg_sqrt=True, **FEW))], LinearRegression()),
        continuous,
    ),
]

# Of parameters with several names, and of probabilities that there are none.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize(("case", "dtype"), parameters([*in_float64(CASES)]))
def test_it_gives_what_lightgbm_gives(case, dtype):
    check(case, dtype)


MARGINS = [case for case in CASES if isinstance(case.model, (LGBMClassifier, LGBMRegressor))]


@pytest.mark.parametrize("case", MARGINS, ids=[case.id for case in MARGINS])
def test_margins_and_leaves_are_equal_in_float32(case):
    X, y = case.rows()
    X = X.astype(np.float32)
    model = clone(case.model).fit(X, y)
    compiled = sparkbird.compile(model, inputs=X)
    assert_equal(compiled, model, X, {k: methods_of(model)[k] for k in ("margin", "leaf")})


@pytest.mark.parametrize(
    "objective", ["lambdarank", "rank_xendcg", "xendcg", "xe_ndcg", half_squares]
)
@pytest.mark.parametrize("boosting", ["gbdt", "dart", "goss"])
def test_a_ranker_gives_its_scores(objective, boosting):
    X, y = three_classes()
    model = LGBMRanker(objective=objective, **BOOSTING[boosting], **FEW).fit(X, y, group=[48, 48])
    assert_equal(sparkbird.compile(model), model, X, methods_of(model))


def test_gradients_of_a_user_that_are_set_after_the_fit():
    """LightGBM then gives what the booster predicts: the probability of the second class."""
    X, y = gaussian()
    model = LGBMClassifier(**FEW).fit(X, y)
    model.set_params(objective=logistic)
    compiled = sparkbird.compile(model)
    np.testing.assert_allclose(compiled.predict(X), model.predict(X), 1e-13)
    np.testing.assert_allclose(compiled.predict_proba(X), model.predict_proba(X), 1e-13)


def gradients(predicted, data):
    return half_squares(data.get_label(), predicted)


@pytest.mark.parametrize("objective", ["none", "custom", "null", "na"])
def test_a_booster_without_objective_gives_raw_scores(objective):
    X, y = continuous()
    booster = lgb.Booster({"objective": objective} | FEW, lgb.Dataset(X, y))
    for _ in range(4):
        booster.update(fobj=gradients)
    assert_equal(sparkbird.compile(booster, inputs=X), booster, X, methods_of(booster))


def test_a_booster_of_gradients_given_to_train():
    X, y = continuous()
    booster = lgb.train({"objective": gradients} | FEW, lgb.Dataset(X, y), 4)
    assert_equal(sparkbird.compile(booster, inputs=X), booster, X, methods_of(booster))
