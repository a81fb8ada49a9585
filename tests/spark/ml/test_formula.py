"""RFormulaModel: the features of a formula, for rows without a label."""

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import MaxAbsScaler, RFormula

import sparkbird
from sparkbird.errors import InvalidValueError
from tests.spark.ml import rows
from tests.spark.ml.parity import compare


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
