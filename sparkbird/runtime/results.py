"""Results of a graph as Arrow columns with the types that Spark was promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
import pyarrow as pa

from sparkbird.dtypes import BY_NAME, MISSING, STRING
from sparkbird.schema import Output, Tensor


#: What becomes of types without a sign, which Spark does not have.
_SIGNED = {"uint8": pa.int16()}


def arrow_type(output: Output) -> pa.DataType:
    """The Arrow type of one output as a column.

    A vector becomes a list, several targets a list of them, columns of several types a struct.
    Each is a type that Spark has, so that Spark casts nothing.
    """
    types = [_tensor_type(tensor) for tensor in output.tensors]
    if output.kind == "array":
        return types[0]
    if output.kind == "list":
        return pa.list_(_element(types[0]))
    return pa.struct([pa.field(n, t) for n, t in zip(field_names(output), types, strict=True)])


def field_names(output: Output) -> tuple[str, ...]:
    """The names of the columns of a result that has several."""
    return output.names or tuple(f"_{i}" for i in range(len(output.tensors)))


def to_arrow(output: Output, tensors: Mapping[str, np.ndarray], invalid: np.ndarray) -> pa.Array:
    """The output as an Arrow array of exactly `arrow_type`, NULL where `invalid` [N].

    A struct is never NULL, its fields are: a pandas UDF cannot return the other.
    """
    nulls = invalid if invalid.any() else None
    columns = [_array(tensors[tensor.name], nulls) for tensor in output.tensors]
    if output.kind == "array":
        return columns[0]
    if output.kind == "list":
        return _interleaved(columns, arrow_type(output), nulls)
    fields = [pa.field(n, c.type) for n, c in zip(field_names(output), columns, strict=True)]
    return pa.StructArray.from_arrays(columns, fields=fields)


def struct_type(outputs: Sequence[Output]) -> pa.DataType:
    """The Arrow type of several outputs as one column: a struct with a field for each."""
    return pa.struct([pa.field(output.name, arrow_type(output)) for output in outputs])


def to_struct(
    outputs: Sequence[Output], tensors: Mapping[str, np.ndarray], invalid: np.ndarray
) -> pa.StructArray:
    """Several outputs as one struct with a field for each."""
    columns = [to_arrow(output, tensors, invalid) for output in outputs]
    return pa.StructArray.from_arrays(columns, fields=[*struct_type(outputs)])


def _tensor_type(tensor: Tensor) -> pa.DataType:
    scalar = _SIGNED.get(tensor.dtype) or pa.type_for_alias(BY_NAME[tensor.dtype].arrow)
    return reduce(lambda inner, _: pa.list_(_element(inner)), tensor.lengths, scalar)


def _element(arrow: pa.DataType) -> pa.Field:
    return pa.field("element", arrow)  # the name that Spark gives, so that no batch is cast


def _array(values: np.ndarray, nulls: np.ndarray | None) -> pa.Array:
    """[N, *lengths] as an array of nested lists, NULL where `nulls` [N]."""
    if values.ndim > 1:
        return _lists(values, nulls)
    if values.dtype == STRING:
        gone = np.equal(values, MISSING).astype(np.bool_)
        nulls = gone if nulls is None else gone | nulls
        return pa.array(values, pa.string(), mask=nulls, from_pandas=False)
    signed = values.astype(np.int16) if values.dtype == np.uint8 else values
    return pa.array(signed, mask=nulls, from_pandas=False)


def _lists(values: np.ndarray, nulls: np.ndarray | None) -> pa.Array:
    rows, length = values.shape[:2]
    inner = _array(np.ascontiguousarray(values).reshape(rows * length, *values.shape[2:]), None)
    offsets = pa.array(np.arange(0, rows * length + 1, length, dtype=np.int32)) if length else None
    if offsets is None:
        offsets = pa.array(np.zeros(rows + 1, np.int32))
    mask = None if nulls is None else pa.array(nulls)
    return pa.ListArray.from_arrays(offsets, inner, type=pa.list_(_element(inner.type)), mask=mask)


def _interleaved(columns: list[pa.Array], kind: pa.DataType, nulls: np.ndarray | None) -> pa.Array:
    """One list for each row, of that row's value in each column."""
    rows, count = len(columns[0]), len(columns)
    order = np.arange(rows * count).reshape(count, rows).T.ravel()
    inner = pa.concat_arrays(columns).take(pa.array(order))
    offsets = pa.array(np.arange(0, rows * count + 1, count, dtype=np.int32))
    mask = None if nulls is None else pa.array(nulls)
    return pa.ListArray.from_arrays(offsets, inner, type=kind, mask=mask)
