"""What a Python process has: versions, cpus, memory, GPUs, kernels.

The source of this file travels to the workers, which may lack sparkbird, and anything else
but Python: it imports what it looks at where it looks at it.
"""

from __future__ import annotations

import importlib
import os
import platform
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGES = ("sparkbird", "numpy", "pyarrow", "onnxruntime", "llvmlite")

#: The limit of a container, of the second version of control groups and of the first.
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Process:
    """One Python process, the driver's or a worker of an executor.

    host         the machine
    executor     the process that started it, which all workers of an executor share
    python       its version
    versions     of `PACKAGES`, "" for one that cannot be imported
    cpus         that the process may use
    task_cpus    of the task, 0 on the driver
    omp_threads  OMP_NUM_THREADS, "" if it is not set
    limit_bytes  of memory, 0 if there is none or none is known
    free_bytes   of memory on the machine, 0 if it is not known
    gpus         names
    assigned     addresses of the GPUs that are the task's
    has_kernels  whether forests run as machine code of sparkbird
    kernels      by what they do, or why they do not
    cache        the folder for that code, "" if there is none that can be written to
    """

    host: str
    executor: int
    python: str
    versions: dict[str, str]
    cpus: int
    task_cpus: int
    omp_threads: str
    limit_bytes: int
    free_bytes: int
    gpus: tuple[str, ...]
    assigned: tuple[str, ...]
    has_kernels: bool
    kernels: str
    cache: str


def in_task(_: Any, pause: float) -> Iterator[dict[str, Any]]:
    """What the process of a task has; it stays for `pause` seconds, so that others start."""
    time.sleep(pause)
    yield own()


def own() -> dict[str, Any]:
    """The fields of `Process` for this one."""
    resources = _task("resources", dict)
    gpu = resources.get("gpu")
    has_kernels, kernels = _kernels()
    return {
        "host": socket.gethostname(),
        "executor": os.getppid(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "cpus": _cpus(),
        "task_cpus": int(_task("cpus", int)),
        "omp_threads": os.environ.get("OMP_NUM_THREADS", ""),
        "limit_bytes": _limit(),
        "free_bytes": _free(),
        "gpus": _gpus(),
        "assigned": tuple(map(str, gpu.addresses)) if gpu else (),
        "has_kernels": has_kernels,
        "kernels": kernels,
        "cache": _cache(),
    }


def _task(name: str, otherwise: Any) -> Any:
    """What Spark's context of the task says, something empty outside of one."""
    if "pyspark" not in sys.modules:
        return otherwise()
    from pyspark import TaskContext

    context = TaskContext.get()
    return getattr(context, name)() if context else otherwise()


def _version(name: str) -> str:
    try:
        return str(importlib.import_module(name).__version__)
    except (ImportError, OSError):  # or a library of the system that it needs is missing
        return ""


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _limit() -> int:
    for path in map(Path, _LIMITS):
        if path.exists():
            said = path.read_text().strip()
            # The first version writes a number beyond all memory for none.
            return int(said) if said.isdecimal() and int(said) < 2**60 else 0
    return 0


def _free() -> int:
    path = Path("/proc/meminfo")
    lines = path.read_text().splitlines() if path.exists() else []
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return found[0] if found else 0


def _gpus() -> tuple[str, ...]:
    try:
        from sparkbird.kernels.cuda import driver
    except ImportError:
        return ()
    if driver.lacking():
        return ()
    return tuple(driver.device(number).name for number in range(driver.count()))


def _kernels() -> tuple[bool, str]:
    try:
        from sparkbird.kernels import machine
    except ImportError:
        return False, "sparkbird is not installed"
    host = machine.host()
    return (True, f"{host.name} on {host.cpu}") if host else (False, machine.lacking())


def _cache() -> str:
    try:
        from sparkbird.kernels import cache
    except ImportError:
        return ""
    path = cache.path("", "doctor")
    if path is None:
        return ""
    there = next(folder for folder in path.parents if folder.exists())
    return str(path.parent) if os.access(there, os.W_OK) else ""
