"""How far the values of a column have moved, by counts that Spark makes in passing.

B edges make B + 1 bins: below the first edge, from each edge to the next, from the last edge on.
A value that equals an edge is in the bin above it. NULL and NaN are in no bin and counted apart;
an infinity is in the first or the last bin, and in none of mean, least and greatest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from sparkbird.errors import BaselineError, ColumnTypeError
from sparkbird.job.record import Distribution

if TYPE_CHECKING:
    from pyspark.sql import Column
    from pyspark.sql.types import StructField

#: The least share that a bin counts as: the logarithm of an empty one would be infinite.
LEAST = 1e-4
#: Where people begin to look at a PSI, and where they act.
MODERATE, LARGE = 0.1, 0.25


def psi(shares: Sequence[float], baseline: Sequence[float]) -> float:
    """``sum((p - q) * ln(p / q))`` over the bins, the population stability index.

    0 if nothing has moved; 0.1 and 0.25 are the customary bounds of a moderate and a large
    change. A share below 0.0001 counts as 0.0001, an empty bin so too, on either side and
    without scaling the others: the index stays finite, symmetric and never negative.

    Raises
    ------
    BaselineError
        They are not shares of the same bins.

    Source: Siddiqi, "Credit Risk Scorecards", Wiley 2006, for the index and its bounds; the
    floor is the one that Evidently puts in place of empty bins (`get_binned_data`).

    >>> round(psi((0.5, 0.5), (0.5, 0.5)), 4), round(psi((0.6, 0.4), (0.4, 0.6)), 4)
    (0.0, 0.1622)
    """
    _check_shares(shares, baseline)
    pairs = [(max(p, LEAST), max(q, LEAST)) for p, q in zip(shares, baseline, strict=True)]
    return math.fsum((p - q) * math.log(p / q) for p, q in pairs)


def ks(shares: Sequence[float], baseline: Sequence[float]) -> float:
    """The greatest distance of the two cumulative shares at an edge, from 0 to 1.

    It is at most Kolmogorov and Smirnov's statistic of the values themselves, which may lie
    further apart within a bin. Empty bins need no care.

    Raises
    ------
    BaselineError
        They are not shares of the same bins.

    >>> round(ks((0.6, 0.4), (0.4, 0.6)), 4)
    0.2
    """
    _check_shares(shares, baseline)
    pairs = zip(accumulate(shares), accumulate(baseline), strict=True)
    return min(1.0, max(abs(p - q) for p, q in pairs))


def check_edges(edges: Sequence[float]) -> None:
    """`edges` are finite and ascend.

    Raises
    ------
    BaselineError
        They do not.
    """
    if not edges or not all(map(math.isfinite, edges)):
        raise BaselineError(f"edges {_listed(edges)} are not finite numbers", "give one at least.")
    if any(low >= high for low, high in pairwise(edges)):
        raise BaselineError(f"edges {_listed(edges)} do not ascend", "sort them, each one once.")


def is_numeric(field: StructField) -> bool:
    """Whether the values of the column are numbers; booleans and dates are not."""
    from pyspark.sql.types import NumericType

    return isinstance(field.dataType, NumericType)


def histogram(field: StructField, edges: Sequence[float]) -> list[Column]:
    """The aggregates from which `distribution` is made, for `DataFrame.observe` or `agg`.

    They are named after the column, so that those of several columns fit one row; those of
    parts of a table add up, but for the least and the greatest. Integers and decimals are
    compared as doubles.

    Raises
    ------
    BaselineError
        `edges` do not ascend.
    ColumnTypeError
        The column has no numbers.
    """
    from pyspark.sql import functions as F  # noqa: N812

    from sparkbird.spark.columns import quoted

    check_edges(edges)
    if not is_numeric(field):
        raise ColumnTypeError(
            f"column {field.name!r} is of type {field.dataType.simpleString()}, which has no edges",
            "watch numbers and strings; cast what is meant as one of them to double or string.",
        )
    value = F.col(quoted(field.name)).cast("double")
    finite = F.when(F.abs(value) < F.lit(math.inf), value)  # NaN is above infinity in Spark
    own = {
        "values": F.count(value),
        "nulls": F.count(F.when(value.isNull(), 1)),
        "nans": F.count(F.when(F.isnan(value), 1)),
        "finite": F.count(finite),
        "sum": F.sum(finite),
        "least": F.min(finite),
        "greatest": F.max(finite),
        # Of a row, `count_if` takes two to three times the time of this in Spark 4.3.
        **{_below(i): F.count(F.when(value < float(edge), 1)) for i, edge in enumerate(edges)},
    }
    return [column.alias(key(what, field.name)) for what, column in own.items()]


def distribution(
    row: Mapping[str, Any],
    column: str,
    edges: Sequence[float],
    baseline: Sequence[float] | None = None,
) -> Distribution:
    """What `row`, the aggregates of `histogram` by their names, says of `column`.

    Of no values at all the shares are 0 and PSI and KS are None.

    Raises
    ------
    BaselineError
        `baseline` has not one share more than there are edges.
    """

    def seen(what: str) -> Any:
        return row[key(what, column)]

    values = seen("values") - seen("nans")
    below = [0, *(seen(_below(i)) for i in range(len(edges))), values]
    shares = tuple((high - low) / max(values, 1) for low, high in pairwise(below))
    compared = baseline is not None and values > 0
    return Distribution(
        column=column,
        edges=tuple(edges),
        shares=shares,
        baseline=None if baseline is None else tuple(baseline),
        psi=psi(shares, baseline) if compared and baseline is not None else None,
        ks=ks(shares, baseline) if compared and baseline is not None else None,
        mean=_finite(seen("sum") / seen("finite")) if seen("finite") else None,
        least=seen("least"),
        greatest=seen("greatest"),
        nulls=seen("nulls"),
        nans=seen("nans"),
    )


def key(what: str, column: str) -> str:
    """The name of an aggregate of `column` in the observed row."""
    return f"{what} of {column}"


def _below(edge: int) -> str:
    return f"below edge {edge}"


def _finite(mean: float) -> float | None:
    """A sum of finite numbers can overflow; JSON has no infinity."""
    return mean if math.isfinite(mean) else None


def _check_shares(shares: Sequence[float], baseline: Sequence[float]) -> None:
    if len(shares) != len(baseline):
        raise BaselineError(
            f"{len(shares)} shares cannot be compared with {len(baseline)} of the baseline",
            "count both at the same edges.",
        )
    for name, given in (("shares", shares), ("shares of the baseline", baseline)):
        if not all(0 <= share <= 1 for share in given) or abs(math.fsum(given) - 1) > 1e-6:
            raise BaselineError(
                f"the {name} {_listed(given)} do not add up to 1", "divide counts by their sum."
            )


def _listed(numbers: Sequence[float]) -> str:
    more = len(numbers) - 12
    shown = ", ".join(f"{number:g}" for number in numbers[:12])
    return f"({shown}{f' and {more} more' if more > 0 else ''})"
