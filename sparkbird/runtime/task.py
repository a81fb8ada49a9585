"""What Spark gives the task at work in this process: cpus, and a GPU or a share of one."""

from __future__ import annotations

import os
import sys
from typing import Any

from sparkbird.kernels.cuda import driver
from sparkbird.runtime.providers import Gpu

#: The name of the resource, in ``spark.task.resource.gpu.amount`` and the like.
RESOURCE = "gpu"


def cpus() -> int:
    """How many cpus the task has, 1 outside of one."""
    context = _context()
    return max(1, int(context.cpus())) if context else 1


def gpu(share: float = 1.0) -> Gpu:
    """The GPU of the task, of whose memory it may take that `share`.

    Where Spark assigns none, as in local mode, processes are spread over those that there are.
    """
    address = assigned()
    if address is not None:
        return Gpu(number(address, os.environ.get("CUDA_VISIBLE_DEVICES")), share, assigned=True)
    return Gpu(os.getpid() % max(1, driver.count()) if _context() else 0, share)


def assigned() -> str | None:
    """The address of the GPU that Spark has assigned to the task, if it has."""
    context = _context()
    resource = context.resources().get(RESOURCE) if context else None
    return str(resource.addresses[0]) if resource and resource.addresses else None


def number(address: str, visible: str | None) -> int:
    """The number that CUDA has for the GPU at `address`, where those `visible` are set or not.

    CUDA counts the visible ones alone. An address that is not among them is one already that
    was counted so: Databricks, say, shows each task its own GPUs, and numbers them from 0.

    Source: docs.databricks.com, release notes of Databricks Runtime 7.0 ML, GPU scheduling.

    >>> number("3", None), number("3", "0,1,2,3"), number("3", "3"), number("0", "3")
    (3, 3, 0, 0)
    """
    if not visible:
        return int(address) if address.isdecimal() else 0
    known = [one.strip() for one in visible.split(",")]
    if address in known:
        return known.index(address)
    return int(address) if address.isdecimal() and int(address) < len(known) else 0


def _context() -> Any:
    """Spark's context of the task, None outside of one: then Spark need not be there at all."""
    if "pyspark" not in sys.modules:
        return None
    from pyspark import TaskContext

    return TaskContext.get()
