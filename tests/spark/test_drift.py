"""What Spark counts in passing is what NumPy counts, and baselines come back as they were."""

import datetime
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import Observation
from pyspark.sql.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    ShortType,
    StringType,
    StructField,
    StructType,
)

from sparkbird.errors import BaselineError, ColumnNameError, ColumnTypeError, OutputError
from sparkbird.job import baseline as module
from sparkbird.job.baseline import (
    Baseline,
    Categorical,
    Numeric,
    baseline_of,
    distributions,
    load,
    observed,
    save,
    unseen,
)
from sparkbird.job.drift import distribution, histogram

pytestmark = pytest.mark.spark

EDGES = (-1.0, 0.0, 0.5, 2.0)
NAME = 'a `quoted`.name < "it"'


def framed(spark, kind, values, name=NAME):
    schema = StructType([StructField(name, kind)])
    return spark.createDataFrame([(value,) for value in values], schema)


def passed(frame, aggregates):
    """The observed row of one pass over `frame`."""
    seen = Observation("test")
    frame.observe(seen, *aggregates).write.format("noop").mode("overwrite").save()
    return seen.get


def counted(spark, kind, values):
    frame = framed(spark, kind, values)
    return distribution(passed(frame, histogram(frame.schema[0], EDGES)), NAME, EDGES)


@pytest.mark.parametrize("kind", [DoubleType(), FloatType()])
def test_counts_are_those_of_numpy_and_each_odd_value_has_its_place(spark, kind):
    values = [-2.0, -1.0, -0.0, 0.0, 0.25, 0.5, 1.75, 2.0, 9.0]
    odd = [None, None, math.nan, math.inf, math.inf, -math.inf]
    seen = counted(spark, kind, values + odd)
    bins = [-math.inf, *EDGES, math.inf]
    expected = np.histogram([*values, -math.inf, 1e300, 1e300], bins)[0]
    assert seen.shares == tuple(expected / expected.sum())
    assert (seen.nulls, seen.nans) == (2, 1)
    assert seen.mean == pytest.approx(np.mean(values))
    assert (seen.least, seen.greatest) == (-2.0, 9.0)


@pytest.mark.parametrize("kind", [ShortType(), IntegerType(), LongType(), DecimalType(20, 2)])
def test_integers_and_decimals_are_counted_as_doubles(spark, kind):
    made = Decimal if isinstance(kind, DecimalType) else int
    seen = counted(spark, kind, [*map(made, [-2, -1, 0, 1, 2, 3]), None])
    assert seen.shares == pytest.approx((1 / 6, 1 / 6, 1 / 6, 1 / 6, 2 / 6))
    assert (seen.mean, seen.least, seen.greatest, seen.nulls) == (0.5, -2.0, 3.0, 1)


@pytest.mark.parametrize("values", [[], [None], [math.nan]])
def test_of_no_values_nothing_is_compared(spark, values):
    frame = framed(spark, DoubleType(), values)
    row = passed(frame, histogram(frame.schema[0], EDGES))
    seen = distribution(row, NAME, EDGES, (0.2,) * 5)
    assert seen.shares == (0.0,) * 5
    assert seen.psi is seen.ks is seen.mean is seen.least is None
    assert seen.nulls + seen.nans == len(values)


def test_a_mean_that_overflows_is_none(spark):
    assert counted(spark, DoubleType(), [1.7e308, 1.7e308]).mean is None


@pytest.mark.parametrize("kind", [BooleanType(), DateType(), StringType()])
def test_columns_without_numbers_are_refused_by_name(spark, kind):
    with pytest.raises(ColumnTypeError) as caught:
        histogram(StructField("day", kind), EDGES)
    assert "'day' is of type" in caught.value.fact
    assert "cast" in caught.value.hint


@pytest.fixture(scope="module")
def table(spark):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "x": rng.normal(size=5000),
            "few.values": rng.choice([0.0, 1.0, 5.0], size=5000, p=[0.7, 0.2, 0.1]),
            "constant": 3,
            "town": rng.choice(["Bern", "Chur", "Genf"], size=5000, p=[0.6, 0.3, 0.1]),
        }
    )
    return spark.createDataFrame(rows.to_dict("records"))


@pytest.fixture(scope="module")
def made(table):
    return baseline_of(table, ["x", "few.values", "constant", "town"])


def test_continuous_columns_are_cut_at_deciles(made):
    part = made.columns["x"]
    assert made.rows == 5000
    assert len(part.edges) == 9
    assert part.shares == pytest.approx([0.1] * 10, abs=0.005)


def test_discrete_columns_have_an_edge_at_each_value_and_a_bin_above(made):
    above = math.nextafter(5.0, math.inf)
    assert made.columns["few.values"].edges == (0.0, 1.0, 5.0, above)
    assert made.columns["few.values"].shares == pytest.approx((0, 0.7, 0.2, 0.1, 0), abs=0.03)
    assert made.columns["constant"].edges == (3.0, math.nextafter(3.0, math.inf))


def test_categories_come_most_frequent_first(made):
    part = made.columns["town"]
    assert part.categories == ("Bern", "Chur", "Genf")
    assert part.shares == pytest.approx((0.6, 0.3, 0.1), abs=0.03)
    assert part.other == 0


