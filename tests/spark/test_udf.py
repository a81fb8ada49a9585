"""Models as functions of columns, on both back ends: the same values, the same types."""

import struct

import numpy as np
import pandas as pd
import pytest

import sparkbird
from sparkbird.errors import ColumnCountError, ColumnNameError, SchemaError
from tests.rows import gaussian, mixed, named_numbers
from tests.spark import models


@pytest.fixture(scope="module")
def numbers(spark):
    return spark.createDataFrame(named_numbers()[0]).repartition(3).cache()


def collected(df, *names):
    """The columns of `df` as arrays, in the order of the rows of the dataframe."""
    return [
        np.array(column)
        for column in zip(*[[r[n] for n in names] for r in df.collect()], strict=True)
    ]


def rows_of(df):
    return pd.DataFrame([row.asDict() for row in df.collect()])


def test_with_column_gives_what_the_model_gives(numbers, backend):
    predict = sparkbird.udf(models.classifier(), _backend=backend)
    scored = numbers.withColumn("pred", predict())
    X = rows_of(scored)
    np.testing.assert_array_equal(X.pop("pred"), models.classifier().predict(X))
    assert scored.schema["pred"].dataType.simpleString() == "bigint"


def test_the_declared_type_is_the_type_of_the_column(numbers, backend):
    for output in (None, "predict_proba", ["predict", "predict_proba"]):
        predict = sparkbird.udf(models.classifier(), output, _backend=backend)
        assert numbers.select(predict()).schema.fields[0].dataType == predict.returnType


@pytest.mark.parametrize(
    ("model", "output", "kind"),
    [
        (models.classifier, None, "bigint"),
        (models.classifier, "predict_proba", "array<double>"),
        (models.classifier, "decision_function", "double"),
        (models.labeller, None, "string"),
        (models.scaler, None, "array<double>"),
        (models.classifier, ["predict"], "struct<predict:bigint>"),
        (
            models.labeller,
            ["predict", "predict_proba"],
            "struct<predict:string,predict_proba:array<double>>",
        ),
    ],
)
def test_each_output_has_its_own_type(model, output, kind):
    assert sparkbird.udf(model(), output).returnType.simpleString() == kind


def test_columns_given_by_name_may_stand_in_any_order(numbers, backend):
    predict = sparkbird.udf(models.classifier(), "decision_function", _backend=backend)
    own = numbers.withColumn("p", predict())
    names = sorted(models.classifier().feature_names_in_)
    for columns in (names, [numbers[name] for name in names]):
        assert own.collect() == numbers.withColumn("p", predict(*columns)).collect()


def test_columns_with_other_names_stand_in_the_order_of_the_model(numbers, backend):
    from pyspark.sql import functions as F

    model = models.classifier()
    predict = sparkbird.udf(model, "decision_function", _backend=backend)
    other = [F.col(name) * 2 for name in model.feature_names_in_]
    X = rows_of(numbers.withColumn("p", predict(*other)))
    expected = sparkbird.compile(model).decision_function(2 * X[[*model.feature_names_in_]])
    np.testing.assert_array_equal(X["p"], expected)


def test_a_column_may_be_given_twice(spark, backend):
    df = spark.createDataFrame([(1.0,), (2.5,)], "z double")
    scored = df.select(sparkbird.udf(models.regressor(), _backend=backend)("z", "z").alias("p"))
    X = pd.DataFrame({"a": [1.0, 2.5], "b": [1.0, 2.5]})
    expected = sparkbird.compile(models.regressor()).predict(X)
    np.testing.assert_array_equal(collected(scored, "p")[0], expected)


def test_a_model_of_an_array_takes_columns_by_position(spark, backend):
    X = gaussian()[0]
    df = spark.createDataFrame(X.tolist(), "x1 double, x0 double, c double, d double, e double")
    scored = df.select(sparkbird.udf(models.unnamed(), _backend=backend)(*df.columns).alias("p"))
    np.testing.assert_array_equal(collected(scored, "p")[0], models.unnamed().predict(X))


def test_a_model_of_an_array_has_no_columns_of_its_own(spark):
    with pytest.raises(ColumnNameError, match="fitted on an array"):
        sparkbird.udf(models.unnamed())()


