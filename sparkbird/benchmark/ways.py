"""Ways to do one work, timed in turn; of one that fails there is a line that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from sparkbird.benchmark.measure import attempted, rounds
from sparkbird.benchmark.results import Measurement


@dataclass(frozen=True)
class Way:
    """What does the work.

    rows    that a call scores
    call    comes back when all is done
    calls   in a round, of which the mean counts
    facts   what else is known by number
    """

    rows: int
    call: Callable[[], object]
    calls: int = 1
    facts: Mapping[str, float] = field(default_factory=dict)

    def round(self) -> None:
        """All calls of a round."""
        for _ in range(self.calls):
            self.call()


def timed(
    case: str,
    ways: Mapping[str, Way],
    repeats: int,
    *,
    unmeasured: int = 2,
    absent: Mapping[str, str] | None = None,
) -> Iterator[Measurement]:
    """The seconds of a call of each way, and a line for each that is `absent`, with the reason.

    In the rounds that are not measured kernels are compiled and memory is taken.
    """
    warm = {name: partial(rounds, {name: way.round}, unmeasured) for name, way in ways.items()}
    working, failing = attempted(warm)
    seconds = rounds({name: ways[name].round for name in working}, repeats)
    for name, measured in seconds.items():
        way = ways[name]
        own = tuple(each / way.calls for each in measured)
        yield Measurement(case, name, way.rows, own, way.facts)
    for name, reason in {**failing, **(absent or {})}.items():
        yield Measurement(case, name, 0, note=reason)
