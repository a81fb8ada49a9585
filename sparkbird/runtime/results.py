"""Results of a graph as Arrow columns with the types that Spark was promised."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
import pyarrow as pa

from sparkbird.dtypes import BY_NAME, MISSING, STRING
from sparkbird.runtime.entries import is_shorter, matrix
from sparkbird.schema import Output, Tensor

#: What becomes of types without a sign, which Spark does not have.
_SIGNED = {"uint8": pa.int16()}


def _list_of(arrow: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("element", arrow, nullable=False))


#: A vector of Spark ML: 0 and its length, places and values if it is sparse, else 1 and values.
#: Source: mllib/src/main/scala/org/apache/spark/ml/linalg/VectorUDT.scala, sqlType (4.3).
VECTOR = pa.struct(
    [
        pa.field("type", pa.int8(), nullable=False),
        pa.field("size", pa.int32()),
        pa.field("indices", _list_of(pa.int32())),
        pa.field("values", _list_of(pa.float64())),
    ]
)


def arrow_type(output: Output) -> pa.DataType:
    """The Arrow type of one output as a column.

    A vector and tokens become a list, several targets a list of them, columns of several types
    a struct, long vectors that are mostly zeros vectors of Spark ML.
    Each is a type that Spark has, so that Spark casts nothing.
    """
    if output.is_sparse or output.kind == "dense":
        return VECTOR
    types = [_tensor_type(tensor) for tensor in output.tensors]
    if output.kind == "array":
        return types[0]
    if output.kind in ("list", "tokens"):
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
    if output.kind == "tokens":
        return _tokens(tensors[output.tensors[0].name], nulls)
    if output.is_sparse:
        return _vectors(output, tensors[output.name], nulls)
    if output.kind == "dense":
        return _dense(tensors[output.tensors[0].name], nulls)
    columns = [_array(tensors[tensor.name], nulls) for tensor in output.tensors]
    if output.kind == "array":
        return columns[0]
    if output.kind == "list":
        return _interleaved(columns, nulls)
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
    """[N, *lengths] as an array of nested lists, NULL where `nulls` [N].

    Out of buffers rather than by ``pa.array``, which imports pandas if it finds it.
    """
    if values.ndim > 1:
        rows, length = values.shape[:2]
        inner = np.ascontiguousarray(values).reshape(rows * length, *values.shape[2:])
        return _lists(_array(inner, None), rows, length, nulls)
    if values.dtype == STRING:
        return _strings(values, nulls)
    signed = values.astype(np.int16) if values.dtype == np.uint8 else values
    arrow = pa.from_numpy_dtype(signed.dtype)
    content = _bits(signed) if signed.dtype == np.bool_ else _buffer(signed)
    return pa.Array.from_buffers(arrow, len(signed), [_validity(nulls), content])


def _strings(values: np.ndarray, nulls: np.ndarray | None) -> pa.Array:
    """Few distinct strings are the rule: each is encoded once."""
    encoded = {text: text.encode() for text in set(values.tolist())}
    encoded[MISSING] = b""
    texts = [encoded[text] for text in values.tolist()]
    gone = np.asarray(np.equal(values, MISSING), np.bool_)
    if nulls is not None or gone.any():
        nulls = gone if nulls is None else gone | nulls
    offsets = np.zeros(len(texts) + 1, np.int32)
    np.cumsum([*map(len, texts)], out=offsets[1:])
    buffers = [_validity(nulls), _buffer(offsets), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def _lists(inner: pa.Array, rows: int, length: int, nulls: np.ndarray | None) -> pa.Array:
    """`inner` cut into `rows` lists of `length` elements each."""
    return _cut(inner, np.arange(rows + 1, dtype=np.int32) * np.int32(length), nulls)


def _tokens(values: np.ndarray, nulls: np.ndarray | None) -> pa.Array:
    """Lists of strings [N] as an array."""
    lists = values.tolist()
    offsets = np.zeros(len(lists) + 1, np.int32)
    np.cumsum([*map(len, lists)], out=offsets[1:])
    tokens = np.array([*itertools.chain.from_iterable(lists)], STRING)
    return _cut(_strings(tokens, None), offsets, nulls)


def _dense(values: np.ndarray, nulls: np.ndarray | None) -> pa.Array:
    """Vectors [N, K] as those of Spark ML."""
    rows, length = values.shape
    offsets = _buffer(np.arange(rows + 1, dtype=np.int32) * np.int32(length))
    inner = _array(np.ascontiguousarray(values).ravel(), None)
    children = [
        _array(np.ones(rows, np.int8), None),
        pa.nulls(rows, pa.int32()),
        pa.nulls(rows, VECTOR.field("indices").type),
        pa.Array.from_buffers(VECTOR.field("values").type, rows, [None, offsets], children=[inner]),
    ]
    return pa.Array.from_buffers(VECTOR, rows, [_validity(nulls)], children=children)


def _vectors(output: Output, pairs: np.ndarray, nulls: np.ndarray | None) -> pa.Array:
    """Vectors, each its columns and its values [N], as those of Spark ML."""
    columns = [of_row for of_row, _ in pairs.tolist()]
    values = [of_row for _, of_row in pairs.tolist()]
    dense = np.zeros(len(pairs), np.bool_)
    if output.kind == "compressed":
        dense = ~is_shorter(np.array([*map(len, values)], np.int64), output.width)
        for i in np.flatnonzero(dense).tolist():
            (values[i],) = matrix(pairs[i : i + 1], output.width)
            columns[i] = columns[i][:0]
    width = np.full(len(pairs), output.width, np.int32)
    size = pa.Array.from_buffers(pa.int32(), len(pairs), [_validity(dense), _buffer(width)])
    children = [
        _array(dense.astype(np.int8), None),
        size,
        _ragged(columns, np.int32, dense),
        _ragged(values, np.float64, None),
    ]
    return pa.Array.from_buffers(VECTOR, len(pairs), [_validity(nulls)], children=children)


def _ragged(rows: list[np.ndarray], dtype: type, nulls: np.ndarray | None) -> pa.Array:
    """Arrays of numbers as lists of them."""
    inner = _array(np.concatenate([np.zeros(0, dtype), *rows]), None)
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum([*map(len, rows)], out=offsets[1:])
    buffers = [_validity(nulls), _buffer(offsets)]
    kind = _list_of(inner.type)
    return pa.Array.from_buffers(kind, len(rows), buffers, children=[inner])


def _cut(inner: pa.Array, offsets: np.ndarray, nulls: np.ndarray | None) -> pa.Array:
    """`inner` cut into lists at `offsets` [N + 1]."""
    kind = pa.list_(_element(inner.type))
    buffers = [_validity(nulls), _buffer(offsets)]
    return pa.Array.from_buffers(kind, len(offsets) - 1, buffers, children=[inner])


def _interleaved(columns: list[pa.Array], nulls: np.ndarray | None) -> pa.Array:
    """One list for each row, of that row's value in each column."""
    rows, count = len(columns[0]), len(columns)
    order = _array(np.arange(rows * count).reshape(count, rows).T.ravel(), None)
    return _lists(pa.concat_arrays(columns).take(order), rows, count, nulls)


def _validity(nulls: np.ndarray | None) -> pa.Buffer | None:
    return None if nulls is None else _bits(~nulls)


def _bits(values: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.packbits(values, bitorder="little"))


def _buffer(values: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.ascontiguousarray(values))
