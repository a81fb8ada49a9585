"""What is said of a plan is what happens: each explanation is held against a count of rows."""

import pytest

import sparkbird
from sparkbird.errors import InputError
from tests.spark import connect, models

ROWS = 40


@pytest.fixture
def rows(spark):
    return spark.range(0, ROWS, 1, 2).selectExpr("double(id) AS a", "double(id % 7) AS b")


class Counting:
    """A function of Spark that notes in a folder how many rows it was given."""

    def __init__(self, folder, name="noted"):
        from pyspark.sql.functions import PandasUDFType, pandas_udf

        self.folder = folder / name
        self.folder.mkdir()
        made = [
            pandas_udf(_noting(str(self.folder), name), "double", PandasUDFType.SCALAR)
            for _ in range(2)
        ]
        self.function = made[0]
        self.single = made[1].asNondeterministic()  # this changes the function that it is called on

    def rows(self):
        return sum(int(path.read_text()) for path in self.folder.iterdir())


def _noting(folder, name):
    def noted(a, b):
        import pathlib
        import uuid

        (pathlib.Path(folder) / uuid.uuid4().hex).write_text(str(len(a)))
        return a + b

    noted.__name__ = name
    return noted


@pytest.fixture
def score(tmp_path):
    with pytest.warns(UserWarning, match="type hints"):
        return Counting(tmp_path)


def scored(df, function, name="p"):
    return df.withColumn(name, function("a", "b"))


def filtered_by_another(df, s):
    with_both = scored(df, s.function).withColumn("c", s.function("a", "b") > 0)
    return with_both.filter("c")


def joined(df, function):
    return scored(df, function, "k").join(df.selectExpr("a AS k").limit(5), "k")


def twice_in_a_union(df, s):
    own = scored(df, s.function)
    return own.union(own)


def with_random_arguments(df, s):
    from pyspark.sql.functions import rand

    return df.select(*(s.function("a", rand(3)).alias(name) for name in "pq"))


def filtered_in_a_struct(df, s):
    return scored(df, s.function).selectExpr("named_struct('x', p).x AS q").filter("q > 0")


# fmt: off
#: What is asked for; how often the function is computed, and why more than once, in which
#: columns; and how many rows it is given, of 40, 39 of which have a result over 0.
CASES = {
    "none":                    (lambda df, s: df.filter("a > 3"),                                    0, None,       (),         0),
    "one column":              (lambda df, s: scored(df, s.function),                                1, None,       (),         40),
    "a filter":                (lambda df, s: scored(df, s.function).filter("p > 0"),                2, "filter",   ("p",),     79),
    "a filter without column": (lambda df, s: df.filter(s.function("a", "b") > 0),                   1, None,       (),         40),
    "a filter on its equal":   (filtered_by_another,                                                 2, "filter",   ("p",),     79),
    "rows without NULL":       (lambda df, s: scored(df, s.function).dropna(),                       2, "filter",   ("p",),     80),
    "a filter of a struct":    (filtered_in_a_struct,                                                2, "filter", ("q",), 79),
    "a join":                  (lambda df, s: joined(df, s.function),                                2, "join",     ("k",),     80),
    "a join, not copied":      (lambda df, s: joined(df, s.single),                                  1, None,       (),         40),
    "two branches":            (twice_in_a_union,                                                    2, "branches", ("p",),     80),
    "a second projection":     (lambda df, s: scored(df, s.function).selectExpr("p", "p * 2 AS q"),  1, None,       (),         40),
    "a group":                 (lambda df, s: scored(df, s.function).groupBy("p").count(),           1, None,       (),         40),
    "two equal columns":       (lambda df, s: scored(scored(df, s.function), s.function, "q"),       1, None,       (),         40),
    "a filter, not copied":    (lambda df, s: scored(df, s.single).filter("p > 0"),                  1, None,       (),         40),
    "two columns, not copied": (lambda df, s: scored(scored(df, s.single), s.single, "q"),           2, "calls",    ("p", "q"), 80),
    "random arguments":        (with_random_arguments,                                               2, "calls", ("p", "q"), 80),
}
# fmt: on


@pytest.mark.parametrize("case", CASES)
def test_as_many_rows_are_computed_as_is_explained(rows, score, case):
    ask, times, because, columns, computed = CASES[case]
    df = ask(rows, score)
    found = sparkbird.explain(df)
    functions = [one for step in found.evaluations for one in step.functions]
    assert {one.times for one in functions} == ({times} if times else set()), found
    assert [(one.because, {*one.columns}) for one in found.warnings] == (
        [(because, {*columns})] if because else []
    )
    assert found.ok is (because is None)
    df.collect()
    assert score.rows() == computed


