"""Ratios as charts: SVG files of their own, legible on light and on dark pages.

Every ratio says how many times faster sparkbird was, on a logarithmic axis: a bar to the right of
1, or upwards, means that it won. Lengths are pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from sparkbird.benchmark.measure import Spread
from sparkbird.benchmark.results import Group

WIDTH, MARGIN = 860, 20
#: Of a bar, and of the space between cases.
BAR, GAP = 13, 14
#: Where bars begin, behind the names of cases, and the room for figures behind them.
LEFT, RIGHT = 250, 120
HEAD, RANKED = 64, 260
_LETTER = 7.0  # the width of one, on average
_LINE = 20
_LONGEST = 34  # letters of the name of a case

#: Colours of peers, on light and on dark: by Okabe and Ito, told apart by the colour-blind.
COLOURS = (
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#f0883e"),
    ("#009e73", "#3fb68b"),
    ("#a0527f", "#d58fb8"),
    ("#8a7400", "#e0c341"),
    ("#57606a", "#9aa4af"),
)
_STYLE = """\
text {{ font: 12px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif;
  fill: #1f2328 }}
.title {{ font-size: 15px; font-weight: 600 }}
.quiet {{ fill: #59636e }}
rect {{ shape-rendering: crispEdges }}
.page {{ fill: #ffffff; stroke: #d1d9e0 }}
.grid {{ stroke: #d1d9e0; stroke-width: 1 }}
.one {{ stroke: #1f2328; stroke-width: 1.5 }}
.spread {{ stroke: #1f2328; stroke-width: 1; opacity: 0.55 }}
{light}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3 }}
.quiet {{ fill: #9198a1 }}
.page {{ fill: #0d1117; stroke: #3d444d }}
.grid {{ stroke: #3d444d }}
.one, .spread {{ stroke: #e6edf3 }}
{dark}
}}"""


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis: the place of a ratio between two pixels."""

    least: float
    most: float
    start: float
    end: float

    @classmethod
    def over(cls, spreads: Sequence[Spread], start: float, end: float) -> Axis:
        """One on which all of these lie, and 1 too."""
        least = min([1.0, *(spread.least for spread in spreads)])
        most = max([2.0, *(spread.most for spread in spreads)])
        return cls(least / 1.1 if least < 1 else 1.0, most * 1.05, start, end)

    def at(self, ratio: float) -> float:
        """The pixel of a ratio."""
        share = math.log(ratio / self.least) / math.log(self.most / self.least)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """The round ratios on it, at most about ten."""
        decades = range(math.floor(math.log10(self.least)), math.ceil(math.log10(self.most)) + 1)
        steps = (1, 2, 5) if len(decades) <= 4 else (1,)
        ratios = [step * 10.0**decade for decade in decades for step in steps]
        return [ratio for ratio in ratios if self.least <= ratio <= self.most]


def svg(group: Group) -> str:
    """The chart of a group, an SVG document; empty if nothing was compared in it."""
    return CHARTS[group.chart](group) if _spreads(group) else ""


def bars(group: Group) -> str:
    """For each case a bar for each way but ours."""
    others = [way for way in group.ways if way != group.own]
    cases = [case for case in group.cases if _of_case(group, case, others)]
    axis = Axis.over(_spreads(group), LEFT, WIDTH - RIGHT)
    drawn = sorted({place for case in cases for place, _ in _of_case(group, case, others)})
    legend = _legend([(place, others[place]) for place in drawn])
    body, y = [], float(HEAD + _LINE * len({y for _, _, y in legend}) + 10)
    top = y
    for case in cases:
        found = _of_case(group, case, others)
        middle = y + BAR * len(found) / 2 + 4
        body.append(_text(LEFT - 12, middle, _cut(case), "end"))
        for place, text in found:
            body += _bar(axis, y, f"w{place % len(COLOURS)}", text)
            y += BAR
        y += GAP
    grid = [_vertical(axis, ratio, top - 6, y - GAP + 6) for ratio in axis.ticks()]
    ticks = [_text(axis.at(r), y + 10, _ratio(r), "middle", "quiet") for r in axis.ticks()]
    words = [_key(place, others[place], x, y) for place, x, y in legend]
    lines = [*words, *grid, *body, *ticks]
    return _page(group.title, "times that sparkbird is faster than", lines, y + 24)


def ranked(group: Group) -> str:
    """One bar for each case, from the slowest to the fastest, against the other way."""
    other = next(way for way in group.ways if way != group.own)
    found = {case: group.ratio(m) for case in group.cases if (m := group.at(case, other))}
    ratios = sorted((ratio.median, case) for case, ratio in found.items() if ratio)
    bottom, left, right = float(HEAD + RANKED), MARGIN + 40.0, WIDTH - MARGIN - 10.0
    axis = Axis.over([Spread(r, r, r) for r, _ in ratios], bottom, HEAD + 14)
    step = (right - left) / len(ratios)
    columns = [
        _column(axis, left + i * step, step, ratio, case) for i, (ratio, case) in enumerate(ratios)
    ]
    grid = [line for tick in axis.ticks() for line in _level(axis, tick, left, right)]
    middle = Spread.of(tuple(ratio for ratio, _ in ratios)).median
    (slowest, first), (fastest, last) = ratios[0], ratios[-1]
    said = [
        f"slowest {_ratio(slowest)}: {first}",
        f"median {_ratio(middle)}",
        f"fastest {_ratio(fastest)}: {last}",
    ]
    words = [_text(left, bottom + 22 + 18 * i, line) for i, line in enumerate(said)]
    subtitle = f"times that sparkbird is faster than {other}, a bar for each of {len(ratios):,}"
    return _page(group.title, subtitle, [*grid, *columns, *words], bottom + 74)


#: How groups are drawn, by name.
CHARTS: dict[str, Callable[[Group], str]] = {"bars": bars, "ranked": ranked}


def _spreads(group: Group) -> list[Spread]:
    found = [group.ratio(m) for m in group.measurements if m.way != group.own]
    return [ratio for ratio in found if ratio]


def _of_case(group: Group, case: str, others: Sequence[str]) -> list[tuple[int, Spread]]:
    """The places of the ways that were measured, and their ratios."""
    found = ((i, group.at(case, way)) for i, way in enumerate(others))
    ratios = ((i, group.ratio(m)) for i, m in found if m)
    return [(i, ratio) for i, ratio in ratios if ratio]


def _bar(axis: Axis, y: float, kind: str, ratio: Spread) -> list[str]:
    """From 1 to the median, over it a line from the least to the most, behind it the figure."""
    start, end = sorted((axis.at(1), axis.at(ratio.median)))
    middle, far = y + BAR / 2, max(axis.at(ratio.most), axis.at(1))
    bar = (
        f'<rect class="{kind}" x="{start:.1f}" y="{y + 1:.1f}" '
        f'width="{max(end - start, 1):.1f}" height="{BAR - 2}"/>'
    )
    spread = (
        f'<line class="spread" x1="{axis.at(ratio.least):.1f}" x2="{axis.at(ratio.most):.1f}" '
        f'y1="{middle:.1f}" y2="{middle:.1f}"/>'
    )
    return [bar, spread, _text(far + 6, y + BAR - 3, _ratio(ratio.median))]


def _column(axis: Axis, x: float, step: float, ratio: float, case: str) -> str:
    """A bar, which says whose it is where there is room to point at it."""
    start, end = sorted((axis.at(1), axis.at(ratio)))
    wide = step > 3
    said = f"<title>{escape(case)}: {_ratio(ratio)}</title>" if wide else ""
    return (
        f'<rect class="{"w0" if ratio >= 1 else "w1"}" x="{x:.1f}" y="{start:.1f}" '
        f'width="{step - 1 if wide else step:.2f}" height="{max(end - start, 0.5):.1f}">'
        f"{said}</rect>"
    )


def _level(axis: Axis, ratio: float, left: float, right: float) -> tuple[str, str]:
    """A line across, and its ratio before it."""
    kind, y = "one" if ratio == 1 else "grid", f"{axis.at(ratio):.1f}"
    line = f'<line class="{kind}" x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}"/>'
    return line, _text(left - 8, axis.at(ratio) + 4, _ratio(ratio), "end", "quiet")


def _vertical(axis: Axis, ratio: float, top: float, bottom: float) -> str:
    kind = "one" if ratio == 1 else "grid"
    place = f'x1="{axis.at(ratio):.1f}" x2="{axis.at(ratio):.1f}"'
    return f'<line class="{kind}" {place} y1="{top:.1f}" y2="{bottom:.1f}"/>'


def _legend(ways: Sequence[tuple[int, str]]) -> list[tuple[int, float, float]]:
    """Where the keys of ways are: beside each other, on a new line where one is full."""
    found, x, y = [], float(MARGIN), float(HEAD + 14)
    for place, way in ways:
        width = 17 + _LETTER * len(way) + 18
        if x > MARGIN and x + width > WIDTH - MARGIN:
            x, y = float(MARGIN), y + _LINE
        found.append((place, x, y))
        x += width
    return found


def _key(place: int, way: str, x: float, y: float) -> str:
    kind = f"w{place % len(COLOURS)}"
    square = f'<rect class="{kind}" x="{x}" y="{y - 10}" width="11" height="11"/>'
    return square + _text(x + 17, y, way)


def _page(title: str, subtitle: str, lines: Sequence[str], height: float) -> str:
    light, dark = (
        "\n".join(f".w{i} {{ fill: {pair[k]} }}" for i, pair in enumerate(COLOURS)) for k in (0, 1)
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img" aria-label="{escape(title)}">'
    )
    parts = [
        head,
        f"<style>{_STYLE.format(light=light, dark=dark)}</style>",
        f'<rect class="page" x="1" y="1" width="{WIDTH - 2}" height="{height - 2:.0f}" rx="6"/>',
        _text(MARGIN, 30, title, kind="title"),
        _text(MARGIN, 50, subtitle, kind="quiet"),
        *lines,
        "</svg>",
        "",
    ]
    return "\n".join(parts)


def _text(x: float, y: float, said: str, anchor: str = "start", kind: str = "") -> str:
    css = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{css}>{escape(said)}</text>'


def _ratio(ratio: float) -> str:
    """A ratio in three digits.

    >>> _ratio(12.34), _ratio(0.8), _ratio(1234)
    ('12.3x', '0.8x', '1234x')
    """
    return f"{ratio:.3g}x" if ratio < 1000 else f"{ratio:.0f}x"


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
