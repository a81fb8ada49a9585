"""The demo: every step on real data, each with what it took."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkbird.demo import flights
from sparkbird.demo.workers import PeakMemory
from sparkbird.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from pyspark.sql import SparkSession
    from rich.console import Console

    from sparkbird.job.score import Result
    from sparkbird.parity import Report

#: The folder of the demo when nothing is said, and the one that conf/flights.yaml reads.
FOLDER = "sparkbird-demo"

#: What the demo writes into its folder and takes away again.
_SCRATCH = (".by-hand", ".rehearsal")

#: The configuration of the demo's scoring job.
CONFIG = """\
# Score every flight, by month. `sparkbird demo` makes the table and the model; then
#   spark-submit jobs/score.py --conf {conf}
# or, without spark-submit,
#   sparkbird score --conf {conf}
# does it again. Paths are relative to the current directory.
name: flights

model:
  path: {out}/model.onnx

input:
  format: parquet
  path: {out}/flights

outputs: # column to add: output of the model
  late: predict
  probability: predict_proba

keep: [id, month, day, carrier, flight, origin, dest, arr_delay]

output:
  format: parquet
  path: {out}/scores
  mode: overwrite
  partition_by: [month]
"""


@dataclass(frozen=True)
class Outcome:
    """What the demo found out.

    scored       what the job did
    auc          of the model on flights that it has not seen, ROC
    parity       compiled against original, on the driver
    difference   the largest between the probabilities that both ways wrote in Spark
    labels       how many of the labels that they wrote differ
    hand_seconds, hand_peak, peak
                 the time of scikit-learn in a pandas_udf, and the memory of a worker in both
    """

    scored: Result
    auc: float
    parity: Report
    difference: float
    labels: int
    hand_seconds: float
    hand_peak: int
    peak: int


def run(out: str | os.PathLike[str], console: Console, rows: int | None = None) -> Outcome:
    """Train, compile, check, score in Spark and compare, all within the folder `out`.

    Raises
    ------
    InputError, OutputError
        The data is not installed, or the folder is not fit for it.
    """
    folder = Path(out)
    _prepare(folder, rows)
    with _step(console, "read the flights of 2013") as say:
        table = flights.table(rows)
        flights.write(table, folder / "flights")
        say(f"{len(table):,} flights, as Parquet in {folder / 'flights'}")
    with _step(console, "train with scikit-learn") as say:
        model, auc = flights.trained(table)
        _save(model, folder / "model.joblib")
        say(f"arrives more than {flights.LATE} minutes late: ROC AUC {auc:.3f} on unseen flights")
    with _step(console, "compile") as say:
        import sparkbird

        compiled = sparkbird.compile(model, table[flights.CATEGORIES + flights.NUMBERS])
        compiled.save(folder / "model.onnx")
        size = (folder / "model.onnx").stat().st_size
        say(f"{folder / 'model.onnx'}, {size / 1e6:.1f} MB, {compiled.digest[:12]}")
    with _step(console, "check against the original") as say:
        parity = _parity(model, compiled, table)
        say(f"{parity.rows:,} rows {'equal' if parity.ok else 'NOT EQUAL'}")
    console.print(str(parity), soft_wrap=True, highlight=False, style="dim")
    _rehearse(folder, console)
    scored, peak = _score(folder, console)
    hand_seconds, hand_peak = _score_by_hand(model, folder, console)
    labels, difference = _compared(folder)
    for name in _SCRATCH:
        shutil.rmtree(folder / name, ignore_errors=True)
    outcome = Outcome(scored, auc, parity, difference, labels, hand_seconds, hand_peak, peak)
    _conclude(outcome, folder, console)
    return outcome


def config_text(out: str, conf: str) -> str:
    """The configuration of the job over the folder `out`, for a file called `conf`."""
    plain = out if re.fullmatch(r"[\w./-]+", out) else None
    if plain is None:  # a name that YAML would read as something else
        quoted = json.dumps(out, ensure_ascii=False)[1:-1]
        return re.sub(r"(path: )(.*)", r'\1"\2"', CONFIG).format(out=quoted, conf=conf)
    return CONFIG.format(out=out, conf=conf)


def _prepare(folder: Path, rows: int | None) -> None:
    """The folder, and in it what lies about from an earlier run removed."""
    if rows is not None and rows < flights.FEWEST:
        raise InputError(
            f"{rows} flights are too few to train on", f"take {flights.FEWEST} or more."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder}: {error.strerror}", "choose another folder with --out."
        ) from error
    shutil.rmtree(folder / ".spark", ignore_errors=True)
    for name in _SCRATCH:
        shutil.rmtree(folder / name, ignore_errors=True)
    conf = folder / "flights.yaml"
    conf.write_text(config_text(str(folder), str(conf)), encoding="utf-8")


def _save(model: Any, path: Path) -> None:
    import joblib

    joblib.dump(model, path)


def _parity(model: Any, compiled: Any, table: pd.DataFrame) -> Report:
    """One flight in ten: the whole table is compared after Spark has scored it."""
    from threadpoolctl import threadpool_limits

    from sparkbird.parity import check

    with threadpool_limits(1):
        return check(model, table.iloc[::10], compiled=compiled)


def _rehearse(folder: Path, console: Console) -> None:
    """The job once, unmeasured: a fresh JVM takes most of its first minute to compile itself."""
    from rich.console import Console as Silence

    from sparkbird.job import config, score

    job = config.load(folder / "flights.yaml")
    place = job.output.model_copy(update={"path": str(folder / ".rehearsal")})
    with (
        _step(console, "start Spark and warm it up, for both ways") as say,
        _spark(folder) as spark,
    ):
        score.run(job.model_copy(update={"output": place}), spark, Silence(quiet=True))
        say("done")


def _score(folder: Path, console: Console) -> tuple[Result, int]:
    """The job itself, and the peak memory of its workers."""
    from sparkbird.job import config, score

    with (
        _step(console, "score every flight in Spark") as say,
        _spark(folder) as spark,
        PeakMemory() as memory,
    ):
        result = score.run(config.load(folder / "flights.yaml"), spark, console)
        say(f"{result.rows_per_second:,.0f} rows/s, {memory.peak / 2**20:,.0f} MiB a worker")
    return result, memory.peak


def _score_by_hand(model: Any, folder: Path, console: Console) -> tuple[float, int]:
    """The same table through scikit-learn in a pandas_udf: seconds, and peak memory.

    Session and workers are fresh, as for the job; the JVM is warmer, to the good of this way.
    """
    from sparkbird.demo import by_hand
    from sparkbird.job import config, source, target
    from sparkbird.job.progress import progress

    job = config.load(folder / "flights.yaml")
    place = job.output.model_copy(update={"path": str(folder / ".by-hand")})
    with (
        _step(console, "the same with scikit-learn in a pandas_udf") as say,
        _spark(folder) as spark,
        PeakMemory() as memory,
        progress(spark, "scoring by hand", console),
    ):
        columns = flights.CATEGORIES + flights.NUMBERS
        start = time.monotonic()
        table = source.table(spark, job.input)
        target.write(by_hand.scored(table, model, columns, job.keep or ()), place)
        seconds = time.monotonic() - start
        say(f"{seconds:.1f} s, {memory.peak / 2**20:,.0f} MiB a worker")
    return seconds, memory.peak


def _compared(folder: Path) -> tuple[int, float]:
    """How many labels differ between the two tables written, and the probabilities' distance."""
    import numpy as np
    from pyarrow import compute, dataset

    ours, theirs = (
        dataset.dataset(folder / name, format="parquet", partitioning="hive")
        .to_table(["id", "late", "probability"])
        .sort_by("id")
        for name in ("scores", ".by-hand")
    )
    if ours["id"] != theirs["id"]:
        raise OutputError("the two ways did not write the same flights", "report this as a bug.")
    labels = compute.sum(compute.not_equal(ours["late"], theirs["late"])).as_py()
    a, b = (compute.list_flatten(t["probability"]).to_numpy() for t in (ours, theirs))
    return int(labels), float(np.abs(a - b).max())


