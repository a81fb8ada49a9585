"""A real server: models logged, registered, named by an alias, resolved, and scored in Spark."""

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest

import sparkbird
from sparkbird import cli
from sparkbird.errors import (
    ArtifactError,
    ColumnNameError,
    SchemaError,
    UnsupportedModelError,
    UnsupportedOptionError,
)
from sparkbird.job.stream import config as stream_config, run as stream
from tests.mlflow import models

mlflow = pytest.importorskip("mlflow")
pytest.importorskip("pyspark")

import sparkbird.mlflow as flavor  # noqa: E402
from sparkbird.logged.uris import resolve  # noqa: E402

NAME = "main.default.people"  # as a registry in Unity Catalog names it


@pytest.fixture(scope="module")
def logged(server):
    """The regressors as versions 1 and 2 of `NAME`, of which 1 is the champion; the run's id."""
    example = models.people()[["age", "income"]].head(3)
    with mlflow.start_run() as run:
        for model in (models.regressor(), models.steeper()):
            flavor.log_model(model, "model", input_example=example, registered_model_name=NAME)
    mlflow.MlflowClient().set_registered_model_alias(NAME, "champion", "1")
    return run.info.run_id


@pytest.fixture(scope="module")
def of_sklearn(server):
    """The URI of the labeller as scikit-learn's flavour logs it."""
    X = models.people().dropna()  # a column with NaN would be optional to MLflow
    signature = mlflow.models.infer_signature(X, models.labeller().predict(X))
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            models.labeller(),
            name="labeller",
            signature=signature,
            serialization_format="pickle",
            pip_requirements=[],
        )
    return info.model_uri


@pytest.fixture
def df(spark):
    return spark.createDataFrame(models.ROWS, models.TYPES).repartition(2)


def predicted(df, column):
    """Predictions by row; NaN is one value."""
    rows = df.select("city", "age", "income", column.alias("p")).collect()
    return {tuple(map(str, row[:3])): row.p for row in rows}


def test_an_alias_becomes_a_version(logged):
    found = resolve(f"models:/{NAME}@champion")
    assert (found.name, found.version, found.flavor) == (NAME, "1", "sparkbird")
    assert found.uri == f"models:/{NAME}/1"
    assert (found.path / "model.onnx").is_file()


def test_a_version_and_the_latest_one_are_found(logged):
    assert resolve(f"models:/{NAME}/1").version == "1"
    assert resolve(f"models:/{NAME}/latest").version == "2"


def test_a_run_and_a_folder_have_no_version(logged):
    from_run = resolve(f"runs:/{logged}/model")
    assert (from_run.name, from_run.version) == ("", "")
    from_folder = resolve(str(from_run.path))
    assert (from_folder.path, from_folder.flavor) == (from_run.path, "sparkbird")


def test_it_is_downloaded_to_the_folder_asked_for(logged, tmp_path):
    assert resolve(f"models:/{NAME}/1", dst_path=str(tmp_path)).path.is_relative_to(tmp_path)


@pytest.mark.parametrize(
    "uri, told",
    [
        (f"models:/{NAME}@nobody", "MLflow finds no model at"),
        (f"models:/{NAME}/7", "MLflow finds no model at"),
        ("models:/nothing/latest", "has no model 'nothing'"),
        ("runs:/0123456789abcdef0123456789abcdef/model", "MLflow finds no model at"),
        ("no/such/folder", "MLflow finds no model at"),
        ("models:/people/Production", "names a stage"),
        ("models:/people", "is no URI of a model"),
    ],
)
def test_what_is_not_there_is_named(logged, uri, told):
    with pytest.raises(ArtifactError, match=told):
        resolve(uri)


def test_a_folder_without_mlmodel_is_no_model(server, tmp_path):
    with pytest.raises(ArtifactError, match="has no file MLmodel"):
        resolve(str(tmp_path))


def test_an_alias_that_moves_during_a_run_changes_nothing(logged, df):
    uri = f"models:/{NAME}@champion"
    found, score = resolve(uri), sparkbird.spark_udf(df.sparkSession, uri)
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(NAME, "champion", "2")
    try:
        digest = flavor.load_model(found.uri).digest
        after = predicted(df, score())
        assert digest != flavor.load_model(uri).digest
    finally:
        client.set_registered_model_alias(NAME, "champion", "1")
    assert score.metadata.flavors["sparkbird"]["digest"] == digest
    assert after == predicted(df, sparkbird.udf(models.regressor())("age", "income"))
    assert after != predicted(df, sparkbird.udf(models.steeper())("age", "income"))


def test_it_gives_what_mlflow_gives_of_the_same_artefact(logged, df):
    uri = f"models:/{NAME}/1"
    theirs = mlflow.pyfunc.spark_udf(df.sparkSession, uri)
    ours = sparkbird.spark_udf(df.sparkSession, uri)
    assert ours.returnType.simpleString() == "double"
    assert predicted(df, ours("age", "income")) == predicted(df, theirs("age", "income"))


