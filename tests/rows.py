"""The rows that cases are fitted on, each a trap of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd


def gaussian():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(96, 5))
    return X, (X[:, 0] + X[:, 1] > 0).astype(int)


def positive():
    X, y = gaussian()
    return np.abs(X) + 0.1, y


def far_from_zero():
    """Mean 1e6, deviation 1: float32 parameters lose all digits but one."""
    X, y = gaussian()
    return X + 1e6, y


def constant_column():
    X, y = gaussian()
    X[:, 2] = 3.0
    return X, y


def with_nan():
    X, y = gaussian()
    X[::7, 0] = np.nan
    X[3::11, 4] = np.nan
    return X, y


def small_integers():
    rng = np.random.default_rng(1)
    X = rng.integers(0, 4, size=(80, 3))
    return X, X[:, 0] % 2


def three_classes():
    X, _ = gaussian()
    return X, np.digitize(X[:, 0] + 0.3 * X[:, 1], [-0.5, 0.5])


def string_labels():
    X, y = three_classes()
    return X, np.array(["low", "mid", "très haut"])[y]


def boolean_labels():
    X, y = gaussian()
    return X, y.astype(bool)


def float_labels():
    X, y = three_classes()
    return X, np.array([-1.0, 2.0, 10.0])[y]


def continuous():
    X, _ = gaussian()
    rng = np.random.default_rng(2)
    return X, X @ np.array([1.0, -2.0, 0.0, 0.5, 3.0]) + 0.1 * rng.normal(size=len(X))


def two_targets():
    X, y = continuous()
    return X, np.column_stack([y, X[:, 1] ** 2])


def two_label_targets():
    X, y = three_classes()
    return X, np.column_stack([y, (X[:, 2] > 0).astype(int)])


def named_numbers():
    """A dataframe of numbers, the columns not in alphabetical order."""
    X, y = gaussian()
    return pd.DataFrame(X, columns=["width", "age", "height", "b", "a"]), y


def mixed():
    """A dataframe of strings, numbers, booleans and missing values."""
    rng = np.random.default_rng(3)
    n = 120
    frame = pd.DataFrame(
        {
            "city": rng.choice(["Zürich", "a", "New York", "NewYork"], n),
            "age": rng.normal(40, 10, n),
            "income": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(10, 1, n)),
            "colour": rng.choice(["red", "green", ""], n),
            "count": rng.integers(0, 5, n),
        }
    )
    return frame, (frame["age"] > 40).astype(int).to_numpy()


def strings():
    """A dataframe of strings alone."""
    X, y = mixed()
    return X[["city", "colour"]], y


def missing_strings():
    X, y = strings()
    return X.assign(city=X["city"].where(X.index % 7 > 0)), y


def objects():
    """Strings and None in an array."""
    X, y = missing_strings()
    return X.astype(object).where(X.notna(), None).to_numpy(), y


def of_every_type():
    """A dataframe with a column of each type that pandas may give it."""
    rng = np.random.default_rng(5)
    n = 60
    gone = rng.random(n) > 0.8
    frame = pd.DataFrame(
        {
            "string": rng.choice(["a", "b", "é"], n),
            "int": rng.integers(0, 4, n),
            "float": rng.choice([0.0, 1.5, np.nan], n),
            "float32": rng.choice([0.5, 1.5], n).astype(np.float32),
            "bool": rng.random(n) > 0.5,
            "category": pd.Categorical(rng.choice(["u", "v"], n)),
            "numeric category": pd.Categorical(rng.choice([3, 5], n)),
            "Int64": pd.array(np.where(gone, None, rng.integers(0, 3, n)), dtype="Int64"),
            "object": pd.Series(rng.choice([True, False], n).astype(object)).mask(gone, None),
        }
    )
    return frame, rng.integers(0, 2, n)
