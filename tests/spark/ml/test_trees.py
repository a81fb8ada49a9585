"""Trees, forests and boosted trees: thresholds, categories, leaves and variances."""

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import (
    DecisionTreeClassifier,
    GBTClassifier,
    RandomForestClassifier,
)
from pyspark.ml.feature import VectorIndexer
from pyspark.ml.linalg import Vectors
from pyspark.ml.regression import DecisionTreeRegressor, GBTRegressor, RandomForestRegressor

from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check, made

NAN = float("nan")


def of_categories(model, **options):
    """Behind an indexer that keeps what it has not seen: one more category."""

    def pipeline():
        indexer = VectorIndexer(
            inputCol="features", outputCol="indexed", maxCategories=9, handleInvalid="keep"
        )
        return Pipeline(stages=[indexer, model(featuresCol="indexed", seed=1, **options)])

    return Case(pipeline, rows.categories, strangers, note=f"{model.__name__} of categories")


def strangers(spark):
    values = [
        (7.0, 3.0, 0.1),
        (0.0, 99.0, 0.1),
        (NAN, 1.5, NAN),
        (0.5, 0.0, -0.0),
        (2.0, -1.0, 9.0),
    ]
    return spark.createDataFrame([(Vectors.dense(*v), 0.0) for v in values], ["features", "label"])


def grid(spark):
    """Values of few digits: thresholds are halfway between two, and rows lie on them."""
    points = [(i / 8, j / 4) for i in range(-8, 9) for j in range(-4, 5)]
    labelled = [(Vectors.dense(x, y), float(x * y > 0.1) + float(x > 0.5)) for x, y in points]
    return spark.createDataFrame(labelled, ["features", "label"])


def halfway(spark):
    points = [(i / 16, j / 8) for i in range(-16, 17) for j in range(-8, 9)]
    return spark.createDataFrame([(Vectors.dense(*v), 0.0) for v in points], ["features", "label"])


def tree(model, given=rows.vectors, more=rows.extremes, **options):
    def stage():
        return made(model, seed=1, **options)

    return Case(stage, given, more, note=f"{model.__name__} {options}")


CASES = [
    tree(DecisionTreeClassifier),
    tree(DecisionTreeClassifier, rows.three_classes, maxDepth=3, thresholds=[0.2, 0.3, 0.5]),
    tree(DecisionTreeClassifier, grid, halfway, maxDepth=6, leafCol="leaf", impurity="entropy"),
    tree(DecisionTreeClassifier, rawPredictionCol="", probabilityCol="", thresholds=[0.1, 0.9]),
    tree(DecisionTreeClassifier, maxDepth=0, leafCol="leaf"),
    tree(DecisionTreeClassifier, rawPredictionCol="", predictionCol="p", thresholds=[0.0, 0.9]),
    of_categories(DecisionTreeClassifier, maxDepth=6, leafCol="leaf"),
    tree(RandomForestClassifier, numTrees=5, leafCol="leaf"),
    tree(RandomForestClassifier, rows.three_classes, numTrees=7, thresholds=[0.5, 0.2, 0.3]),
    tree(RandomForestClassifier, grid, halfway, numTrees=3, maxDepth=8, bootstrap=False),
    tree(RandomForestClassifier, numTrees=3, rawPredictionCol="", probabilityCol=""),
    of_categories(RandomForestClassifier, numTrees=4, maxDepth=5),
    tree(GBTClassifier, maxIter=4, leafCol="leaf"),
    tree(GBTClassifier, maxIter=3, stepSize=0.7, thresholds=[0.8, 0.2], rawPredictionCol="r"),
    tree(GBTClassifier, maxIter=2, rawPredictionCol="", probabilityCol=""),
    of_categories(GBTClassifier, maxIter=3, maxDepth=3),
    tree(DecisionTreeRegressor, varianceCol="v", leafCol="leaf"),
    tree(DecisionTreeRegressor, grid, halfway, maxDepth=7, varianceCol="v"),
    tree(DecisionTreeRegressor, maxDepth=0, varianceCol="v", predictionCol="p"),
    of_categories(DecisionTreeRegressor, maxDepth=5, varianceCol="v"),
    tree(RandomForestRegressor, numTrees=5, leafCol="leaf"),
    tree(RandomForestRegressor, grid, halfway, numTrees=3, maxDepth=6, predictionCol="p"),
    of_categories(RandomForestRegressor, numTrees=4),
    tree(GBTRegressor, maxIter=4, leafCol="leaf"),
    tree(GBTRegressor, grid, halfway, maxIter=3, stepSize=0.3, lossType="absolute"),
    of_categories(GBTRegressor, maxIter=3),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)
