"""RFormulaModel: the features of a formula, for rows without a label."""

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import MaxAbsScaler, RFormula
from pyspark.sql import functions as F

import sparkbird
from sparkbird.errors import ColumnTypeError, InvalidValueError
from tests.spark.ml import rows
from tests.spark.ml.parity import compare, typed


def mixed(spark):
    """Strings, a number, an integer, a vector, and labels that are numbers, strings, booleans."""
    rng = np.random.default_rng(5)
    columns = "town string, size string, x double, n int, y double, answer string, ok boolean"
    strings = [tuple(row)[:2] for row in rows.strings(spark).collect()]
    x, n, y = rng.normal(size=60).round(2), rng.integers(-2, 3, 60), rng.integers(0, 2, 60)
    made = [
        (*s, float(a), int(b), float(c), ["no", "yes"][c], bool(c))
        for s, a, b, c in zip(strings, x, n, y, strict=True)
    ]
    return spark.createDataFrame(made, columns)


def seen(spark):
    """The same, where no response is NULL or new."""
    return mixed(spark).limit(20)


def with_label(spark):
    """The same, with a label already: it is left alone."""
    return mixed(spark).selectExpr("x", "y", "-y AS label")


def with_vectors(spark):
    return rows.hinted(spark).selectExpr("features AS v", "label AS y", "label * 3 AS x")


def unseen(spark):
    columns = "town string, size string, x double, n int"
    return spark.createDataFrame([("Rome", "s", 1.0, 2), (None, "m", 1.0, 2)], columns)


FORMULAS = [
    ("y ~ x + n", mixed, None, {}),
    ("y ~ town + size + x", mixed, None, {}),
    ("y ~ town * x + size:town - 1", mixed, None, {}),
    ("answer ~ . - ok - y", mixed, None, {"stringIndexerOrderType": "alphabetAsc"}),
    ("ok ~ n + town", mixed, None, {}),
    ("y ~ n + town:size", mixed, unseen, {"handleInvalid": "keep"}),
    ("y ~ n + town", mixed, unseen, {"handleInvalid": "skip"}),
    ("y ~ v + x", with_vectors, None, {"featuresCol": "f"}),
]


@pytest.mark.parametrize(("formula", "make", "more", "options"), FORMULAS)
def test_features_are_those_of_spark(formula, make, more, options, spark, tmp_path):
    fitted = make(spark)
    model = RFormula(formula=formula, **options).fit(fitted)
    model.write().save(str(tmp_path / "model"))
    given = fitted.drop("y", "answer", "ok")
    compiled = sparkbird.compile(str(tmp_path / "model"), inputs=given)
    for some in (given, *([more(spark)] if more else [])):
        compare(compiled.transform(some.toArrow()), model.transform(some), some, 1e-12)


def answers(spark):
    """Responses that were not seen, are NULL, and one that was seen."""
    found = [("maybe", 5.5, 3), (None, None, None), ("yes", 1.5, 2)]
    return spark.createDataFrame(found, "answer string, y double, n int").selectExpr(
        "'Oslo' AS town", "'s' AS size", "1.0 AS x", "n", "y", "answer", "n > 2 AS ok"
    )


LABELS = [
    ("y ~ x + town", mixed, {}, ["features", "label"]),
    ("n ~ x", mixed, {"labelCol": "target", "featuresCol": "f"}, ["f", "target"]),
    ("ok ~ x", mixed, {}, ["features", "label"]),
    ("answer ~ x + size", seen, {}, ["features", "label"]),
    ("answer ~ x", mixed, {"handleInvalid": "keep"}, ["features", "label"]),
    ("answer ~ x", mixed, {"handleInvalid": "skip"}, ["features", "label"]),
    ("n ~ x", seen, {"forceIndexLabel": True}, ["features", "label"]),
    ("y ~ x", with_label, {}, ["features"]),
    ("~ x", mixed, {}, ["features"]),
]


@pytest.mark.parametrize(("formula", "make", "options", "added"), LABELS)
def test_rows_with_the_response_get_a_label(formula, make, options, added, spark):
    model = RFormula(formula=formula, **options).fit(mixed(spark))
    some = make(spark)
    some = some if make is not mixed else some.unionByName(answers(spark))
    expected, found = model.transform(some), sparkbird.transform(some, model)
    assert typed(found.schema) == typed(expected.schema)
    assert found.columns[len(some.columns) :] == added
    compiled = sparkbird.compile(model, inputs=some)
    compare(compiled.transform(some.toArrow()), expected, some, 1e-12)
    assert compiled.schema.default_output == options.get("featuresCol", "features")


def test_a_response_of_another_type_is_refused(spark):
    model = RFormula(formula="y ~ x").fit(mixed(spark))
    with pytest.raises(ColumnTypeError, match="'y' holds strings"):
        sparkbird.transform(mixed(spark).withColumn("y", F.col("answer")), model)


def test_a_response_that_was_not_seen_is_refused(spark):
    model = RFormula(formula="answer ~ x").fit(mixed(spark))
    compiled = sparkbird.compile(model, inputs=answers(spark))
    for row in answers(spark).toArrow().to_batches(1)[:2]:
        with pytest.raises(InvalidValueError, match="'answer'"):
            compiled.transform(row)


def test_strings_that_were_not_seen_are_refused(spark, tmp_path):
    model = RFormula(formula="y ~ town + x").fit(mixed(spark))
    model.write().save(str(tmp_path / "model"))
    compiled = sparkbird.compile(str(tmp_path / "model"))
    for row in unseen(spark).toArrow().to_batches(1):
        with pytest.raises(InvalidValueError):
            compiled.transform(row)


def test_a_formula_in_a_pipeline_feeds_the_stage_behind_it(spark, tmp_path):
    fitted = mixed(spark)
    scaler = MaxAbsScaler(inputCol="features", outputCol="scaled")
    model = Pipeline(stages=[RFormula(formula="y ~ town * x"), scaler]).fit(fitted)
    model.write().save(str(tmp_path / "model"))
    given = fitted.select("town", "x")
    compiled = sparkbird.compile(str(tmp_path / "model"), inputs=given)
    compare(compiled.transform(given.toArrow()), model.transform(given), given, 1e-12)
