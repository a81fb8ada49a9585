"""Whole pipelines of Spark ML over a raw table, as dataframes, as columns and as files."""

import inspect
import re

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import HashingTF, StandardScaler, Tokenizer, VectorAssembler
from pyspark.ml.linalg import Vectors

import sparkbird
from sparkbird.errors import (
    ArtifactError,
    ColumnCountError,
    ColumnNameError,
    ColumnTypeError,
    InvalidValueError,
    SchemaError,
)
from tests.spark import pipelines
from tests.spark.conftest import backends
from tests.spark.ml import rows as tables


@pytest.fixture(scope="module")
def rows(spark):
    return pipelines.people(spark).cache()


@pytest.fixture(scope="module")
def fitted(rows):
    return pipelines.linear().fit(rows)


@pytest.fixture(scope="module")
def folder(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("pipelines") / "model"
    fitted.write().overwrite().save(str(path))
    return path


@pytest.fixture(scope="module")
def skipping(rows):
    return pipelines.linear("skip").fit(rows)


@pytest.fixture(scope="module")
def strict(rows):
    return pipelines.linear("error").fit(rows)


def test_a_model_in_memory_its_folder_and_its_artefact_add_the_same(rows, fitted, folder):
    expected = fitted.transform(rows)
    compiled = sparkbird.compile(fitted, rows)
    for model in (fitted, str(folder), folder, compiled):
        pipelines.assert_same(sparkbird.transform(rows, model), expected)


def test_trees_give_their_leaves_and_unseen_strings_a_place(spark, rows):
    fitted = pipelines.forest().fit(rows)
    for given in (rows, pipelines.strangers(spark)):
        pipelines.assert_same(sparkbird.transform(given, fitted), fitted.transform(given))


def test_rows_are_skipped_as_the_model_says(spark, skipping):
    given = pipelines.strangers(spark)
    scored = sparkbird.transform(given, skipping)
    assert [row.key for row in scored.collect()] == [0]
    pipelines.assert_same(scored, skipping.transform(given))


def test_columns_are_found_in_any_case(rows, fitted):
    renamed = rows.withColumnRenamed("town", "Town")
    pipelines.assert_same(sparkbird.transform(renamed, fitted), fitted.transform(renamed))


def test_only_the_columns_asked_for_are_added(rows, fitted):
    scored = sparkbird.transform(rows, fitted, outputs=["probability", "town_index"])
    assert scored.columns == [*rows.columns, "probability", "town_index"]
    with pytest.raises(SchemaError, match="no output 'leaf'"):
        sparkbird.transform(rows, fitted, outputs="leaf")


def test_vectors_know_their_length(rows, fitted):
    field = sparkbird.transform(rows, fitted).schema["probability"]
    assert field.metadata == {"ml_attr": {"num_attrs": 2}}


@pytest.mark.parametrize("backend", backends())
def test_a_column_goes_from_the_raw_columns_to_the_prediction(rows, fitted, backend):
    predict = sparkbird.udf(fitted, _backend=backend)
    assert {column.name for column in predict.schema.columns} == {*pipelines.RAW}
    assert [output["outputs"] for output in predict.metadata["models"].values()] == [["prediction"]]
    for columns in ((), pipelines.RAW, pipelines.RAW[::-1], [rows[name] for name in pipelines.RAW]):
        scored = rows.select("key", predict(*columns).alias("prediction"))
        pipelines.assert_same(scored, fitted.transform(rows).select("key", "prediction"))


def test_what_the_column_does_not_need_is_not_in_its_graph(fitted, rows):
    whole, graph = (
        sparkbird.compile(fitted, rows, outputs=outputs).to_onnx().graph
        for outputs in (None, "prediction")
    )
    assert graph.output[0].name == "prediction"
    assert {"town_hot", "assembled", "features"} <= {output.name for output in whole.output}
    assert not {"town_hot", "assembled", "features"} & {output.name for output in graph.output}
    assert {value.name for value in graph.input} == {*pipelines.RAW}


@pytest.mark.parametrize("backend", backends())
def test_vectors_enter_dense_or_sparse(spark, backend):
    given = tables.vectors(spark)
    model = StandardScaler(inputCol="features", outputCol="scaled", withMean=True).fit(given)
    scale = sparkbird.udf(model, _backend=backend)
    actual = [row.s for row in given.select(scale("features").alias("s")).collect()]
    expected = [row.scaled.toArray() for row in model.transform(given).collect()]
    np.testing.assert_allclose(actual, expected, 1e-12)


@pytest.mark.parametrize("wanted", [None, "prediction"])
def test_a_column_cannot_drop_rows(wanted, skipping):
    with pytest.raises(SchemaError, match=r"drops rows[^.]*\.\s+Hint: call sparkbird\.transform"):
        sparkbird.udf(skipping, wanted)


@pytest.mark.parametrize("scheme", ["file", "memory"])
def test_a_folder_is_read_by_its_url(scheme, rows, fitted, folder):
    url = folder.as_uri()
    if scheme == "memory":
        fsspec = pytest.importorskip("fsspec")
        url = "memory://models/one"
        fsspec.filesystem("memory").put(str(folder), url, recursive=True)
    assert sparkbird.compile(url, rows).digest == sparkbird.compile(folder, rows).digest


def test_what_fsspec_cannot_read_spark_does(spark, rows, folder, monkeypatch):
    from sparkbird.converters.sparkml import remote

    found = dict(remote._by_spark(folder.as_uri()))
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert {*found} == {name for name in files if not re.search(r"(^|/)[._][^/]*$", name)}


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"there is no model at .*nothing"):
        sparkbird.compile(str(tmp_path / "nothing"))
    with pytest.raises(ArtifactError, match="no saved model of Spark ML"):
        sparkbird.compile(tmp_path)
    with pytest.raises(ArtifactError, match=r"cannot read odd://models/one: fsspec: .*Spark: "):
        sparkbird.compile("odd://models/one")


