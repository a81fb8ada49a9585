"""Times and their spread, measured in turn, on as many cores as one wants."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Spread:
    """A median, and the least and the most of what it is the median of."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: tuple[float, ...]) -> Spread:
        """That of some values, at least one."""
        return cls(statistics.median(values), min(values), max(values))


def rounds(
    ways: Mapping[str, Callable[[], object]],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, tuple[float, ...]]:
    """The seconds of every way, each once a round, in turn: what else runs here hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start = clock()
            way()
            seconds[name].append(clock() - start)
    return {name: tuple(measured) for name, measured in seconds.items()}


def clock_for(threads: int, pids: Sequence[int] = ()) -> Callable[[], float]:
    """Of one thread processor time: what it takes where nobody else wants the core.

    That of the processes `pids` is counted in, where the system tells it.
    """
    if threads > 1 or (pids and sys.platform != "linux"):
        return time.perf_counter
    clocks = [(~pid << 3) | 2 for pid in pids]  # clock_getcpuclockid(3)
    return lambda: time.process_time() + sum(map(time.clock_gettime, clocks))


def threads_said(threads: int) -> str:
    """How many threads there were, and which clock, for a title.

    >>> threads_said(1)
    '1 thread, processor time'
    """
    return "1 thread, processor time" if threads == 1 else f"{threads} threads"


@contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Within, the process has so many cores, and the pools of its libraries as many threads."""
    from threadpoolctl import threadpool_limits

    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if cores:
        os.sched_setaffinity(0, sorted(cores)[-threads:])
    try:
        with threadpool_limits(threads):
            yield
    finally:
        if cores:
            os.sched_setaffinity(0, cores)


def installed(*modules: str) -> bool:
    """Whether these modules can be imported."""
    return all(find_spec(module) is not None for module in modules)


def attempted(
    calls: Mapping[str, Callable[[], Result]],
) -> tuple[dict[str, Result], dict[str, str]]:
    """What each gives, and what to say of those that fail: they do not keep others from it.

    >>> attempted({"half": lambda: 1 / 2, "none": lambda: 1 / 0})
    ({'half': 0.5}, {'none': 'fails: ZeroDivisionError: division by zero'})
    """
    found: dict[str, Result] = {}
    failed: dict[str, str] = {}
    for name, call in calls.items():
        try:
            found[name] = call()
        except Exception as error:  # noqa: BLE001, PERF203  of any kind: it is told
            failed[name] = failure(error)
    return found, failed


def failure(error: Exception) -> str:
    """What to say of a way that does not work, in one line.

    >>> failure(ValueError("no such tree"))
    'fails: ValueError: no such tree'
    """
    first = str(error).partition("\n")[0]
    return f"fails: {type(error).__name__}: {first[:100]}"
