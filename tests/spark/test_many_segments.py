"""Thousands of segments: models are loaded by need, once a batch, and memory stays bounded."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import sparkbird
from tests.spark import connect

SEGMENTS, ROWS, BATCH = 2_000, 9_000, 3_000
#: Bytes that the cache of a worker may take: three sessions of small models.
CACHE = 48 * 2**20
#: What a worker's memory may grow by in its first batch, ONNX Runtime itself included, and by all
#: later ones together.
FIRST, LATER = 300 * 2**20, 64 * 2**20


@pytest.fixture(scope="module")
def models():
    """One line for each segment, of which each has a slope of its own."""
    found = {}
    for number in range(SEGMENTS):
        model = LinearRegression()
        model.coef_, model.intercept_ = np.array([float(number), 1.0]), 0.5
        model.n_features_in_, model.feature_names_in_ = 2, np.array(["a", "b"], object)
        found[f"segment {number}"] = model
    return found


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, SEGMENTS, ROWS)
    table = pd.DataFrame({"a": rng.normal(size=ROWS), "b": rng.normal(size=ROWS)})
    return table.assign(number=numbers, segment=[f"segment {n}" for n in numbers])


@pytest.fixture
def small_workers(spark, monkeypatch):
    """Workers started from now on have a small cache, and batches of a known size."""
    monkeypatch.setitem(spark.sparkContext.environment, "SPARKBIRD_CACHE_BYTES", str(CACHE))
    conf = "spark.sql.execution.arrow.maxRecordsPerBatch"
    before = spark.conf.get(conf)
    spark.conf.set(conf, BATCH)
    yield
    spark.conf.set(conf, before)


def counted(function):
    """The function, and for each row what its batch cost: loads, sessions kept, RSS in bytes."""

    def scored(*arrays):
        import os
        from pathlib import Path

        import pyarrow as pa

        from sparkbird.runtime.sessions import CAPACITY, SESSIONS

        def resident():
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")

        before, empty = SESSIONS.loads, resident()
        predictions = function(*arrays)
        rows = len(predictions)
        facts = {
            "loads": SESSIONS.loads - before,
            "kept": len(SESSIONS._kept),
            "capacity": CAPACITY,
            "before": empty,
            "rss": resident(),
            "rows": rows,
            "segments": len(arrays[0].unique()),
        }
        columns = [predictions, *[pa.array([value] * rows, pa.int64()) for value in facts.values()]]
        return pa.StructArray.from_arrays(columns, names=["p", *facts])

    return scored


def measured(spark, score, rows):
    """The predictions in the order of `rows`, and one line for each batch."""
    from pyspark.sql.functions import ArrowUDFType, arrow_udf

    from sparkbird.spark import bundles

    bundles.share(score._bundle.path)
    facts = "loads: long, kept: long, capacity: long, before: long, rss: long, rows: long, segments: long"
    returns = f"struct<p: double, {facts}>"
    with pytest.warns(UserWarning, match="type hints"):
        function = arrow_udf(counted(score.on_worker()), returns, ArrowUDFType.SCALAR)
    df = spark.createDataFrame(rows[["a", "b", "segment"]]).coalesce(1)
    lines = df.select(function("segment", "a", "b").alias("x")).select("x.*").collect()
    found = pd.DataFrame([line.asDict() for line in lines])
    ends = [*range(0, len(found), BATCH)]
    return found.pop("p").to_numpy(), found.iloc[ends].reset_index(drop=True)


@pytest.mark.endurance
def test_thousands_of_models_take_bounded_memory_in_random_order_and_clustered(
    spark, models, rows, small_workers
):
    pytest.importorskip("pyspark", minversion="4.1")
    score = sparkbird.udf(models=models, by="segment")
    seen = {}
    for order, table in {
        "random": rows,
        "clustered": rows.sort_values("number", kind="stable", ignore_index=True),
    }.items():
        predictions, batches = measured(spark, score, table)
        wanted = table["number"] * table["a"] + table["b"] + 0.5
        np.testing.assert_allclose(predictions, wanted, rtol=1e-12, atol=1e-12)
        assert batches["capacity"].eq(CACHE).all()
        assert batches["kept"].between(1, 3).all()
        assert (batches["loads"] <= batches["segments"]).all()
        assert batches["rss"][0] - batches["before"][0] < FIRST
        assert batches["rss"].max() - batches["rss"][0] < LATER
        seen[order] = batches
    random, clustered = seen["random"], seen["clustered"]
    assert random["segments"].min() > SEGMENTS / 2  # so that sorting within a batch matters
    assert random["loads"].sum() > SEGMENTS
    assert clustered["loads"].sum() <= clustered["segments"].sum() < SEGMENTS + ROWS / BATCH + 1


@pytest.mark.slow
def test_what_travels_with_each_task_is_small_and_the_models_are_in_one_file(spark, models):
    from pyspark import cloudpickle

    from sparkbird.spark import bundles, transport

    broadcasts = len(transport._broadcasts)
    score = sparkbird.udf(models=models, by="segment")
    df = spark.createDataFrame([("segment 3", 2.0, 1.0)], "segment string, a double, b double")
    assert df.select(score().alias("p")).collect()[0].p == 7.5
    assert len(transport._broadcasts) == broadcasts
    assert len(cloudpickle.dumps(score.on_worker())) < 3_000
    assert score._bundle.path.stat().st_size > SEGMENTS * 1_000
    again = sparkbird.udf(models=models, by="segment")
    assert again._bundle.path == score._bundle.path
    assert [p.name for p in bundles._folder().iterdir()].count(score._bundle.path.name) == 1


CODE = """
import numpy as np, pandas as pd
from sklearn.linear_model import LinearRegression
import sparkbird
from tests.spark.conftest import backends

X = pd.DataFrame({"a": [0.0, 1.0, 3.0]})
models = {"twice": LinearRegression().fit(X, 2 * X.a), "thrice": LinearRegression().fit(X, 3 * X.a)}
df = spark.createDataFrame([("thrice", 1.0), ("twice", 5.0), (None, 1.0)], "s string, a double")
for backend in backends():
    score = sparkbird.udf(models=models, by="s", missing="null", _backend=backend)
    for columns in ([], ["a"], ["s", "a"], [df.s, df["a"]]):
        actual = [row.p for row in df.select(score(*columns).alias("p")).collect()]
        np.testing.assert_allclose(np.array(actual, float), [3, 10, np.nan])
    score.register(spark, "by_s_" + backend)
    assert round(spark.sql(f"SELECT by_s_{backend}('twice', 4D) AS p").collect()[0].p, 9) == 8
"""


@connect.marked
def test_it_works_on_spark_connect():
    connect.run(CODE)
