"""What the columns of a table held when all was well: the baseline that a run is compared with.

It is a small JSON file, made once by `baseline_of`. A run counts against it as rows pass.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sparkbird.errors import (
    BaselineError,
    ColumnNameError,
    ColumnTypeError,
    OutputError,
    SparkbirdError,
)
from sparkbird.job.drift import check_edges, distribution, histogram, is_numeric, key
from sparkbird.job.record import Distribution

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructField, StructType

#: The most categories kept of a column; the share of all others is one number.
MOST = 1000
#: Equal parts that the values of a column are cut into.
BINS = 10
#: How far, as a share of the rows, a quantile may be off: it only places an edge.
_ERROR = 0.001

_Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Numeric(_Part):
    """The bins of a column of numbers, and what share of its numbers was in each.

    nulls, nans  shares of all rows
    """

    kind: Literal["numeric"] = "numeric"
    edges: tuple[float, ...]
    shares: tuple[_Share, ...]
    nulls: _Share = 0.0
    nans: _Share = 0.0

    @model_validator(mode="after")
    def _has_bins(self) -> Numeric:
        check_edges(self.edges)
        if len(self.shares) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges need {len(self.edges) + 1} shares")
        return self


class Categorical(_Part):
    """The strings of a column, the most frequent first, and the share of its strings that each is.

    nulls  share of all rows
    other  share of its strings that are none of the categories kept
    """

    kind: Literal["categorical"] = "categorical"
    categories: tuple[str, ...] = Field(max_length=MOST)
    shares: tuple[_Share, ...]
    other: _Share = 0.0
    nulls: _Share = 0.0

    @model_validator(mode="after")
    def _has_shares(self) -> Categorical:
        if len(self.shares) != len(self.categories):
            raise ValueError(f"{len(self.categories)} categories need as many shares")
        return self


class Baseline(_Part):
    """The columns of a table of `rows` rows."""

    version: Literal[1] = 1
    rows: int = Field(gt=0)
    columns: dict[str, Annotated[Numeric | Categorical, Field(discriminator="kind")]]


def baseline_of(frame: DataFrame, columns: Sequence[str], *, bins: int = BINS) -> Baseline:
    """The baseline of `columns` of `frame`: numbers by quantiles, strings by frequency.

    A column of few distinct values gets an edge at each quantile that it has, and one above
    its greatest, so that a value never seen before is in a bin of its own. It reads the table
    twice, and once more for each column of strings.

    Raises
    ------
    ColumnNameError
        The dataframe lacks a column.
    ColumnTypeError
        A column holds neither numbers nor strings.
    BaselineError
        There are no rows, or a column has no value.
    """
    fields = [_field(frame.schema, name) for name in columns]
    numbers = [field for field in fields if is_numeric(field)]
    edges = _edges(frame, numbers, bins)
    aggregates = [column for field in numbers for column in histogram(field, edges[field.name])]
    row = _aggregated(frame, [*aggregates, *_nulls([f for f in fields if f not in numbers])])
    if not (rows := row[_ROWS]):
        raise BaselineError("the table of the baseline has no rows", "take one that has.")
    made: dict[str, Numeric | Categorical] = {}
    for field in fields:
        if field in numbers:
            made[field.name] = _numeric(row, field.name, edges[field.name], rows)
        else:
            made[field.name] = _categorical(frame, field.name, row[key("nulls", field.name)], rows)
    return Baseline(rows=rows, columns=made)


def observed(baseline: Baseline, schema: StructType) -> list[Column]:
    """The aggregates of all columns of `baseline` that are counted in one pass over a table.

    ``frame.observe(observation, *observed(baseline, frame.schema))``, and ``observation.get``
    is the row that `distributions` and `unseen` read.

    Raises
    ------
    ColumnNameError
        The table lacks a column.
    ColumnTypeError
        A column holds numbers and held strings, or the other way round.
    """
    from pyspark.sql import functions as F  # noqa: N812

    from sparkbird.spark.columns import quoted

    aggregates = []
    for name, part in baseline.columns.items():
        field = _field(schema, name)
        if is_numeric(field) != isinstance(part, Numeric):
            raise ColumnTypeError(
                f"column {name!r} is of type {field.dataType.simpleString()}, and is {part.kind} "
                "in the baseline",
                "make the baseline anew, or cast the column.",
            )
        if isinstance(part, Numeric):
            aggregates += histogram(field, part.edges)
            continue
        value = F.col(quoted(name))
        known = value.isin(*part.categories) if part.categories else F.lit(False)  # noqa: FBT003
        counts = {"values": F.count(value), "unseen": F.count_if(value.isNotNull() & ~known)}
        aggregates += [count.alias(key(what, name)) for what, count in counts.items()]
    return aggregates


def distributions(baseline: Baseline, row: Mapping[str, Any]) -> tuple[Distribution, ...]:
    """The columns of numbers beside the baseline, from the row that `observed` gave."""
    return tuple(
        distribution(row, name, part.edges, part.shares)
        for name, part in baseline.columns.items()
        if isinstance(part, Numeric)
    )


def unseen(baseline: Baseline, row: Mapping[str, Any]) -> dict[str, float]:
    """For each column of strings the share of them that the baseline does not name.

    To be held against `Categorical.other`, which it was when the baseline was made; 0 of none.
    """
    return {
        name: row[key("unseen", name)] / max(row[key("values", name)], 1)
        for name, part in baseline.columns.items()
        if isinstance(part, Categorical)
    }


def save(baseline: Baseline, path: str | os.PathLike[str]) -> None:
    """Write `baseline` to the file `path`, or to a URL that fsspec knows.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    text = baseline.model_dump_json(indent=1) + "\n"
    hint = "choose a folder that exists and that you may write to."
    _reached(path, lambda file: file.write(text), "w", OutputError, hint)


