"""Models and rows for the tests of MLflow."""

import functools

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


@functools.cache
def people():
    """Rows with traps: None and NaN, an infinity, text of other letters."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "city": np.array(["Bern", "Zürich", "Genf"])[rng.integers(0, 3, 60)],
            "age": np.where(rng.random(60) < 0.2, np.nan, rng.uniform(18, 80, 60)),
            "income": rng.geometric(1e-4, 60).astype(float),
        }
    )


#: As Spark takes rows: the last are traps.
ROWS = [
    *people().replace({np.nan: None}).itertuples(index=False, name=None),
    (None, 30.0, 1e4),
    ("Oslo", None, 1e4),
    ("Bern", float("nan"), 1e5),
    ("", 20.0, 0.0),
    (None, None, 5e-324),
]
TYPES = "city string, age double, income double"


@functools.cache
def regressor():
    """Numbers alone, NaN taken."""
    X = people()[["age", "income"]]
    return HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=5).fit(X, X["income"] / 7)


@functools.cache
def labeller():
    """Strings and numbers to strings."""
    X = people()
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income"]),
    )
    y = np.where(X["income"] > 9000, "très", "no")
    return make_pipeline(columns, LogisticRegression()).fit(X, y)


def steeper():
    """Another regressor of the same columns."""
    X = people()[["age", "income"]]
    return HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=5).fit(X, X["income"] * 3)
