"""How long something takes, for prices."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sparkbird.prices.fit import Sample


@dataclass(frozen=True)
class Effort:
    """How long each thing is timed, in seconds, and by what its rows and trees are divided."""

    seconds: float
    divided: int

    def rows(self, full: int) -> int:
        """So many rows, or a few."""
        return max(16, full // self.divided) if full > 1 else full

    def trees(self, full: int) -> int:
        """So many trees, or a few."""
        return max(1, full // self.divided)


FULL, QUICK = Effort(0.2, 1), Effort(0.0, 50)


def nanoseconds(run: Callable[[], object], effort: Effort) -> float:
    """The processor time of a run, the least of several: what else runs here only adds to it."""
    run()
    taken: list[int] = []
    start = time.perf_counter()
    while len(taken) < 2 or time.perf_counter() - start < effort.seconds:
        before = time.process_time_ns()
        run()
        taken.append(time.process_time_ns() - before)
    return float(max(1, min(taken)))


def sample(counts: Mapping[str, float], run: Callable[[], object], effort: Effort) -> Sample:
    """What something counts, and takes."""
    return counts, nanoseconds(run, effort)
