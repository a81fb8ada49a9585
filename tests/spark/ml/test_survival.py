"""AFTSurvivalRegressionModel and IsotonicRegressionModel."""

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.linalg import Vectors
from pyspark.ml.regression import AFTSurvivalRegression, IsotonicRegression

from tests.spark.ml.parity import Case, check

NAN, INFINITY = float("nan"), float("inf")


def times(spark):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)).round(2)
    label = np.exp(x @ [0.5, -0.2, 0.0] + 1 + 0.3 * rng.normal(size=60))
    made = [
        (Vectors.dense(row), float(t), float(c))
        for row, t, c in zip(x, label, rng.integers(0, 2, 60), strict=True)
    ]
    return spark.createDataFrame(made, ["features", "label", "censor"])


def extreme_times(spark):
    made = [
        Vectors.dense(NAN, 0.0, 1.0),
        Vectors.dense(1e5, -1e5, 0.0),
        Vectors.dense(-1e5, 1e5, -0.0),
        Vectors.sparse(3, [1], [2.0]),
    ]
    return spark.createDataFrame(
        [(value, 1.0, 1.0) for value in made], ["features", "label", "censor"]
    )


def survival(**options):
    return Case(
        lambda: AFTSurvivalRegression(maxIter=5, **options), times, extreme_times, note=f"{options}"
    )


def line(spark):
    rng = np.random.default_rng(1)
    x = np.unique(rng.normal(size=60).round(1))
    x[np.abs(x) == 0] = 0.0
    made = [(float(v), float(y), 1.0) for v, y in zip(x, x + rng.normal(size=len(x)), strict=True)]
    return spark.createDataFrame(made, "features double, label double, weight double")


def on_the_line(spark):
    made = [-0.0, 0.0, 1e-300, -1e-300, INFINITY, -INFINITY, 0.05, 1.23456789, -0.95]
    return spark.createDataFrame(
        [(v, 0.0, 1.0) for v in made], "features double, label double, weight double"
    )


def nothing(spark):
    """Spark tells NULL, which stays so, from NaN, which gets the last prediction."""
    return spark.createDataFrame(
        [(NAN, 0.0, 1.0), (None, 0.0, 1.0)], "features double, label double, weight double"
    )


def in_vectors():
    """Of the second value of vectors."""
    parts = VectorAssembler(inputCols=["label", "x"], outputCol="features", handleInvalid="keep")
    return Pipeline(stages=[parts, IsotonicRegression(featureIndex=1, predictionCol="p")])


def line_beside(spark):
    return line(spark).withColumnRenamed("features", "x")


def nothing_beside(spark):
    return nothing(spark).withColumnRenamed("features", "x").where("isnan(x)")


def one_point(spark):
    return spark.createDataFrame([(2.0, 1.0, 1.0)], "features double, label double, weight double")


CASES = [
    survival(),
    survival(quantilesCol="q", fitIntercept=False),
    survival(quantilesCol="q", quantileProbabilities=[0.001, 0.5], predictionCol="t"),
    Case(IsotonicRegression, line, on_the_line, nothing, note="isotonic"),
    Case(lambda: IsotonicRegression(isotonic=False), line, on_the_line, note="antitonic"),
    Case(lambda: IsotonicRegression(weightCol="weight"), one_point, on_the_line, note="one point"),
    Case(in_vectors, line_beside, nothing_beside, note="in vectors"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)
