"""A model per segment: each row by the model of its own, and no more models in memory than fit."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sparkbird
from sparkbird.errors import (
    ArtifactError,
    ColumnCountError,
    ColumnNameError,
    ColumnTypeError,
    InvalidValueError,
    SchemaError,
    UnsupportedModelError,
)
from sparkbird.job.faults import original

ROWS = 600
COUNTRIES = ["DE", "FR", "IT"]


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(ROWS, 3)), columns=["a", "b", "c c"])
    return table.assign(country=rng.choice(COUNTRIES, ROWS), id=range(ROWS))


@pytest.fixture(scope="module")
def df(spark, rows):
    return spark.createDataFrame(rows).repartition(3).cache()


@pytest.fixture(scope="module")
def regressors(rows):
    """A model for each country, of columns of its own."""
    read = {"DE": ["a", "b"], "FR": ["c c", "a"], "IT": ["b"]}
    found = {}
    for number, (country, columns) in enumerate(read.items()):
        X = rows[columns]
        model = make_pipeline(StandardScaler(), LinearRegression())
        found[country] = model.fit(X, X.sum(axis=1) ** (number + 1))
    return found


@pytest.fixture(scope="module")
def classifiers(rows):
    X = rows[["a", "b", "c c"]]
    return {
        country: LogisticRegression().fit(X, np.where(X[name] > 0.1, "yes", "no"))
        for country, name in zip(COUNTRIES, X, strict=True)
    }


def expected(models, rows, method="predict"):
    """For each row what the compiled model of its country gives, row by row."""
    compiled = {country: sparkbird.compile(model) for country, model in models.items()}
    return [
        getattr(compiled[row.country], method)(rows.loc[[i]])[0]
        for i, row in zip(rows.index, rows.itertuples(), strict=True)
    ]


def scored(df, column):
    """The values of `column` by ascending id."""
    found = {row.id: row.p for row in df.withColumn("p", column).select("id", "p").collect()}
    assert sorted(found) == [row.id for row in df.select("id").sort("id").collect()]
    return [found[i] for i in sorted(found)]


def raised(df, column):
    """The error that scoring ends with."""
    with pytest.raises(Exception) as caught:
        df.select(column).collect()
    return original(caught.value)


def test_each_row_has_the_prediction_of_the_original_model_of_its_segment(
    df, rows, regressors, backend
):
    score = sparkbird.udf(models=regressors, by="country", _backend=backend)
    found = scored(df, score())
    originals = [
        regressors[row.country].predict(rows.loc[[i], regressors[row.country].feature_names_in_])[0]
        for i, row in zip(rows.index, rows.itertuples(), strict=True)
    ]
    np.testing.assert_allclose(found, originals, rtol=1e-12, atol=1e-12)
    assert found == expected(regressors, rows)


def test_several_outputs_are_a_struct(df, rows, classifiers, backend):
    outputs = ["predict", "predict_proba"]
    score = sparkbird.udf(models=classifiers, by="country", output=outputs, _backend=backend)
    found = scored(df, score())
    assert [row.predict for row in found] == expected(classifiers, rows)
    originals = [
        classifiers[c].predict_proba(rows.loc[[i], ["a", "b", "c c"]])[0]
        for i, c in rows["country"].items()
    ]
    np.testing.assert_allclose([row.predict_proba for row in found], originals, rtol=1e-12)


def test_rows_keep_their_order(df, regressors):
    score = sparkbird.udf(models=regressors, by="country")
    assert [r.id for r in df.select("id", score()).collect()] == [r.id for r in df.collect()]


def test_columns_come_with_that_of_segments_or_without(df, rows, regressors):
    from pyspark.sql import functions as F

    score = sparkbird.udf(models=regressors, by="country")
    wanted = expected(regressors, rows)
    renamed = df.withColumnRenamed("country", "land").withColumnRenamed("b", "bb")
    for table, columns in (
        (df, []),
        (df, ["country", "a", "b", "c c"]),
        (df, ["c c", "country", "b", "a"]),
        (df, ["b", "a", "c c"]),
        (df, ["a", F.col("b") * 1, "c c"]),
        (renamed, ["land", "a", "bb", "c c"]),
        (renamed.withColumnRenamed("land", "country"), ["a", "bb", "c c"]),
    ):
        assert scored(table, score(*columns)) == wanted
    with pytest.raises(ColumnCountError, match="takes 4 columns and was given 2"):
        score(F.col("a") + 1, F.col("b") + 1)
    with pytest.raises(ColumnNameError, match="stands where the model takes"):
        score("country", "b", F.col("a") + 1, "c c")


def test_models_may_read_the_column_of_segments_themselves(spark, rows):
    X = rows.assign(region=np.arange(ROWS) % 2)
    models = {
        number: LinearRegression().fit(X[["a", "region"]], X["a"] * number + X["region"])
        for number in (0, 1)
    }
    score = sparkbird.udf(models=models, by="region")
    df = spark.createDataFrame(X)
    compiled = {number: sparkbird.compile(model) for number, model in models.items()}
    wanted = [compiled[n].predict(X.loc[[i], ["a", "region"]])[0] for i, n in X["region"].items()]
    assert scored(df, score()) == scored(df, score("region", "a")) == wanted


def test_models_of_arrays_take_columns_by_position(df, rows):
    models = {
        country: LinearRegression().fit(rows[["a", "b"]].to_numpy(), rows["a"] * (n + 1))
        for n, country in enumerate(COUNTRIES)
    }
    score = sparkbird.udf(models=models, by="country")
    wanted = [
        sparkbird.compile(models[c]).predict(rows.loc[[i], ["a", "b"]].to_numpy())[0]
        for i, c in rows["country"].items()
    ]
    assert scored(df, score("a", "b")) == scored(df, score("country", "a", "b")) == wanted
    with pytest.raises(ColumnNameError, match="fitted on an array"):
        score()


def test_sql_calls_it_with_segments_first(spark, df, rows, regressors, backend):
    score = sparkbird.udf(models=regressors, by="country", _backend=backend)
    score.register(spark, "by_country")
    df.createOrReplaceTempView("of_countries")
    found = spark.sql("SELECT id, by_country(country, a, b, `c c`) AS p FROM of_countries")
    assert [r.p for r in found.sort("id").collect()] == expected(regressors, rows)


@pytest.fixture(scope="module")
def strangers(spark, rows):
    """Two rows with a model, three of a segment without one, one of none."""
    few = rows[:6].assign(country=["DE", "XX", "FR", None, "XX", "XX"])
    return spark.createDataFrame(few).coalesce(1), few


def test_rows_without_a_model_are_an_error_that_names_their_segments(strangers, regressors):
    error = raised(strangers[0], sparkbird.udf(models=regressors, by="country")())
    assert isinstance(error, InvalidValueError)
    assert "4 rows of a batch have no model for their segment" in error.fact
    assert "column 'country' is 'XX' (3), NULL (1)" in error.fact
    assert "default=" in error.hint
    assert 'missing="null"' in error.hint


def test_rows_without_a_model_are_null_if_that_is_asked_for(strangers, regressors, backend):
    df, few = strangers
    score = sparkbird.udf(models=regressors, by="country", missing="null", _backend=backend)
    first, third = expected(regressors, few.iloc[[0, 2]])
    assert scored(df, score()) == [first, None, third, None, None, None]


def test_a_struct_of_rows_without_a_model_has_fields_that_are_null(strangers, classifiers, backend):
    score = sparkbird.udf(
        models=classifiers,
        by="country",
        output=["predict", "predict_proba"],
        missing="null",
        _backend=backend,
    )
    found = scored(strangers[0], score())
    assert [row.predict is None for row in found] == [False, True, False, True, True, True]
    assert found[1].asDict() == {"predict": None, "predict_proba": None}


def test_a_default_model_scores_rows_without_one(strangers, regressors, backend):
    df, few = strangers
    own = {"DE": regressors["DE"]}
    score = sparkbird.udf(models=own, by="country", default=regressors["IT"], _backend=backend)
    as_scored = few.assign(country=["DE", "IT", "IT", "IT", "IT", "IT"])
    assert scored(df, score()) == expected(regressors, as_scored)
    assert score.metadata["default"] == sparkbird.compile(regressors["IT"]).digest


def test_one_row_and_no_rows_are_scored(spark, df, rows, regressors, classifiers, backend):
    one = rows[:1]
    score = sparkbird.udf(models=regressors, by="country", _backend=backend)
    assert scored(spark.createDataFrame(one), score()) == expected(regressors, one)
    empty = df.filter("id < 0")
    assert empty.select(score()).collect() == []
    labels = sparkbird.udf(models=classifiers, by="country", output=["predict"])
    assert empty.repartition(2).select(labels()).toPandas().shape == (0, 1)


def test_a_worker_gives_no_rows_their_type(monkeypatch, regressors):
    import pyarrow as pa

    from sparkbird.runtime import segments

    score = sparkbird.udf(models=regressors, by="country")
    monkeypatch.setattr(segments, "_shared", lambda file: score._bundle.path)
    function = pickle.loads(pickle.dumps(score.on_worker()))
    columns = [pa.array([], pa.string()), *[pa.array([], pa.float64())] * 3]
    assert function(*columns) == pa.array([], pa.float64())


def test_nulls_in_the_columns_are_as_the_model_of_the_segment_takes_them(spark, rows, regressors):
    few = rows[:3].assign(country=["IT", "DE", "IT"])
    few.loc[1, "a"] = None
    df = spark.createDataFrame(
        few.astype(object).where(few.notna(), None),
        "a double, b double, `c c` double, country string, id long",
    )
    error = raised(df.coalesce(1), sparkbird.udf(models=regressors, by="country")())
    assert isinstance(error, InvalidValueError)
    assert "1 of 1 rows" in error.fact
    assert "the model of segment 'DE'" in error.fact
    lenient = sparkbird.udf(models=regressors, by="country", on_invalid="null")
    first, third = expected(regressors, few.iloc[[0, 2]])
    assert scored(df, lenient()) == [first, None, third]


def test_segments_may_be_whole_numbers_but_must_be_of_the_columns_type(spark, rows, regressors):
    shops = {np.int64(i): model for i, model in enumerate(regressors.values())}
    numbered = rows.assign(shop=[COUNTRIES.index(c) for c in rows["country"]])
    df = spark.createDataFrame(numbered)
    score = sparkbird.udf(models=shops, by="shop")
    wanted = expected(regressors, rows)
    assert scored(df, score()) == scored(df.withColumn("shop", df.shop.cast("tinyint")), score())
    assert scored(df, score()) == wanted
    for kind in ("string", "double"):
        error = raised(df.withColumn("shop", df.shop.cast(kind)), score())
        assert isinstance(error, ColumnTypeError)
        assert f"'shop' is {kind}" in error.fact
        assert "whole numbers" in error.fact


def test_models_may_be_fitted_compiled_or_files(df, rows, tmp_path):
    import lightgbm

    X, y = rows[["a", "b"]], rows["a"] + rows["b"] ** 2
    options = {"num_leaves": 5, "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(options, lightgbm.Dataset(X, y), 3)
    booster.save_model(tmp_path / "it.txt")
    linear = LinearRegression().fit(X, y)
    sparkbird.compile(linear).save(tmp_path / "fr.onnx")
    models = {
        "DE": sparkbird.compile(booster),
        "FR": tmp_path / "fr.onnx",
        "IT": str(tmp_path / "it.txt"),
    }
    found = scored(df, sparkbird.udf(models=models, by="country")())
    assert found == expected({"DE": booster, "FR": linear, "IT": booster}, rows)


REFUSED = [
    ({"by": None}, SchemaError, "needs by="),
    ({"models": {}}, SchemaError, "no mapping"),
    ({"missing": "drop"}, SchemaError, "missing='drop' is unknown"),
    ({"model": LinearRegression()}, SchemaError, "stands beside"),
    ({"models": None}, SchemaError, "stands beside"),
    ({"models": {"DE": 1, 2: 1}}, SchemaError, "of the types str, int"),
    ({"models": {True: 1, False: 1}}, SchemaError, "of the types bool"),
    ({"models": {"DE": object()}}, UnsupportedModelError, "the model of segment 'DE'"),
    ({"default": object()}, UnsupportedModelError, "the default model"),
    ({"models": {"DE": "/nowhere/a.onnx"}}, ArtifactError, "the model of segment 'DE'"),
    ({"output": "predict_proba"}, SchemaError, "of segment 'DE'"),
]


@pytest.mark.parametrize(("change", "error", "fact"), REFUSED)
def test_what_is_no_model_per_segment_is_refused(regressors, change, error, fact):
    with pytest.raises(error, match=fact):
        sparkbird.udf(**{"models": regressors, "by": "country", **change})


def test_models_that_do_not_give_the_same_are_refused_with_their_segments(rows, classifiers):
    X = rows[["a", "b", "c c"]]
    number = LinearRegression().fit(X, X["a"])
    mixed = {**classifiers, "ES": number}
    with pytest.raises(SchemaError, match=r"string .* of segments 'DE', 'FR', 'IT'; double .*'ES'"):
        sparkbird.udf(models=mixed, by="country")
    with pytest.raises(SchemaError, match=r"double .* of the default model"):
        sparkbird.udf(models=classifiers, by="country", default=number)
    ratings = LogisticRegression().fit(X, np.where(X["a"] > 0, 1.0, 2.0))
    with pytest.raises(
        SchemaError, match="classifiers of segment 'FR'; other models of segment 'ES'"
    ):
        sparkbird.udf(models={"FR": ratings, "ES": number}, by="country")


def test_probabilities_of_other_classes_are_refused(rows, classifiers):
    X = rows[["a", "b", "c c"]]
    other = LogisticRegression().fit(X, np.where(X["a"] > 0, "no", "perhaps"))
    models = {**classifiers, "ES": other}
    with pytest.raises(SchemaError, match=r"different classes.*'no', 'perhaps'\) of segment 'ES'"):
        sparkbird.udf(models=models, by="country", output="predict_proba")
    assert sparkbird.udf(models=models, by="country").returnType.simpleString() == "string"


def test_models_of_other_columns_are_refused_where_these_have_no_names(rows, regressors):
    pair = LinearRegression().fit(rows[["a", "b"]].to_numpy(), rows["a"])
    three = LinearRegression().fit(rows[["a", "b", "c c"]].to_numpy(), rows["a"])
    with pytest.raises(ColumnCountError, match=r"2 columns of segment 1; arrays of 3 .* segment 2"):
        sparkbird.udf(models={1: pair, 2: three}, by="country")
    with pytest.raises(ColumnNameError, match="columns by name of segment 'DE'"):
        sparkbird.udf(models={"DE": regressors["DE"], "FR": pair}, by="country")
