"""FMClassificationModel and FMRegressionModel."""

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import FMClassifier
from pyspark.ml.feature import OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.ml.linalg import Vectors
from pyspark.ml.regression import FMRegressor

from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check

INFINITY = float("inf")


def extremes(spark):
    made = [
        Vectors.dense(float("nan"), 0.0, 3.0, 1.0),
        Vectors.dense(1.0, INFINITY, 0.0, 0.0),
        Vectors.dense(1e100, -1e100, 1e6, -0.0),
        Vectors.sparse(4, [2], [1.5]),
        Vectors.sparse(4, [], []),
    ]
    return spark.createDataFrame([(value, 0.0) for value in made], ["features", "label"])


def endless(spark):
    """Not refused by Spark: squares that are no numbers."""
    return spark.createDataFrame(
        [(Vectors.dense(1e200, 0.0, 0.0, 1e155), 0.0)], ["features", "label"]
    )


def machine(model, **options):
    return Case(
        lambda: model(seed=1, maxIter=5, **options),
        rows.vectors,
        extremes,
        endless,
        note=f"{model.__name__} {options}",
    )


def of_categories():
    return Pipeline(
        stages=[
            StringIndexer(inputCols=["town", "size"], outputCols=["t", "s"]),
            OneHotEncoder(inputCols=["t", "s"], outputCols=["tv", "sv"]),
            VectorAssembler(inputCols=["tv", "sv"], outputCol="features"),
            FMClassifier(seed=1, maxIter=5, factorSize=3),
        ]
    )


CASES = [
    machine(FMRegressor),
    machine(FMRegressor, factorSize=2, fitLinear=False, initStd=0.5),
    machine(FMRegressor, fitIntercept=False, predictionCol="found", solver="gd", stepSize=0.1),
    machine(FMClassifier),
    machine(FMClassifier, factorSize=1, fitIntercept=False, thresholds=[0.9, 0.1]),
    machine(
        FMClassifier, fitLinear=False, initStd=1.0, rawPredictionCol="", probabilityCol="share"
    ),
    Case(of_categories, rows.strings, note="categories"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)
