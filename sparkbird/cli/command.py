"""What every command is: errors as a fact and a hint, and where they are said."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import typer
from rich.console import Console

from sparkbird.errors import ConfigError, SparkbirdError

app = typer.Typer(
    help="Compile trained models to ONNX graphs and apply them to Spark dataframes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

#: Exit codes: something went wrong; the command or its configuration is wrong.
FAILED, USAGE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and give its exit code."""
    try:
        app(None if arguments is None else [*arguments])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Register a command whose errors are printed as a fact and a hint, without traceback."""

    @functools.wraps(function)
    def run(*arguments: Any, **options: Any) -> None:
        # pandas 3 makes pyspark 4.3 warn at each step; what is used here works.
        warnings.filterwarnings("ignore", "PySpark does not yet", category=FutureWarning)
        try:
            function(*arguments, **options)
        except SparkbirdError as error:
            complain(error)
            raise typer.Exit(USAGE if isinstance(error, ConfigError) else FAILED) from error

    app.command()(run)
    return run


def complain(error: SparkbirdError) -> None:
    """To standard error: the fact, and the hint if there is one."""
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    console.print(f"error: {error.fact}", style="red")
    if error.hint:
        console.print(f"hint:  {error.hint}")


def say(text: object) -> None:
    """To standard output, as it is: nothing wrapped, nothing coloured."""
    sys.stdout.write(f"{text}\n")


def hint(text: str) -> None:
    """To standard error: what is being done."""
    sys.stderr.write(f"... {text}\n")
