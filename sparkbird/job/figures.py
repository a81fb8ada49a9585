"""Where the bars of a report's figures stand.

Across, places are percents of the figure, so that it fills what room there is while its text
stays readable; upwards, they are pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sparkbird.job import words
from sparkbird.job.record import Distribution, Result

#: Pixels: the height of the bars, and what is above them for the highest label.
HEIGHT, TOP = 150, 18
#: Percent of the width that the labels of the shares take.
LEFT = 9.0
#: A share that no axis ends below.
_LOWEST = 0.05


@dataclass(frozen=True)
class Bar:
    """A bin: what is in it, and the bars of this run and of the baseline.

    x, width  in percent; the baseline's bar is as wide, and beside it
    """

    label: str
    share: float
    baseline: float | None
    x: float
    width: float
    height: float
    baseline_height: float


@dataclass(frozen=True)
class Tick:
    """A line or a label: its place in percent or pixels, and its text; some give way if narrow."""

    place: float
    text: str
    minor: bool = False


@dataclass(frozen=True)
class Bars:
    """A distribution as bars beside those of the baseline."""

    of: Distribution
    bars: tuple[Bar, ...]
    levels: tuple[Tick, ...]
    edges: tuple[Tick, ...]


@dataclass(frozen=True)
class Part:
    """A stage over all dates: its time, what share of the longest one that is, and its rows."""

    name: str
    seconds: float
    rows: int | None
    length: float

    @property
    def rate(self) -> float | None:
        """Rows per second, if it has rows."""
        return words.rate(self.rows, self.seconds)


def bars(distribution: Distribution) -> Bars:
    """The figure of a distribution."""
    shares = distribution.shares
    baseline = distribution.baseline or (None,) * len(shares)
    top = _ceiling(max([*shares, *(distribution.baseline or ())]))
    slot = (100 - LEFT) / len(shares)
    drawn = []
    for i, (seen, before) in enumerate(zip(shares, baseline, strict=True)):
        drawn.append(
            Bar(
                label=_bin(distribution.edges, i),
                share=seen,
                baseline=before,
                x=LEFT + slot * (i + 0.12),
                width=slot * (0.38 if before is not None else 0.76),
                height=HEIGHT * seen / top,
                baseline_height=HEIGHT * (before or 0) / top,
            )
        )
    levels = (Tick(TOP, words.share(top)), Tick(TOP + HEIGHT / 2, words.share(top / 2)))
    named = {words.number(edge): i for i, edge in reversed([*enumerate(distribution.edges)])}
    step = max(1, -(-len(named) // 5))
    edges = tuple(
        Tick(LEFT + slot * (i + 1), name, minor=i % step != 0)
        for name, i in reversed(named.items())
    )
    return Bars(distribution, tuple(drawn), levels, edges)


def stages(result: Result) -> list[Part]:
    """The stages by name in the order in which they come first, over all dates."""
    seconds: dict[str, float] = {}
    rows: dict[str, int] = {}
    for stage in (stage for date in result.dates for stage in date.stages):
        seconds[stage.name] = seconds.get(stage.name, 0.0) + stage.seconds
        if stage.rows is not None:
            rows[stage.name] = rows.get(stage.name, 0) + stage.rows
    longest = max(seconds.values(), default=0.0) or 1.0
    return [Part(n, taken, rows.get(n), 100 * taken / longest) for n, taken in seconds.items()]


def columns(values: Sequence[float]) -> list[tuple[float, float, float]]:
    """Place, width and height in percent of a column for each value, the last one at the right."""
    slot, top = 100 / max(len(values), 1), max(values, default=0) or 1
    return [(slot * (i + 0.1), slot * 0.8, 100 * value / top) for i, value in enumerate(values)]


def _bin(edges: Sequence[float], place: int) -> str:
    """The bin in words; a bin of one value is called by it.

    >>> [_bin((0.0, 1.0), i) for i in range(3)]
    ['below 0', '0 to 1', '1 or more']
    >>> [_bin((0.0, 1.0, 1.0000000000000002), i) for i in range(4)]
    ['below 0', '0 to 1', '1', 'above 1']
    """
    named = [words.number(edge) for edge in edges]
    if place == 0:
        return f"below {named[0]}"
    if place == len(edges):
        return f"above {named[-1]}" if named[-1] in named[:-1] else f"{named[-1]} or more"
    low, high = named[place - 1 : place + 1]
    return low if low == high else f"{low} to {high}"


def _ceiling(share: float) -> float:
    """The round share that an axis ends at.

    >>> [_ceiling(s) for s in (0.0, 0.12, 0.31, 0.97)]
    [0.05, 0.2, 0.4, 1.0]
    """
    return next((top for top in (_LOWEST, 0.1, 0.2, 0.4, 0.6, 0.8) if share <= top), 1.0)
