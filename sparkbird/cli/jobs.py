"""Commands that score tables: each a job with a configuration and exit codes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

from sparkbird.cli.command import command, complain, say
from sparkbird.errors import SparkbirdError

if TYPE_CHECKING:
    from sparkbird.job.section import Section

_Root = TypeVar("_Root", bound="Section")

_ConfFiles = Annotated[
    list[Path],
    typer.Option("--conf", help="The configuration, a YAML file; others override it. Repeatable."),
]
_Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", help="A value of the configuration, as model.device=cpu. Repeatable."),
]
_PrintConfig = Annotated[
    bool, typer.Option("--print-config", help="Say the configuration, and do nothing.")
]


@command
def score(
    conf: _ConfFiles,
    assign: _Assignments = None,
    date: Annotated[str | None, typer.Option(help="The logical date; yesterday by UTC.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="The first date of several.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last of them.")] = None,
    late: Annotated[
        int, typer.Option(min=0, help="Dates before, scored again if their rows have changed.")
    ] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Score again what has not changed.")
    ] = False,
    print_config: _PrintConfig = False,
) -> None:
    """Score a table in Spark as a configuration says: what jobs/score.py does.

    Exit codes: 0 done, 1 failed, 2 configuration, 3 input, 4 a check, 5 another run has the lock.
    """
    from sparkbird.job import score
    from sparkbird.job.config import Config
    from sparkbird.job.nightly import dates
    from sparkbird.job.nightly.run import Asked, run

    with _exit_codes():
        found = _configured(Config, conf, assign, show=print_config)
        if found is None:
            return
        console = Console(soft_wrap=True)
        if found.date is None and not (date or first or last):
            score.run(found, console=console)
            return
        limit = found.date.limit if found.date else 1
        days, before = dates.wanted(date, first, last, late=late, limit=limit)
        code = run(found, Asked(days, frozenset(before), force), console=console).exit_code
    if code:
        raise typer.Exit(code)


@command
def stream(
    conf: _ConfFiles,
    assign: _Assignments = None,
    print_config: _PrintConfig = False,
) -> None:
    """Score files as they arrive in a folder: what jobs/stream.py does.

    Exit codes: 0 done, 1 failed, 2 configuration, 3 input.
    """
    from sparkbird.job.stream.config import Config
    from sparkbird.job.stream.run import run

    with _exit_codes():
        if found := _configured(Config, conf, assign, show=print_config):
            run(found, console=Console(soft_wrap=True))


@command
def baseline(
    table: Annotated[str, typer.Argument(help="A folder of Parquet files: scores that are good.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The baseline to write, JSON.")],
    column: Annotated[
        list[str], typer.Option(help="A column of numbers or strings to watch. Repeatable.")
    ],
) -> None:
    """Note what columns hold when all is well: what later runs are compared with."""
    from sparkbird.job import baseline as baselines
    from sparkbird.job.score import session_for

    with session_for("sparkbird baseline", None) as spark:
        found = baselines.baseline_of(spark.read.parquet(table), column)
    baselines.save(found, output)
    say(f"{output}: {found.rows:,} rows, {', '.join(found.columns)}")


@contextlib.contextmanager
def _exit_codes() -> Iterator[None]:
    """The errors of a job, each with its exit code."""
    from sparkbird.job import exits

    try:
        yield
    except SparkbirdError as error:
        complain(error)
        raise typer.Exit(exits.exit_code(error)) from error


def _configured(
    root: type[_Root], conf: Sequence[Path], assign: Sequence[str] | None, *, show: bool
) -> _Root | None:
    """The configuration in files and assignments; None if it is only to be shown, as it is."""
    from sparkbird.job import mistakes, overlay

    document = overlay.combined(conf, assign or ())
    found = mistakes.checked(root, overlay.resolved(document, os.environ))
    if not show:
        return found
    say(overlay.printed(document))
    return None
