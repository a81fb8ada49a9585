"""Each booster inside what scikit-learn builds of models, over dataframes with categories."""

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier, CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRegressor

import sparkbird

# LightGBM's of names that a booster within another was not given.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def rows():
    """Categories of two columns, some missing, beside numbers; and a target of two classes."""
    rng = np.random.default_rng(5)
    n = 240
    city = pd.Categorical(rng.choice(["a", "b", "cc"], n), categories=["cc", "a", "b", "never"])
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "city": city,
            "size": pd.Categorical(rng.choice(["s", "m", "l"], n)),
            "income": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
        }
    )
    score = frame["age"] / 20 + (city == "a") - (frame["size"] == "l") * 2
    return frame, (score > 1.5).to_numpy(int)


CATBOOST = {
    "iterations": 5,
    "depth": 3,
    "verbose": 0,
    "allow_writing_files": False,
    "thread_count": 1,
    "cat_features": ("city", "size"),
}
LIGHTGBM = {
    "n_jobs": 1,
    "n_estimators": 5,
    "min_child_samples": 3,
    "min_data_per_group": 3,
    "verbose": -1,
}
XGBOOST = {"n_jobs": 1, "n_estimators": 5, "max_depth": 3, "enable_categorical": True}

CLASSIFIERS = {
    "lightgbm": LGBMClassifier(**LIGHTGBM),
    "xgboost": XGBClassifier(**XGBOOST),
    "catboost": CatBoostClassifier(**CATBOOST),
}
REGRESSORS = {
    "lightgbm": LGBMRegressor(**LIGHTGBM),
    "xgboost": XGBRegressor(**XGBOOST),
    "catboost": CatBoostRegressor(**CATBOOST),
}


def on_numbers():
    numbers = make_column_transformer((StandardScaler(), ["age"]))
    return make_pipeline(numbers, LogisticRegression())


def scaled(booster):
    """Numbers are scaled, and categories passed on as they are."""
    columns = make_column_transformer(
        (StandardScaler(), ["age", "income"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    return make_pipeline(columns.set_output(transform="pandas"), booster)


def encoded(encoder):
    def of(booster):
        columns = make_column_transformer((encoder, ["city", "size"]), remainder="passthrough")
        none = {"cat_features": None} if "cat_features" in booster.get_params() else {}
        return make_pipeline(columns, clone(booster).set_params(**none))

    return of


#: What is built of a classifier.
OF_A_CLASSIFIER = {
    "alone": clone,
    "scaled": scaled,
    "one-hot": encoded(OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
    "ordinal": encoded(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)),
    "calibrated": lambda model: CalibratedClassifierCV(model, cv=2),
    "calibrated, isotonic": lambda model: CalibratedClassifierCV(model, cv=2, method="isotonic"),
    "calibrated, scaled": lambda model: CalibratedClassifierCV(scaled(model), cv=2, ensemble=False),
    "voting": lambda model: VotingClassifier([("a", model), ("b", on_numbers())], voting="soft"),
    "voting, hard": lambda model: VotingClassifier([("a", model), ("b", on_numbers())]),
    "stacking": lambda model: StackingClassifier([("a", model), ("b", scaled(model))], cv=2),
}
OF_A_REGRESSOR = {
    "alone": clone,
    "scaled": scaled,
    "voting": lambda model: VotingRegressor([("a", model), ("b", scaled(model))]),
    "stacking": lambda model: StackingRegressor([("a", model)], Ridge(), cv=2),
    "logarithm": lambda model: TransformedTargetRegressor(
        model, func=np.log1p, inverse_func=np.expm1
    ),
}


@pytest.mark.parametrize("library", CLASSIFIERS)
@pytest.mark.parametrize("inside", OF_A_CLASSIFIER)
def test_a_classifier_gives_the_same_inside(library, inside):
    frame, y = rows()
    if library != "xgboost" or inside.startswith(("voting", "stacking")):
        y = np.array(["no", "yes"])[y]  # which XGBoost itself takes no labels of
    model = OF_A_CLASSIFIER[inside](CLASSIFIERS[library]).fit(frame, y)
    compiled = sparkbird.compile(model, inputs=frame)
    for given in (frame, frame[:1]):
        np.testing.assert_array_equal(compiled.predict(given), model.predict(given))
        if hasattr(model, "predict_proba"):
            expected = model.predict_proba(given)
            np.testing.assert_allclose(compiled.predict_proba(given), expected, 1e-6)


@pytest.mark.parametrize("library", REGRESSORS)
@pytest.mark.parametrize("inside", OF_A_REGRESSOR)
def test_a_regressor_gives_the_same_inside(library, inside):
    frame, y = rows()
    model = OF_A_REGRESSOR[inside](REGRESSORS[library]).fit(frame, y + frame["age"])
    compiled = sparkbird.compile(model, inputs=frame)
    for given in (frame, frame[:1]):
        np.testing.assert_allclose(compiled.predict(given), model.predict(given), 1e-6)
