"""Arrow columns to the arrays a graph takes. N is the number of rows, F of columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import DTypeLike

from sparkbird.dtypes import ARROW_STRINGS, BY_NAME, ELEMENT_TYPES, MISSING
from sparkbird.errors import ColumnCountError, ColumnTypeError
from sparkbird.runtime import vectors
from sparkbird.runtime.apart import Apart
from sparkbird.runtime.encoded import Encoded
from sparkbird.schema import MATRIX, Column, Schema

#: From so many rows on the columns of a matrix stay apart; fewer are sooner side by side than
#: each is looked at by itself.
LEAST_APART = 512

#: Arrow's types of columns, by the names of ours.
_ARROW = {row.name: pa.type_for_alias(row.arrow) for row in ELEMENT_TYPES}


#: The values of columns of one batch, by which array of it they are made from, and as what.
Known: TypeAlias = dict[tuple[int, str, tuple[int, ...]], "np.ndarray | Encoded"]


def feeds(schema: Schema, arrays: Sequence[pa.Array], known: Known | None = None) -> dict[str, Any]:
    """The inputs of the graph from the columns of `schema`, in its order.

    What is `known` of the same arrays is not made again, and what is made is added to it.

    Raises
    ------
    ColumnCountError
        There are more or fewer arrays than columns.
    ColumnTypeError
        A column's type cannot become the declared one without loss or guessing.
    """
    if len(arrays) != len(schema.columns):
        names = ", ".join(column.name for column in schema.columns)
        raise ColumnCountError(
            f"the model takes {len(schema.columns)} columns and was given {len(arrays)}",
            f"it takes {names}.",
        )
    known = {} if known is None else known
    values = [_once(c, array, known) for c, array in zip(schema.columns, arrays, strict=True)]
    if schema.layout != "matrix":
        return dict(zip((column.name for column in schema.columns), values, strict=True))
    columns = [*map(np.asarray, values)]
    apart = Apart.of(columns, schema.places, len(schema.names))
    return {MATRIX: apart if len(apart) >= LEAST_APART else apart.matrix}


def _once(column: Column, array: pa.Array, known: Known) -> np.ndarray | Encoded:
    """The values of a column, made if they are not known."""
    key = id(array), column.dtype, column.lengths
    if key not in known:
        known[key] = values_of(column, array)
    return known[key]


def values_of(column: Column, array: pa.Array) -> np.ndarray | Encoded:
    """The values [N] of `array` in the type that `column` declares; NULL is missing.

    A missing number is NaN, a missing string `dtypes.MISSING`.
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if column.lengths:
        return vectors.values_of(column, array)
    kind = "string" if column.dtype == "string" else "number"
    for accepts, becomes in _TAKES[kind]:
        if accepts(array.type):
            values: np.ndarray | Encoded = becomes(column, array)
            return values
    raise _wrong_type(column, array.type)


def _strings(_: Column, array: pa.Array) -> Encoded:
    """The strings by distinct values: each of those becomes a Python string, and no other."""
    encoded = array if pa.types.is_dictionary(array.type) else pc.dictionary_encode(array)
    values = (*encoded.dictionary.to_pylist(), None)
    distinct = np.array([MISSING if value is None else value for value in values], object)
    places = _content(encoded.indices.cast(pa.int64()), np.int64, len(distinct) - 1)
    return Encoded(distinct, places)


def _numbers(column: Column, array: pa.Array) -> np.ndarray:
    target, arrow = BY_NAME[column.dtype], _ARROW[column.dtype]
    if target.name == "float32" and pa.types.is_float64(array.type):
        raise _wrong_type(column, array.type)  # Arrow would round without a word
    if array.null_count and target.numpy.kind != "f":
        raise ColumnTypeError(
            f"column {column.name!r} has {array.null_count} NULLs, and {column.dtype} has no NaN",
            "declare it as float64 in inputs= when compiling.",
        )
    try:
        values = array if array.type == arrow else array.cast(arrow)
    except pa.ArrowInvalid as error:
        raise ColumnTypeError(
            f"column {column.name!r} holds {array.type} that {column.dtype} cannot hold: {error}",
            f"declare it as {array.type} in inputs= when compiling.",
        ) from error
    return _content(values, target.numpy, float("nan"))


