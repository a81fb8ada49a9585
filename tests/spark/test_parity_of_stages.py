"""sparkbird.check of models of Spark ML: the columns of both on rows of a dataframe."""

import functools

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import IndexToString, StringIndexer, Tokenizer, VectorAssembler
from pyspark.ml.linalg import Vectors, VectorUDT
from pyspark.sql.types import DoubleType, StructField, StructType

import sparkbird
from sparkbird.errors import ArtifactError, ColumnTypeError
from tests.spark.pipelines import features, people, strangers

pytestmark = pytest.mark.spark

NUMBER, VECTOR = StructField("number", DoubleType()), StructField("vector", VectorUDT())
SIZES = {"number": "double", "vector": "vector[2]"}


@functools.cache
def fitted(spark, invalid="keep", *more):
    classifier = LogisticRegression(featuresCol="assembled")
    return Pipeline(stages=[*features(invalid), classifier, *more]).fit(people(spark))


def test_the_columns_that_both_add_are_equal(spark):
    labels = IndexToString(inputCol="prediction", outputCol="said", labels=["no", "yes"])
    report = sparkbird.check(fitted(spark, "keep", labels), people(spark))
    compared = [c.method for c in report.comparisons]
    assert report.ok, str(report)
    assert report.rows == 60
    assert report.refused == 0
    assert {"town_index", "town_hot", "assembled", "probability", "prediction", "said"} <= {
        *compared
    }


def test_rows_that_a_stage_drops_are_dropped_by_both(spark):
    report = sparkbird.check(fitted(spark, "skip"), strangers(spark))
    assert report.ok, str(report)
    assert report.rows == 3


def test_rows_that_both_refuse_are_counted(spark):
    report = sparkbird.check(fitted(spark, "error"), strangers(spark))
    assert report.ok, str(report)
    assert report.refused == 2
    assert "2 of which both refuse: equal" in str(report)
    assert report.comparisons[-1].method == "(refused rows)"


def test_another_model_differs_and_the_first_rows_are_shown(spark):
    model = fitted(spark)
    other = Pipeline(
        stages=[*features(), LogisticRegression(featuresCol="assembled", regParam=1.0)]
    ).fit(people(spark))
    compiled = sparkbird.compile(other, people(spark))
    report = sparkbird.check(model, people(spark), compiled=compiled)
    by_column = {c.method: c for c in report.comparisons}
    assert not report.ok
    assert by_column["town_hot"].ok
    assert by_column["probability"].differing == 60
    assert by_column["probability"].absolute > 0.01
    assert len(by_column["probability"].first) == 5
    assert "probability, row 0: original [" in str(report)


def test_what_one_drops_and_the_other_keeps_differs(spark):
    kept = sparkbird.compile(fitted(spark, "keep"), people(spark))
    report = sparkbird.check(fitted(spark, "skip"), strangers(spark), compiled=kept)
    differing = {c.method: [d.row for d in c.first] for c in report.comparisons}
    assert differing["town_index"] == [1, 2]
    assert report.comparisons[0].first[0].original == "(no row)"


def test_what_the_original_alone_refuses_differs(spark):
    kept = sparkbird.compile(fitted(spark, "keep"), people(spark))
    report = sparkbird.check(fitted(spark, "error"), strangers(spark), compiled=kept)
    assert not report.ok
    assert report.comparisons[0].first[0].compiled == "takes them"
    assert report.comparisons[0].first[0].original.startswith("refuses rows: ")


def test_texts_and_absent_values_are_compared_as_they_are(spark):
    rows = [("a b",), (None,), ("",)]
    df = spark.createDataFrame(rows[::2], "text string")
    assert sparkbird.check(Tokenizer(inputCol="text", outputCol="words"), df).ok
    indexer = StringIndexer(inputCol="text", outputCol="index", handleInvalid="keep").fit(df)
    assert sparkbird.check(indexer, spark.createDataFrame(rows, "text string")).ok


def test_columns_may_be_chosen_and_rows_limited(spark):
    df = people(spark).dropna()
    model = VectorAssembler(inputCols=["income", "label"], outputCol="both")
    report = sparkbird.check(model, df, "label", "income", limit=7)
    assert report.ok
    assert report.rows == 7
    assert sparkbird.check(model, df.limit(0)).rows == 0


def test_rows_that_spark_does_not_know_are_refused(spark):
    with pytest.raises(ColumnTypeError, match="cannot be a DataFrame"):
        sparkbird.check(VectorAssembler(inputCols=["a"]), pd.DataFrame({"a": np.zeros(3)}))


def test_a_folder_of_a_model_says_how_to_load_it(spark, tmp_path):
    model = VectorAssembler(inputCols=["income"], outputCol="all")
    model.write().save(str(tmp_path / "model"))
    with pytest.raises(ArtifactError, match=r"PipelineModel\.load"):
        sparkbird.check(str(tmp_path / "model"), people(spark))


def test_rows_of_vectors_that_both_refuse_are_counted(spark):
    rows = [(0.0, Vectors.dense([1.0, 2.0])), (None, Vectors.sparse(2, [0], [3.0]))]
    df = spark.createDataFrame(rows, StructType([NUMBER, VECTOR]))
    model = VectorAssembler(inputCols=["number", "vector"], outputCol="all")
    report = sparkbird.check(model, df, compiled=sparkbird.compile(model, SIZES))
    assert report.ok, str(report)
    assert report.refused == 1
