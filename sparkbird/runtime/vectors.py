"""Columns of vectors, of Spark ML or plain lists, to matrices. N is the number of rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sparkbird.errors import ColumnTypeError
from sparkbird.schema import Column

#: The fields of Spark ML's vectors, and the type that a dense one has.
_FIELDS = ("type", "size", "indices", "values")
_DENSE = 1


def values_of(column: Column, array: pa.Array) -> np.ndarray:
    """The vectors [N, K] that `array` holds; those of Spark ML may be sparse.

    Raises
    ------
    ColumnTypeError
        It holds none, or NULL, or vectors of another length.

    Source: mllib/src/main/scala/org/apache/spark/ml/linalg/VectorUDT.scala (Spark 4.3).
    """
    (length,) = column.lengths
    if array.null_count:
        raise ColumnTypeError(
            f"column {column.name!r} has {array.null_count} NULLs in place of vectors",
            "filter them out.",
        )
    if pa.types.is_struct(array.type) and all(
        array.type.get_field_index(name) >= 0 for name in _FIELDS
    ):
        return _of_spark(column, array, length)
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        return _of_lists(column, array, length)
    raise ColumnTypeError(
        f"column {column.name!r} is {array.type}, and {column.taker} takes vectors of {length} "
        "numbers",
        "assemble the vectors first, or give lists of numbers.",
    )


def _of_spark(column: Column, array: pa.StructArray, length: int) -> np.ndarray:
    kind, size, indices, values = (array.field(name) for name in _FIELDS)
    dense = np.asarray(kind.to_numpy(zero_copy_only=False)) == _DENSE
    counts = _counts(values)
    sizes = np.where(dense, counts, size.fill_null(0).to_numpy(zero_copy_only=False))
    _refuse_lengths(column, sizes, length)
    found = np.zeros((len(array), length))
    row = np.repeat(np.arange(len(array)), counts)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    is_sparse = ~dense[row]
    place[is_sparse] = _flat(indices)
    found[row, place] = _flat(values)
    return found


def _of_lists(column: Column, array: pa.ListArray, length: int) -> np.ndarray:
    _refuse_lengths(column, _counts(array), length)
    return _flat(array).astype(np.float64, copy=False).reshape(len(array), length)


def _counts(lists: pa.ListArray) -> np.ndarray:
    """How many values each list has, [N]; NULL has none."""
    counts: np.ndarray = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return counts.astype(np.int64)


def _flat(lists: pa.ListArray) -> np.ndarray:
    """The values of all lists, one behind the other."""
    flat: np.ndarray = lists.flatten().to_numpy(zero_copy_only=False)
    return flat


def _refuse_lengths(column: Column, found: np.ndarray, length: int) -> None:
    if (found != length).any():
        other = int(found[found != length][0])
        raise ColumnTypeError(
            f"column {column.name!r} holds vectors of {other} values, and {column.taker} takes "
            f"{length}",
            "give vectors of the length that it was fitted on.",
        )
