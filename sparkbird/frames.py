"""Rows as users hold them, on the driver: NumPy, pandas or Arrow, to the inputs of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from sparkbird.dtypes import BY_NAME
from sparkbird.errors import ColumnCountError, ColumnNameError, ColumnTypeError
from sparkbird.inputs import is_sequence
from sparkbird.runtime.batches import feeds
from sparkbird.schema import MATRIX, Schema


def inputs_of(schema: Schema, X: Any) -> dict[str, np.ndarray]:  # noqa: N803
    """The inputs of the graph for the rows `X`.

    A dataframe's columns are found by name, those of an array by position. A model fitted on
    an array takes a dataframe's columns by position as well, as the original does.

    Raises
    ------
    ColumnCountError, ColumnNameError, ColumnTypeError
        The columns are not those of the model.
    """
    if schema.layout == "series" and is_sequence(X):
        values = X if isinstance(X, (pa.Array, pa.ChunkedArray)) else _of_series(X)
        return feeds(schema, [values])
    if isinstance(X, np.ndarray):
        return _of_array(schema, X)
    if isinstance(X, (pa.Table, pa.RecordBatch)):
        return feeds(schema, [X.column(i) for i in _positions(schema, X.schema.names)])
    if hasattr(X, "columns") and hasattr(X, "iloc"):
        return _of_frame(schema, X)
    raise ColumnTypeError(
        f"rows cannot be a {type(X).__name__}",
        "give a NumPy array [rows, columns], a pandas dataframe, or an Arrow table.",
    )


def _of_array(schema: Schema, rows: np.ndarray) -> dict[str, np.ndarray]:
    if rows.ndim != 2:
        raise ColumnCountError(
            f"expected an array [rows, columns], got shape {rows.shape}",
            "reshape it: X.reshape(-1, 1) for one column, X.reshape(1, -1) for one row.",
        )
    if schema.layout != "matrix":
        positions = _positions(schema, range(rows.shape[1]))
        return feeds(schema, [_of_series(rows[:, i]) for i in positions])
    if rows.shape[1] != len(schema.names):
        raise _wrong_count(schema, rows.shape[1])
    target = BY_NAME[schema.columns[0].dtype].numpy
    if rows.dtype != target:
        _refuse_loss(rows.dtype, target)
    return {MATRIX: _in_memory(rows, target)}


def _in_memory(rows: np.ndarray, target: np.dtype) -> np.ndarray:
    """The rows as they are if these or their columns follow each other, else row after row."""
    order: Literal["C", "F"] = "F" if rows.flags.fnc else "C"
    return np.asarray(rows, target, order=order)


def _of_frame(schema: Schema, rows: Any) -> dict[str, np.ndarray]:
    """The columns of a dataframe, at once where all are of the type that all columns have."""
    positions = _positions(schema, [*map(str, rows.columns.tolist())])
    if {*rows.dtypes} != _float_type(schema):
        return feeds(schema, [_of_series(rows.iloc[:, i]) for i in positions])
    values = rows.to_numpy()
    if schema.layout == "matrix":
        return {MATRIX: _in_memory(values, values.dtype)}
    columns = zip(schema.columns, positions, strict=True)
    return {column.name: np.ascontiguousarray(values[:, i]) for column, i in columns}


def _float_type(schema: Schema) -> set[np.dtype]:
    """The type of all columns, if they have one in common and it is of floating-point numbers."""
    kinds = {column.kind for column in schema.columns}
    return {BY_NAME[k].numpy for k in kinds} if kinds in ({"float32"}, {"float64"}) else set()


def _refuse_loss(given: np.dtype, target: np.dtype) -> None:
    if not np.can_cast(given, target, "same_kind" if target.kind == "f" else "safe"):
        raise ColumnTypeError(
            f"an array of {given} cannot be rows of {target}",
            f"cast it to {target}, or compile with inputs= of its own type.",
        )
    if given.kind == "f" and given.itemsize > target.itemsize:
        raise ColumnTypeError(
            f"an array of {given} would lose digits as {target}",
            f"cast it to {target}, or compile with inputs= of its own type.",
        )


def _positions(schema: Schema, names: Sequence[object]) -> list[int]:
    """Where each column of the schema is among the columns called, or numbered, `names`."""
    by_name = isinstance(names, list) and (
        schema.layout == "columns" or (schema.layout == "series" and len(names) > 1)
    )
    if by_name:
        if missing := [c.name for c in schema.columns if c.name not in names]:
            raise ColumnNameError(
                f"there is no column {', '.join(map(repr, missing))}",
                f"the columns given are {', '.join(map(str, names))}.",
            )
        return _places(names, schema)
    if len(names) == len(schema.names):
        return _places(schema.names, schema)
    if len(names) == len(schema.columns) and schema.layout != "matrix":
        return [*range(len(names))]
    raise _wrong_count(schema, len(names))


def _places(names: Sequence[object], schema: Schema) -> list[int]:
    """Where each column of the schema is among `names`, the first of that name."""
    place = {name: i for i, name in reversed([*enumerate(names)])}
    return [place[column.name] for column in schema.columns]


def _wrong_count(schema: Schema, given: int) -> ColumnCountError:
    return ColumnCountError(
        f"the model takes {len(schema.names)} columns and was given {given}",
        f"it takes {', '.join(schema.names[:20])}{', ...' if len(schema.names) > 20 else ''}.",
    )


def _of_series(series: Any) -> pa.Array:
    """A column of a dataframe or an array as Arrow; None and NaN are missing alike."""
    try:
        return pa.Array.from_pandas(series)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        name = getattr(series, "name", None)
        raise ColumnTypeError(
            f"column {name!r} mixes types: {error}" if name else f"a column mixes types: {error}",
            "make it one type.",
        ) from error
