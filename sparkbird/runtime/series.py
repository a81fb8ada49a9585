"""The same function for Spark before 4.1, which speaks pandas: exact, also where pandas is not.

Spark turns integers with NULLs into floats, and a column of NULLs alone into objects. The
driver therefore sends the type of each column along, in constant columns that Spark folds
to literals: `KINDS`, four bits a column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

#: The first word of Spark's name for a type, in the order of their numbers from 1 on, and
#: the Arrow type; 0 is any other. A decimal's own digits are known by its values.
KINDS: dict[str, pa.DataType | None] = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "varchar": pa.string(),
    "char": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
    "void": pa.null(),
    "decimal": None,
}

#: How many bits a kind takes, and how many of them one bigint of Spark holds.
BITS = 4
PER_NUMBER = 15

#: From here on float64 no longer tells neighbouring integers apart.
_ROUNDED = 2**53


@dataclass(frozen=True)
class OnSeries:
    """`function` of `count` Arrow columns as one of series, and of their kinds after them."""

    function: Callable[..., pa.Array]
    count: int

    @property
    def __name__(self) -> str:
        """What Spark calls the column."""
        return str(self.function.__name__)

    def __call__(self, *series: Any) -> pd.Series | pd.DataFrame:
        """The result [N] for series [N], a dataframe if it is a struct."""
        columns = series[: self.count]
        kinds = _kinds(series[self.count :], self.count)
        return to_pandas(self.function(*map(to_arrow, columns, kinds)))


def to_arrow(series: Any, kind: int | None) -> pa.Array:
    """A series as the Arrow array that Spark made it from; `kind` is None if nobody said."""
    if kind is None and isinstance(series, pd.Series):
        return pa.Array.from_pandas(series)
    arrow = [*KINDS.values()][kind - 1] if kind else None
    if arrow is None:
        return _guessed(series, known=bool(kind))
    if pa.types.is_temporal(arrow) or pa.types.is_null(arrow):
        return pa.nulls(len(series), arrow)  # refused, or without a value: the type is all
    if pa.types.is_integer(arrow) and series.dtype.kind == "f":
        beyond = series.abs() >= _ROUNDED
        series = series.mask(beyond, np.nan).astype("Int64").mask(beyond, _ROUNDED + 1)
    return pa.Array.from_pandas(series, type=arrow)


def to_pandas(result: pa.Array) -> pd.Series | pd.DataFrame:
    """The result with NaN and NULL kept apart, all the way through Spark."""
    if not pa.types.is_struct(result.type):
        return _Exact(pd.arrays.ArrowExtensionArray(result))
    names = [field.name for field in result.type]
    columns = map(pd.arrays.ArrowExtensionArray, result.flatten())
    return _ExactFrame(dict(zip(names, columns, strict=True)))


class _Exact(pd.Series):
    """A series that Spark hands to Arrow as it is.

    Spark would apply ``list`` to each array, and Arrow then take NaN in it for NULL.

    Source: pyspark/sql/pandas/types.py, _create_converter_from_pandas (3.5 to 4.3).
    """

    @property
    def _constructor(self) -> Any:
        return _Exact

    def apply(self, *_: Any, **__: Any) -> Any:
        """The series itself."""
        return self


class _ExactFrame(pd.DataFrame):
    @property
    def _constructor(self) -> Any:
        return _ExactFrame

    @property
    def _constructor_sliced(self) -> Any:
        return _Exact


def _kinds(numbers: tuple[Any, ...], count: int) -> list[int | None]:
    """The kind of each column, from the constant columns that tell it."""
    if not numbers or not len(numbers[0]):
        return [None] * count
    words = [int(number.iloc[0]) for number in numbers]
    return [words[i // PER_NUMBER] >> BITS * (i % PER_NUMBER) & 15 for i in range(count)]


#: The fields of a vector of Spark ML, which comes as a struct since Spark 4.0.
_VECTOR = {
    "type": pa.int8(),
    "size": pa.int32(),
    "indices": pa.list_(pa.int32()),
    "values": pa.list_(pa.float64()),
}


def _struct(frame: pd.DataFrame) -> pa.Array:
    """Vectors; of any other struct its type is all that is needed, to refuse it."""
    if {*frame.columns} != {*_VECTOR}:
        return pa.nulls(len(frame), pa.struct([]))
    columns = [pa.Array.from_pandas(frame[name], type=kind) for name, kind in _VECTOR.items()]
    fields = [pa.field(name, kind) for name, kind in _VECTOR.items()]
    return pa.StructArray.from_arrays(columns, fields=fields, mask=columns[0].is_null())


def _guessed(series: Any, *, known: bool) -> pa.Array:
    """A decimal, or a type that no model takes: arrays, structs, binary."""
    if isinstance(series, pd.DataFrame):
        return _struct(series)
    if any(hasattr(value, "toArray") for value in series[:1]):
        values = [None if value is None else value.toArray() for value in series]
        return pa.array(values, pa.list_(pa.float64()))
    array = pa.Array.from_pandas(series)
    return array if known or not pa.types.is_null(array.type) else array.cast(pa.list_(pa.null()))
