"""Commands about this machine or a cluster: demo, bench, doctor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sparkbird.cli.command import FAILED, command, hint, say
from sparkbird.errors import ConfigError


@command
def demo(
    rows: Annotated[int | None, typer.Option(help="How many of the 336,776 flights.")] = None,
    out: Annotated[Path, typer.Option(help="The folder for everything.")] = Path("sparkbird-demo"),
) -> None:
    """Train, compile, check and score real flights in local Spark, and compare."""
    from sparkbird.demo.run import run

    run(out, Console(soft_wrap=True), rows)


@command
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
        say(_calibrated(costs, quick=quick))
        return
    from sparkbird.benchmark import output
    from sparkbird.benchmark.options import Options

    cases = tuple(case or ())
    options = Options(repeats, rows, threads, quick, cases, cache, lleaves, progress=hint)
    kept = output.Kept(json, charts)
    for part in output.shown(show, kept) if show else output.measured(options, only, kept):
        say(part)


@command
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
        say(f"{'ok ' if finding.ok else 'NO '} {finding.what:<{width}}  {finding.said}")
    if not all(finding.ok for finding in found):
        raise typer.Exit(FAILED)


def _calibrated(folder: Path, *, quick: bool) -> str:
    """What was written where."""
    from sparkbird.benchmark.measure import installed

    if not installed("sklearn", "threadpoolctl", "pandas"):
        raise ConfigError(
            "calibrating takes scikit-learn and pandas", "pip install 'sparkbird[bench]'"
        )
    from sparkbird.benchmark import calibration
    from sparkbird.prices import COSTS

    prices = calibration.calibrated(quick=quick, progress=hint)
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
        say(f"NO  {line}")
    if found.recommended:
        say("\nfor conf/spark-defaults.conf of Spark:")
    for name, value in found.recommended.items():
        say(f"{name}  {value}")
    if not found.ok:
        raise typer.Exit(FAILED)
