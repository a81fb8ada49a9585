"""Columns assembled to a vector, and missing numbers replaced."""

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import Imputer, OneHotEncoder, StringIndexer, VectorAssembler

from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check

NAN = float("nan")


def assembled(*names, how="error"):
    return lambda: VectorAssembler(inputCols=[*names], outputCol="o", handleInvalid=how)


def encoded(**options):
    return lambda: Pipeline(
        stages=[
            StringIndexer(inputCols=["town", "size"], outputCols=["t", "s"]),
            OneHotEncoder(inputCols=["t", "s"], outputCols=["u", "v"], **options),
            VectorAssembler(inputCols=["u", "label", "v", "t"], outputCol="w"),
            VectorAssembler(inputCols=["w", "label", "w"], outputCol="o"),
        ]
    )


def imputed(**options):
    return lambda: Imputer(inputCols=["a", "b"], outputCols=["p", "q"], **options)


def vectors(spark):
    return rows.hinted(spark).selectExpr("features", "label", "label * 0.5 AS x")


def numbers(*values, types="a double, b double, c double, label double"):
    made = [(v, v, v, None) for v in values]
    return lambda spark: spark.createDataFrame(made, types)


def typed(kind):
    """Two columns of a type with NULL, -1 and, of floats, NaN."""

    def made(spark):
        whole = kind in ("int", "bigint", "smallint")
        values = [3, 7, -1, 8, 5] if whole else [0.1, 2.5, -1.0, NAN, 1e-3]
        found = [(v, w) for v, w in zip([*values, None], [None, *values], strict=True)]
        return spark.createDataFrame(found, f"a {kind}, b {kind}")

    return made


CASES = [
    Case(assembled("c", "label"), rows.numbers, refused=numbers(None, NAN)),
    Case(assembled("a", "c", "b", how="keep"), rows.numbers, numbers(None, float("inf"), -0.0)),
    Case(assembled("a", "c", "b", how="skip"), rows.numbers, numbers(None, 2.0)),
    Case(assembled("x", "features"), vectors, note="a vector beside a number"),
    Case(assembled("features"), rows.hinted, rows.extremes),
    Case(assembled("a", "b", how="keep"), typed("int")),
    Case(assembled("a", "b", how="skip"), typed("float")),
    Case(assembled("a", how="skip"), typed("bigint")),
    Case(encoded(), rows.strings),
    Case(encoded(dropLast=False), rows.strings),
    Case(imputed(), rows.numbers, numbers(None, NAN, float("inf"))),
    Case(imputed(strategy="median"), rows.numbers, numbers(None, NAN, -0.0)),
    Case(imputed(strategy="mode"), rows.numbers, numbers(None, 1.0)),
    Case(
        imputed(missingValue=2.0),
        lambda spark: rows.numbers(spark).na.drop(),
        numbers(2.0, 1.0),
        numbers(None, NAN),
    ),
    Case(imputed(), typed("float"), note="floats"),
    Case(imputed(), typed("int"), note="integers: the mean is cut"),
    Case(imputed(missingValue=-1.0), typed("bigint"), note="integers, and one is missing"),
    Case(imputed(missingValue=0.0), typed("smallint"), note="zero"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)
