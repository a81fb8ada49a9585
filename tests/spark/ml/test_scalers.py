"""Vectors moved and scaled."""

import pytest
from pyspark.ml.feature import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from pyspark.ml.linalg import Vectors

from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check

INFINITY = float("inf")


def extremes(spark):
    values = [
        Vectors.dense(float("nan"), INFINITY, 3.0, -INFINITY),
        Vectors.dense(1e300, -1e300, 0.0, -0.0),
        Vectors.sparse(4, [2], [float("nan")]),
    ]
    return spark.createDataFrame([(value, 0.0) for value in values], ["features", "label"])


def scaled(scaler, **options):
    return Case(
        lambda: scaler(inputCol="features", outputCol="scaled", **options),
        rows.vectors,
        extremes,
        note=f"{scaler.__name__} {options}",
    )


CASES = [
    scaled(StandardScaler),
    scaled(StandardScaler, withMean=True),
    scaled(StandardScaler, withMean=True, withStd=False),
    scaled(MinMaxScaler),
    scaled(MinMaxScaler, min=-2.0, max=7.5),
    scaled(MinMaxScaler, min=0.25, max=0.5),
    scaled(MaxAbsScaler),
    scaled(RobustScaler),
    scaled(RobustScaler, withCentering=True),
    scaled(RobustScaler, withCentering=True, withScaling=False, lower=0.1, upper=0.9),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)