def test_the_table_of_the_baseline_has_not_moved(table, made):
    row = passed(table, observed(made, table.schema))
    assert [seen.psi for seen in distributions(made, row)] == [0, 0, 0]
    assert unseen(made, row) == {"town": 0}


def test_what_has_moved_is_seen_in_one_pass(table, made):
    from pyspark.sql import functions as F

    moved = table.withColumns(
        {
            "x": F.col("x") + 1,
            "constant": F.lit(4),
            "town": F.when(F.col("town") == "Genf", "Basel").otherwise(F.col("town")),
        }
    )
    row = passed(moved, observed(made, moved.schema))
    x, few, constant = distributions(made, row)
    assert x.psi > 0.25
    assert 0.3 < x.ks < 0.45  # of two normal distributions one apart: 0.383
    assert few.psi == 0
    assert constant.psi > 5
    assert unseen(made, row)["town"] == pytest.approx(made.columns["town"].shares[2])


def test_only_the_most_frequent_categories_are_kept(spark, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    frame = framed(spark, StringType(), ["b", "b", "b", "a", "a", "d", "c", None, None, None], "s")
    part = baseline_of(frame, ["s"]).columns["s"]
    assert part.categories == ("b", "a")
    assert part.shares == (3 / 7, 2 / 7)
    assert part.other == pytest.approx(2 / 7)
    assert part.nulls == 0.3


def test_null_is_no_unseen_category(spark):
    frame = framed(spark, StringType(), ["a", None, "z", "a"], "s")
    known = Baseline(rows=1, columns={"s": Categorical(categories=("a",), shares=(1.0,))})
    assert unseen(known, passed(frame, observed(known, frame.schema))) == {"s": 1 / 3}


def test_infinities_make_no_edges(spark):
    values = [math.inf, -math.inf, math.nan, *map(float, range(20))]
    part = baseline_of(framed(spark, DoubleType(), values), [NAME]).columns[NAME]
    assert all(map(math.isfinite, part.edges))
    assert part.nans == 1 / 23


@pytest.mark.parametrize(
    ("kind", "values", "error", "fact"),
    [
        (DateType(), [datetime.date(2024, 1, 1)], ColumnTypeError, "is of type date"),
        (BooleanType(), [True], ColumnTypeError, "is of type boolean"),
        (DoubleType(), [None], BaselineError, "holds no number"),
        (StringType(), [None], BaselineError, "holds no string"),
    ],
)
def test_columns_of_which_no_baseline_can_be_made_are_refused(spark, kind, values, error, fact):
    with pytest.raises(error) as caught:
        baseline_of(framed(spark, kind, values, "c"), ["c"])
    assert fact in caught.value.fact


def test_a_table_without_rows_makes_no_baseline(spark):
    with pytest.raises(BaselineError, match="no rows"):
        baseline_of(framed(spark, StringType(), [], "c"), ["c"])


def test_a_column_that_is_not_there_is_named(table, made):
    with pytest.raises(ColumnNameError, match="'speed'"):
        baseline_of(table, ["speed"])
    with pytest.raises(ColumnNameError, match="'town'"):
        observed(made, table.drop("town").schema)


def test_a_column_that_changed_its_kind_is_refused(table, made):
    from pyspark.sql import functions as F

    changed = table.withColumn("x", F.col("x").cast("string"))
    with pytest.raises(ColumnTypeError, match="is numeric in the baseline"):
        observed(made, changed.schema)


def test_a_baseline_comes_back_as_it_was(made, tmp_path):
    save(made, tmp_path / "baseline.json")
    assert load(tmp_path / "baseline.json") == made
    assert load((tmp_path / "baseline.json").as_uri()) == made
    save(made, "memory://baselines/flights.json")
    assert load("memory://baselines/flights.json") == made


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("{", "its JSON: Invalid JSON"),
        ('{"rows": 0, "columns": {}}', "rows: Input should be greater than 0"),
        (
            '{"rows": 1, "columns": {"x": {"kind": "numeric", "edges": [2, 1], "shares": [1]}}}',
            "columns.x.numeric: edges (2, 1) do not ascend",
        ),
        (
            '{"rows": 1, "columns": {"x": {"kind": "numeric", "edges": [1], "shares": [1]}}}',
            "1 edges need 2 shares",
        ),
        (
            '{"rows": 1, "columns": {"x": {"kind": "categorical", "categories": ["a"], "shares": []}}}',
            "1 categories need as many shares",
        ),
        ('{"rows": 1, "columns": {}, "version": 2}', "version: Input should be 1"),
    ],
)
def test_what_is_not_a_baseline_is_refused_with_the_place(tmp_path, text, fact):
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(BaselineError) as caught:
        load(path)
    assert fact in caught.value.fact
    assert str(path) in caught.value.fact


def test_places_that_are_not_there_are_named(tmp_path, made):
    with pytest.raises(BaselineError, match="No such file"):
        load(tmp_path / "none.json")
    with pytest.raises(OutputError, match="No such file"):
        save(made, tmp_path / "none" / "baseline.json")
    with pytest.raises(BaselineError, match="Protocol not known"):
        load("nowhere://baseline.json")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(BaselineError, match="cannot read"):
        load(tmp_path / "binary")


def test_a_share_is_between_0_and_1():
    with pytest.raises(ValueError, match="less than or equal to 1"):
        Numeric(edges=(1.0,), shares=(2.0, 0.0))
