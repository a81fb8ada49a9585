"""The streaming job, from configuration to rows written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparkbird.errors import ColumnNameError, InputError, OutputError
from sparkbird.job import models, target
from sparkbird.job.config import Output
from sparkbird.job.faults import original
from sparkbird.job.plan import compiled_for, planned
from sparkbird.job.score import session_for
from sparkbird.job.source import first_line
from sparkbird.job.stream.places import BATCH, prepare

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming import DataStreamWriter, StreamingQuery
    from rich.console import Console

    from sparkbird.job.stream.config import Config, Input

#: Seconds between two looks at how far the stream has come.
LOOK = 1.0


@dataclass
class Result:
    """What a run of a stream did: batches and the rows read for them, and where they went."""

    where: str
    digest: str
    batches: int = 0
    rows: int = 0

    def __str__(self) -> str:
        return (
            f"scored {self.rows:,} rows in {self.batches:,} batches\n"
            f"model {self.digest[:12]}\n"
            f"written to {self.where}"
        )


def run(
    config: Config, spark: SparkSession | None = None, console: Console | None = None
) -> Result:
    """Score the files of a folder as they arrive, and say on `console` what was done.

    A run goes on where the one before it has ended or was killed: `checkpoint` tells. With a
    trigger in seconds it ends when it is interrupted.

    Raises
    ------
    ConfigError, InputError, OutputError, ArtifactError, UnsupportedError, SchemaError
        Something is wrong; nothing was written.
    InvalidValueError
        Rows that the model refuses, and `on_invalid` is "raise"; batches before are written.
    """
    from rich.console import Console

    console = console or Console(stderr=True)
    own = config.model
    model = models.found(own.path, own.kind, device=own.device).model
    with session_for(config.name, spark) as session:
        arriving = _stream(session, config.input)
        compiled = compiled_for(model, arriving, config)
        plan = planned(arriving, compiled, config)
        _check_columns(plan, config)
        prepare(session, config)
        result = Result(str(config.output), compiled.digest)
        _await(_FORMS[config.form](plan, config), result, console)
    console.print(str(result), soft_wrap=True, highlight=False)
    return result


def _stream(spark: SparkSession, place: Input) -> DataFrame:
    """The stream of the files that arrive.

    Raises
    ------
    InputError
        There is no such folder, or Spark cannot read it.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    options = dict(place.options)
    if place.max_files_per_trigger:
        options["maxFilesPerTrigger"] = place.max_files_per_trigger
    try:
        # Spark's own inference for streams is off, and would take another schema at each start.
        schema = place.ddl or spark.read.format(place.format).load(place.path).schema
        reader = spark.readStream.format(place.format).options(**options)
        return reader.schema(schema).load(place.path)
    except (PySparkException, Py4JJavaError) as error:
        raise InputError(
            f"cannot read {place.path}: {first_line(error)}",
            "make the folder first, and give input.schema if there are no files yet.",
        ) from error


def _check_columns(plan: DataFrame, config: Config) -> None:
    """The columns of folders are among those written, and are not all of them."""
    unknown = [name for name in config.output.partition_by if name not in plan.columns]
    if unknown:
        raise OutputError(
            f"output.partition_by names {', '.join(map(repr, unknown))}, which is not written",
            f"the columns written are {', '.join(plan.columns)}.",
        )
    if config.form == "batches" and BATCH.rstrip("=") in map(str.casefold, plan.columns):
        raise ColumnNameError(
            "a column called 'batch' is written, which is what the folders of batches are called",
            "leave it out by keep, or rename the output.",
        )


def _in_columns(plan: DataFrame, config: Config) -> StreamingQuery:
    """Spark writes the stream, and notes which files count."""
    place = config.output
    writer = _triggered(plan, config).outputMode("append").options(**place.options)
    writer = writer.partitionBy(*place.partition_by) if place.partition_by else writer
    writer = writer.format(place.format)
    return writer.toTable(place.table) if place.table else writer.start(place.path)


def _in_batches(plan: DataFrame, config: Config) -> StreamingQuery:
    """Each batch replaces its own folder, so that one which is repeated is there once."""
    place = config.output

    def write(batch: DataFrame, number: int) -> None:
        folder = Output(
            path=f"{place.path}/{BATCH}{number}",
            format=place.format,
            options=place.options,
            partition_by=place.partition_by,
            mode="overwrite",
        )
        target.write(batch, folder)

    return _triggered(plan, config).foreachBatch(write).start()


_FORMS: dict[str, Callable[[DataFrame, Config], StreamingQuery]] = {
    "columns": _in_columns,
    "batches": _in_batches,
}


def _triggered(plan: DataFrame, config: Config) -> DataStreamWriter:
    writer = plan.writeStream.queryName(config.name).option("checkpointLocation", config.checkpoint)
    if config.trigger == "available-now":
        return writer.trigger(availableNow=True)
    return writer.trigger(processingTime=f"{config.trigger} seconds")


def _await(query: StreamingQuery, result: Result, console: Console) -> None:
    """Wait for the end, and say a line for each batch."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    last = -1
    try:
        ended = False
        while not ended:
            ended = bool(query.awaitTermination(LOOK))
            last = _told(query.recentProgress, last, result, console)
    except KeyboardInterrupt:
        console.print("interrupted; the next run goes on from the last batch", highlight=False)
    except (PySparkException, Py4JJavaError) as error:
        raise original(error) from error
    finally:
        query.stop()


def _told(progress: Any, last: int, result: Result, console: Console) -> int:
    """Say what batches later than `last` did; the number of the latest."""
    for one in progress:
        number, rows = int(one["batchId"]), int(one["numInputRows"])
        if number > last and rows:
            result.batches, result.rows, last = result.batches + 1, result.rows + rows, number
            seconds = one["durationMs"].get("triggerExecution", 0) / 1e3
            line = f"batch {number}: {rows:,} rows, {seconds:.1f} s"
            console.print(line, soft_wrap=True, highlight=False)
    return last
