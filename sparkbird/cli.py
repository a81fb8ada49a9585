"""The command `sparkbird`. What a command needs is imported when it runs."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console

from sparkbird.errors import ConfigError, InputError, SparkbirdError

if TYPE_CHECKING:
    from sparkbird.job.section import Section
    from sparkbird.model import CompiledModel

_Root = TypeVar("_Root", bound="Section")

app = typer.Typer(
    help="Compile trained models to ONNX graphs and apply them to Spark dataframes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

#: Exit codes: something went wrong; the command or its configuration is wrong.
FAILED, USAGE = 1, 2

_ModelFile = Annotated[
    str,
    typer.Argument(
        help="A saved artefact (.onnx), a booster that its library saved (.txt, .json, .ubj, "
        ".cbm), a fitted model (.joblib, .pkl, .pickle), or a URI of MLflow (models:/..., "
        "runs:/...). Reading a pickle runs the code in it: trust its writer."
    ),
]
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
_RowsFile = Annotated[Path, typer.Argument(help="A Parquet or CSV file of rows.")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and give its exit code."""
    try:
        app(None if arguments is None else [*arguments])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _command(function: Callable[..., None]) -> Callable[..., None]:
    """Register a command whose errors are printed as a fact and a hint, without traceback."""

    @functools.wraps(function)
    def run(*arguments: Any, **options: Any) -> None:
        # pandas 3 makes pyspark 4.3 warn at each step; what is used here works.
        warnings.filterwarnings("ignore", "PySpark does not yet", category=FutureWarning)
        try:
            function(*arguments, **options)
        except SparkbirdError as error:
            _complain(error)
            raise typer.Exit(USAGE if isinstance(error, ConfigError) else FAILED) from error

    app.command()(run)
    return run


def _complain(error: SparkbirdError) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    console.print(f"error: {error.fact}", style="red")
    if error.hint:
        console.print(f"hint:  {error.hint}")


def _say(text: object) -> None:
    """To standard output, as it is: nothing wrapped, nothing coloured."""
    sys.stdout.write(f"{text}\n")


def _hint(text: str) -> None:
    """To standard error: what is being done."""
    sys.stderr.write(f"... {text}\n")


@_command
def demo(
    rows: Annotated[int | None, typer.Option(help="How many of the 336,776 flights.")] = None,
    out: Annotated[Path, typer.Option(help="The folder for everything.")] = Path("sparkbird-demo"),
) -> None:
    """Train, compile, check and score real flights in local Spark, and compare."""
    from sparkbird.demo.run import run

    run(out, Console(soft_wrap=True), rows)


@_command
def compile(  # noqa: A001  the name of the command
    model: _ModelFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="The artefact to write.")],
    sample: Annotated[
        Path | None, typer.Option(help="Rows (Parquet, CSV) that tell the types of the columns.")
    ] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="An output to keep; all if left out. Repeatable.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(help="How forests are computed; by cost if left out.")
    ] = None,
) -> None:
    """Compile a fitted model to one ONNX file."""
    from sparkbird.compiler import compile as compile_model

    inputs = None if sample is None else _columns_of(_read_model(model), _read_rows(sample))
    compiled = compile_model(_read_model(model), inputs, outputs=method or None, strategy=strategy)
    compiled.save(output)
    _say(f"{output}: {compiled!r}, {output.stat().st_size:,} bytes")


@_command
def check(
    model: _ModelFile,
    rows: _RowsFile,
    artefact: Annotated[
        Path | None, typer.Option(help="The compiled model; compiled anew if left out.")
    ] = None,
) -> None:
    """Compare a fitted model with its compiled form on real rows."""
    from sparkbird.model import load
    from sparkbird.parity import check as compare

    compiled = None if artefact is None else load(artefact)
    report = compare(_read_model(model), _read_rows(rows), compiled=compiled)
    _say(report)
    if not report.ok:
        raise typer.Exit(FAILED)


@_command
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


@contextlib.contextmanager
def _exit_codes() -> Iterator[None]:
    """The errors of a job, each with its exit code."""
    from sparkbird.job import exits

    try:
        yield
    except SparkbirdError as error:
        _complain(error)
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
    _say(overlay.printed(document))
    return None


@_command
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
    _say(f"{output}: {found.rows:,} rows, {', '.join(found.columns)}")


@_command
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


@_command
def explain(model: _ModelFile) -> None:
    """Say what a model takes and gives, and how its graph was chosen."""
    _say(_compiled(model).explain())