def _conclude(outcome: Outcome, folder: Path, console: Console) -> None:
    scored = outcome.scored
    by_hand = scored.rows / outcome.hand_seconds
    rows = [
        ("", "sparkbird", "scikit-learn in a pandas_udf", "ratio"),
        (
            "rows per second",
            f"{scored.rows_per_second:,.0f}",
            f"{by_hand:,.0f}",
            f"{scored.rows_per_second / by_hand:.1f} x",
        ),
        ("seconds", f"{scored.seconds:.1f}", f"{outcome.hand_seconds:.1f}", ""),
        (
            "memory of a worker, MiB",
            f"{outcome.peak / 2**20:,.0f}",
            f"{outcome.hand_peak / 2**20:,.0f}",
            f"{outcome.hand_peak / max(outcome.peak, 1):.1f} x less",
        ),
    ]
    console.print()
    for name, ours, theirs, ratio in rows:
        console.print(f"{name:<24}{ours:>12}{theirs:>32}{ratio:>12}".rstrip(), highlight=False)
    console.print(
        f"\n{scored.rows:,} flights scored by both: {outcome.labels} labels differ, "
        f"probabilities by at most {outcome.difference:.2g}\n"
        f"scores by month: {folder / 'scores'}\n"
        f"once more: sparkbird score --conf {folder / 'flights.yaml'}",
        soft_wrap=True,
        highlight=False,
    )


@contextmanager
def _step(console: Console, name: str) -> Iterator[Any]:
    """A line on what a step came to and how long it took; a spinner meanwhile on a terminal."""
    said: list[str] = []
    start = time.monotonic()
    console.print(f"[bold]{name}[/bold] ...", highlight=False)
    yield said.append
    seconds = time.monotonic() - start
    console.print(f"    {' '.join(said)} ({seconds:.1f} s)", soft_wrap=True, highlight=False)


@contextmanager
def _spark(folder: Path) -> Iterator[SparkSession]:
    """A fresh session on at most two cores whose files and log stay in `folder`."""
    from sparkbird.spark.session import local_session

    scratch = (folder / ".spark").resolve()
    scratch.mkdir(exist_ok=True)
    conf = {
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.driver.extraJavaOptions": f'-XX:-UsePerfData "-Djava.io.tmpdir={scratch}"',
        "spark.log.level": "FATAL",
    }
    with _stderr_in(folder / "spark.log"):
        # pandas 3 makes pyspark 4.3 warn at each step; what is used here works.
        warnings.filterwarnings("ignore", "PySpark does not yet", category=FutureWarning)
        spark = local_session("sparkbird demo", **conf)
    try:
        _warm_up(spark, folder / "flights")
        yield spark
    finally:
        spark.stop()
        shutil.rmtree(scratch, ignore_errors=True)


def _warm_up(spark: SparkSession, table: Path) -> None:
    """Read everything once and start the workers, so that what is timed is scoring."""
    frame = spark.read.parquet(str(table))
    through = frame.mapInArrow(lambda batches: batches, frame.schema)
    through.write.format("noop").mode("overwrite").save()


@contextmanager
def _stderr_in(path: Path) -> Iterator[None]:
    """What this process and those it starts write to stderr goes to a file.

    The JVM started within keeps writing there: Spark greets at length.
    """
    before = os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
