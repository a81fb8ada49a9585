"""For what machine forests are compiled, and whether a strategy is forced upon them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What the choice of a strategy depends on beside the forest.

    strategy  a name of `choose.STRATEGIES` that is used whatever it costs, or None
    device    of `prices.units.DEVICES`
    batch     the rows that are expected at a time
    """

    strategy: str | None = None
    device: str = "cpu"
    batch: int = 10_000


_options: ContextVar[Options | None] = ContextVar("options", default=None)


@contextmanager
def using(
    *, strategy: str | None = None, device: str = "cpu", batch: int = 10_000
) -> Iterator[Options]:
    """Within, forests are compiled so."""
    options = Options(strategy, device, batch)
    token = _options.set(options)
    try:
        yield options
    finally:
        _options.reset(token)


def current() -> Options:
    """The options of the innermost `using`, or the default ones."""
    return _options.get() or Options()
