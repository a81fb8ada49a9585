"""What to change on a cluster: differences to the driver, what is missing, and settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from sparkbird.doctor.process import PACKAGES, Process

BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch"
REUSE = "spark.python.worker.reuse"
ARROW = "spark.sql.execution.arrow.pyspark.enabled"
MASTER = "spark.master"
MEMORY, CORES, TASK = "spark.executor.memory", "spark.executor.cores", "spark.task.cpus"
OVERHEAD, FRACTION = "spark.executor.memoryOverhead", "spark.executor.memoryOverheadFactor"
SETTINGS = (BATCH, REUSE, ARROW, MASTER, MEMORY, CORES, TASK, OVERHEAD, FRACTION)

#: What a worker cannot do without, and what makes forests fast.
_NEEDED = ("sparkbird", "numpy", "pyarrow", "onnxruntime")

#: Rows of a batch that cost less than a tenth more than the best number of them, 10,000.
_FEWEST, _MOST = 2_000, 50_000

#: MiB for one worker with a session of a model beside Spark, and Spark's least for all.
_WORKER, _LEAST = 256, 384
_UNITS = {"": 1.0, "k": 1 / 1024, "m": 1.0, "g": 1024.0, "t": 1024.0**2}


def advice(
    driver: Process, executors: Sequence[Process], settings: Mapping[str, str]
) -> Iterator[str]:
    """One line for each thing that should be changed."""
    for look in (_missing, _differing, _threads, _slow):
        for line, hosts in look(driver, executors).items():
            yield f"{line} ({', '.join(sorted(hosts))})"
    for setting, wrong in _WRONG.items():
        if line := wrong(settings, settings.get(setting, "")):
            yield line


_Found = dict[str, set[str]]


def _missing(_: Process, executors: Sequence[Process]) -> _Found:
    found: _Found = {}
    for one in executors:
        for name in (name for name in _NEEDED if not one.versions[name]):
            line = f"{name} cannot be imported: install sparkbird[cpu] or [gpu] on executors, too"
            found.setdefault(line, set()).add(one.host)
    return found


def _differing(driver: Process, executors: Sequence[Process]) -> _Found:
    found: _Found = {}
    for one in executors:
        pairs = {name: (one.versions[name], driver.versions[name]) for name in PACKAGES}
        # Spark itself refuses another minor version of Python.
        pairs["Python"] = (one.python, driver.python)
        for name, (theirs, ours) in pairs.items():
            if theirs and ours and theirs != ours:
                line = f"{name} is {theirs} on executors and {ours} on the driver: use one version"
                found.setdefault(line, set()).add(one.host)
    return found


def _threads(_: Process, executors: Sequence[Process]) -> _Found:
    found: _Found = {}
    for one in executors:
        if not one.omp_threads:
            said = "OMP_NUM_THREADS is not set"
        elif one.omp_threads.isdecimal() and int(one.omp_threads) > max(1, one.task_cpus):
            said = f"OMP_NUM_THREADS is {one.omp_threads}, and a task has {one.task_cpus} cpus"
        else:
            continue
        line = f"{said}: set spark.executorEnv.OMP_NUM_THREADS to spark.task.cpus"
        found.setdefault(line, set()).add(one.host)
    return found


def _slow(_: Process, executors: Sequence[Process]) -> _Found:
    found: _Found = {}
    for one in (one for one in executors if one.versions["sparkbird"]):
        if not one.has_kernels:
            line = f"forests are left to ONNX Runtime, which is slower: {one.kernels}"
            found.setdefault(line, set()).add(one.host)
        elif not one.cache:
            line = (
                "kernels are compiled by every worker: let SPARKBIRD_KERNEL_CACHE be a folder "
                "that can be written to"
            )
            found.setdefault(line, set()).add(one.host)
    return found


def _batch(_: Mapping[str, str], value: str) -> str:
    if not value or _FEWEST <= int(value) <= _MOST:
        return ""
    return f"{BATCH} is {value}: batches of about 10,000 rows are scored fastest"


def _reuse(_: Mapping[str, str], value: str) -> str:
    if value != "false":
        return ""
    return f"{REUSE} is false: every task starts Python and loads the model anew; set it to true"


def _arrow(_: Mapping[str, str], value: str) -> str:
    if value != "false":
        return ""
    return f"{ARROW} is false: toPandas() and createDataFrame(pandas) are slow; set it to true"


def _overhead(settings: Mapping[str, str], value: str) -> str:
    """YARN and Kubernetes end an executor whose workers take more than its overhead."""
    if not settings.get(MASTER, "").startswith(("yarn", "k8s")):
        return ""
    fraction = float(settings.get(FRACTION, "0.1"))
    default = max(_LEAST, fraction * mebibytes(settings.get(MEMORY, "1g")))
    overhead, workers = mebibytes(value) if value else default, _workers(settings)
    if overhead >= workers * _WORKER:
        return ""
    return (
        f"{OVERHEAD} is {overhead:,.0f} MiB for {workers} Python workers: "
        f"set it to {workers * _WORKER:,} MiB or more"
    )


def _workers(settings: Mapping[str, str]) -> int:
    """How many Python workers an executor has."""
    return max(1, int(settings.get(CORES, "1")) // int(settings.get(TASK, "1")))


#: By setting, what is wrong with its value, among the others, if anything is.
_WRONG: dict[str, Callable[[Mapping[str, str], str], str]] = {
    BATCH: _batch,
    REUSE: _reuse,
    ARROW: _arrow,
    OVERHEAD: _overhead,
}


#: What each should be.
_RIGHT: dict[str, Callable[[Mapping[str, str]], str]] = {
    BATCH: lambda _: "10000",
    REUSE: lambda _: "true",
    ARROW: lambda _: "true",
    OVERHEAD: lambda settings: f"{_workers(settings) * _WORKER}m",
}


def recommended(
    driver: Process, executors: Sequence[Process], settings: Mapping[str, str]
) -> dict[str, str]:
    """The lines of ``spark-defaults.conf`` that settle what a setting can settle of the advice."""
    found = {
        name: _RIGHT[name](settings)
        for name, wrong in _WRONG.items()
        if wrong(settings, settings.get(name, ""))
    }
    if _threads(driver, executors):
        found["spark.executorEnv.OMP_NUM_THREADS"] = settings.get(TASK, "1")
    return found


def mebibytes(said: str) -> float:
    """An amount of memory as Spark writes it; without a unit it is MiB.

    >>> mebibytes("2g"), mebibytes("512m"), mebibytes("384")
    (2048.0, 512.0, 384.0)
    """
    found = re.fullmatch(r"(\d+)\s*([kmgt]?)(?:i?b)?", said.strip().lower())
    return float(found[1]) * _UNITS[found[2]] if found else 0.0
