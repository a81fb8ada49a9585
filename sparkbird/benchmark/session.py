"""Spark on some cores of this machine, for as long as something is measured in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@contextmanager
def session(folder: str, slots: int = 2, **more: str) -> Iterator[SparkSession]:
    """The session that is active, which stays so, or a new one with its files in a folder.

    That has so many task slots, and `more` configuration.
    """
    from pyspark.sql import SparkSession

    from sparkbird.spark.session import local_session

    conf = {
        "spark.master": f"local[{slots}]",
        "spark.driver.memory": "4g",
        "spark.local.dir": folder,
        "spark.log.level": "FATAL",
        **more,
    }
    before = SparkSession.getActiveSession()
    spark = before or local_session("sparkbird bench", **conf)
    try:
        yield spark
    finally:
        if before is None:
            spark.stop()


def through(frame: DataFrame) -> None:
    """Compute all rows, and keep none."""
    frame.write.format("noop").mode("overwrite").save()
