import numpy as np
import pandas as pd
import pytest

import sparkbird
from sparkbird.errors import ColumnNameError, SchemaError
from tests.rows import mixed
from tests.spark import models


@pytest.fixture(scope="module")
def rows(spark):
    X, _ = mixed()
    return spark.createDataFrame(X.assign(key=range(len(X)))).repartition(2).cache()


def features(df):
    return pd.DataFrame([row.asDict() for row in df.collect()])


def test_one_output_is_one_column_of_its_name(rows):
    scored = sparkbird.transform(rows, models.pipeline())
    assert scored.columns == [*rows.columns, "predict"]
    X = features(scored)
    np.testing.assert_array_equal(X["predict"], models.pipeline().predict(X))


@pytest.mark.classic
def test_several_outputs_are_computed_once_and_taken_apart(rows):
    scored = sparkbird.transform(rows, models.pipeline(), outputs=["predict", "predict_proba"])
    assert scored.schema.simpleString().endswith("predict:bigint,predict_proba:array<double>>")
    plan = scored._jdf.queryExecution().executedPlan().toString()
    assert plan.count("ArrowEvalPython [") == 1
    X = features(scored)
    expected = sparkbird.compile(models.pipeline()).predict_proba(X)
    np.testing.assert_array_equal(np.array(X["predict_proba"].tolist()), expected)


@pytest.mark.classic
def test_only_the_columns_of_the_model_travel(rows):
    plan = sparkbird.transform(rows, models.pipeline())._jdf.queryExecution().executedPlan()
    evaluated = next(line for line in plan.toString().splitlines() if "ArrowEvalPython [" in line)
    assert "age" in evaluated
    assert "key" not in evaluated.partition("]")[0]
    assert "count" not in evaluated.partition("]")[0]


def test_floats_of_spark_enter_as_float32_as_they_would_the_original(spark):
    df = spark.createDataFrame([(0.1, 0.7), (None, 2.5)], "a float, b float").coalesce(1)
    scored = sparkbird.transform(df, models.scaler())
    assert scored.schema["transform"].dataType.simpleString() == "array<float>"
    X = pd.DataFrame({"a": [0.1, np.nan], "b": [0.7, 2.5]}, dtype="float32")
    actual = np.array([row.transform for row in scored.collect()], "f4")
    np.testing.assert_array_equal(actual, models.scaler().transform(X))


def test_a_compiled_model_will_do(spark):
    df = spark.createDataFrame([(1.0, 2.0)], "b double, a double")
    compiled = sparkbird.compile(models.scaler())
    [row] = sparkbird.transform(df, compiled).collect()
    assert row.transform == compiled.transform(pd.DataFrame({"a": [2.0], "b": [1.0]}))[0].tolist()


def test_a_column_of_the_name_of_an_output_is_in_the_way(spark):
    df = spark.createDataFrame([(1.0, 2.0, 3)], "a double, b double, Transform int")
    with pytest.raises(ColumnNameError, match="has a column 'transform' already"):
        sparkbird.transform(df, models.scaler())


def test_a_missing_column_is_named(rows):
    with pytest.raises(ColumnNameError, match="no column 'income'"):
        sparkbird.transform(rows.drop("income"), models.pipeline())


def test_a_column_that_is_never_read_may_be_missing_or_of_any_type(rows):
    expected = sorted(
        sparkbird.transform(rows.select("key", *rows.columns[:4]), models.pipeline()).collect()
    )
    for df in (
        rows.drop("count"),
        rows.selectExpr("key", "city", "age", "income", "colour", "array(1) AS count"),
    ):
        scored = sparkbird.transform(df, models.pipeline()).select(
            "key", *rows.columns[:4], "predict"
        )
        assert sorted(scored.collect()) == expected


def test_a_model_without_names_is_refused(spark):
    df = spark.createDataFrame(
        [(1.0,) * 5], "x0 double, x1 double, x2 double, x3 double, x4 double"
    )
    with pytest.raises(ColumnNameError, match="fitted on an array"):
        sparkbird.transform(df, models.unnamed())


def test_an_output_the_model_has_not_is_refused(rows):
    with pytest.raises(SchemaError, match="has no transform"):
        sparkbird.transform(rows, models.pipeline(), outputs="transform")