def test_what_has_run_is_explained_as_it_ran(rows, score):
    """Adaptive execution keeps the plan that it replaced beside the one that ran."""
    df = scored(rows, score.function).filter("p > 0").repartition(2, "p")
    before = sparkbird.explain(df)
    df.collect()
    after = sparkbird.explain(df)
    for found in (before, after):
        assert [one.function.times for one in found.warnings] == [2]
        assert len(found.evaluations) == 2
    assert score.rows() == 79


def test_a_cache_is_filled_once_however_often_it_is_read(rows, score):
    kept = scored(rows, score.function).cache()
    try:
        df = kept.filter("p > 0").alias("x").join(kept.alias("y"), "a")
        found = sparkbird.explain(df)
        assert [(step.cached, len(step.functions)) for step in found.evaluations] == [(True, 1)]
        assert found.ok
        assert "to fill a cache" in str(found)
        assert len(df.collect()) == 39
        assert score.rows() == 40
    finally:
        kept.unpersist()


def test_two_models_share_a_transfer_and_are_told_apart_by_more_than_their_names(rows):
    one, other = sparkbird.udf(models.linear()), sparkbird.udf(models.linear(slope=3.0))
    df = rows.withColumn("p", one()).withColumn("q", other())
    found = sparkbird.explain(df)
    assert [str(f) for f in found.evaluations[0].functions] == ["predict(a, b)"] * 2
    assert len(found.evaluations) == 1
    assert found.ok
    filtered = sparkbird.explain(df.filter("q > 1"))
    assert [w.columns for w in filtered.warnings] == [("q",)]
    assert "'q', which is predict(a, b), is computed twice" in str(filtered)
    assert "nondeterministic=True" in filtered.warnings[0].remedy


def test_a_nondeterministic_function_is_computed_once_and_gives_the_same(rows, backend):
    model = models.linear()
    results = []
    for nondeterministic, times in ((False, 2), (True, 1)):
        score = sparkbird.udf(model, nondeterministic=nondeterministic, _backend=backend)
        df = rows.withColumn("p", score()).filter("p > 10")
        found = sparkbird.explain(df)
        assert len(found.evaluations) == times
        assert found.ok is nondeterministic
        results.append(sorted(df.collect()))
    assert results[0] == results[1]
    assert 0 < len(results[0]) < ROWS


def test_wide_tables_are_read_whole_and_the_setting_is_as_it_was(spark, rows):
    setting = "spark.sql.debug.maxToStringFields"
    before = spark.conf.get(setting)
    wide = rows.selectExpr("*", *(f"a + {i} AS c{i}" for i in range(40)))
    df = wide.withColumn("the p", sparkbird.udf(models.linear())()).filter("`the p` > 10")
    assert sparkbird.explain(df).warnings[0].columns == ("the p",)
    assert spark.conf.get(setting) == before
    spark.conf.set(setting, "30")
    try:
        sparkbird.explain(df)
        assert spark.conf.get(setting) == "30"
    finally:
        spark.conf.unset(setting)


def test_a_stream_is_explained(spark):
    stream = spark.readStream.format("rate").load().selectExpr("double(value) a", "1D AS b")
    scored_stream = stream.withColumn("p", sparkbird.udf(models.linear())()).filter("p > 1")
    found = sparkbird.explain(scored_stream)
    assert [w.columns for w in found.warnings] == [("p",)]


def test_whole_batches_are_counted(rows):
    df = rows.mapInArrow(lambda batches: batches, "a double, b double")
    [step] = sparkbird.explain(df).evaluations
    assert step.operator.endswith("MapInArrow")


def test_it_is_readable_where_it_is_shown(rows):
    assert repr(sparkbird.explain(rows)) == "no rows go to Python"
    found = sparkbird.explain(rows.withColumn("p", sparkbird.udf(models.linear())()))
    assert repr(found).splitlines()[0] == "rows go to Python once"
    assert "predict(a, b)" in repr(found).splitlines()[1]


def test_what_is_no_dataframe_is_refused():
    with pytest.raises(InputError, match="a list is no Spark dataframe"):
        sparkbird.explain([])


_CONNECT = """
import sparkbird
from tests.spark import models
df = spark.range(9).selectExpr("double(id) AS a", "1D AS b")
found = []
for nondeterministic in (False, True):
    score = sparkbird.udf(models.linear(), nondeterministic=nondeterministic)
    scored = df.withColumn("p", score()).filter("p > 1")
    found.append(len(sparkbird.explain(scored).evaluations))
    found.append([w.columns for w in sparkbird.explain(scored).warnings])
    found.append(len(scored.collect()) > 0)
two = df.withColumn("p", score()).withColumn("q", sparkbird.udf(models.linear(slope=3.0))())
print("found", found, sparkbird.explain(two).ok)
"""


@connect.marked
def test_it_works_on_spark_connect():
    assert "found [2, [('p',)], True, 1, [], True] True" in connect.run(_CONNECT)
