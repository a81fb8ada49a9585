"""On Spark Connect there is no broadcast: the model travels within the function."""

import subprocess
import sys

import pytest

_CODE = """
import os, sys, warnings
os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
warnings.simplefilter("ignore")
from sparkbird.spark.java import ensure_java
ensure_java()
from pyspark.sql import SparkSession
from tests.spark.conftest import await_port
await_port()
builder = SparkSession.builder.remote("local[2]").config("spark.driver.memory", "1g")
spark = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
import numpy as np, pandas as pd
import sparkbird
from tests.spark import models
from tests.spark.conftest import backends

df = spark.createDataFrame([(1.0, 2.0), (None, 5.0)], "b double, a double")
X = pd.DataFrame({"a": [2.0, 5.0], "b": [1.0, np.nan]})
expected = models.scaler().transform(X)
for backend in backends():
    scale = sparkbird.udf(models.scaler(), _backend=backend)
    for columns in ([], ["b", "a"], [df.b, df["a"]]):
        actual = [row.p for row in df.select(scale(*columns).alias("p")).collect()]
        np.testing.assert_array_equal(np.array(actual, float), expected)
    scale.register(spark, "scale_" + backend)
    assert spark.sql(f"SELECT scale_{backend}(2D, 1D) AS p").collect()[0].p == [*expected[0]]
scored = sparkbird.transform(df, models.scaler())
np.testing.assert_array_equal([row.transform for row in scored.collect()], expected)
print(type(spark).__module__)
"""


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.xdist_group("connect")
def test_it_works_without_broadcast():
    pytest.importorskip("grpc", reason="Spark Connect needs pyspark[connect]")
    pytest.importorskip("grpc_status", reason="Spark Connect needs pyspark[connect]")
    done = subprocess.run(
        [sys.executable, "-c", _CODE], capture_output=True, text=True, check=False
    )
    assert done.stdout.split()[-1:] == ["pyspark.sql.connect.session"], done.stderr[-3000:]