@pytest.mark.parametrize("result_type", [None, "string", "array<string>"])
def test_it_gives_what_mlflow_gives_of_a_model_of_scikit_learn(of_sklearn, df, result_type):
    """None and NaN among strings and numbers, unseen categories, labels as text."""
    from pyspark.sql.functions import struct

    theirs = mlflow.pyfunc.spark_udf(df.sparkSession, of_sklearn, result_type)
    ours = sparkbird.spark_udf(df.sparkSession, of_sklearn, result_type)
    before = df.select(theirs()).schema[0].dataType
    assert df.select(ours()).schema[0].dataType == ours.returnType == before
    whole = struct("income", "city", "age")
    expected = predicted(df, theirs(whole))
    assert predicted(df, ours(whole)) == predicted(df, ours()) == expected
    assert len(expected) == df.select("city", "age", "income").distinct().count()


def test_both_flavours_in_one_process_agree_with_pandas(of_sklearn):
    X = models.people()
    theirs = mlflow.pyfunc.load_model(of_sklearn).predict(X)
    np.testing.assert_array_equal(flavor.load_model(of_sklearn).predict(X), theirs)


def test_a_model_of_spark_is_compiled_from_its_files(server, spark, df, tmp_path):
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import LinearRegression

    rows = df.dropna().filter("age = age").selectExpr("age", "income", "income / 7 AS label")
    stages = [
        VectorAssembler(inputCols=["age", "income"], outputCol="f"),
        LinearRegression(featuresCol="f"),
    ]
    fitted = Pipeline(stages=stages).fit(rows)
    mlflow.spark.save_model(
        fitted, str(tmp_path / "model"), dfs_tmpdir=str(tmp_path / "dfs"), pip_requirements=[]
    )
    score = sparkbird.spark_udf(spark, str(tmp_path / "model"), "double")
    made = rows.select("age", "income", score("age", "income").alias("p"))
    expected = {row.age: row.prediction for row in fitted.transform(rows).collect()}
    assert {row.age for row in made.collect()} == {*expected}
    assert all(math.isclose(row.p, expected[row.age], rel_tol=1e-9) for row in made.collect())


@pytest.mark.parametrize("library", ["lightgbm", "xgboost", "catboost"])
def test_a_model_of_a_library_of_trees_is_compiled(server, library, tmp_path):
    module = pytest.importorskip(library)
    makers = {
        "lightgbm": lambda: module.LGBMRegressor(n_estimators=3, verbose=-1, n_jobs=1),
        "xgboost": lambda: module.XGBRegressor(n_estimators=3, n_jobs=1),
        "catboost": lambda: module.CatBoostRegressor(
            iterations=3, verbose=False, allow_writing_files=False
        ),
    }
    X = models.people()[["age", "income"]]
    model = makers[library]().fit(X, X["income"] / 7)
    getattr(mlflow, library).save_model(model, str(tmp_path / "model"), pip_requirements=[])
    assert resolve(str(tmp_path / "model")).flavor == library
    compiled = flavor.load_model(str(tmp_path / "model"))
    np.testing.assert_allclose(compiled.predict(X), model.predict(X), rtol=1e-6)


def test_another_flavour_is_refused(server, tmp_path):
    class Ones(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input: list[float]) -> list[float]:
            return [1.0 for _ in model_input]

    mlflow.pyfunc.save_model(str(tmp_path / "ones"), python_model=Ones(), pip_requirements=[])
    with pytest.raises(UnsupportedModelError, match="flavours python_function, which sparkbird"):
        flavor.load_model(str(tmp_path / "ones"))


@pytest.mark.parametrize(
    "keyword,            value",
    [
        ("env_manager", "virtualenv"),
        ("extra_env", {"A": "b"}),
        ("prebuilt_env_uri", "dbfs:/env.tar.gz"),
        ("model_config", {"a": 1}),
        ("params", {"a": 1}),
    ],
)
def test_a_keyword_that_an_artefact_has_no_use_for_is_refused(logged, keyword, value):
    with pytest.raises(UnsupportedOptionError, match=keyword):
        sparkbird.spark_udf(None, f"models:/{NAME}/1", **{keyword: value})


def test_keywords_that_ask_for_nothing_are_taken(logged, spark):
    empty = {"params": {}, "extra_env": {}, "model_config": {}}
    score = sparkbird.spark_udf(spark, f"models:/{NAME}/1", env_manager="local", **empty)
    assert score.metadata.run_id == logged


def test_a_type_that_the_model_does_not_give_is_refused_at_once(of_sklearn, spark):
    with pytest.raises(SchemaError, match="gives string, of which no double"):
        sparkbird.spark_udf(spark, of_sklearn, "double")


def test_it_is_known_to_sql_with_its_own_type(logged, spark, df):
    sparkbird.spark_udf(spark, f"models:/{NAME}/1").register(spark, "worth")
    df.createOrReplaceTempView("people")
    (row,) = spark.sql("SELECT count(worth(age, income)) AS n FROM people").collect()
    assert row.n == len(models.ROWS)
    with pytest.raises(UnsupportedOptionError, match="gives what the model gives, double"):
        sparkbird.spark_udf(spark, f"models:/{NAME}/1", "float").register(spark, "worth")


