"""What Spark's types and NULLs become, on both back ends alike."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import sparkbird
from tests.spark import models

NAN = float("nan")
NOON = datetime.datetime(2026, 1, 1, 12)

#: A type of Spark, values, and the numbers that the model sees.
NUMBERS = [
    ("tinyint", [1, None, -128], [1, NAN, -128]),
    ("smallint", [1, None, 300], [1, NAN, 300]),
    ("int", [1, None, 2**31 - 1], [1, NAN, 2**31 - 1]),
    ("bigint", [2**53, 0, -(2**53)], [2**53, 0, -(2**53)]),
    ("bigint", [2**53 - 1, None, 1 - 2**53], [2**53 - 1, NAN, 1 - 2**53]),
    ("float", [0.1, None, NAN], [float(np.float32(0.1)), NAN, NAN]),
    ("double", [0.1, None, NAN], [0.1, NAN, NAN]),
    ("boolean", [True, None, False], [1, NAN, 0]),
    (
        "decimal(20,3)",
        [Decimal("0.1"), None, Decimal("12345678901234567.891")],
        [0.1, NAN, 12345678901234567.891],
    ),
    ("decimal(38,18)", [Decimal("0.1"), Decimal("1e-18"), None], [0.1, 1e-18, NAN]),
    ("double", [None, None, None], [NAN, NAN, NAN]),
    ("int", [None, None, None], [NAN, NAN, NAN]),
    ("decimal(5,2)", [None, None, None], [NAN, NAN, NAN]),
    ("void", [None, None, None], [NAN, NAN, NAN]),
]

#: Types that no model of numbers takes, even where every value is NULL.
REFUSED = [
    ("date", datetime.date(2026, 1, 1), "turn it into a number first"),
    ("timestamp", NOON, "turn it into a number first"),
    ("timestamp_ntz", NOON, "turn it into a number first"),
    ("string", "1.5", "cast it to a number"),
    ("array<double>", [1.0], "pass its elements"),
    ("struct<x:double>", (1.0,), "pass its elements"),
    ("binary", b"x", "Hint: "),
]


def frame(spark, kind, values):
    rows = [(i, value, 0.0) for i, value in enumerate(values)]
    return spark.createDataFrame(rows, f"i int, a {kind}, b double").coalesce(1)


def error_of(df):
    with pytest.raises(Exception) as caught:
        df.collect()
    return str(caught.value)


@pytest.mark.parametrize(("kind", "values", "numbers"), NUMBERS)
def test_numbers_become_the_nearest_doubles_and_null_becomes_nan(
    spark, backend, kind, values, numbers
):
    df = frame(spark, kind, values)
    scored = df.select("i", sparkbird.udf(models.scaler(), _backend=backend)().alias("p"))
    actual = [row.p for row in sorted(scored.collect())]
    X = pd.DataFrame({"a": np.array(numbers, float), "b": 0.0})
    np.testing.assert_array_equal(actual, models.scaler().transform(X))


@pytest.mark.parametrize("values", [[2**53 + 1], [2**53 + 1, None], [-(2**63), None]], ids=str)
def test_integers_that_doubles_cannot_hold_are_refused(spark, backend, values):
    df = frame(spark, "bigint", values)
    message = error_of(df.select(sparkbird.udf(models.scaler(), _backend=backend)()))
    assert "ColumnTypeError: column 'a' holds int64 that float64 cannot hold" in message


@pytest.mark.parametrize(("kind", "value", "hint"), REFUSED)
def test_other_types_are_refused_by_name_and_with_a_way_out(spark, backend, kind, value, hint):
    for values in ([value, value], [None, None]):
        df = frame(spark, kind, values)
        message = error_of(df.select(sparkbird.udf(models.scaler(), _backend=backend)()))
        assert "ColumnTypeError: column 'a' is " in message
        assert hint in message


def test_a_float32_column_takes_small_integers_with_nulls_and_no_doubles(spark, backend):
    types = {"a": "float32", "b": "float32"}
    scale = sparkbird.udf(models.scaler(), inputs=types, _backend=backend)
    df = spark.createDataFrame([(1, 0.5), (None, 2.0)], "a int, b float").coalesce(1)
    X = pd.DataFrame({"a": [1, NAN], "b": [0.5, 2.0]}, dtype="float32")
    [actual] = zip(*df.select(scale().alias("p")).collect(), strict=True)
    np.testing.assert_array_equal(np.array(actual, "f4"), models.scaler().transform(X))
    assert "column 'b' is double" in error_of(df.select(scale("a", df.b.cast("double").alias("b"))))


def test_more_columns_than_one_word_of_kinds_holds(spark, backend):
    from sklearn.preprocessing import StandardScaler

    names = [f"c{i}" for i in range(33)]
    X = pd.DataFrame(np.random.default_rng(0).integers(0, 9, (5, 33)).astype(float), columns=names)
    model = StandardScaler().fit(X)
    rows = X.astype(object).to_numpy().astype(int).tolist()
    rows[1][31] = rows[0][16] = X.iloc[1, 31] = X.iloc[0, 16] = None
    kinds = ["int", "bigint", "smallint"] * 11
    df = spark.createDataFrame(rows, ", ".join(map(" ".join, zip(names, kinds, strict=True))))
    scored = df.coalesce(1).select(sparkbird.udf(model, _backend=backend)().alias("p"))
    np.testing.assert_array_equal([row.p for row in scored.collect()], model.transform(X))


@pytest.fixture
def with_nulls(spark):
    """Three rows in one batch; the second lacks its age, the third its age and width."""
    names = [*models.classifier().feature_names_in_]
    rows = [[0.5] * 5, [0.5, None, 1.0, 1.0, 1.0], [None, NAN, 1.0, 1.0, 1.0]]
    return spark.createDataFrame(rows, ", ".join(f"{n} double" for n in names)).coalesce(1)


def test_rows_the_model_refuses_are_named_with_column_and_number(with_nulls, backend):
    predict = sparkbird.udf(models.classifier(), _backend=backend)
    message = error_of(with_nulls.select(predict()))
    assert "InvalidValueError" in message
    assert "2 of 3 rows" in message
    assert "column 'width' (1), 'age' (2)" in message
    assert "Hint: clean these rows" in message
    assert 'on_invalid="null"' in message


@pytest.mark.parametrize("output", ["predict", "predict_proba"])
def test_or_they_get_null_and_the_others_their_prediction(with_nulls, backend, output):
    score = sparkbird.udf(models.labeller(), output, on_invalid="null", _backend=backend)
    first, *others = [row.p for row in with_nulls.select(score().alias("p")).collect()]
    X = pd.DataFrame([[0.5] * 5], columns=models.labeller().feature_names_in_)
    expected = getattr(sparkbird.compile(models.labeller()), output)(X)[0]
    assert np.array_equal(first, expected)
    assert others == [None, None]


def test_in_a_struct_the_fields_are_null(with_nulls, backend):
    names = ["predict", "predict_proba"]
    score = sparkbird.udf(models.labeller(), names, on_invalid="null", _backend=backend)
    rows = with_nulls.select(score().alias("p")).select("p.*").collect()
    assert [tuple(row) for row in rows[1:]] == [(None, None)] * 2
    assert rows[0].predict in {"no", "très"}


def test_each_of_several_models_has_nulls_of_its_own(with_nulls, backend):
    both = {"one": models.classifier(), "two": models.ages()}
    score = sparkbird.udf(both, on_invalid="null", _backend=backend)
    rows = with_nulls.select(score().alias("p")).select("p.*").collect()
    assert [row.one is None for row in rows] == [False, True, True]
    assert [row.two is None for row in rows] == [False, False, False]


def test_unseen_and_missing_strings_follow_the_encoder(spark, backend):
    df = spark.createDataFrame(
        [("Zürich", "red", 3.0, 1.0), ("nowhere", "", 3.0, None)],
        "city string, colour string, age double, income double",
    ).coalesce(1)
    score = sparkbird.udf(models.pipeline(), "predict_proba", _backend=backend)
    scored = [row.p for row in df.select(score().alias("p")).collect()]
    X = pd.DataFrame([row.asDict() for row in df.collect()]).assign(count=0)
    expected = sparkbird.compile(models.pipeline()).predict_proba(X)
    np.testing.assert_array_equal(scored, expected)
