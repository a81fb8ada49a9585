"""Measurements as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sparkbird.benchmark.measure import Spread
from sparkbird.benchmark.results import Group, Machine, Measurement

#: What tables show of seconds and rows: the number, and its form.
UNITS: dict[str, tuple[Callable[[float, int], float], str]] = {
    "rows/s": (lambda seconds, rows: rows / seconds, ",.0f"),
    "µs a row": (lambda seconds, rows: 1e6 * seconds / rows, ",.1f"),
    "ms": (lambda seconds, _: 1e3 * seconds, ",.2f"),
    "seconds": (lambda seconds, _: seconds, ",.2f"),
}

#: How many cases of a ranked group are shown at either end.
EXTREMES = 10


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table under a heading."""
    lines = [f"### {title}", "", _line(head), f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *map(_line, rows), ""])


def of_machine(machine: Machine) -> str:
    """The processor, the system and the versions that the figures belong to."""
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return (
        f"{machine.processor}, {machine.cores} cores, load average {machine.load:.1f}, "
        f"{machine.system}, {versions}.\n"
        "Figures are medians, with the least and the most of all rounds in brackets. A ratio says\n"
        "how many times faster sparkbird was than another way, each time in the same round.\n"
    )


def of_group(group: Group) -> str:
    """Its times and ratios, what else is known by number, what it comes to, and its notes."""
    parts = [*_times(group), *_facts(group), *_summary(group)]
    return "\n".join([*parts, *(f"{note}\n" for note in group.notes)])


def _times(group: Group) -> Iterator[str]:
    """A line for each case: the figure of each way, and how many times faster ours was."""
    if not group.measurements:
        return
    cases = _shown(group)
    few = f", {EXTREMES} slowest and {EXTREMES} fastest of {len(group.cases):,}"
    title = group.title + (few if len(cases) < len(group.cases) else "")
    others = [way for way in group.ways if way != group.own]
    head = [group.unit, *group.ways, *(f"faster than {way}" for way in others)]
    lines = [
        [
            case,
            *(_figure(group, group.at(case, way)) for way in group.ways),
            *(_ratio(group, group.at(case, way)) for way in others),
        ]
        for case in cases
    ]
    yield table(title, head, lines)


def _shown(group: Group) -> list[str]:
    """All cases; of many that are alike those with the least and with the greatest ratios."""
    if group.chart != "ranked" or len(group.cases) <= 2 * EXTREMES:
        return group.cases
    found = ((group.ratio(m), m.case) for m in group.measurements if m.way != group.own)
    ordered = [case for _, case in sorted((ratio.median, case) for ratio, case in found if ratio)]
    return [*ordered[:EXTREMES], *ordered[-EXTREMES:]]


def _facts(group: Group) -> Iterator[str]:
    """A table for each fact: a line for each case, a column for each way that has it."""
    for name in group.facts:
        ways = [w for w in group.ways if any(name in m.facts for m in _by(group, w))]
        cases = [*dict.fromkeys(m.case for m in group.measurements if name in m.facts)]
        lines = [[case, *(_fact(group.at(case, way), name) for way in ways)] for case in cases]
        yield table(f"{group.title}: {name}", ["", *ways], lines)


def _summary(group: Group) -> Iterator[str]:
    if group.summary:
        lines = [
            [name, value if isinstance(value, str) else f"{value:,.6g}"]
            for name, value in group.summary.items()
        ]
        yield table(f"{group.title}: summary", ["", ""], lines)


def _by(group: Group, way: str) -> list[Measurement]:
    return [m for m in group.measurements if m.way == way]


def _figure(group: Group, measurement: Measurement | None) -> str:
    if measurement is None:
        return ""
    if not measurement.seconds:
        return measurement.note
    value, form = UNITS[group.unit]
    values = tuple(value(seconds, measurement.rows) for seconds in measurement.seconds)
    return _spread(Spread.of(values), form)


def _ratio(group: Group, measurement: Measurement | None) -> str:
    ratio = group.ratio(measurement) if measurement else None
    return _spread(ratio, ".2f") if ratio else ""


def _spread(spread: Spread, form: str) -> str:
    return f"{spread.median:{form}} ({spread.least:{form}} - {spread.most:{form}})"


def _fact(measurement: Measurement | None, name: str) -> str:
    known = measurement is not None and name in measurement.facts
    return f"{measurement.facts[name]:.4g}" if measurement and known else ""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
