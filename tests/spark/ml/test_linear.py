"""LinearRegressionModel, LogisticRegressionModel, LinearSVCModel, and the perceptron."""

import json

import pytest
from pyspark.ml.classification import (
    LinearSVC,
    LogisticRegression,
    MultilayerPerceptronClassifier,
)
from pyspark.ml.linalg import Vectors
from pyspark.ml.regression import LinearRegression

import sparkbird
from sparkbird.errors import UnsupportedOptionError
from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check, made

NAN, INFINITY = float("nan"), float("inf")


def dense_extremes(spark):
    """With a 0 in a dense vector next to an infinity; sums that are endless, and NaN."""
    made = [
        Vectors.dense(1e300, 1.0, 0.5, -0.0),
        Vectors.dense(0.0, INFINITY, 3.0, 1.0),
        Vectors.dense(NAN, 0.0, 3.0, 1.0),
        Vectors.dense(INFINITY, INFINITY, 0.0, 0.0),
        Vectors.sparse(4, [2], [NAN]),
        Vectors.sparse(4, [], []),
        Vectors.dense(300.0, -300.0, 0.0, 0.0),
    ]
    return spark.createDataFrame([(value, 0.0) for value in made], ["features", "label"])


def zeros(spark):
    """All margins are 0: they lie on the threshold."""
    made = [(Vectors.dense(x, 0.0), float(y)) for x in (-1.0, 1.0) for y in (0, 1)]
    return spark.createDataFrame(made, ["features", "label"])


def linear(model, given=rows.vectors, more=dense_extremes, **options):
    return Case(
        lambda: model(**options), given, more, rtol=1e-9, note=f"{model.__name__} {options}"
    )


def logistic(given=rows.vectors, more=dense_extremes, **options):
    return linear(LogisticRegression, given, more, maxIter=5, **options)


def perceptron(classes, given, **options):
    def stage():
        layers = [4, 5, classes]
        return made(MultilayerPerceptronClassifier, layers=layers, seed=1, maxIter=5, **options)

    return Case(stage, given, dense_extremes, rtol=1e-9, note=f"perceptron {classes} {options}")


CASES = [
    linear(LinearRegression),
    linear(LinearRegression, fitIntercept=False, predictionCol="p"),
    linear(LinearRegression, regParam=0.5, elasticNetParam=1.0),
    linear(LinearRegression, loss="huber", maxIter=5),
    logistic(),
    logistic(threshold=0.9),
    logistic(threshold=0.0),
    logistic(threshold=1.0),
    logistic(thresholds=[0.3, 0.7], fitIntercept=False),
    logistic(thresholds=[0.0, 1.0]),
    logistic(thresholds=[1.0, 0.0]),
    logistic(rawPredictionCol="", threshold=0.7),
    logistic(rawPredictionCol="", probabilityCol="", predictionCol="p", threshold=0.2),
    logistic(predictionCol="", probabilityCol="q", rawPredictionCol="r"),
    logistic(regParam=0.2, elasticNetParam=1.0),
    logistic(family="multinomial"),
    logistic(family="multinomial", thresholds=[0.9, 0.1]),
    logistic(rows.three_classes),
    logistic(rows.three_classes, thresholds=[0.2, 0.0, 0.8]),
    logistic(rows.three_classes, regParam=0.3, elasticNetParam=1.0, rawPredictionCol=""),
    logistic(rows.three_classes, rawPredictionCol="", probabilityCol="", fitIntercept=False),
    Case(lambda: LogisticRegression(fitIntercept=False), zeros, note="on the threshold"),
    linear(LinearSVC, maxIter=3),
    linear(LinearSVC, maxIter=3, threshold=0.5, fitIntercept=False),
    linear(LinearSVC, maxIter=3, threshold=-1.0, rawPredictionCol="", predictionCol="p"),
    Case(lambda: LinearSVC(maxIter=2, threshold=0.0), zeros, note="LinearSVC on the threshold"),
    perceptron(2, rows.vectors),
    perceptron(3, rows.three_classes, thresholds=[0.5, 0.25, 0.25]),
    perceptron(3, rows.three_classes, rawPredictionCol="", solver="gd"),
    perceptron(2, rows.vectors, rawPredictionCol="", probabilityCol="", thresholds=[0.1, 0.9]),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)


def test_thresholds_for_other_classes_are_refused(spark, tmp_path):
    model = LogisticRegression(maxIter=1).fit(rows.vectors(spark))
    path = tmp_path / "model"
    model.write().save(str(path))
    (part,) = (path / "metadata").glob("part-*")
    metadata = json.loads(part.read_text())
    metadata["paramMap"]["thresholds"] = [0.2, 0.3, 0.5]
    part.write_text(json.dumps(metadata))
    with pytest.raises(UnsupportedOptionError, match="one threshold for each"):
        sparkbird.compile(path)
