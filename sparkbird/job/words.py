"""Numbers, times and verdicts of a record in the words of its report."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sparkbird.job.drift import LARGE, MODERATE
from sparkbird.job.record import Check, Date, Result

#: What is not known.
ABSENT = "–"  # noqa: RUF001  a dash


def number(value: float | None) -> str:
    """A number with at most four digits that count; all of them of a whole one.

    >>> number(336776), number(0.123456), number(-1234.5), number(1e-9)
    ('336,776', '0.1235', '-1,234', '1e-09')
    """
    if value is None:
        return ABSENT
    if not math.isfinite(value):
        return str(value)
    if abs(value) < 1e15 and (value == int(value) or abs(value) >= 1000):
        return f"{value:,.0f}"
    return f"{value:.4g}"


def share(value: float | None) -> str:
    """A share in percent.

    >>> share(0.1234), share(0.5), share(0.00001), share(0), share(1)
    ('12.3 %', '50 %', '<0.1 %', '0 %', '100 %')
    """
    if value is None:
        return ABSENT
    if 0 < value < 0.0005:
        return "<0.1 %"
    return f"{round(100 * value, 1):g} %"


def duration(seconds: float) -> str:
    """A time in the two units that say most.

    >>> duration(0.5), duration(12.34), duration(252), duration(7384)
    ('0.5 s', '12.3 s', '4 min 12 s', '2 h 3 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {left} s"
    return f"{minutes // 60} h {minutes % 60} min"


def moment(when: datetime) -> str:
    """A date and time, with the zone that it was recorded in."""
    return f"{when:%Y-%m-%d %H:%M:%S} {when.tzname() or ''}".strip()


def rate(rows: int | None, seconds: float) -> float | None:
    """Rows per second; None if nothing was done.

    >>> rate(1000, 2), rate(None, 2), rate(10, 0)
    (500.0, None, None)
    """
    return rows / seconds if rows and seconds > 0 else None


def speed(work: Date | Result) -> float | None:
    """Rows per second that a date or a run scored itself, which it does not where none changed."""
    dates = work.dates if isinstance(work, Result) else (work,)
    return rate(sum(d.rows for d in dates if d.status != "unchanged"), work.seconds)


def rounded(statistic: float | None) -> str:
    """A PSI or KS with three decimals, which do not depend on its size.

    >>> rounded(0.12345), rounded(0.0)
    ('0.123', '0.000')
    """
    return ABSENT if statistic is None else f"{statistic:.3f}"


def counted(count: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "check"), counted(1200, "row")
    ('1 check', '1,200 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def moved(psi: float | None) -> tuple[str, str]:
    """The mark of a PSI and what it means."""
    if psi is None:
        return "absent", "not compared"
    if psi < MODERATE:
        return "passed", "little has moved"
    return ("warned", "moderate change") if psi < LARGE else ("failed", "large change")


def outcome(check: Check) -> tuple[str, str]:
    """The mark of a check and what came of it."""
    if check.passed:
        return "passed", "passed"
    return {
        "fail": ("failed", "failed: the run ended"),
        "quarantine": ("warned", "not passed: rows put aside"),
        "warn": ("warned", "not passed: warning"),
    }[check.action]


def ended(date: Date | Result) -> tuple[str, str]:
    """The mark of how a date or a run ended and the word for it."""
    return ("failed" if date.status == "failed" else "passed"), date.status


FILTERS: Mapping[str, Callable[..., Any]] = {
    "number": number,
    "share": share,
    "duration": duration,
    "moment": moment,
    "counted": counted,
    "speed": speed,
    "rounded": rounded,
    "moved": moved,
    "outcome": outcome,
    "ended": ended,
}
