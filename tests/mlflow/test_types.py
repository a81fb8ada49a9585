"""`result_type`, against the rules that MLflow has."""

import pytest

pytest.importorskip("pyspark")

from pyspark.sql import functions as F, types as T

from sparkbird.errors import SchemaError
from sparkbird.mlflow.results import as_type, parsed


@pytest.mark.parametrize(
    "text,           meant",
    [
        ("bool", "boolean"),
        ("long", "bigint"),
        ("array<float>", "array<float>"),
        ("a int", "struct<a:int>"),
        ("a int, b array<string>", "struct<a:int,b:array<string>>"),
    ],
)
def test_a_type_is_written_as_ddl(spark, text, meant):
    assert parsed(spark, text).simpleString() == meant


def test_a_type_of_spark_is_taken_as_it_is(spark):
    assert parsed(spark, T.FloatType()) == T.FloatType()


def test_what_is_no_type_is_refused(spark):
    with pytest.raises(SchemaError, match="is no type of Spark"):
        parsed(spark, "a number")


@pytest.mark.parametrize(
    "value,            given,                       wanted,          made",
    [
        ("1.5D", "double", "float", 1.5),
        ("1.5D", "double", "array<double>", [1.5]),
        ("3L", "bigint", "double", 3.0),
        ("3L", "bigint", "string", "3"),
        ("true", "boolean", "string", "True"),
        ("'true'", "string", "array<string>", ["true"]),
        ("array(2D, 3D)", "array<double>", "double", 2.0),
        ("array(2D, 3D)", "array<double>", "array<float>", [2.0, 3.0]),
        ("array(true)", "array<boolean>", "array<string>", ["True"]),
        ("struct('x' AS a, 2L AS b, 3D AS c)", "a string, b bigint, c double", "double", 2.0),
        (
            "struct('x' AS a, 2L AS b, 3D AS c)",
            "a string, b bigint, c double",
            "array<double>",
            [2.0, 3.0],
        ),
        ("struct('x' AS a, 2L AS b)", "a string, b bigint", "b double, a string", (2.0, "x")),
    ],
)
def test_values_become_the_type_asked_for(spark, value, given, wanted, made):
    wanted = parsed(spark, wanted)
    column = as_type(parsed(spark, given), wanted)(F.expr(value))
    result = spark.range(1).select(column.alias("made"))
    assert result.schema["made"].dataType.simpleString() == wanted.simpleString()
    assert result.first().made == made


@pytest.mark.parametrize(
    "given, wanted",
    [
        ("bigint", "int"),
        ("double", "bigint"),
        ("string", "double"),
        ("double", "string"),
        ("double", "boolean"),
        ("array<double>", "array<bigint>"),
        ("double", "a double"),
        ("array<array<double>>", "double"),
    ],
)
def test_what_mlflow_would_not_make_either_is_refused(spark, given, wanted):
    with pytest.raises(SchemaError, match="of which no"):
        as_type(parsed(spark, given), parsed(spark, wanted))


def test_a_field_that_is_not_there_is_refused(spark):
    with pytest.raises(SchemaError, match="asks for 'c'"):
        as_type(parsed(spark, "a double, b double"), parsed(spark, "a double, c double"))
