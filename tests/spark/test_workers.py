"""What travels to the workers, and how often they load it."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import sparkbird
from tests.spark import models


@pytest.fixture
def df(spark):
    rows = np.random.default_rng(0).normal(size=(400, 2)).tolist()
    return spark.createDataFrame(rows, "a double, b double").repartition(8).cache()


def shipped(model):
    """The function that Spark ships for a model of the columns a and b."""
    from sparkbird.spark.transport import content

    [scorer] = sparkbird.udf(model)._scorers
    return scorer.on_worker(("a", "b"), content(scorer.model))


def loads(df, function):
    """For each batch, the process and how often it loaded a session for it."""
    import pandas as pd
    from pyspark.sql.functions import PandasUDFType, pandas_udf

    def counting(a, b):
        import os

        import pyarrow as pa

        from sparkbird.runtime.sessions import SESSIONS

        before = SESSIONS.loads
        function(pa.Array.from_pandas(a), pa.Array.from_pandas(b))
        return pd.Series([f"{os.getpid()} {SESSIONS.loads - before}"] * len(a))

    with pytest.warns(UserWarning, match="type hints"):
        counted = pandas_udf(counting, "string", PandasUDFType.SCALAR)
    batches = df.select(counted("a", "b").alias("x")).distinct().collect()
    return [tuple(map(int, row.x.split())) for row in batches]


def test_a_process_loads_each_model_once_though_two_alternate(df):
    import pandas as pd
    from sklearn.preprocessing import StandardScaler

    X = pd.DataFrame({"a": [0.0, 1.0], "b": [5.0, 7.0]})
    functions = [shipped(StandardScaler().fit(X)), shipped(StandardScaler().fit(X * 3))]
    seen = [loads(df, functions[i % 2]) for i in range(6)]
    processes = {pid for batches in seen for pid, _ in batches}
    for mine in (seen[0::2], seen[1::2]):
        loaded = [pid for batches in mine for pid, count in batches if count]
        assert len(loaded) == len(set(loaded)), "a process loaded the model twice"
        assert set(loaded) <= processes
        assert sum(count for batches in mine for _, count in batches) == len(loaded)


def test_a_model_is_broadcast_once_however_often_it_is_used(spark):
    from sparkbird.spark import transport

    one, other = shipped(models.scaler()), shipped(models.scaler())
    assert one.content is other.content
    assert [*transport._broadcasts].count((spark.sparkContext.applicationId, one.digest)) == 1


def test_what_is_shipped_with_each_task_is_small_however_large_the_model(spark):
    from pyspark import cloudpickle
    from sklearn.preprocessing import StandardScaler

    from sparkbird.spark.transport import content

    model = sparkbird.compile(
        StandardScaler().fit(np.random.default_rng(0).normal(size=(3, 50_000)))
    )
    assert len(model.to_bytes()) > 500_000
    assert len(cloudpickle.dumps(content(model))) < 1_000
    assert len(cloudpickle.dumps(shipped(models.scaler()))) < 2_000


def test_the_function_is_made_once_for_each_application(spark):
    scale = sparkbird.udf(models.scaler())
    assert scale._function() is scale._function()


def test_it_can_be_made_before_there_is_a_session():
    code = (
        "import sys, sparkbird\n"
        "from tests.spark import models\n"
        "scale = sparkbird.udf(models.scaler())\n"
        "print(scale.returnType.simpleString())\n"
        "from pyspark.sql import SparkSession\n"
        "assert SparkSession.getActiveSession() is None\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "array<double>", done.stderr


def test_a_function_with_pandas_series_gives_back_nan_and_null_apart():
    import pandas as pd
    import pyarrow as pa

    from sparkbird.runtime.series import OnSeries

    result = pa.array([[1.0, float("nan")], None])
    on_series = OnSeries(lambda x: result, 1)
    series = pickle.loads(pickle.dumps(pd.Series([1.0, 2.0])))
    given = pa.Array.from_pandas(on_series.__call__(series).apply(list), type=result.type)
    assert given.null_count == 1
    assert np.isnan(given[0].as_py()[1])


def test_connect_takes_small_models_within_the_function_and_refuses_large_ones(monkeypatch):
    from sparkbird.errors import ModelTooLargeError
    from sparkbird.runtime.worker import Inline
    from sparkbird.spark import transport

    model = sparkbird.compile(models.scaler())
    monkeypatch.setattr(transport, "is_remote", lambda: True)
    assert transport.content(model) == Inline(model.to_bytes())
    assert transport.destination() == "connect"
    monkeypatch.setattr(transport, "INLINE", 100)
    with pytest.raises(ModelTooLargeError, match="Spark Connect takes 100"):
        transport.content(model)
