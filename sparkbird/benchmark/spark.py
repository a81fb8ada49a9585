"""Flights through Spark: sparkbird beside what else one would do, from Parquet to nowhere.

Each way has a fresh session and fresh workers each round, so that the memory of a worker is its
own; of two passes over the table the second counts.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sparkbird.benchmark.measure import installed, rounds
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.results import Group, Measurement
from sparkbird.benchmark.session import session, through
from sparkbird.compiler import compile as compile_model
from sparkbird.demo import by_hand, flights
from sparkbird.demo.workers import PeakMemory
from sparkbird.parity import check

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from sparkbird.model import CompiledModel

_COLUMNS = flights.CATEGORIES + flights.NUMBERS
_QUICK = 1_000  # flights
#: The flights of a year are taken as often as come to no more: what does nothing takes a second.
_ROWS = 1_100_000
_OWN = "sparkbird.udf"
#: A way to add a prediction to the flights.
Way = Callable[["DataFrame", Any, "CompiledModel"], "DataFrame"]


def measured(options: Options) -> Iterator[Group]:
    """Rows a second of each way, and the peak memory of a worker that does nothing else."""
    data = flights.table(options.rows or (_QUICK if options.quick else None))
    years = max(1, (options.rows or _ROWS) // len(data)) if not options.quick else 1
    rows = years * len(data)
    found: list[Measurement] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        if options.quick:  # one session for all then
            stack.enter_context(session(folder))
        flights.write(pd.concat([data] * years), Path(folder) / "flights")
        for case in options.each(CASES):
            classifier, trees, needs = CASES[case]
            if installed(*needs):
                trees = min(trees, _QUICK_TREES) if options.quick else trees
                model, _ = flights.trained(data, classifier(trees))
                found += _of_case(case, model, data, folder, rows, options)
            else:
                found.append(Measurement(case, _OWN, rows, note="not installed"))
    title = f"{rows:,} flights, {len(_COLUMNS)} columns, Spark local[2], Parquet in, none out"
    note = "The identity is an arrow_udf of the same columns, before Spark 4.1 a pandas_udf, that "
    note += "gives a double; where nothing else is said probabilities are given, as arrays."
    yield Group("spark", "flights", title, _OWN, "rows/s", tuple(found), notes=(note,))


def _of_case(
    case: str, model: Any, data: pd.DataFrame, folder: str, rows: int, options: Options
) -> list[Measurement]:
    compiled = compile_model(model, data[_COLUMNS])
    report = check(model, data, compiled=compiled, rtol=1e-9)
    differing = float(max(comparison.differing for comparison in report.comparisons))
    times: dict[str, list[float]] = {}
    peaks: dict[str, int] = {}
    ways = {name: way for name, (way, needs) in WAYS.items() if installed(*needs)}
    unmeasured = 0 if options.quick else 1  # in the first round the JVM compiles its code
    for number in range(unmeasured + options.repeats):
        for name, way in ways.items():
            seconds, peak = _once(way, model, compiled, folder)
            peaks[name] = max(peaks.get(name, 0), peak)
            if number >= unmeasured:
                times.setdefault(name, []).append(seconds)
    found = []
    for name in WAYS:
        facts = {"MiB a worker": peaks[name] / 2**20} if peaks.get(name) else {}
        facts |= {"rows that differ from the original": differing} if name == _OWN else {}
        note = "" if name in ways else "not installed"
        seconds_of = tuple(times.get(name, ()))
        found.append(Measurement(case, name, rows, seconds_of, facts, note))
    return found


def _once(way: Way, model: Any, compiled: CompiledModel, folder: str) -> tuple[float, int]:
    """The seconds of the second of two runs in a fresh session, and the peak memory of both."""
    with session(folder) as spark, PeakMemory() as memory:
        scored = way(spark.read.parquet(f"{folder}/flights"), model, compiled)

        through(scored)
        ((seconds,),) = rounds({"": partial(through, scored)}, 1).values()
    return seconds, memory.peak


def _logistic(_: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1_000)


def _lightgbm(trees: int) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=trees, num_leaves=63, n_jobs=1, verbose=-1, random_state=0)


def _of_demo(trees: int) -> Any:
    return flights.boosting().set_params(max_iter=trees)


def _read_only(frame: DataFrame, _: Any, __: CompiledModel) -> DataFrame:
    return frame.select(*_COLUMNS)


def _identity(frame: DataFrame, _: Any, __: CompiledModel) -> DataFrame:
    return frame.select(identity(_COLUMNS, "double"))


def identity(columns: Sequence[str], kind: str) -> Any:
    """The last of the columns, which is of that type, by a function of all that computes nothing.

    It is in the best form that this Spark has.
    """
    from pyspark.sql import functions as F  # noqa: N812

    def last(*columns: Any) -> Any:
        return columns[-1]

    newest = getattr(F, "arrow_udf", None)
    if newest:
        from pyspark.sql.functions import ArrowUDFType

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it would rather have type hints
            function = newest(last, kind, ArrowUDFType.SCALAR)
    else:
        function = F.pandas_udf(last, kind, F.PandasUDFType.SCALAR)
    return function(*columns)


def _sparkbird(frame: DataFrame, _: Any, compiled: CompiledModel) -> DataFrame:
    from sparkbird.spark.udf import udf

    return frame.select(udf(compiled, "predict_proba")(*_COLUMNS))


def _labels(frame: DataFrame, _: Any, compiled: CompiledModel) -> DataFrame:
    """A number or a truth for each row, as the identity gives, in place of an array."""
    from sparkbird.spark.udf import udf

    return frame.select(udf(compiled, "predict")(*_COLUMNS))


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


#: Each way, and the modules that it needs.
WAYS: dict[str, tuple[Way, tuple[str, ...]]] = {
    "read only": (_read_only, ()),
    "identity": (_identity, ()),
    _OWN: (_sparkbird, ()),
    f"{_OWN} of labels": (_labels, ()),
    "pandas_udf around scikit-learn": (_by_hand, ()),
    "mlflow.pyfunc.spark_udf": (_mlflow, ("mlflow",)),
}

_QUICK_TREES = 10
_FEATURES = "one-hot, impute, scale"
#: What stands behind the features, of how many trees, and the modules that it needs.
CASES: dict[str, tuple[Callable[[int], Any], int, tuple[str, ...]]] = {
    f"{_FEATURES}, logistic regression": (_logistic, 0, ()),
    f"{_FEATURES}, LightGBM 300 x 63 leaves": (_lightgbm, 300, ("lightgbm",)),
    f"{_FEATURES}, HistGradientBoosting 100 x 31 leaves": (_of_demo, 100, ()),
}
