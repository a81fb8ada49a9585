"""What is counted while rows pass, and the checks that it answers.

Counts of parts add up; see `added`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sparkbird.errors import ConfigError
from sparkbird.job.record import Check, Distribution

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from sparkbird.job.nightly.settings import Bounds, Checks

#: How counts of two parts become one: they are added, but for these.
_MERGED: dict[str, Callable[[Iterable[float]], float]] = {"least": min, "greatest": max}

#: The column that says which rows are put aside.
ASIDE = "aside"


def require(checks: Checks, frame: DataFrame) -> None:
    """Refuse checks of columns that are not there, or not of a kind that they suit.

    Raises
    ------
    ConfigError
        There is such a one.
    """
    from pyspark.sql.types import NumericType, StringType

    for name, bounds in checks.columns.items():
        if name not in frame.columns:
            raise ConfigError(
                f"checks.columns names {name!r}, which is neither read nor added",
                f"there are {', '.join(frame.columns)}.",
            )
        kind = frame.schema[name].dataType
        numeric = {"nans", "least", "greatest", "psi", "ks"} & bounds.model_fields_set
        if numeric and not isinstance(kind, NumericType):
            raise ConfigError(
                f"checks.columns.{name}: {', '.join(sorted(numeric))} of {kind.simpleString()}",
                "bound numbers alone: an element of an array is a column of its own.",
            )
        if bounds.unseen is not None and not isinstance(kind, StringType):
            raise ConfigError(
                f"checks.columns.{name}: unseen of {kind.simpleString()}", "it is for strings."
            )
        if bounds.unseen is not None or {"psi", "ks"} & bounds.model_fields_set:
            _require_baseline(checks, name)


def _require_baseline(checks: Checks, name: str) -> None:
    if checks.baseline is None:
        raise ConfigError(
            f"checks.columns.{name} compares with a baseline, and checks.baseline names none",
            "make one: sparkbird baseline SCORES -o baseline.json --column ...",
        )


def observed(checks: Checks, prediction: str) -> list[Column]:
    """The counts by name: rows, those without a `prediction`, and those out of bounds."""
    from pyspark.sql import functions as F  # noqa: N812

    from sparkbird.spark.columns import quoted

    found = [
        F.count(F.lit(1)).alias("rows"),
        F.count_if(F.col(quoted(prediction)).isNull()).alias("refused"),
        F.count_if(F.col(ASIDE)).alias("aside"),
    ]
    for name, bounds in checks.columns.items():
        for what, condition in _conditions(name, bounds):
            found.append(F.count_if(condition).alias(f"{what}:{name}"))
    return found


def aside(checks: Checks) -> Column:
    """Whether a row is put aside: it is out of bounds of a column whose action that is."""
    from pyspark.sql import functions as F  # noqa: N812

    found = F.lit(False)  # noqa: FBT003
    for name, bounds in checks.columns.items():
        for _, condition in _conditions(name, bounds) if bounds.action == "quarantine" else ():
            found = found | F.coalesce(condition, F.lit(False))  # noqa: FBT003
    return found.alias(ASIDE)


def _conditions(name: str, bounds: Bounds) -> Iterator[tuple[str, Column]]:
    """What may be wrong with a value of a column."""
    from pyspark.sql import functions as F  # noqa: N812

    from sparkbird.spark.columns import quoted

    value = F.col(quoted(name))
    if bounds.nulls is not None:
        yield "nulls", value.isNull()
    if bounds.nans is not None:
        yield "nans", F.isnan(value)
    if bounds.least is not None:
        yield "below", ~F.isnan(value) & (value < bounds.least)
    if bounds.greatest is not None:
        yield "above", ~F.isnan(value) & (value > bounds.greatest)


def added(counts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The counts of several parts as those of one.

    >>> added([{"rows": 2, "least of x": 1.0}, {"rows": 3, "least of x": -1.0}])
    {'rows': 5, 'least of x': -1.0}
    """
    found: dict[str, float] = {}
    for one in counts:
        for name, value in one.items():
            merge = _MERGED.get(name.partition(" of ")[0], sum)
            found[name] = merge((found[name], value)) if name in found else value
    return found


#: What is wrong, the bound that limits its share, and how it is said.
_SHARES = (
    ("nulls", "nulls", "share of NULL"),
    ("nans", "nans", "share of NaN"),
)


def checked(
    checks: Checks,
    counts: Mapping[str, float],
    distributions: Sequence[Distribution],
    unseen: Mapping[str, float],
) -> list[Check]:
    """All checks that counts answer, and what was made of them: shares of unseen strings."""
    found = [*_of_rows(checks, counts)]
    moved = {one.column: one for one in distributions}
    for name, bounds in checks.columns.items():
        found += _of_column(name, bounds, counts)
        values = {"unseen": unseen.get(name)}
        if name in moved:
            values |= {"psi": moved[name].psi, "ks": moved[name].ks}
        found += _of_baseline(name, bounds, values)
    return found


#: What is compared with a baseline, and how it is said.
_COMPARED = {"unseen": "share of unseen strings", "psi": "PSI", "ks": "KS"}


def _of_baseline(name: str, bounds: Bounds, values: Mapping[str, float | None]) -> Iterator[Check]:
    action = "warn" if bounds.action == "quarantine" else bounds.action  # of no row in particular
    for what, said in _COMPARED.items():
        most, value = getattr(bounds, what), values.get(what)
        if most is not None and value is not None:
            yield Check(
                name=said, column=name, value=value, bound=f"at most {most:g}",
                passed=value <= most, action=action,
            )  # fmt: skip


def _of_rows(checks: Checks, counts: Mapping[str, float]) -> Iterator[Check]:
    rows, bounds = counts.get("rows", 0), checks.rows
    found = []
    if bounds.at_least:
        found.append((f"at least {bounds.at_least:,}", rows >= bounds.at_least))
    if bounds.at_most is not None:
        found.append((f"at most {bounds.at_most:,}", rows <= bounds.at_most))
    for bound, passed in found:
        yield Check(name="rows", value=rows, bound=bound, passed=passed, action=bounds.action)


def _of_column(name: str, bounds: Bounds, counts: Mapping[str, float]) -> Iterator[Check]:
    rows = max(counts.get("rows", 0), 1)
    aside_too = bounds.action == "quarantine"
    for what, field, said in _SHARES:
        most = getattr(bounds, field)
        if most is not None:
            number = counts.get(f"{what}:{name}", 0)
            yield Check(
                name=said, column=name, value=number / rows, bound=f"at most {most:g}",
                passed=number / rows <= most, action=bounds.action, rows=int(number),
            )  # fmt: skip
    for what, most, said in (
        ("below", bounds.least, f"at least {bounds.least}"),
        ("above", bounds.greatest, f"at most {bounds.greatest}"),
    ):
        if most is not None:
            number = counts.get(f"{what}:{name}", 0)
            yield Check(
                name="values", column=name, value=number, bound=said, passed=number == 0,
                action=bounds.action, rows=int(number) if aside_too else None,
            )  # fmt: skip
