"""ALSModel, and models of patterns, which are refused."""

import numpy as np
import pytest
from pyspark.ml import Estimator
from pyspark.ml.fpm import FPGrowth
from pyspark.ml.recommendation import ALS

import sparkbird
from sparkbird.errors import UnsupportedModelError
from tests.spark.ml.parity import Case, check

COLUMNS = "user {0}, item {0}, rating double, row int"


def numbered(spark, made, kind="int"):
    return spark.createDataFrame(
        [(*row, 1.0, i) for i, row in enumerate(made)], COLUMNS.format(kind)
    )


def ratings(spark, kind="int"):
    rng = np.random.default_rng(0)
    made = [(int(u), int(i) - 3, float((u * i) % 5)) for u, i in rng.integers(0, 9, (70, 2))]
    made = [(*row, number) for number, row in enumerate([*made, (-(2**31), 2**31 - 1, 1.0)])]
    if kind == "double":
        made = [(float(user), float(item), *others) for user, item, *others in made]
    return spark.createDataFrame(made, COLUMNS.format(kind))


def in_doubles(spark):
    return ratings(spark, "double")


def unseen(spark):
    return numbered(spark, [(1, 99), (77, 1), (77, 99), (1, 2), (-(2**31), 2)])


def no_ids(spark):
    nan, infinity = float("nan"), float("inf")
    made = [(0.5, 1.0), (1.0, -0.5), (nan, 1.0), (1.0, infinity), (2.0**31, 1.0), (None, 1.0)]
    return numbered(spark, made, "double")


class InOrder:
    """A model whose rows come back in the order of their numbers: Spark joins them."""

    def __init__(self, model):
        self.model = model

    def write(self):
        return self.model.write()

    def transform(self, given):
        return self.model.transform(given).orderBy("row")


class Fitted(Estimator):
    """ALS, and its model in order."""

    def __init__(self, prediction="prediction", cold="nan", **options):
        super().__init__()
        self.made = ALS(seed=0, maxIter=2, coldStartStrategy=cold, **options)
        self.prediction = prediction

    def _fit(self, rows):
        return InOrder(self.made.fit(rows).setPredictionCol(self.prediction))


CASES = [
    Case(Fitted, ratings, unseen, note="defaults"),
    Case(lambda: Fitted(rank=1, cold="drop"), ratings, unseen, note="dropping"),
    Case(lambda: Fitted(rank=70), in_doubles, refused=no_ids, note="doubles, many factors"),
    Case(lambda: Fitted("stars", rank=3, nonnegative=True), ratings, note="a name of its own"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)


def test_patterns_are_refused_by_name(spark):
    baskets = spark.createDataFrame([(["a", "b"],), (["a"],)], "items array<string>")
    with pytest.raises(UnsupportedModelError, match="order of the items"):
        sparkbird.compile(FPGrowth().fit(baskets))
