"""NaiveBayesModel of four kinds, and OneVsRestModel over models of all kinds."""

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import (
    DecisionTreeClassifier,
    FMClassifier,
    GBTClassifier,
    LinearSVC,
    LogisticRegression,
    MultilayerPerceptronClassifier,
    NaiveBayes,
    OneVsRest,
    RandomForestClassifier,
)
from pyspark.ml.feature import IndexToString, StringIndexer
from pyspark.ml.linalg import Vectors

from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check, made

#: The models are fitted in a pool of threads, which pyspark leaves open.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool")

NAN, INFINITY = float("nan"), float("inf")


def counted(top):
    """Whole numbers up to one of `top`, as dense and sparse vectors, and three labels."""

    def made(spark):
        rng = np.random.default_rng(0)
        x = rng.integers(0, top + 1, (60, 4)).astype(float)
        y = np.digitize(x[:, 0] + x[:, 1] - x[:, 2], [0.5, top])
        found = [
            (Vectors.dense(row) if i % 2 else rows._sparse(row), float(label))
            for i, (row, label) in enumerate(zip(x, y, strict=True))
        ]
        return spark.createDataFrame(found, ["features", "label"])

    return made


def scored(*vectors):
    return lambda spark: spark.createDataFrame([(v, 0.0) for v in vectors], ["features", "label"])


FINITE = scored(Vectors.dense(1e6, -1e6, 0.5, -0.0), Vectors.sparse(4, [], []))
NOTHING = scored(Vectors.dense(NAN, 1.0, 0.0, 1.0), Vectors.dense(INFINITY, -INFINITY, NAN, 0.0))
NOT_COUNTS = scored(
    Vectors.dense(1.0, -1.0, 0.0, 1.0),
    Vectors.dense(1.0, NAN, 0.0, 1.0),
    Vectors.sparse(4, [1], [-0.5]),
)
NOT_BITS = scored(Vectors.dense(1.0, 0.5, 0.0, 1.0), Vectors.sparse(4, [1], [NAN]))
COUNTS = scored(
    Vectors.dense(1e6, 0.5, -0.0, 1.0), Vectors.sparse(4, [], []), Vectors.dense([0.0] * 4)
)
BITS = scored(Vectors.dense(1.0, -0.0, 0.0, 1.0), Vectors.sparse(4, [], []))


def bayes(kind, given, more, refused=None, **options):
    def stage():
        return NaiveBayes(modelType=kind, **options)

    return Case(stage, given, more, refused, rtol=1e-9, note=f"{kind} {options}")


def each(classifier, base, more=FINITE, refused=None, **options):
    def stage():
        return OneVsRest(classifier=made(classifier, **base), **options)

    note = f"of {classifier.__name__} {options}"
    return Case(stage, rows.three_classes, more, refused, rtol=1e-9, note=note)


def named():
    """In a pipeline, which Python then saves itself."""
    return Pipeline(
        stages=[
            StringIndexer(inputCol="name", outputCol="label"),
            OneVsRest(classifier=LogisticRegression(maxIter=2)),
            IndexToString(inputCol="prediction", outputCol="said", labels=["a", "b", "c"]),
        ]
    )


def of_names(spark):
    return rows.three_classes(spark).selectExpr(
        "features", "element_at(array('few', 'some', 'many'), 1 + int(label)) AS name"
    )


CASES = [
    bayes("multinomial", counted(5), COUNTS, NOT_COUNTS),
    bayes("multinomial", counted(2), COUNTS, smoothing=0.3, thresholds=[0.2, 0.5, 0.3]),
    bayes("complement", counted(5), COUNTS, NOT_COUNTS),
    bayes("complement", counted(3), COUNTS, rawPredictionCol="", predictionCol="p"),
    bayes("bernoulli", counted(1), BITS, NOT_BITS),
    bayes("bernoulli", counted(1), BITS, rawPredictionCol="", probabilityCol=""),
    bayes("gaussian", rows.three_classes, rows.extremes),
    bayes("gaussian", counted(5), COUNTS, thresholds=[0.1, 0.6, 0.3]),
    each(LogisticRegression, {"maxIter": 3}, FINITE, NOTHING),
    each(LinearSVC, {"maxIter": 2, "threshold": 0.3}, predictionCol="p"),
    each(DecisionTreeClassifier, {"maxDepth": 3, "thresholds": [0.9, 0.1]}, rows.extremes),
    each(
        RandomForestClassifier,
        {"numTrees": 3, "seed": 1, "leafCol": "l"},
        rows.extremes,
        predictionCol="",
    ),
    each(GBTClassifier, {"maxIter": 2, "seed": 1}, rows.extremes),
    each(NaiveBayes, {"modelType": "gaussian"}),
    each(FMClassifier, {"maxIter": 2, "seed": 1}),
    each(MultilayerPerceptronClassifier, {"layers": [4, 3, 2], "seed": 1, "maxIter": 3}),
    Case(named, of_names, note="names"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)
