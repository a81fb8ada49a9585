"""Products of the values of vectors, and of columns."""

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import (
    Bucketizer,
    Interaction,
    OneHotEncoder,
    PolynomialExpansion,
    StringIndexer,
    VectorAssembler,
)
from pyspark.ml.linalg import Vectors

import sparkbird
from sparkbird.errors import UnsupportedOptionError
from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check


def expanded(degree):
    return lambda: PolynomialExpansion(inputCol="features", outputCol="o", degree=degree)


def interaction(*names):
    return Interaction(inputCols=[*names], outputCol="o")


def of_stages(*names, **options):
    """An interaction of columns that are indexed, encoded and assembled before."""
    return lambda: Pipeline(
        stages=[
            StringIndexer(inputCols=["town", "size"], outputCols=["t", "s"], **options),
            OneHotEncoder(inputCols=["t", "s"], outputCols=["u", "v"]),
            Bucketizer(inputCol="x", outputCol="b", splits=[-9.0, 0.0, 0.5, float("inf")]),
            VectorAssembler(inputCols=["x", "n"], outputCol="w"),
            interaction(*names),
        ]
    )


def mixed(spark):
    """Strings, a number, an integer and a label."""
    rng = np.random.default_rng(5)
    columns = "town string, size string, label double, x double, n int"
    strings = [tuple(row) for row in rows.strings(spark).collect()]
    x, n = rng.normal(size=60).round(2), rng.integers(-2, 3, 60)
    made = [(*s, float(a), int(b)) for s, a, b in zip(strings, x, n, strict=True)]
    return spark.createDataFrame([*made, ("Oslo", "s", 0.0, 0.0, 0)], columns)


def odd(*values, town="Oslo"):
    columns = "town string, size string, label double, x double, n int"
    return lambda spark: spark.createDataFrame([(town, "s", 0.0, v, 1) for v in values], columns)


def zeros(spark):
    nan, infinity = float("nan"), float("inf")
    values = [
        (nan, 0.0, 1.0, 2.0),
        (0.0, nan, 1.0, 0.0),
        (2.0, infinity, 0.0, 0.0),
        (1e-200, 1e-200, 1e-200, nan),
        (nan, 1e-200, 1e-200, 1e-200),
        (-0.0, 1.0, -1.0, 0.0),
    ]
    made = [(Vectors.dense(*value), 0.0) for value in values]
    made += [(Vectors.sparse(4, [0, 3], [nan, 2.0]), 0.0), (Vectors.sparse(4, [], []), 0.0)]
    return spark.createDataFrame(made, ["features", "label"])


CASES = [
    Case(expanded(1), rows.hinted, zeros),
    Case(expanded(2), rows.hinted, zeros),
    Case(expanded(3), rows.hinted, zeros),
    Case(expanded(5), rows.hinted, zeros),
    Case(lambda: interaction("x", "n"), mixed, odd(float("inf"), -0.0), odd(None)),
    Case(of_stages("t"), mixed),
    Case(of_stages("t", "s"), mixed),
    Case(of_stages("s", "x", "t", "n"), mixed, odd(float("inf"), 0.0), odd(float("nan"))),
    Case(of_stages("t", "s", handleInvalid="keep"), mixed, odd(1.0, town="Rome")),
    Case(of_stages("b", "t"), mixed, refused=odd(-9.5)),
    Case(of_stages("u", "v"), mixed),
    Case(of_stages("x", "u", "s"), mixed),
    Case(of_stages("w", "t", "v"), mixed, refused=odd(float("nan"))),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)


def test_an_interaction_of_vectors_of_which_nothing_is_known_is_refused(spark, tmp_path):
    path = str(tmp_path / "model")
    interaction("features", "label").write().save(path)
    with pytest.raises(UnsupportedOptionError, match="which of its values are categories"):
        sparkbird.compile(path, inputs={"features": "vector[4]", "label": "float64"})


def test_an_interaction_of_categories_inside_vectors_is_refused(spark, tmp_path):
    stages = [
        StringIndexer(inputCol="town", outputCol="t"),
        VectorAssembler(inputCols=["t", "x"], outputCol="v"),
        interaction("v", "x"),
    ]
    path = str(tmp_path / "model")
    Pipeline(stages=stages).fit(mixed(spark)).write().save(path)
    with pytest.raises(UnsupportedOptionError, match="leaves out the first category"):
        sparkbird.compile(path)
