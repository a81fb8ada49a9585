"""Dataframes of Spark for the cases: numbers, strings, vectors, and what goes wrong in them."""

from __future__ import annotations

import numpy as np
from pyspark.ml.feature import VectorSizeHint
from pyspark.ml.linalg import Vectors


def numbers(spark):
    """Two columns of numbers with NaN and NULL, a column without, and a label."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)).round(3)
    rows = [(*map(float, row), float(row[0] + row[1] > 0)) for row in x]
    rows += [(float("nan"), 1.0, 0.5, 0.0), (None, -1.0, 0.25, 1.0), (2.0, None, 1e6, 1.0)]
    return spark.createDataFrame(rows, "a double, b double, c double, label double")


def strings(spark):
    """Two columns of strings and a label."""
    rng = np.random.default_rng(1)
    towns = rng.choice(["Oslo", "Łódź", "Bergen", "São Paulo"], 60, p=[0.4, 0.3, 0.2, 0.1]).tolist()
    sizes = rng.choice(["s", "m", "l"], 60).tolist()
    labels = rng.integers(0, 2, 60).astype(float).tolist()
    columns = "town string, size string, label double"
    return spark.createDataFrame([*zip(towns, sizes, labels, strict=True)], columns)


def vectors(spark, classes=2, rows=80, seed=2):
    """Vectors, dense and sparse ones, of four values, one of them constant, and labels."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4)).round(2)
    x[:, 2] = 3.0
    x[rng.random(x.shape) < 0.2] = 0.0
    labels = np.digitize(x[:, 0] - x[:, 1], np.linspace(-1, 1, classes + 1)[1:-1])
    made = [
        (_sparse(row) if i % 3 == 0 else Vectors.dense(*row), float(label))
        for i, (row, label) in enumerate(zip(x, labels, strict=True))
    ]
    return spark.createDataFrame(made, ["features", "label"])


def three_classes(spark):
    """The same with three labels."""
    return vectors(spark, classes=3)


def categories(spark):
    """Vectors of two categories, of three and of nine, and a number; a label by all of them."""
    rng = np.random.default_rng(3)
    a, b, x = rng.integers(0, 3, 120), rng.integers(0, 9, 120), rng.normal(size=120).round(2)
    labels = ((a == 1) ^ (b % 3 == 0) ^ (x > 0.5)).astype(float)
    made = [
        (Vectors.dense(float(i), float(j), float(v)), float(label))
        for i, j, v, label in zip(a, b, x, labels, strict=True)
    ]
    return spark.createDataFrame(made, ["features", "label"])


def _sparse(row):
    places = np.flatnonzero(row)
    return Vectors.sparse(len(row), places.tolist(), row[places].tolist())


def hinted(spark):
    """`vectors` with their length in the metadata of the column."""
    return VectorSizeHint(inputCol="features", size=4).transform(vectors(spark))


def extremes(spark):
    """Vectors like those of `vectors`, with NaN, infinities and numbers near their end."""
    nan, infinity = float("nan"), float("inf")
    values = [
        Vectors.dense(nan, infinity, 3.0, -infinity),
        Vectors.dense(1e300, -1e300, 0.0, -0.0),
        Vectors.sparse(4, [2], [nan]),
        Vectors.sparse(4, [], []),
    ]
    return spark.createDataFrame([(value, 0.0) for value in values], ["features", "label"])
