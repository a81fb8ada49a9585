"""What a run gives: Markdown as it goes, and if wanted a JSON file and charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sparkbird.benchmark import chart, markdown
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.results import Group, Machine, Report
from sparkbird.benchmark.run import run
from sparkbird.errors import OutputError


@dataclass(frozen=True)
class Kept:
    """The files wanted: all measurements, and a chart of each group."""

    json: Path | None = None
    charts: Path | None = None

    def write(self, report: Report) -> None:
        """What is known so far.

        Raises
        ------
        OutputError
            A file or a folder cannot be written.
        """
        if self.json:
            report.write(self.json)
        if self.charts:
            for group in report.groups:
                _draw(group, self.charts)


def measured(options: Options, only: Sequence[str] | None, kept: Kept) -> Iterator[str]:
    """The machine, then each group of measurements, written and told as soon as it is there.

    Raises
    ------
    ConfigError, OutputError
        There is no such suite, or a file cannot be written.
    """
    report = Report(Machine.here())
    groups = run(options, only)
    yield markdown.of_machine(report.machine)
    for group in groups:
        report = Report(report.machine, (*report.groups, group))
        kept.write(report)
        yield markdown.of_group(group)


def shown(file: Path, kept: Kept) -> Iterator[str]:
    """What an earlier run measured.

    Raises
    ------
    InputError, OutputError
        There is no such file, or another cannot be written.
    """
    report = Report.read(file)
    kept.write(report)
    yield markdown.of_machine(report.machine)
    yield from map(markdown.of_group, report.groups)


def _draw(group: Group, folder: Path) -> None:
    if drawing := chart.svg(group):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{group.suite}-{group.name}.svg"
            path.write_text(drawing, encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"cannot write to {folder}: {error.strerror}", "choose another folder."
            ) from error