def load(path: str | os.PathLike[str]) -> Baseline:
    """The baseline in the file `path`, or at a URL that fsspec knows.

    Raises
    ------
    BaselineError
        There is no such file, or it is not a baseline.
    """
    text = _reached(path, lambda file: file.read(), "r", BaselineError, _MAKE)
    try:
        return Baseline.model_validate_json(text)
    except ValidationError as error:
        first, more = error.errors()[0], error.error_count() - 1
        place = ".".join(map(str, first["loc"])) or "its JSON"
        message = getattr(first.get("ctx", {}).get("error"), "fact", first["msg"])
        raise BaselineError(
            f"{path} is not a baseline: {place}: {message}"
            + (f", and {more} more mistakes" if more else ""),
            _MAKE,
        ) from error


_MAKE = "make one with sparkbird.job.baseline.baseline_of, and save it."


def _reached(
    path: str | os.PathLike[str],
    use: Callable[[Any], Any],
    mode: str,
    error: type[SparkbirdError],
    hint: str,
) -> Any:
    """What `use` gives with the open file; a plain path needs no fsspec."""
    verb = "read" if mode == "r" else "write"
    try:
        if len(urlsplit(str(path)).scheme) <= 1:  # C: is a drive
            with Path(path).open(mode, encoding="utf-8") as file:
                return use(file)
        import fsspec

        with fsspec.open(str(path), mode, encoding="utf-8") as file:
            return use(file)
    except ImportError as cause:
        lacking = cause.name or "fsspec"
        raise error(f"cannot {verb} {path}: {cause}", f"pip install {lacking}.") from cause
    except (OSError, ValueError) as cause:
        reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        raise error(f"cannot {verb} {path}: {reason}", hint) from cause


_ROWS = "rows"


def _field(schema: StructType, name: str) -> StructField:
    """The column `name`, of numbers or strings."""
    from pyspark.sql.types import StringType

    if name not in schema.names:
        raise ColumnNameError(
            f"the baseline needs column {name!r}, and the table has no such column",
            f"it has {', '.join(schema.names)}.",
        )
    field = schema[name]
    if not is_numeric(field) and not isinstance(field.dataType, StringType):
        raise ColumnTypeError(
            f"column {name!r} is of type {field.dataType.simpleString()}; a baseline has numbers "
            "and strings",
            "leave it out, or cast it to double or string.",
        )
    return field


def _edges(frame: DataFrame, fields: Sequence[StructField], bins: int) -> dict[str, list[float]]:
    """The edges of columns of numbers; infinities are not among them."""
    from pyspark.sql import functions as F  # noqa: N812

    from sparkbird.spark.columns import quoted

    if not fields:
        return {}
    named = {f"c{i}": field.name for i, field in enumerate(fields)}  # approxQuantile reads dots
    doubles = [F.col(quoted(name)).cast("double").alias(own) for own, name in named.items()]
    wanted = [i / bins for i in range(bins + 1)]
    found = frame.select(*doubles).approxQuantile([*named], wanted, _ERROR)
    return {name: _cut(name, q) for name, q in zip(named.values(), found, strict=True)}


def _cut(name: str, quantiles: Sequence[float]) -> list[float]:
    """The edges that the quantiles, least and greatest value included, make."""
    finite = sorted({q + 0.0 for q in quantiles if math.isfinite(q)})  # -0.0 is 0.0
    if not finite:
        raise BaselineError(
            f"column {name!r} holds no number to make a baseline of", "leave it out."
        )
    if len(finite) == len(quantiles):
        return finite[1:-1]
    above = math.nextafter(finite[-1], math.inf)
    return [*finite, *([above] if math.isfinite(above) else [])]


def _nulls(fields: Sequence[StructField]) -> list[Column]:
    from pyspark.sql import functions as F  # noqa: N812

    from sparkbird.spark.columns import quoted

    return [
        F.count_if(F.col(quoted(field.name)).isNull()).alias(key("nulls", field.name))
        for field in fields
    ]


def _aggregated(frame: DataFrame, aggregates: Sequence[Column]) -> dict[str, Any]:
    from pyspark.sql import functions as F  # noqa: N812

    (row,) = frame.agg(F.count(F.lit(1)).alias(_ROWS), *aggregates).collect()
    return row.asDict()


def _numeric(row: Mapping[str, Any], name: str, edges: Sequence[float], rows: int) -> Numeric:
    seen = distribution(row, name, edges)
    return Numeric(
        edges=seen.edges, shares=seen.shares, nulls=seen.nulls / rows, nans=seen.nans / rows
    )


def _categorical(frame: DataFrame, name: str, nulls: int, rows: int) -> Categorical:
    """Its most frequent strings; of two as frequent the first by the alphabet."""
    from pyspark.sql import functions as F  # noqa: N812

    from sparkbird.spark.columns import quoted

    value = F.col(quoted(name)).alias("value")
    counted = frame.select(value).dropna().groupBy("value").count()
    kept = counted.orderBy(F.desc("count"), "value").limit(MOST).collect()
    if not kept:
        raise BaselineError(
            f"column {name!r} holds no string to make a baseline of", "leave it out."
        )
    shares = [row["count"] / (rows - nulls) for row in kept]
    return Categorical(
        categories=tuple(row["value"] for row in kept),
        shares=tuple(shares),
        other=0.0 if len(kept) < MOST else max(0.0, 1.0 - math.fsum(shares)),
        nulls=nulls / rows,
    )