def test_a_model_of_an_array_takes_the_names_of_its_signature(server, spark, df, tmp_path):
    from sklearn.linear_model import LinearRegression

    X = models.people()[["age", "income"]].fillna(0.0)
    model = LinearRegression().fit(X.to_numpy(), X["income"])
    signature = mlflow.models.infer_signature(X, model.predict(X.to_numpy()))
    flavor.save_model(model, tmp_path / "named", signature=signature)
    flavor.save_model(model, tmp_path / "unnamed")
    score = sparkbird.spark_udf(spark, str(tmp_path / "named"))
    filled = df.fillna(0.0)
    assert filled.select(score()).count() == filled.select(score("age", "income")).count()
    with pytest.raises(ColumnNameError, match="does not know its columns by name"):
        sparkbird.spark_udf(spark, str(tmp_path / "unnamed"))()
    with pytest.raises(ColumnNameError, match="fields of a struct have no order"):
        sparkbird.spark_udf(spark, str(tmp_path / "unnamed"))("people")


def test_workers_import_neither_mlflow_nor_scikit_learn(logged, spark):
    from pyspark import cloudpickle

    from sparkbird.runtime.worker import Inline

    score = sparkbird.spark_udf(spark, f"models:/{NAME}/1")
    (scorer,) = score._score._scorers
    shipped = scorer.on_worker(("age", "income"), Inline(scorer.model.to_bytes()))
    code = (
        "import pickle, sys, pyarrow as pa\n"
        "function = pickle.load(sys.stdin.buffer)\n"
        "print(function(pa.array([30.0, None]), pa.array([1e4, 1e4])).to_pylist())\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=cloudpickle.dumps(shipped),
        capture_output=True,
        check=True,
    )
    values, loaded = done.stdout.decode().splitlines()
    assert pickle.loads(cloudpickle.dumps(shipped)).digest == shipped.digest
    assert len(values.split(",")) == 2
    assert {"sparkbird", "onnxruntime"} <= {*loaded.split()}
    assert {"mlflow", "sklearn", "onnx"}.isdisjoint(loaded.split())


def test_compile_udf_and_transform_take_uris(logged, of_sklearn, df):
    uri = f"models:/{NAME}@champion"
    assert sparkbird.compile(uri).digest == flavor.load_model(f"models:/{NAME}/1").digest
    asked = predicted(df, sparkbird.udf(uri)())
    assert asked == predicted(df, sparkbird.udf(models.regressor())("age", "income"))
    added = sparkbird.transform(df, uri)
    assert predicted(added, added["predict"]) == asked
    labels = sparkbird.udf({"a": of_sklearn, "b": models.labeller()})
    both = df.dropna().select(labels().alias("p")).select("p.a", "p.b").collect()
    assert both
    assert all(row.a == row.b for row in both)


def test_the_signature_says_what_columns_are(of_sklearn):
    types = {c.name: c.dtype for c in sparkbird.compile(of_sklearn).schema.columns}
    assert types["income"] == "float64"
    given = {name: "float" if kind == "float64" else kind for name, kind in types.items()}
    of_floats = sparkbird.compile(of_sklearn, given)
    assert "float32" in {column.dtype for column in of_floats.schema.columns}


def test_a_stream_is_scored_by_a_logged_model(logged, spark, df, tmp_path):
    df.write.parquet(f"{tmp_path}/arriving")
    text = f"""
model: {{path: "models:/{NAME}@champion"}}
input: {{path: {tmp_path}/arriving}}
outputs: {{p: predict}}
output: {{path: {tmp_path}/scores}}
checkpoint: {tmp_path}/checkpoint
"""
    stream.run(stream_config.loads(text), spark)
    scored = spark.read.parquet(f"{tmp_path}/scores")
    asked = predicted(df, sparkbird.udf(models.regressor())("age", "income"))
    assert predicted(scored, scored["p"]) == asked


def test_a_logged_model_is_compared_with_what_is_compiled_of_it(logged, of_sklearn):
    assert sparkbird.check(of_sklearn, models.people().dropna()).ok
    with pytest.raises(ArtifactError, match=rf"{NAME}/1 is compiled already"):
        sparkbird.check(f"models:/{NAME}/1", models.people())


def test_the_command_compiles_a_logged_model(of_sklearn, tmp_path, capsys):
    cli.app(["compile", of_sklearn, "-o", str(tmp_path / "m.onnx")], standalone_mode=False)
    assert sparkbird.load(tmp_path / "m.onnx").digest == sparkbird.compile(of_sklearn).digest
    models.people().dropna().to_parquet(tmp_path / "rows.parquet")
    cli.app(["check", of_sklearn, str(tmp_path / "rows.parquet")], standalone_mode=False)
    assert ": equal" in capsys.readouterr().out
