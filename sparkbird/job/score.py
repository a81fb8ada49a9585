"""The scoring job, from configuration to written table."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparkbird.job import models, source, target
from sparkbird.job.faults import original
from sparkbird.job.plan import compiled_for, planned
from sparkbird.job.progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame, SparkSession
    from rich.console import Console

    from sparkbird.job.config import Config
    from sparkbird.model import CompiledModel


@dataclass(frozen=True)
class Result:
    """What a job did.

    rows       written, of which `refused` have a NULL prediction
    seconds    from the first row read to the last file in place
    columns    of the table written
    where      it is
    digest     of the model
    """

    rows: int
    refused: int
    seconds: float
    columns: tuple[str, ...]
    where: str
    digest: str

    @property
    def rows_per_second(self) -> float:
        """How fast it went, Spark's reading and writing included."""
        return self.rows / self.seconds

    def __str__(self) -> str:
        refused = f", {self.refused:,} of them with a NULL prediction" if self.refused else ""
        return (
            f"scored {self.rows:,} rows{refused} in {self.seconds:.1f} s, "
            f"{self.rows_per_second:,.0f} rows/s\n"
            f"model {self.digest[:12]}, columns {', '.join(self.columns)}\n"
            f"written to {self.where}"
        )


def run(
    config: Config, spark: SparkSession | None = None, console: Console | None = None
) -> Result:
    """Score the table that `config` names, write the result, and say on `console` what was done.

    `spark` is by default the session that is active or that spark-submit brings, else one on
    this machine, which is stopped at the end. All that can be known to be wrong without
    reading rows is found before any row is read.

    Raises
    ------
    ConfigError, InputError, OutputError, ArtifactError, UnsupportedError, SchemaError
        Something is wrong; nothing was written.
    InvalidValueError
        Rows that the model refuses, and `on_invalid` is "raise"; nothing was written.
    """
    from rich.console import Console

    console = console or Console(stderr=True)
    own = config.model
    model = models.found(own.path, own.kind, device=own.device).model
    with session_for(config.name, spark) as session:
        table = source.table(session, config.input)
        compiled = compiled_for(model, table, config)
        plan = planned(table, compiled, config)
        target.check(plan, config.output, config.input)
        with progress(session, f"scoring {config.input}", console):
            result = _written(plan, compiled, config)
    console.print(str(result), soft_wrap=True, highlight=False)
    return result


def _written(plan: DataFrame, model: CompiledModel, config: Config) -> Result:
    """Write `plan`, counting its rows as they pass."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException
    from pyspark.sql import (
        Observation,
        functions as F,  # noqa: N812
    )

    from sparkbird.spark.columns import quoted

    seen = Observation("sparkbird")
    scored = F.count(F.col(quoted(next(iter(config.outputs)))))
    observed = plan.observe(seen, F.count(F.lit(1)).alias("rows"), scored.alias("scored"))
    start = time.monotonic()
    try:
        target.write(observed, config.output)
    except (PySparkException, Py4JJavaError) as error:
        raise original(error) from error
    counts = seen.get
    return Result(
        rows=counts["rows"],
        refused=counts["rows"] - counts["scored"],
        seconds=time.monotonic() - start,
        columns=tuple(plan.columns),
        where=str(config.output),
        digest=model.digest,
    )


#: What says that a session is there for us: spark-submit, or a task of Databricks.
_STARTED = {"PYSPARK_GATEWAY_PORT", "DATABRICKS_RUNTIME_VERSION"}


@contextmanager
def session_for(name: str, spark: SparkSession | None) -> Iterator[SparkSession]:
    """The session given, the active one, that of spark-submit, or one of our own."""
    from pyspark.sql import SparkSession

    given = spark or SparkSession.getActiveSession()
    if given is None and _STARTED & os.environ.keys():
        given = SparkSession.builder.appName(name).getOrCreate()
    if given is not None:
        yield given
        return

    from sparkbird.spark.session import local_session

    # What goes wrong is raised here; the log would say it again, with every frame of the stack.
    own = local_session(name, **{"spark.log.level": "FATAL"})
    try:
        yield own
    finally:
        own.stop()
