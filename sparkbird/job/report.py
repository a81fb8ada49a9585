"""The report of a run for people: one HTML page that needs nothing else.

No JavaScript, no font and no image is fetched: it can be mailed, archived and printed.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sparkbird.errors import OutputError
from sparkbird.job import figures, words
from sparkbird.job.record import Check, Date, Distribution, Result

#: Columns whose distributions are open at once; the others are a click away.
OPEN = 6
#: Passed checks that are open below those that are not; more of them are folded.
FEW = 5
#: Runs before this one that are shown.
RUNS = 14


def render(result: Result, *, previous: Sequence[Result] = ()) -> str:
    """The page for `result`, as HTML; `previous` are runs of the same job, the oldest first.

    What the record has not (a baseline, checks, dates) is not shown, or said to be absent.
    All text of the record is escaped.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sparkbird.job", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= words.FILTERS
    checks = _checks(result)
    every = [seen for date in result.dates for seen in date.distributions]
    return environment.get_template("report.html").render(
        result=result,
        status=_status(result),
        checks=checks,
        failing=[(date, check) for date, check in checks if not check.passed],
        passing=[(date, check) for date, check in checks if check.passed],
        few=FEW,
        set_aside=sum(date.quarantined for date in result.dates),
        distributions=_distributions(result),
        compared=any(seen.baseline is not None for seen in every),
        stages=figures.stages(result),
        runs=_runs(result, previous),
        change=_change(result, previous),
    )


def write(result: Result, path: str | os.PathLike[str], *, previous: Sequence[Result] = ()) -> None:
    """Write the page for `result` to the file `path`, so that it is whole or not there.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    place = Path(path)
    draft = place.with_name(f".{place.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        draft.write_text(render(result, previous=previous), encoding="utf-8")
        draft.replace(place)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write {place}: {error.strerror}", "choose a folder that exists."
        ) from error


def _status(result: Result) -> tuple[str, str]:
    """How it ended: the name of its mark, and in words."""
    failed = [check for _, check in _failed(result)]
    if result.status == "failed":
        return "failed", "Failed"
    if failed:
        return "warned", f"Done, {words.counted(len(failed), 'check')} not passed"
    if result.dates and all(date.status == "unchanged" for date in result.dates):
        return "passed", "Done, nothing had changed"
    return "passed", "Done"


def _failed(result: Result) -> list[tuple[Date, Check]]:
    return [(date, c) for date in result.dates for c in date.checks if not c.passed]


#: What a check did, worst first.
_ORDER = ("fail", "quarantine", "warn")


def _checks(result: Result) -> list[tuple[Date, Check]]:
    """The failed ones first, the worst of these before the others, then as they were recorded."""
    every = [(date, check) for date in result.dates for check in date.checks]
    return sorted(every, key=lambda c: (c[1].passed, _ORDER.index(c[1].action)))


def _distributions(result: Result) -> list[tuple[Date, list[figures.Bars], list[figures.Bars]]]:
    """For each date, the latest first, the columns to show and those to fold, by their PSI."""
    shown = []
    for date in sorted(result.dates, key=lambda date: date.date, reverse=True):
        moved = sorted(date.distributions, key=_psi, reverse=True)
        if bars := [figures.bars(distribution) for distribution in moved]:
            shown.append((date, bars[:OPEN], bars[OPEN:]))
    return shown


def _psi(distribution: Distribution) -> float:
    return -1.0 if distribution.psi is None else distribution.psi


def _runs(result: Result, previous: Sequence[Result]) -> dict[str, Any]:
    """The runs before this one and itself, the latest first, and their rows drawn."""
    every = [*previous, result][-RUNS - 1 :]
    table = [(run, _largest(run)) for run in reversed(every)]
    return {"table": table, "columns": figures.columns([run.rows for run in every])}


def _largest(run: Result) -> float | None:
    """The PSI of the column that moved most."""
    known = [d.psi for date in run.dates for d in date.distributions if d.psi is not None]
    return max(known, default=None)


def _change(result: Result, previous: Sequence[Result]) -> float | None:
    """How many more rows than in the last run that was done, as a share of those."""
    done = [run for run in previous if run.status == "done" and run.rows]
    return result.rows / done[-1].rows - 1 if done and result.status == "done" else None
