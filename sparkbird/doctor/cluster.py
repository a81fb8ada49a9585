"""What the executors of a Spark session have, beside what the driver has."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from sparkbird.doctor import process
from sparkbird.doctor.advice import MASTER, SETTINGS, advice, recommended
from sparkbird.doctor.process import PACKAGES, Process

#: Seconds that a task waits for others to start; tasks on Spark Connect, which knows no number.
_PAUSE, _TASKS = 0.5, 64

#: How many executors a table has room for; advice is about all.
_SHOWN = 6


@dataclass(frozen=True)
class Probe:
    """The driver, one worker of each executor that answered, and what to change.

    recommended  settings for ``spark-defaults.conf``
    """

    driver: Process
    executors: tuple[Process, ...]
    settings: dict[str, str]
    advice: tuple[str, ...]
    recommended: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether there is nothing to change."""
        return not self.advice

    def table(self) -> Table:
        """A column for the driver and for each of the first executors."""
        first = self.executors[:_SHOWN]
        left = len(self.executors) - len(first)
        shown = Table(box=box.SIMPLE, caption=f"and {left:,} more executors" if left else None)
        names = [f"executor {number}" for number, _ in enumerate(first, 1)]
        for name in ("", "driver", *names):
            shown.add_column(name, overflow="fold")
        rows = [_cells(one) for one in (self.driver, *first)]
        for name in rows[0]:
            shown.add_row(name, *(Text(row[name]) for row in rows))
        return shown


def probe(spark: Any, *, tasks: int | None = None) -> Probe:
    """What the Python workers of `spark` have, found by a short job.

    Executors are told apart by their machine and by the process that starts their workers.
    One that has no free core meanwhile, or that dynamic allocation has not started, is not
    seen.

    Parameters
    ----------
    spark
        A session, classic or of Spark Connect.
    tasks
        How many tasks look around; None is one for each core that there is, or 64 on Spark
        Connect.
    """
    driver = _process(process.own())
    found: dict[tuple[str, int], Process] = {}
    for seen in _seen(spark, tasks):
        one = _process(seen)
        found.setdefault((one.host, one.executor), one)
    executors = tuple(found[key] for key in sorted(found))
    said = {name: spark.conf.get(name, None) for name in SETTINGS}
    settings = {name: str(value) for name, value in said.items() if value is not None}
    all_ = (driver, executors, settings)
    return Probe(*all_, tuple(advice(*all_)), recommended(*all_))


@contextmanager
def session(conf: Mapping[str, str]) -> Iterator[Any]:
    """The active session or that of spark-submit; else a new one, of this machine by default."""
    from pyspark.sql import SparkSession

    from sparkbird.spark.java import ensure_java
    from sparkbird.spark.session import local_session

    active = SparkSession.getActiveSession()
    if active is not None or "PYSPARK_GATEWAY_PORT" in os.environ:
        yield active or SparkSession.builder.getOrCreate()
        return
    if conf.get(MASTER, "local").startswith("local"):
        own = local_session("sparkbird doctor", **conf)
    else:
        ensure_java()
        builder = SparkSession.builder.appName("sparkbird doctor")
        for key, value in conf.items():
            builder = builder.config(key, value)
        own = builder.getOrCreate()
    try:
        yield own
    finally:
        own.stop()


def _seen(spark: Any, tasks: int | None) -> list[dict[str, Any]]:
    from pyspark import cloudpickle

    look = functools.partial(process.in_task, pause=_PAUSE)
    cloudpickle.register_pickle_by_value(process)  # the workers may have no sparkbird
    try:
        if type(spark).__module__.startswith("pyspark.sql.connect"):
            count = tasks or _TASKS
            rows = spark.range(0, count, 1, count).mapInArrow(_as_arrow(look), "seen string")
            return [json.loads(row.seen) for row in rows.collect()]
        count = tasks or spark.sparkContext.defaultParallelism
        return spark.sparkContext.parallelize(range(count), count).mapPartitions(look).collect()
    finally:
        cloudpickle.unregister_pickle_by_value(process)


def _as_arrow(look: Any) -> Any:
    def seen(batches: Iterable[Any]) -> Iterator[Any]:
        import json

        import pyarrow as pa

        for _ in batches:
            pass
        yield pa.RecordBatch.from_pydict({"seen": [json.dumps(one) for one in look(())]})

    seen.__module__ = "__main__"  # travels as it is, like what it calls
    return seen


def _process(seen: Mapping[str, Any]) -> Process:
    lists = {name: tuple(seen[name]) for name in ("gpus", "assigned")}
    return Process(**{**seen, **lists})


def _cells(one: Process) -> dict[str, str]:
    return {
        "host": one.host,
        "Python": one.python,
        **{name: one.versions[name] or "missing" for name in PACKAGES},
        "cpus": str(one.cpus),
        "cpus of a task": str(one.task_cpus or "-"),
        "OMP_NUM_THREADS": one.omp_threads or "not set",
        "memory limit": _gibibytes(one.limit_bytes),
        "memory free": _gibibytes(one.free_bytes),
        "GPUs": ", ".join(one.gpus) or "none",
        "GPUs of the task": ", ".join(one.assigned) or "none",
        "kernels": one.kernels,
        "kernel cache": one.cache or "none",
    }


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count else "none known"
