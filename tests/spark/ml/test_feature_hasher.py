"""Columns hashed into one vector, and the stages that are refused."""

import pytest
from pyspark.ml.feature import (
    BucketedRandomProjectionLSH,
    FeatureHasher,
    MinHashLSH,
)

import sparkbird
from sparkbird.errors import ColumnTypeError, UnsupportedModelError, UnsupportedOptionError
from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check

COLUMNS = "town string, ok boolean, x double, n int, big long, small float, `naïve col` string"
NAN, INFINITY = float("nan"), float("inf")


def hashed(*names, **options):
    return lambda: FeatureHasher(inputCols=[*names], outputCol="o", **options)


def mixed(spark):
    found = [
        ("Oslo", True, 0.5, 3, 2**40, 0.1, "é"),
        ("", False, -0.0, 0, -1, 1e-30, "日本語 テキスト"),
        (None, None, INFINITY, -7, 0, -2.5, "a=b"),
        ("São Paulo", True, 1e-300, 2**31 - 1, 2**53 - 1, 3.0, "😀 four bytes"),
        ("abc", True, 7.25, 1, 1, 1.0, None),
        ("abcd", False, 7.25, 1, 1, 1.0, "\t"),
    ]
    return spark.createDataFrame(found, COLUMNS)


def missing(spark):
    found = [("a", True, NAN, 1, 1, 1.0, ""), ("a", True, None, 1, 1, 1.0, "")]
    return spark.createDataFrame(found, COLUMNS)


ALL = ("town", "ok", "x", "n", "big", "small", "naïve col")

CASES = [
    Case(hashed(*ALL, numFeatures=4096), mixed, refused=missing),
    Case(hashed(*ALL, numFeatures=3), mixed, refused=missing, note="many on one place"),
    Case(hashed(*ALL, numFeatures=1000, categoricalCols=["town", "ok"]), mixed),
    Case(hashed("x", "n", numFeatures=7), mixed),
    Case(hashed("town"), mixed, note="262144 values"),
    Case(hashed("town", "size", "label", numFeatures=64), rows.strings),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)


def test_numbers_as_categories_are_refused(spark, tmp_path):
    path = str(tmp_path / "model")
    hashed("x", "n", categoricalCols=["n"])().write().save(path)
    with pytest.raises(UnsupportedOptionError, match="as Java writes them"):
        sparkbird.compile(path, inputs=mixed(spark))


def test_what_columns_are_must_be_said(spark, tmp_path):
    path = str(tmp_path / "model")
    hashed("x", "n")().write().save(path)
    with pytest.raises(ColumnTypeError, match="inputs="):
        sparkbird.compile(path)


def hashing(kind, **options):
    names = {"inputCol": "features", "outputCol": "o"}
    return lambda spark: kind(**names, **options).fit(rows.vectors(spark))


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        (hashing(BucketedRandomProjectionLSH, bucketLength=2.0), "an array of vectors"),
        (hashing(MinHashLSH), "an array of vectors"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(stage, reason, spark, tmp_path):
    path = str(tmp_path / "model")
    stage(spark).write().save(path)
    with pytest.raises(UnsupportedModelError, match=reason):
        sparkbird.compile(path)
