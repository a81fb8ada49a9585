"""What is told of a run: lines for people, lines of JSON, numbers for Prometheus, a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkbird.job import metrics
from sparkbird.job.words import speed

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
        for path in self._run.metrics:
            metrics.write(result, Path(path))
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
    said += ", nothing published" if date.status == "failed" else ""
    rate = speed(date) or 0.0
    failing = [check for check in date.checks if not check.passed]
    lines = [f"{date.date}: {date.rows:,} rows{said}, {date.seconds:.1f} s, {rate:,.0f} rows/s"]
    lines += [
        f"  {check.action}: {check.name} of {check.column or 'the date'} {check.value:g}, "
        f"not {check.bound}"
        for check in failing
    ]
    return "\n".join(lines)
