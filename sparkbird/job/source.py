"""The table that a job reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparkbird.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from sparkbird.job.config import Input


def table(spark: SparkSession, place: Input) -> DataFrame:
    """The dataframe of the table at `place`; its schema is known, its rows are not read yet.

    Raises
    ------
    InputError
        There is no such table, or Spark cannot read it.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        frame = _frame(spark, place)
        _ = frame.schema  # Spark Connect looks only when asked
    except (PySparkException, Py4JJavaError) as error:
        raise InputError(f"cannot read {place}: {first_line(error)}", _HINT) from error
    return frame


_HINT = "check the input section; paths are relative to the current directory of the driver."


def _frame(spark: SparkSession, place: Input) -> DataFrame:
    if place.table is not None:
        return spark.table(place.table)
    reader = spark.read.format(place.format).options(**place.options)
    reader = reader.schema(place.ddl) if place.ddl else reader
    return reader.load(place.path) if place.path else reader.load()


def first_line(error: Exception) -> str:
    """What an error of Spark says first, without the plan and the stack that follow."""
    cause = getattr(error, "java_exception", None)
    message = str(cause.getMessage() if cause is not None else error)
    return message.strip().partition("\n")[0].rstrip(".")
