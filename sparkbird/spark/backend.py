"""The two ways in which Spark hands batches to Python: as Arrow since 4.1, as pandas before.

Both give the same bytes. pandas cannot tell NULL-able integers from floats, so there the
types of the columns travel with them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

from pyspark.sql import functions as F  # noqa: N812  as all of Spark's users write it
from pyspark.sql.types import DataType

#: A column of Spark, classic or Connect: two classes without a common name before 4.0.
Column: TypeAlias = Any


@dataclass(frozen=True)
class Backend:
    """One of the two.

    make     Spark's UDF for a function of this many columns, and its result type
    gather   the same for a function that should be called with many rows, if it can be so
    columns  the columns to call that UDF with, for those of the model
    """

    make: Callable[[Callable[..., Any], int, DataType], Any]
    columns: Callable[[Sequence[Column]], list[Column]]
    gather: Callable[[Callable[..., Any], int, DataType], Any]


def newest() -> str:
    """The name of the best back end that the installed pyspark has."""
    return "arrow" if hasattr(F, "arrow_udf") else "pandas"


def _arrow(function: Callable[..., Any], _: int, returns: DataType) -> Any:
    from pyspark.sql.functions import ArrowUDFType, arrow_udf

    with _without_advice():
        return arrow_udf(function, returns, ArrowUDFType.SCALAR)


def _arrow_gathered(function: Callable[..., Any], _: int, returns: DataType) -> Any:
    """Spark computes each such column by itself, and hands over its rows for it."""
    from pyspark.sql.functions import ArrowUDFType, arrow_udf

    from sparkbird.runtime.gathered import GATHERED_ROWS, Columns

    with _without_advice():
        return arrow_udf(Columns(function, GATHERED_ROWS), returns, ArrowUDFType.SCALAR_ITER)


def _pandas(function: Callable[..., Any], count: int, returns: DataType) -> Any:
    from pyspark.sql.functions import PandasUDFType, pandas_udf

    from sparkbird.runtime.series import OnSeries

    with _without_advice():
        return pandas_udf(OnSeries(function, count), returns, PandasUDFType.SCALAR)


@contextmanager
def _without_advice() -> Iterator[None]:
    """Spark would rather read type hints; it cannot read those of an object that is called."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*specify type hints", UserWarning)
        yield


def _with_kinds(columns: Sequence[Column]) -> list[Column]:
    """The columns, and after them their kinds (`runtime.series`), as constants."""
    from sparkbird.runtime.series import BITS, KINDS, PER_NUMBER

    known = F.array(*map(F.lit, KINDS))
    # By name: the function of Spark 3.5 takes no column to look for.
    words = [F.regexp_extract(F.typeof(column), "^[a-z_]+", 0) for column in columns]
    shifted = [
        F.shiftleft(F.call_function("array_position", known, word), BITS * (i % PER_NUMBER))
        for i, word in enumerate(words)
    ]
    groups = [shifted[i : i + PER_NUMBER] for i in range(0, len(shifted), PER_NUMBER)]
    numbers = [reduce(lambda one, other: one.bitwiseOR(other), group) for group in groups]
    return [*columns, *numbers]


BACKENDS = {
    "arrow": Backend(_arrow, list, _arrow_gathered),
    "pandas": Backend(_pandas, _with_kinds, _pandas),
}
