"""A Spark session on this machine alone, for the demo, the tests and small jobs."""

from __future__ import annotations

import os
import sys
from typing import Any

from pyspark.sql import SparkSession

from sparkbird.spark.java import ensure_java

#: Loopback only, no web page, no progress bar; few shuffle partitions for few cores.
LOCAL = {
    "spark.master": "local[*]",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.log.level": "ERROR",
}


def local_session(app_name: str, **conf: Any) -> SparkSession:
    """The active session as it is; if there is none, a new one on this machine.

    `conf` adds to the configuration of a new one: ``**{"spark.driver.memory": "2g"}``.

    Raises
    ------
    JavaError
        There is no Java that Spark can use.
    """
    if active := SparkSession.getActiveSession():
        return active
    ensure_java()
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers are of this environment
    builder = SparkSession.builder.appName(app_name)
    for key, value in {**LOCAL, **conf}.items():
        builder = builder.config(key, value)
    session: SparkSession = builder.getOrCreate()
    return session
