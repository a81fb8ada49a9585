"""GeneralizedLinearRegressionModel: families, links and offsets."""

import numpy as np
import pytest
from pyspark.ml.linalg import Vectors
from pyspark.ml.regression import GeneralizedLinearRegression

from tests.spark.ml.parity import Case, check

NAN, INFINITY = float("nan"), float("inf")


def positive(spark):
    """Labels above 0, whole ones, ones that are 0 or 1, and an offset."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2)).round(2)
    mean = np.exp(0.3 * x[:, 0] - 0.2 * x[:, 1] + 1)
    made = [
        (Vectors.dense(*row), float(m + 0.1 * u), float(k), float(u > 0.5), float(o))
        for row, m, k, u, o in zip(
            x, mean, rng.poisson(mean), rng.random(60), rng.random(60).round(2), strict=True
        )
    ]
    columns = ["features", "label", "count", "answer", "offset"]
    return spark.createDataFrame(made, columns)


def extremes(spark):
    made = [
        (Vectors.dense(0.0, 0.0), 0.5),
        (Vectors.dense(1e4, -1e4), 0.5),
        (Vectors.dense(-1e4, 1e4), 0.5),
        (Vectors.dense(NAN, 1.0), 0.5),
        (Vectors.dense(INFINITY, 1.0), 0.5),
        (Vectors.dense(-30.0, 30.0), 0.5),
        (Vectors.sparse(2, [], []), None),
        (Vectors.sparse(2, [1], [-2.0]), -0.0),
        (Vectors.dense(1.0, 1.0), NAN),
    ]
    rows = [(v, 1.0, 1.0, 1.0, o) for v, o in made]
    columns = "features vector, label double, count double, answer double, offset double"
    schema = positive(spark).schema
    assert [field.name for field in schema] == [part.split()[0] for part in columns.split(", ")]
    return spark.createDataFrame(rows, schema)


def general(family, link=None, label="label", **options):
    def made():
        linked = {"link": link} if link else {}
        return GeneralizedLinearRegression(
            family=family, labelCol=label, maxIter=4, regParam=0.1, **linked, **options
        )

    return Case(made, positive, extremes, rtol=1e-9, note=f"{family} {link} {options}")


CASES = [
    general("gaussian"),
    general("gaussian", "log", linkPredictionCol="l"),
    general("gaussian", "inverse"),
    general("binomial", label="answer", linkPredictionCol="l"),
    general("binomial", "probit", label="answer"),
    general("binomial", "cloglog", label="answer", offsetCol="offset"),
    general("poisson", label="count"),
    general("poisson", "identity", label="count"),
    general("poisson", "sqrt", label="count", fitIntercept=False),
    general("gamma"),
    general("gamma", "identity", predictionCol="p"),
    general("gamma", "log", offsetCol="offset", linkPredictionCol="l"),
    general("tweedie"),
    general("tweedie", variancePower=1.5),
    general("tweedie", variancePower=1.5, linkPower=0.0),
    general("tweedie", variancePower=1.0, linkPower=1.0),
    general("tweedie", variancePower=2.0, linkPower=-1.0),
    general("tweedie", variancePower=1.2, linkPower=0.5, linkPredictionCol="l"),
    general("tweedie", variancePower=1.2, linkPower=0.3, predictionCol="", linkPredictionCol="l"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)
