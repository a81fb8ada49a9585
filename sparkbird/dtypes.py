"""Element types, and how NumPy, ONNX, Arrow and Spark spell them.

The ONNX numbers are those of ``onnx.TensorProto.DataType``: executors have no onnx.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from sparkbird.errors import ColumnTypeError

#: A missing string inside a graph, where tensors of strings know no null. U+FDD0 is a
#: noncharacter: Unicode reserves it for use inside a program and never assigns it.
MISSING = "\ufdd0"

#: Arrow's types of strings, by name: pyarrow 15 has no ``string_view``.
ARROW_STRINGS = frozenset({"string", "large_string", "string_view"})

#: What is no token among the tokens of a row, where tensors know no rows of different lengths.
NO_TOKEN = "\ufdd2"  # noqa: S105  it opens nothing

#: Strings are arrays of Python objects: a width fixed by the longest value has no place here.
STRING = np.dtype(object)


@dataclass(frozen=True)
class ElementType:
    """One row of the table: the name we use, and the names of the others."""

    name: str
    numpy: np.dtype
    onnx: int
    arrow: str
    spark: str


# fmt: off
ELEMENT_TYPES = (
    ElementType("float32", np.dtype(np.float32), 1,  "float32", "float"),
    ElementType("uint8",   np.dtype(np.uint8),   2,  "uint8",   "smallint"),
    ElementType("int8",    np.dtype(np.int8),    3,  "int8",    "tinyint"),
    ElementType("int16",   np.dtype(np.int16),   5,  "int16",   "smallint"),
    ElementType("int32",   np.dtype(np.int32),   6,  "int32",   "int"),
    ElementType("int64",   np.dtype(np.int64),   7,  "int64",   "bigint"),
    ElementType("string",  STRING,               8,  "string",  "string"),
    ElementType("bool",    np.dtype(np.bool_),   9,  "bool",    "boolean"),
    ElementType("float64", np.dtype(np.float64), 11, "float64", "double"),
)
# fmt: on

#: The types of columns that ONNX Runtime can hardly do more with than turn them into others.
_NARROW = {"int8", "int16"}
COMPUTED_TYPES = tuple(row for row in ELEMENT_TYPES if row.name not in _NARROW)

BY_NAME = {row.name: row for row in ELEMENT_TYPES}
_BY_NUMPY = {row.numpy: row for row in ELEMENT_TYPES}


def is_string(dtype: np.dtype) -> bool:
    """Whether arrays of `dtype` hold strings, of any width."""
    return dtype.kind in "OUT"


def element_type(dtype: DTypeLike) -> ElementType:
    """The row for a NumPy type; strings of any width are ``string``.

    >>> element_type("<U3").spark
    'string'

    Raises
    ------
    ColumnTypeError
        sparkbird has no such type.
    """
    dtype = np.dtype(dtype)
    if is_string(dtype):
        dtype = STRING
    try:
        return _BY_NUMPY[dtype]
    except KeyError:
        raise ColumnTypeError(
            f"sparkbird has no element type for NumPy's {dtype}",
            f"cast it to one of {', '.join(BY_NAME)}.",
        ) from None