@_command
def bench(
    repeats: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 3,
    rows: Annotated[
        int | None,
        typer.Option(min=1, help="How many rows are scored; as many as suits a suite if left out."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="forests, compile, operators, pipelines, costs, spark or sparkml; all if left "
            "out. Repeatable."
        ),
    ] = None,
    case: Annotated[
        list[str] | None,
        typer.Option(help="Only cases with this in their names. Repeatable."),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="How many cores and threads each has, outside Spark.")
    ] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="Tiny sizes: to see that it runs, not how fast.")
    ] = False,
    cache: Annotated[
        Path | None, typer.Option(help="A folder in which trained models are kept.")
    ] = None,
    lleaves: Annotated[
        str, typer.Option(help="A Python that has lleaves, which needs an older llvmlite.")
    ] = "",
    json: Annotated[
        Path | None, typer.Option(help="A file for all measurements, written as they come.")
    ] = None,
    charts: Annotated[Path | None, typer.Option(help="A folder for charts, SVG files.")] = None,
    show: Annotated[
        Path | None, typer.Option(help="Measure nothing, and show a file that --json wrote.")
    ] = None,
    calibrate: Annotated[
        bool,
        typer.Option("--calibrate", help="Measure the prices of this machine, and nothing else."),
    ] = False,
    costs: Annotated[
        Path, typer.Option(help="The folder for the file of prices that --calibrate writes.")
    ] = Path("conf/costs"),
) -> None:
    """Measure sparkbird against its peers on this machine; Markdown tables."""
    if calibrate:
        _say(_calibrated(costs, quick=quick))
        return
    from sparkbird.benchmark import output
    from sparkbird.benchmark.options import Options

    cases = tuple(case or ())
    options = Options(repeats, rows, threads, quick, cases, cache, lleaves, progress=_hint)
    kept = output.Kept(json, charts)
    for part in output.shown(show, kept) if show else output.measured(options, only, kept):
        _say(part)


@_command
def doctor(
    spark: Annotated[
        bool, typer.Option("--spark", help="Look at the executors of a Spark session as well.")
    ] = False,
    conf: Annotated[
        list[str] | None,
        typer.Option(help="A setting of that session, spark.master=yarn. Repeatable."),
    ] = None,
) -> None:
    """Say what is installed here, or on a cluster, and what is missing."""
    if spark:
        _probe(conf or [])
        return
    from sparkbird.doctor.local import findings

    found = [*findings()]
    width = max(len(finding.what) for finding in found)
    for finding in found:
        _say(f"{'ok ' if finding.ok else 'NO '} {finding.what:<{width}}  {finding.said}")
    if not all(finding.ok for finding in found):
        raise typer.Exit(FAILED)


@_command
def supported(
    markdown: Annotated[bool, typer.Option(help="As the table of the README.")] = False,
) -> None:
    """List the model classes that are compiled."""
    from sparkbird.classes import by_module, by_reason
    from sparkbird.converters import refused, supported as names

    found = by_module(names())
    if markdown:
        _say("| module | classes |\n|---|---|")
    for module, classes in found.items():
        own = ", ".join(classes)
        _say(f"| {module} | {own} |" if markdown else f"{module}\n    {own}")
    _say("\n| not compiled | because |\n|---|---|" if markdown else "\nnot compiled")
    for reason, classes in by_reason(refused()).items():
        own = ", ".join(classes)
        _say(f"| {own} | {reason} |" if markdown else f"    {own}\n        {reason}")


def _calibrated(folder: Path, *, quick: bool) -> str:
    """What was written where."""
    from sparkbird.benchmark.measure import installed

    if not installed("sklearn", "threadpoolctl", "pandas"):
        raise ConfigError(
            "calibrating takes scikit-learn and pandas", "pip install 'sparkbird[bench]'"
        )
    from sparkbird.benchmark import calibration
    from sparkbird.prices import COSTS

    prices = calibration.calibrated(quick=quick, progress=_hint)
    path = calibration.file_of(prices, folder)
    prices.write(path)
    return f"{path}: prices of {prices.machine}\n{COSTS}={path} makes sparkbird use them"


def _probe(conf: Sequence[str]) -> None:
    """What the executors have, and advice; the code is `FAILED` where there is any."""
    if wrong := [setting for setting in conf if "=" not in setting]:
        raise ConfigError(f"{wrong[0]!r} is no setting", "write --conf spark.master=yarn.")
    from sparkbird.doctor.cluster import probe, session

    with session(dict(setting.split("=", 1) for setting in conf)) as own:
        found = probe(own)
    Console().print(found.table())
    for line in found.advice:
        _say(f"NO  {line}")
    if found.recommended:
        _say("\nfor conf/spark-defaults.conf of Spark:")
    for name, value in found.recommended.items():
        _say(f"{name}  {value}")
    if not found.ok:
        raise typer.Exit(FAILED)


def _read_model(path: str) -> Any:
    """What `sparkbird.compile` takes: the model in a file, or the URI of one in MLflow."""
    from sparkbird.job import models
    from sparkbird.logged.uris import is_uri

    return path if is_uri(path) else models.read(path, models.kind_of(path))


def _compiled(path: str) -> CompiledModel:
    from sparkbird.compiler import compile as compile_model

    return compile_model(_read_model(path))


def _read_rows(path: Path) -> Any:
    """The rows of a file as a pandas dataframe."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    read = {".parquet": parquet.read_table, ".csv": csv.read_csv}.get(path.suffix.lower())
    if read is None:
        raise InputError(f"{path} is neither .parquet nor .csv", "give rows in one of the two.")
    try:
        return read(path).to_pandas()
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"cannot read rows from {path}: {error}") from error


def _columns_of(model: Any, rows: Any) -> Any:
    """The columns of `rows` that a model knows by name, or all."""
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    return rows[names] if names and {*names} <= {*rows.columns} else rows
