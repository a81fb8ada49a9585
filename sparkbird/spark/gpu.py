"""What Spark's configuration says of GPUs: how many tasks share one."""

from __future__ import annotations

import os
import re
from typing import Any

from pyspark.sql import SparkSession

from sparkbird.kernels.cuda import driver
from sparkbird.runtime.gathered import GATHERED_ROWS
from sparkbird.runtime.task import RESOURCE
from sparkbird.spark.backend import newest

#: How many GPUs a task has, or what part of one.
AMOUNT = f"spark.task.resource.{RESOURCE}.amount"

_MASTER = "spark.master"

#: The rows of a batch, and Spark's own number of them.
_BATCH, _ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch", 10_000


def share(profile: Any = None) -> float:
    """The part of a GPU that is one task's, by a ``ResourceProfile`` or by the configuration.

    In local mode, where Spark assigns no GPUs, tasks share it as they share the machine.

    >>> from pyspark.resource import ResourceProfileBuilder, TaskResourceRequests
    >>> quarter = TaskResourceRequests().resource("gpu", 0.25)
    >>> share(ResourceProfileBuilder().require(quarter).build)
    0.25
    """
    requests = profile.taskResources if profile is not None else {}
    if RESOURCE in requests:
        return min(1.0, float(requests[RESOURCE].amount))
    session = SparkSession.getActiveSession()
    if session is None:
        return 1.0
    if amount := session.conf.get(AMOUNT, None):
        return min(1.0, float(amount))
    return 1.0 / slots(session.conf.get(_MASTER, None) or "")


def offered(profile: Any = None) -> bool:
    """Whether tasks have GPUs, or parts of one, as far as the driver can know."""
    if profile is not None and RESOURCE in profile.taskResources:
        return True
    session = SparkSession.getActiveSession()
    if session is None:
        return False
    if session.conf.get(AMOUNT, None):
        return True
    return (session.conf.get(_MASTER, None) or "").startswith("local") and driver.count() > 0


def rows_of_a_call() -> int:
    """How many rows a GPU is given at a time: batches as Spark has them, or put together."""
    if newest() == "arrow":
        return GATHERED_ROWS
    session = SparkSession.getActiveSession()
    said = session.conf.get(_BATCH, None) if session else None
    return int(said) if said and int(said) > 0 else _ROWS


def slots(master: str) -> int:
    """How many tasks run side by side in local mode, 1 if it is another.

    >>> slots("local[4]"), slots("local"), slots("yarn")
    (4, 1, 1)
    """
    found = re.fullmatch(r"local\[(\d+|\*)(?:,\s*\d+)?\]", master)
    if not found:
        return 1
    return (os.cpu_count() or 1) if found[1] == "*" else int(found[1])