def _content(array: pa.Array, kind: DTypeLike, missing: float) -> np.ndarray:
    """The values [N] of a column of numbers or booleans, `missing` in place of NULL.

    Out of its buffers: ``Array.to_numpy``, and in pyarrow 15 ``DataType.to_pandas_dtype``,
    import pandas if they find it.
    """
    dtype = np.dtype(kind)
    validity, content = array.buffers()
    if not len(array):
        return np.empty(0, dtype)
    if dtype == np.bool_:
        return _bits(content, array)
    values = np.frombuffer(content, dtype)[array.offset : array.offset + len(array)]
    if not array.null_count:
        return values
    return np.where(_bits(validity, array), values, np.asarray(missing, dtype))


def _bits(buffer: pa.Buffer, array: pa.Array) -> np.ndarray:
    """The bits [N] of a buffer of `array`, which may be a slice of a longer one."""
    end = array.offset + len(array)
    bits = np.unpackbits(np.frombuffer(buffer, np.uint8), count=end, bitorder="little")
    return bits[array.offset :].view(np.bool_)


def _halves(column: Column, array: pa.Array) -> np.ndarray:
    """By way of NumPy: pyarrow 15 has no cast of half floats."""
    values = _content(array, np.float16, float("nan")).astype(np.float32)
    return _numbers(column, pa.array(values, from_pandas=True))


def _booleans(column: Column, array: pa.Array) -> np.ndarray:
    return _numbers(column, array if column.dtype == "bool" else array.cast(pa.uint8()))


def _decimals(column: Column, array: pa.Array) -> np.ndarray:
    """By way of text: the nearest double, as Python's ``float(Decimal)`` gives it."""
    return _numbers(column, array.cast(pa.string()).cast(pa.float64()))


def _decoded(column: Column, array: pa.DictionaryArray) -> np.ndarray | Encoded:
    return values_of(column, array.dictionary_decode())


def _nothing(column: Column, array: pa.NullArray) -> np.ndarray | Encoded:
    return values_of(column, array.cast(_ARROW[column.dtype]))


def _is_string(arrow: pa.DataType) -> bool:
    return str(arrow) in ARROW_STRINGS


def _is_dictionary_of_strings(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(arrow)) and _is_string(arrow.value_type)


def _is_number(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_integer(arrow) or pa.types.is_floating(arrow))


#: What a column of strings, or of numbers, can be made from, and by which function.
_TAKES = {
    "string": (
        (_is_string, _strings),
        (_is_dictionary_of_strings, _strings),
        (pa.types.is_null, _nothing),
    ),
    "number": (
        (pa.types.is_float16, _halves),
        (_is_number, _numbers),
        (pa.types.is_boolean, _booleans),
        (pa.types.is_decimal, _decimals),
        (pa.types.is_null, _nothing),
        (
            lambda arrow: pa.types.is_dictionary(arrow) and not _is_string(arrow.value_type),
            _decoded,
        ),
    ),
}

#: How a user turns a column of another type into a number or a string.
_WAYS_OUT = (
    (pa.types.is_temporal, "turn it into a number first: unix_timestamp, datediff, month, ..."),
    (pa.types.is_nested, "pass its elements as columns of their own."),
    (_is_string, "cast it to a number, or declare it as a string in inputs=."),
    (_is_number, "cast it, or declare its own type in inputs= when compiling."),
)


def _wrong_type(column: Column, given: pa.DataType) -> ColumnTypeError:
    way_out = next(
        (hint for applies, hint in _WAYS_OUT if applies(given)), f"cast it to {column.dtype}."
    )
    return ColumnTypeError(
        f"column {column.name!r} is {given}, and {column.taker} takes {column.dtype}", way_out
    )
