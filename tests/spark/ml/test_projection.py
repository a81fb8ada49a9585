"""SQLTransformer: projections that are plain, and all others, which are refused."""

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import SQLTransformer, StringIndexer, VectorAssembler

import sparkbird
from sparkbird.errors import UnsupportedOptionError
from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check

NAN, INFINITY = float("nan"), float("inf")


def selected(items):
    return lambda: SQLTransformer(statement=f"SELECT *, {items} FROM __THIS__")


def extremes(spark):
    made = [(v, w, 2.0, 0.0) for v in (NAN, INFINITY, -0.0, 1e308, None) for w in (1.0, -INFINITY)]
    return spark.createDataFrame(made, "a double, b double, c double, label double")


def zero(spark):
    return spark.createDataFrame(
        [(1.0, 1.0, 0.0, 1.0), (1.0, 1.0, -0.0, 1.0)], "a double, b double, c double, label double"
    )


def in_a_pipeline():
    return Pipeline(
        stages=[
            SQLTransformer(
                statement="select *, town as `the town`, label * 2 as twice from __THIS__"
            ),
            StringIndexer(inputCol="the town", outputCol="t", handleInvalid="keep"),
            SQLTransformer(statement="SELECT *, t / 4 + twice AS x, t AS again FROM __THIS__"),
            VectorAssembler(inputCols=["x", "twice", "again"], outputCol="v"),
        ]
    )


def unseen(spark):
    columns = "town string, size string, label double"
    return spark.createDataFrame([("Rome", "s", 0.0), (None, "m", 1.0)], columns)


CASES = [
    Case(selected("a + b AS c2, a - b * c AS d, (a - b) * -c AS e"), rows.numbers, extremes),
    Case(selected("a / c AS q, a * 0.1 AS r, -a AS s, A / 3 AS t"), rows.numbers, extremes, zero),
    Case(selected("a AS x, `b` AS `a b`, 1e-3 * a - 2.5D AS y, 7/2 + a AS z"), rows.numbers),
    Case(selected("a + b + c + 1 AS s, a + (b + (c + .5)) AS t, - - a AS u"), rows.numbers),
    Case(in_a_pipeline, rows.strings, unseen, note="in a pipeline"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)


@pytest.mark.parametrize(
    ("statement", "at"),
    [
        ("SELECT *, a % b AS c FROM __THIS__", "'%'"),
        ("SELECT *, log(a) AS c FROM __THIS__", "'log'"),
        ("SELECT *, CASE WHEN a > 0 THEN 1 ELSE 0 END AS c FROM __THIS__", "'CASE'"),
        ("SELECT *, a AS c FROM __THIS__ WHERE a > 0", "'WHERE'"),
        ("SELECT *, a c FROM __THIS__", "'c'"),
        ("SELECT *, a.b AS c FROM __THIS__", r"'\.'"),
        ("SELECT *, 'a' AS c FROM __THIS__", '"\'"'),
        ("SELECT DISTINCT a FROM __THIS__", "'DISTINCT'"),
        ("SELECT *, a AS c FROM other", "'other'"),
        ("SELECT *, a AS c FROM __this__", "'__this__'"),
        ("SELECT *, a AS c", "its end"),
        ("SELECT *, null AS c FROM __THIS__", "'null'"),
        ("SELECT *, a + b FROM __THIS__", "of no name"),
        ("SELECT *, 5S AS c FROM __THIS__", "'5'"),
        ("SELECT a FROM __THIS__", r"without \*"),
        ("SELECT *, a AS c, c + 1 AS d FROM __THIS__", "makes itself"),
        ("SELECT *, a + 1 AS b, b AS d FROM __THIS__", "makes itself"),
        ("SELECT *, 1 + 2 AS d FROM __THIS__", "whole numbers"),
        ("SELECT *, n + 1 AS d FROM __THIS__", "whole numbers"),
        ("SELECT *, n AS d FROM __THIS__", "whole numbers"),
        ("SELECT *, ok AS d FROM __THIS__", "whole numbers"),
        ("SELECT *, n / 2.5 + a AS d FROM __THIS__", "whole numbers"),
        ("SELECT *, f + a AS d FROM __THIS__", "no double"),
        ("SELECT *, a / 0 AS d FROM __THIS__", "/ 0"),
        ("SELECT *, a AS A FROM __THIS__", "two columns called 'A'"),
    ],
)
def test_more_than_a_projection_is_refused(statement, at, spark, tmp_path):
    path = str(tmp_path / "model")
    SQLTransformer(statement=statement).write().save(path)
    types = {"a": "float64", "b": "float64", "n": "int32", "ok": "bool", "f": "float32"}
    read = {name: kind for name, kind in types.items() if f"{name} " in statement.lower()}
    with pytest.raises(UnsupportedOptionError, match=at):
        sparkbird.compile(path, inputs=read)