def test_names_with_dots_are_names(spark, backend):
    from sklearn.preprocessing import StandardScaler

    X = pd.DataFrame({"Sepal.Length": [1.0, 2.0, 4.0], "a b": [0.0, 1.0, 5.0]})
    model = StandardScaler().fit(X)
    df = spark.createDataFrame(X)
    scale = sparkbird.udf(model, _backend=backend)
    for columns in ([], ["Sepal.Length", "a b"], ["a b", df["`Sepal.Length`"]]):
        [actual] = collected(df.select(scale(*columns).alias("p")), "p")
        np.testing.assert_array_equal(actual, model.transform(X))


def test_a_column_that_the_model_never_reads_need_not_be_there(spark, backend):
    X, _ = mixed()
    df = spark.createDataFrame(X)
    predict = sparkbird.udf(models.pipeline(), "predict_proba", _backend=backend)
    expected = sparkbird.compile(models.pipeline()).predict_proba(X)
    for columns in (
        [],
        X.columns,
        ["city", "age", "income", "colour"],
        ["colour", "age", "city", "income"],
    ):
        [actual] = collected(df.select(predict(*columns).alias("p")), "p")
        np.testing.assert_array_equal(actual, expected)


def evaluated(df):
    """The physical plan, in which Python is called once."""
    plan = df._jdf.queryExecution().executedPlan().toString()
    assert plan.count("ArrowEvalPython [") == 1
    return plan


@pytest.fixture(scope="module")
def eight(spark, tmp_path_factory):
    """A table of the columns a to h, in a file: Spark reads those of it that it needs."""
    path = str(tmp_path_factory.mktemp("eight") / "rows.parquet")
    X = np.random.default_rng(1).standard_normal((50, 8))
    spark.createDataFrame(pd.DataFrame(X, columns=[*"abcdefgh"])).coalesce(1).write.parquet(path)
    return spark.read.parquet(path), X


@pytest.mark.classic
@pytest.mark.parametrize("named", [False, True])
def test_columns_that_no_tree_asks_for_are_not_even_read(eight, named, backend):
    df, X = eight
    model = models.boosted(named=named)
    predict = sparkbird.udf(model, _backend=backend)
    calls = [[*"abcdefgh"], [df[name] for name in "abcdefgh"]]
    for columns in [*calls, [], [*"fc"]] if named else calls:
        scored = df.select(predict(*columns).alias("p"))
        assert "ReadSchema: struct<c:double,f:double>" in evaluated(scored)
        np.testing.assert_array_equal(collected(scored, "p")[0], model.predict(X))


def test_a_model_without_names_is_called_with_all_columns(spark, eight, backend):
    df, X = eight
    predict = sparkbird.udf(models.boosted(), _backend=backend)
    with pytest.raises(ColumnCountError, match="takes 8 columns and was given 2"):
        predict("c", "f")
    assert repr(predict) == "<sparkbird.udf (x0, x1, x2, x3, x4, x5, x6, x7) -> double>"
    predict.register(spark, "boosted")
    df.createOrReplaceTempView("eight")
    scored = spark.sql("SELECT boosted(a, b, c, d, e, f, g, h) AS p FROM eight")
    np.testing.assert_array_equal(collected(scored, "p")[0], models.boosted().predict(X))


def test_sql_gives_a_model_all_columns_or_those_it_reads(spark, eight, backend):
    df, X = eight
    sparkbird.udf(models.boosted(named=True), _backend=backend).register(spark, "by_name")
    df.createOrReplaceTempView("eight")
    for columns in ("a, b, c, d, e, f, g, h", "c, f"):
        scored = spark.sql(f"SELECT by_name({columns}) AS p FROM eight")
        np.testing.assert_array_equal(collected(scored, "p")[0], models.boosted().predict(X))


@pytest.mark.classic
def test_several_models_without_names_read_what_any_of_them_does(eight, backend):
    df, X = eight
    pair = {"y": models.boosted(), "x": sparkbird.compile(models.boosted(), outputs="predict")}
    scored = df.select(sparkbird.udf(pair, _backend=backend)(*"abcdefgh").alias("s"))
    assert "ReadSchema: struct<c:double,f:double>" in evaluated(scored)
    y, x = collected(scored.select("s.*"), "y", "x")
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(y, models.boosted().predict(X))


