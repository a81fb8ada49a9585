"""On Spark Connect there is no broadcast: the model travels within the function."""

from tests.spark import connect

pytestmark = connect.MARKS

_CODE = """
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
"""


def test_it_works_without_broadcast():
    connect.run(_CODE)
