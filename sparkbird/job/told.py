"""What is told of a run: lines for people, lines of JSON, numbers for Prometheus, a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from sparkbird.job.config import Config
    from sparkbird.job.record import Date, Result


class Told:
    """Tells of a run in the ways that a configuration asks for."""

    def __init__(self, config: Config, console: Console) -> None:
        self._run, self.console = config.run, console

    def say(self, text: str) -> None:
        """A line for people."""
        self.console.print(text, soft_wrap=True, highlight=False, markup=False)

    def event(self, name: str, **facts: Any) -> None:
        """A line of JSON."""
        if self._run.log:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            path = Path(self._run.log)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"time": now, "event": name, **facts}) + "\n")

    def ended(self, result: Result, before: Sequence[Result] = ()) -> None:
        """All that is told at the end; the page shows runs before, too."""
        for date in result.dates:
            self.say(_line(date))
        if result.error:
            self.say(f"error: {result.error.fact}")
            self.say(f"hint:  {result.error.hint}")
        facts = result.model_dump(mode="json", exclude={"dates", "plan"})
        self.event("ended", **facts)
        if self._run.metrics:
            path = Path(self._run.metrics)
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}")
            draft.write_text("".join(f"{line}\n" for line in metrics(result)), encoding="utf-8")
            draft.replace(path)  # the exporter reads at any time
        if self._run.report:
            from sparkbird.job import report

            Path(self._run.report).parent.mkdir(parents=True, exist_ok=True)
            report.write(result, self._run.report, previous=before)


def _line(date: Date) -> str:
    if date.status == "unchanged":
        return f"{date.date}: unchanged, {date.rows:,} rows"
    more = [
        (date.refused, "with a NULL prediction"),
        (date.quarantined, "put aside"),
        (date.resumed, "parts scored before"),
    ]
    said = "".join(f", {number:,} {what}" for number, what in more if number)
    rate = date.rows / date.seconds if date.seconds else 0
    failing = [check for check in date.checks if not check.passed]
    lines = [f"{date.date}: {date.rows:,} rows{said}, {date.seconds:.1f} s, {rate:,.0f} rows/s"]
    lines += [
        f"  {check.action}: {check.name} of {check.column or 'the date'} {check.value:g}, "
        f"not {check.bound}"
        for check in failing
    ]
    return "\n".join(lines)


#: Names, what they are, and where they come from: of the run, and of a date.
_OF_RUN = (
    ("exit_code", "exit code of the last run", lambda run: run.exit_code),
    ("ended_timestamp_seconds", "when the last run ended", lambda run: run.ended.timestamp()),
    ("seconds", "how long the last run took", lambda run: run.seconds),
)
_OF_DATE = (
    ("rows", "rows published", lambda date: date.rows),
    ("refused_rows", "rows with a NULL prediction", lambda date: date.refused),
    ("quarantined_rows", "rows put aside", lambda date: date.quarantined),
    ("failed_checks", "checks not passed", lambda d: sum(not check.passed for check in d.checks)),
)


def metrics(result: Result) -> Iterator[str]:
    """The lines of a run in Prometheus' text format, the last date of the run for all.

    Source: prometheus.io, Exposition formats, 0.0.4.
    """
    job = json.dumps(result.job)
    last = result.dates[-1:] if result.dates else ()
    for source, table in (((result,), _OF_RUN), (last, _OF_DATE)):
        for name, said, value in table:
            yield f"# HELP sparkbird_{name} {said}"
            yield f"# TYPE sparkbird_{name} gauge"
            for one in source:
                yield f"sparkbird_{name}{{job={job}}} {value(one)}"