#: What is wrong with the rows, and what the error says of it: stage and column.
MISTAKES = {
    "missing": (
        lambda rows: rows.drop("income"),
        ColumnNameError,
        r"no column 'income', which VectorAssembler_\w+ takes",
    ),
    "a number for a string": (
        lambda rows: rows.withColumn("age", rows.town),
        ColumnTypeError,
        r"column 'age' holds strings.*found at model.stages\[2\], Imputer_\w+",
    ),
    "an array": (
        lambda rows: rows.selectExpr("key", "town", "size", "age", "array(income) AS income"),
        ColumnTypeError,
        r"column 'income' is array<double>, and VectorAssembler_\w+ takes float64",
    ),
    "taken": (
        lambda rows: rows.withColumn("prediction", rows.age),
        ColumnNameError,
        "has a column 'prediction' already",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_columns_is_told_with_stage_and_column(mistake, rows, fitted):
    change, error, message = MISTAKES[mistake]
    given = change(rows)
    with pytest.raises(error, match=message):
        sparkbird.transform(given, fitted)


def test_a_type_that_a_compiled_model_does_not_take_is_told_before_it_runs(rows, fitted):
    compiled = sparkbird.compile(fitted, rows)
    given = rows.withColumn("age", rows.town)
    with pytest.raises(
        ColumnTypeError, match=r"column 'age' is string, and Imputer\w+ takes float64"
    ):
        sparkbird.transform(given, compiled)
    with pytest.raises(
        ColumnTypeError, match=r"column 'age' is .*string, and Imputer\w+ takes float64"
    ):
        compiled.transform(given.toArrow().to_pandas())


def test_a_column_of_too_few_is_told(fitted):
    with pytest.raises(ColumnCountError, match="takes 4 columns and was given 1"):
        sparkbird.udf(fitted)("town")


def test_an_unseen_string_is_told_with_stage_and_column(spark, strict):
    given = pipelines.strangers(spark).where("town = 'Roma'")
    compiled = sparkbird.compile(strict, given)
    message = r"StringIndexer_\w+.*'town'"
    with pytest.raises(InvalidValueError, match=message):
        compiled.transform(given.toArrow().to_pandas())
    for scored in (sparkbird.transform(given, strict), given.select(sparkbird.udf(strict)())):
        with pytest.raises(Exception, match=message):
            scored.collect()


def test_vectors_of_another_length_are_told_with_stage_and_column(spark):
    model = StandardScaler(inputCol="features", outputCol="scaled").fit(tables.vectors(spark))
    given = spark.createDataFrame([(Vectors.dense(1.0, 2.0),)], ["features"])
    message = r"'features' holds vectors of 2 values, and StandardScaler_\w+ takes 4"
    with pytest.raises(Exception, match=message):
        sparkbird.transform(given, model).collect()
    hinted = VectorAssembler(inputCols=["a", "b"], outputCol="features").transform(
        spark.createDataFrame([(1.0, 2.0)], "a double, b double")
    )
    with pytest.raises(ColumnTypeError, match=r"'features'.* 2 .*StandardScaler_\w+"):
        sparkbird.transform(hinted, model)


#: Scores a saved pipeline where pyspark cannot be imported; shipped as text.
def _without_spark(folder, table, result):
    import sys

    sys.modules["pyspark"] = None
    sys.modules["py4j"] = None
    import pyarrow.parquet as pq

    import sparkbird

    given = pq.read_table(table)
    compiled = sparkbird.compile(folder, given)
    by_arrow, by_pandas = compiled.transform(given), compiled.transform(given.to_pandas())
    assert (
        by_arrow.drop(columns="age").astype(str).equals(by_pandas.drop(columns="age").astype(str))
    )
    by_arrow.to_parquet(result)
    assert "pyspark.sql" not in sys.modules


def test_neither_spark_nor_java_is_needed(rows, fitted, folder, tmp_path):
    import subprocess
    import sys

    import pandas as pd
    import pyarrow.parquet as pq

    pq.write_table(rows.toArrow(), tmp_path / "rows.parquet")
    paths = [str(folder), str(tmp_path / "rows.parquet"), str(tmp_path / "scored.parquet")]
    code = f"{inspect.getsource(_without_spark)}\n_without_spark(*{paths!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "JAVA_HOME": "/nowhere", "PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    assert not done.returncode, done.stderr[-3000:]
    scored = pd.read_parquet(paths[2])
    expected = fitted.transform(rows)
    assert [*scored.columns] == expected.columns
    for row, (_, ours) in zip(expected.collect(), scored.iterrows(), strict=True):
        np.testing.assert_allclose(ours["probability"], row.probability.toArray(), 1e-12)
        assert (ours["prediction"], ours["town_index"]) == (row.prediction, row.town_index)


def test_it_is_said_where_spark_may_be_faster(rows, fitted):
    assert "transform may be faster" in sparkbird.compile(fitted, rows).explain()
    trees = sparkbird.compile(pipelines.forest().fit(rows), rows)
    assert "may be faster" not in trees.explain()


def test_vectors_that_nobody_asks_for_are_not_made(spark):
    """Words hashed to 2**18 places."""
    table = spark.createDataFrame(
        [("good day", 1.0), ("bad night", 0.0), ("good night", 1.0)], "text string, label double"
    )
    stages = [
        Tokenizer(inputCol="text", outputCol="words"),
        HashingTF(inputCol="words", outputCol="features"),
        LogisticRegression(maxIter=3),
    ]
    fitted = Pipeline(stages=stages).fit(table)
    scored = sparkbird.transform(table, fitted, outputs=["probability", "prediction"])
    expected = fitted.transform(table).select(*scored.columns)
    for ours, theirs in zip(scored.collect(), expected.collect(), strict=True):
        np.testing.assert_allclose(ours.probability, theirs.probability, 1e-12)
        assert ours.prediction == theirs.prediction
