"""The whole benchmark, a Markdown section at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sparkbird.benchmark.measure import installed, machine, table
from sparkbird.errors import ConfigError

PARTS = ("compile", "forest", "operators", "spark", "sparkml")


def run(
    repeats: int = 3,
    rows: int | None = None,
    only: Sequence[str] | None = None,
    threads: int = 1,
) -> Iterator[str]:
    """The machine, then each of the parts asked for, as soon as it is measured.

    Raises
    ------
    ConfigError
        There is no such part.
    """
    wanted = [*(only or PARTS)]
    if unknown := [part for part in wanted if part not in PARTS]:
        raise ConfigError(f"there is no part {unknown[0]!r}", f"choose from {', '.join(PARTS)}.")
    yield machine()
    if {"compile", "forest"} & {*wanted}:
        yield from _forest(wanted, repeats)
    if "operators" in wanted:
        yield from _operators(repeats, rows, threads)
    if "spark" in wanted:
        from sparkbird.benchmark import spark

        yield spark.throughput(repeats, rows)
    if "sparkml" in wanted:
        from sparkbird.benchmark import sparkml

        yield sparkml.throughput(repeats, rows)


def _forest(wanted: Sequence[str], repeats: int) -> Iterator[str]:
    from sparkbird.benchmark import forest

    if not installed("lightgbm"):
        yield table("Forests", ["", ""], [["lightgbm", "not installed"]])
        return
    model, rows = forest.trained()
    if "compile" in wanted:
        yield forest.compile_times(model, rows, repeats)
    if "forest" in wanted:
        yield forest.throughput(model, rows, repeats)


def _operators(repeats: int, rows: int | None, threads: int) -> Iterator[str]:
    if not installed("scikit-learn"):
        yield table("Operators", ["", ""], [["scikit-learn", "not installed"]])
        return
    from sparkbird.benchmark import operators

    yield from operators.measured(repeats, rows, threads)
