"""Models fitted once for the tests of Spark, and the rows that they were fitted on."""

import functools

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sparkbird
from sparkbird.graph import op
from tests.rows import gaussian, mixed, named_numbers


@functools.cache
def classifier():
    """Numbers alone, refusing NaN; the columns are not in alphabetical order."""
    X, y = named_numbers()
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)


@functools.cache
def labeller():
    """The same with strings for labels."""
    X, y = named_numbers()
    labels = np.array(["no", "très"])[y]
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, labels)


@functools.cache
def scaler():
    """A transformer that lets NaN through, in the columns a and b."""
    return StandardScaler().fit(pd.DataFrame({"a": [1.0, 2.0, 6.0], "b": [0.5, -1.0, 2.0]}))


@functools.cache
def regressor():
    X = pd.DataFrame({"a": [1.0, 2.0, 6.0], "b": [0.5, -1.0, 2.0]})
    return LinearRegression().fit(X, [1.0, 2.0, 3.0])


@functools.cache
def linear(slope=1.0):
    """``slope * a + b``."""
    X = pd.DataFrame({"a": [1.0, 2.0, 6.0], "b": [0.5, -1.0, 2.0]})
    return LinearRegression().fit(X, slope * X["a"] + X["b"])


@functools.cache
def unnamed():
    X, y = gaussian()
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)


@functools.cache
def pipeline():
    """Strings and numbers, imputed; the column ``count`` is never read."""
    X, y = mixed()
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city", "colour"]), (numbers, ["age", "income"])
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(X, y)


@functools.cache
def boosted(*, named=False):
    """Trees that ask for the third and the sixth of eight columns alone, c and f by name."""
    lgb = pytest.importorskip("lightgbm")
    X = np.random.default_rng(0).standard_normal((500, 8))
    y = X[:, 2] + X[:, 5] ** 2
    options = {"num_leaves": 7, "verbose": -1, "num_threads": 1, "min_gain_to_split": 60}
    rows = pd.DataFrame(X, columns=[*"abcdefgh"]) if named else X
    return lgb.train(options, lgb.Dataset(rows, y), 5)


class Ratio:
    """``a / b``: a model whose prediction may be NaN."""

    n_features_in_ = 2

    def predict(self, X):
        return X[:, 0] / X[:, 1]


@sparkbird.converts("tests.spark.models.Ratio")
def _ratio(model, x):
    return {"predict": op.take(x, 0, axis=1) / op.take(x, 1, axis=1)}


def ratio():
    return Ratio()


@functools.cache
def ages():
    """A model that takes NaN, of one of the classifier's columns."""
    X, _ = named_numbers()
    return StandardScaler().fit(X[["height"]])
