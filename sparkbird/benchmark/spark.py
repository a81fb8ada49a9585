"""Flights through Spark: sparkbird beside what else one would do, from Parquet to nowhere."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkbird.benchmark.measure import Spread, installed, rounds, table
from sparkbird.compiler import compile as compile_model
from sparkbird.demo import by_hand, flights
from sparkbird.demo.workers import PeakMemory

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from sparkbird.model import CompiledModel

_COLUMNS = flights.CATEGORIES + flights.NUMBERS
#: A way to add a prediction to the flights.
Way = Callable[["DataFrame", Any, "CompiledModel"], "DataFrame"]


def throughput(repeats: int, rows: int | None) -> str:
    """Rows a second of each way, and the peak memory of a worker that does nothing else."""
    data = flights.table(rows)
    model, _ = flights.trained(data)
    compiled = compile_model(model, data[_COLUMNS])
    times: dict[str, list[float]] = {}
    peaks: dict[str, int] = {}
    ways = {name: way for name, (way, needs) in WAYS.items() if installed(*needs)}
    with tempfile.TemporaryDirectory() as folder:
        flights.write(data, Path(folder) / "flights")
        for number in range(1 + repeats):
            for name, way in ways.items():
                seconds, peak = _measured(way, model, compiled, folder)
                peaks[name] = max(peaks.get(name, 0), peak)
                if number:  # in the first round the JVM has its code still to compile
                    times.setdefault(name, []).append(seconds)
    spreads = {name: Spread(tuple(seconds)) for name, seconds in times.items()}
    return _shown(spreads, peaks, len(data))


def _measured(way: Way, model: Any, compiled: CompiledModel, folder: str) -> tuple[float, int]:
    """The seconds of the second of two runs in a fresh session, and the peak memory of both."""
    from sparkbird.spark.session import local_session

    conf = {"spark.master": "local[2]", "spark.local.dir": folder, "spark.log.level": "FATAL"}
    spark = local_session("sparkbird bench", **conf)
    try:
        with PeakMemory() as memory:
            scored = way(spark.read.parquet(f"{folder}/flights"), model, compiled)

            def through() -> None:
                scored.write.format("noop").mode("overwrite").save()

            through()
            (spread,) = rounds({"": through}, 1).values()
        return spread.seconds[0], memory.peak
    finally:
        spark.stop()


def _shown(spreads: dict[str, Spread], peaks: dict[str, int], rows: int) -> str:
    ours = spreads["sparkbird.udf"]
    lines = [
        [
            name,
            spreads[name].per_second(rows),
            ours.ratio(spreads[name]),
            f"{peaks[name] / 2**20:,.0f}" if peaks[name] else "",
        ]
        if name in spreads
        else [name, "not installed", "", ""]
        for name in WAYS
    ]
    title = f"{rows:,} flights, {len(_COLUMNS)} columns, Spark local[2], Parquet in, nothing out"
    return table(title, ["", "rows/s", "sparkbird.udf is faster by", "MiB a worker"], lines)


def _read_only(frame: DataFrame, _: Any, __: CompiledModel) -> DataFrame:
    return frame.select(*_COLUMNS)


def _identity(frame: DataFrame, _: Any, __: CompiledModel) -> DataFrame:
    """A function of the same columns that computes nothing, in the best form this Spark has."""
    from pyspark.sql import functions as F  # noqa: N812

    def last(*columns: Any) -> Any:
        return columns[-1]

    newest = getattr(F, "arrow_udf", None)
    if newest:
        from pyspark.sql.functions import ArrowUDFType

        function = newest(last, "double", ArrowUDFType.SCALAR)
    else:
        function = F.pandas_udf(last, "double", F.PandasUDFType.SCALAR)
    return frame.select(function(*_COLUMNS))


def _sparkbird(frame: DataFrame, _: Any, compiled: CompiledModel) -> DataFrame:
    from sparkbird.spark.udf import udf

    return frame.select(udf(compiled, "predict_proba")(*_COLUMNS))


def _by_hand(frame: DataFrame, model: Any, _: CompiledModel) -> DataFrame:
    return by_hand.scored(frame, model, _COLUMNS, []).select("probability")


def _mlflow(frame: DataFrame, model: Any, _: CompiledModel) -> DataFrame:
    """The scikit-learn flavour, asked for probabilities, as its documentation says."""
    import mlflow
    from pyspark.sql import functions as F  # noqa: N812
    from pyspark.sql.types import ArrayType, DoubleType

    scratch = frame.sparkSession.sparkContext.getConf().get("spark.local.dir")
    folder = tempfile.mkdtemp(prefix="mlflow-", dir=scratch)
    mlflow.sklearn.save_model(
        model,
        f"{folder}/model",
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
    )
    function = mlflow.pyfunc.spark_udf(
        frame.sparkSession, f"{folder}/model", ArrayType(DoubleType()), env_manager="local"
    )
    return frame.select(function(F.struct(*_COLUMNS)))


#: Each way, and the distributions that it needs.
WAYS: dict[str, tuple[Way, tuple[str, ...]]] = {
    "read only": (_read_only, ()),
    "identity": (_identity, ()),
    "sparkbird.udf": (_sparkbird, ()),
    "pandas_udf around scikit-learn": (_by_hand, ()),
    "mlflow.pyfunc.spark_udf": (_mlflow, ("mlflow",)),
}