def test_the_wrong_number_of_columns_is_refused_on_the_driver(spark):
    with pytest.raises(ColumnCountError, match=r"(?s)takes 5 columns and was given 2.*width, age"):
        sparkbird.udf(models.classifier())("width", "age")


@pytest.mark.parametrize(
    "arguments",
    [
        {"device": "gpu"},
        {"on_invalid": "drop"},
        {"output": "predict_probability"},
        {"output": ["predict", "transform"]},
        {"output": []},
        {"output": ""},
        {"_backend": "rows"},
    ],
    ids=str,
)
def test_unknown_arguments_are_refused_at_once(arguments):
    with pytest.raises(SchemaError):
        sparkbird.udf(models.classifier(), **arguments)


def test_an_empty_mapping_is_refused():
    with pytest.raises(SchemaError, match="no model"):
        sparkbird.udf({})


def test_it_can_be_called_from_sql(spark, numbers, backend):
    names = ", ".join(models.classifier().feature_names_in_)
    sparkbird.udf(models.classifier(), _backend=backend).register(spark, "my_model")
    numbers.createOrReplaceTempView("numbers")
    X = rows_of(spark.sql(f"SELECT *, my_model({names}) AS p FROM numbers"))
    np.testing.assert_array_equal(X.pop("p"), models.classifier().predict(X))


def test_it_can_stand_in_a_filter(numbers, backend):
    predict = sparkbird.udf(models.classifier(), _backend=backend)
    X = rows_of(numbers.filter(predict() == 1))
    assert 0 < len(X) < numbers.count()
    assert (models.classifier().predict(X) == 1).all()


def evaluations(df):
    plan = df._jdf.queryExecution().executedPlan().toString()
    return plan.count("ArrowEvalPython [")


@pytest.mark.classic
def test_a_nondeterministic_one_is_computed_once_though_filtered_on(numbers, backend):
    predict = sparkbird.udf(models.classifier(), _backend=backend)
    once = predict.asNondeterministic()
    filtered = numbers.withColumn("p", once()).filter("p = 1")
    assert evaluations(filtered) == 1
    assert sorted(filtered.collect()) == sorted(
        numbers.withColumn("p", predict()).filter("p = 1").collect()
    )


@pytest.mark.classic
def test_two_functions_share_one_transfer(numbers, backend):
    one = sparkbird.udf(models.classifier(), _backend=backend)
    other = sparkbird.udf(models.labeller(), _backend=backend)
    assert evaluations(numbers.select(one(), other())) == 1


def test_strings_are_labels(numbers, backend):
    scored = numbers.withColumn("p", sparkbird.udf(models.labeller(), _backend=backend)())
    X = rows_of(scored)
    assert X.pop("p").tolist() == models.labeller().predict(X).tolist()


def test_several_outputs_are_one_struct(numbers, backend):
    names = ["predict", "predict_proba", "decision_function"]
    scores = sparkbird.udf(models.labeller(), names, _backend=backend)
    X = rows_of(numbers.withColumn("s", scores()).select(*numbers.columns, "s.*"))
    compiled = sparkbird.compile(models.labeller())
    features = X[[*models.labeller().feature_names_in_]]
    for name in names:
        np.testing.assert_array_equal(np.array(X[name].tolist()), getattr(compiled, name)(features))


def test_several_models_are_one_struct_over_the_columns_of_all(spark, backend):
    df = spark.createDataFrame([(1.0, 2.0), (3.0, -1.0)], "b double, a double")
    both = sparkbird.udf({"scaled": models.scaler(), "y": models.regressor()}, _backend=backend)
    scored = df.withColumn("s", both()).select("a", "b", "s.*")
    assert scored.schema.simpleString() == "struct<a:double,b:double,scaled:array<double>,y:double>"
    a, b, scaled, y = collected(scored, "a", "b", "scaled", "y")
    X = pd.DataFrame({"a": a, "b": b})
    np.testing.assert_array_equal(scaled, models.scaler().transform(X))
    np.testing.assert_array_equal(y, sparkbird.compile(models.regressor()).predict(X))


