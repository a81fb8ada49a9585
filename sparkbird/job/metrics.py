"""The numbers of a run in files that are looked at again and again: of Prometheus, and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkbird.job.words import speed

if TYPE_CHECKING:
    from sparkbird.job.record import Date, Result


#: Names, what they are, and where they come from: of the run, and of its last date.
_OF_RUN: tuple[tuple[str, str, Callable[[Result], float]], ...] = (
    ("exit_code", "exit code of the last run", lambda run: run.exit_code),
    ("ended_timestamp_seconds", "when the last run ended", lambda run: run.ended.timestamp()),
    ("seconds", "how long the last run took", lambda run: run.seconds),
)
_OF_DATE: tuple[tuple[str, str, Callable[[Date], float]], ...] = (
    ("rows", "rows published", lambda date: date.published),
    ("rows_per_second", "rows scored a second", lambda date: speed(date) or 0.0),
    ("refused_rows", "rows with a NULL prediction", lambda date: date.refused),
    ("quarantined_rows", "rows put aside", lambda date: date.quarantined),
    ("failed_checks", "checks not passed", lambda d: sum(not check.passed for check in d.checks)),
)


def write(result: Result, path: Path) -> None:
    """Write the numbers as the end of the file's name says, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    draft.write_text("".join(f"{line}\n" for line in FORMS[path.suffix](result)), encoding="utf-8")
    draft.replace(path)


def prometheus(result: Result) -> Iterator[str]:
    """The lines of a run in Prometheus' text format, the last date of the run for all.

    Source: prometheus.io, Exposition formats, 0.0.4.
    """
    job = json.dumps(result.job)
    last = result.dates[-1:]
    tables: tuple[tuple[tuple[Any, ...], Any], ...] = (((result,), _OF_RUN), (last, _OF_DATE))
    for source, table in tables:
        for name, said, value in table:
            yield f"# HELP sparkbird_{name} {said}"
            yield f"# TYPE sparkbird_{name} gauge"
            for one in source:
                yield f"sparkbird_{name}{{job={job}}} {value(one)}"


def as_json(result: Result) -> Iterator[str]:
    """The same as one mapping, with each date of the run."""
    dates = [{"date": d.date, "status": d.status, **_numbers(_OF_DATE, d)} for d in result.dates]
    run = {"job": result.job, "run_id": result.run_id, **_numbers(_OF_RUN, result)}
    yield json.dumps({**run, "dates": dates}, indent=1)


def _numbers(table: Any, one: Date | Result) -> Mapping[str, float]:
    return {name: value(one) for name, _, value in table}


#: By the end of a file's name.
FORMS: Mapping[str, Callable[[Result], Iterator[str]]] = {".prom": prometheus, ".json": as_json}
