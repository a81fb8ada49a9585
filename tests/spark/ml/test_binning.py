"""Numbers above a threshold, and numbers in buckets."""

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import Binarizer, Bucketizer, QuantileDiscretizer

from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check

INFINITY = float("inf")
SPLITS = [-INFINITY, -0.5, 0.0, 1.25, INFINITY]


def binarized(**options):
    return lambda: Binarizer(**options)


def vector_binarized(threshold):
    return lambda: Binarizer(inputCol="features", outputCol="o", threshold=threshold)


def bucketized(**options):
    return lambda: Bucketizer(inputCol="c", outputCol="bucket", **options)


def several(**options):
    names = {"inputCols": ["a", "c"], "outputCols": ["p", "q"]}
    return lambda: Bucketizer(splitsArray=[SPLITS, [-9.0, 0.25, 1e6]], **names, **options)


def quantiles(**options):
    names = {"inputCols": ["a", "b"], "outputCols": ["p", "q"]}
    return lambda: Pipeline(stages=[QuantileDiscretizer(numBuckets=4, **names, **options)])


def numbers(*values):
    """Rows with the values in each of the columns of `rows.numbers`."""

    def made(spark):
        columns = "a double, b double, c double, label double"
        return spark.createDataFrame([(v, v, v, 0.0) for v in values], columns)

    return made


def finite(spark):
    return rows.numbers(spark).filter("a IS NOT NULL AND NOT isnan(a) AND b IS NOT NULL")


def whole(spark):
    return spark.createDataFrame([(None,), (0,), (1,), (2,), (-7,)], "c int")


EDGES = numbers(*SPLITS, -0.0, 1.2500000000000002, 5e-324, -5e-324, 0.49999999999999994)
MISSING = numbers(None, float("nan"))

CASES = [
    Case(binarized(inputCol="a", outputCol="o"), rows.numbers, EDGES),
    Case(binarized(inputCol="b", outputCol="o", threshold=-0.5), rows.numbers, EDGES),
    Case(
        binarized(inputCols=["a", "b"], outputCols=["p", "q"], thresholds=[-INFINITY, 1.25]),
        rows.numbers,
        EDGES,
    ),
    Case(binarized(inputCols=["a", "b"], outputCols=["p", "q"], threshold=0.5), rows.numbers),
    Case(vector_binarized(0.0), rows.hinted, rows.extremes),
    Case(vector_binarized(0.7), rows.hinted, rows.extremes),
    Case(vector_binarized(-0.7), rows.hinted, rows.extremes),
    Case(bucketized(splits=SPLITS), rows.numbers, EDGES, MISSING),
    Case(bucketized(splits=SPLITS, handleInvalid="keep"), rows.numbers, EDGES, MISSING),
    Case(bucketized(splits=SPLITS, handleInvalid="keep"), whole, note="NULL among integers"),
    Case(bucketized(splits=SPLITS), whole, note="NULL among integers is no error"),
    Case(bucketized(splits=SPLITS, handleInvalid="skip"), rows.numbers, MISSING),
    Case(bucketized(splits=[0.0, 0.5, INFINITY]), numbers(0.0, 0.5, 3.0), refused=numbers(-0.0)),
    Case(bucketized(splits=[-0.0, 0.5, 1.0]), numbers(0.0, -0.0, 0.5, 1.0), refused=numbers(-1.0)),
    Case(bucketized(splits=[-1.0, -0.0, 1.0]), numbers(0.0, -0.0, 0.5, 1.0)),
    Case(bucketized(splits=[-1.0, 0.5, 0.0 + 1]), numbers(0.0, -0.0, 1.0), refused=numbers(1.5)),
    Case(bucketized(splits=[-1.0, -0.5, 0.0]), numbers(0.0, -0.0, -1.0)),
    Case(
        bucketized(splits=[-9.0, 0.0, 1e6], handleInvalid="keep"),
        rows.numbers,
        refused=numbers(INFINITY, -9.5),
    ),
    Case(several(), finite, refused=MISSING),
    Case(several(handleInvalid="skip"), rows.numbers),
    Case(quantiles(handleInvalid="keep"), finite, EDGES),
    Case(quantiles(handleInvalid="skip"), rows.numbers, EDGES),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)