def test_several_outputs_of_several_models_are_structs_in_a_struct(spark, backend):
    df = spark.createDataFrame([(1.0, 2.0)], "a double, b double")
    both = sparkbird.udf({"y": models.regressor()}, ["predict"], _backend=backend)
    [row] = df.select(both().alias("s")).select("s.y.predict").collect()
    X = pd.DataFrame({"a": [1.0], "b": [2.0]})
    assert row.predict == sparkbird.compile(models.regressor()).predict(X)[0]


def test_the_schema_and_metadata_tell_what_was_made():
    one = sparkbird.udf(models.scaler())
    several = sparkbird.udf({"s": models.scaler()})
    assert [column.name for column in one.schema.columns] == ["a", "b"]
    assert several.schema == {"s": one.schema}
    entry = one.metadata["models"][""]
    assert entry["inputs"] == {"a": "float64", "b": "float64"}
    assert entry["outputs"] == ["transform"]
    assert entry["digest"] == several.metadata["models"]["s"]["digest"]
    assert repr(one) == "<sparkbird.udf (a, b) -> array<double>>"


def test_only_the_outputs_asked_for_are_compiled():
    assert [o.name for o in sparkbird.udf(models.classifier()).schema.outputs] == ["predict"]


def test_a_compiled_model_is_taken_as_it_is(spark, backend):
    compiled = sparkbird.compile(models.regressor())
    df = spark.createDataFrame([(1.0, 2.0)], "a double, b double")
    [row] = df.select(sparkbird.udf(compiled, _backend=backend)().alias("p")).collect()
    assert row.p == compiled.predict(pd.DataFrame({"a": [1.0], "b": [2.0]}))[0]


def test_a_dataframe_without_rows_gives_none(spark, backend):
    df = spark.createDataFrame([], "a double, b double")
    scored = df.withColumn("p", sparkbird.udf(models.scaler(), _backend=backend)())
    assert scored.collect() == []


def test_partitions_without_rows_do_no_harm(spark, backend):
    df = spark.createDataFrame([(1.0, 2.0)], "a double, b double").repartition(4)
    emptied = df.filter("a > 5").withColumn("p", sparkbird.udf(models.scaler(), _backend=backend)())
    assert emptied.collect() == []
    scored = df.withColumn("p", sparkbird.udf(models.scaler(), _backend=backend)())
    assert scored.count() == 1


def test_nan_stays_nan_and_null_becomes_nan(spark, backend):
    nan = float("nan")
    df = spark.createDataFrame(
        [(1, nan, 1.0), (2, None, 1.0), (3, 2.0, 1.0)], "i int, a double, b double"
    )
    scored = df.withColumn("p", sparkbird.udf(models.scaler(), _backend=backend)())
    counts = scored.selectExpr("count_if(isnan(p[0]))", "count_if(p[0] IS NULL)").collect()
    assert [*counts[0]] == [2, 0]


def test_a_scalar_nan_stays_nan(spark, backend):
    scale = sparkbird.udf(models.ratio(), _backend=backend)
    df = spark.createDataFrame([(0.0, 0.0), (None, 1.0), (1.0, 2.0)], "a double, b double")
    kinds = df.select(scale("a", "b").alias("p")).selectExpr("isnan(p)", "p IS NULL").collect()
    assert [tuple(kind) for kind in kinds] == [(True, False), (True, False), (False, False)]


def test_both_back_ends_give_the_same_bytes(spark):
    from tests.spark.conftest import backends

    rng = np.random.default_rng(7)
    rows = rng.normal(size=(500, 2)).tolist()
    rows[3][0] = rows[7][1] = None
    df = spark.createDataFrame(rows, "a double, b double").coalesce(1)
    results = []
    for backend in backends():
        scored = df.select(sparkbird.udf(models.scaler(), _backend=backend)().alias("p"))
        results.append([struct.pack("<2d", *row.p) for row in scored.collect()])
    assert all(result == results[0] for result in results)
