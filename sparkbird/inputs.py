"""What the columns of a model are: said by the user, by a sample, or by the model itself.

A named column of numbers enters a graph as float64, or as float32 if it is declared so:
integers and booleans too, because a NULL among them makes them float64 for the original.
A matrix keeps its type.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from sparkbird.dtypes import ARROW_STRINGS, BY_NAME, ELEMENT_TYPES
from sparkbird.errors import ColumnCountError, ColumnNameError, ColumnTypeError
from sparkbird.schema import Column, Layout


@dataclass(frozen=True)
class Inputs:
    """The columns of a model in order; a column whose type cannot be used has the type "".

    `named` tells whether the model sees a dataframe, or an array without names; `declared` are
    the types of named columns before they enter the graph: "int64", "bool".
    """

    layout: Layout
    columns: tuple[Column, ...]
    named: bool
    declared: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Fitted:
    """What a model says of its columns: their names or their number, and some types.

    `series` tells whether it takes a sequence of values and no table; `spelling`, how it spells
    the name of a column, if not as it is given; `welcome`, which of the columns given it takes
    besides its own, and their types.
    """

    names: tuple[str, ...] | None
    count: int | None
    types: Mapping[int, str]
    series: bool = False
    spelling: Callable[[str], str] | None = None
    welcome: Callable[[Collection[str]], Mapping[str, str]] = lambda _: {}


def resolve(fitted: Fitted, given: Any) -> Inputs:
    """The columns of the model, after what it says itself and what the user has `given`.

    Raises
    ------
    ColumnCountError, ColumnNameError, ColumnTypeError
        The two do not agree, or together they say too little.
    """
    if fitted.series:
        return _of_values(fitted, given)
    if given is None:
        return _from_model(fitted)
    if isinstance(given, np.ndarray) and given.dtype != object:
        return _from_array(fitted, given)
    declared = _declared(given)
    if fitted.names is None:
        if fitted.count not in (None, len(declared)):
            raise ColumnCountError(
                f"the model was fitted on {fitted.count} columns, inputs= has {len(declared)}",
                "give as many.",
            )
        named = not isinstance(given, np.ndarray)
        return Inputs("columns", _entering(declared.items()), named)
    if isinstance(given, np.ndarray):
        declared = dict(zip(fitted.names, declared.values(), strict=False))
    fitted = _welcoming(fitted, fitted.names, declared)
    fitted = _respelt(fitted, fitted.names or (), declared)
    known = _from_model(fitted).columns
    names = fitted.names or ()
    _refuse_unknown(given, declared, names)
    types = {column.name: column.kind for column in known}
    # Of vectors a schema says that they are some, the model how long they are.
    types |= {n: kind for n, kind in declared.items() if kind or not _is_vector(types.get(n, ""))}
    entering = _entering((name, types[name]) for name in names)
    return Inputs("columns", entering, named=True, declared=declared)


def _welcoming(fitted: Fitted, names: tuple[str, ...], declared: Collection[str]) -> Fitted:
    """What the model says, with those columns that it takes because they are there."""
    further = {n: kind for n, kind in fitted.welcome(declared).items() if n not in names}
    types = {**fitted.types, **dict(enumerate(further.values(), start=len(names)))}
    return replace(fitted, names=(*names, *further), types=types)


def _respelt(fitted: Fitted, names: tuple[str, ...], declared: Iterable[str]) -> Fitted:
    """What the model says, its `names` spelled as they are `declared`."""
    if fitted.spelling is None:
        return fitted
    given = {fitted.spelling(name): name for name in declared} | {n: n for n in declared}
    return replace(fitted, names=tuple(given.get(name, name) for name in names))


def _of_values(fitted: Fitted, given: Any) -> Inputs:
    """The one column of a model that takes a sequence: a sample may be one, or have one column."""
    dtype = fitted.types.get(0, "float64")
    name = "text" if dtype == "string" else "y"
    if given is not None and not is_sequence(given):
        declared = _declared(given)
        if len(declared) != 1:
            raise ColumnCountError(
                f"the model takes one column, inputs= has {len(declared)}",
                "give the column that it is to read, df[['text']] for example.",
            )
        ((name, _),) = declared.items()
    elif getattr(given, "name", None) is not None:
        name = str(given.name)
    return Inputs("series", (Column(name, dtype),), named=False)


def is_sequence(given: Any) -> bool:
    """Whether `given` is values [N] rather than rows: a list, a series, an array of one axis."""
    return isinstance(given, (list, tuple, pa.Array, pa.ChunkedArray)) or (
        not isinstance(given, pa.Schema) and getattr(given, "ndim", 2) == 1
    )


def _from_model(fitted: Fitted) -> Inputs:
    if fitted.names is None and fitted.count is None:
        raise ColumnNameError(
            "the model does not say which columns it takes",
            "give inputs=: a sample of the rows, a schema, or a mapping from name to type.",
        )
    names = fitted.names or tuple(f"x{i}" for i in range(fitted.count or 0))
    columns = tuple(Column.of(n, fitted.types.get(i, "float64")) for i, n in enumerate(names))
    if fitted.names is None and not fitted.types:
        return Inputs("matrix", columns, named=False)
    return Inputs("columns", columns, named=fitted.names is not None)


def _from_array(fitted: Fitted, sample: np.ndarray) -> Inputs:
    count = len(fitted.names) if fitted.names else fitted.count
    if sample.ndim != 2 or count not in (None, sample.shape[1]):
        raise ColumnCountError(
            f"inputs= is an array of shape {sample.shape}, and the model takes {count} columns",
            "give an array [rows, columns].",
        )
    dtype = _name_of(pa.from_numpy_dtype(sample.dtype)) if sample.dtype.kind in "fiub" else "string"
    names = fitted.names or tuple(f"x{i}" for i in range(sample.shape[1]))
    if fitted.names is None and dtype != "string":
        kept = {"float32", "float64", "bool"}
        matrix_type = dtype if dtype in kept else "int64"
        return Inputs("matrix", tuple(Column(n, matrix_type) for n in names), named=False)
    entering = _entering((name, dtype) for name in names)
    return Inputs("columns", entering, named=fitted.names is not None)


def _entering(declared: Iterable[tuple[str, str]]) -> tuple[Column, ...]:
    return tuple(
        Column.of(n, kind if _is_vector(kind) or kind in ("", "string", "float32") else "float64")
        for n, kind in declared
    )


def _is_vector(kind: str) -> bool:
    return kind.startswith("vector[")


def _refuse_unknown(given: Any, declared: Mapping[str, str], names: tuple[str, ...]) -> None:
    """A mapping names the model's columns and no others; a table may have more."""
    unknown = [name for name in declared if name not in names]
    missing = [name for name in names if name not in declared]
    if isinstance(given, Mapping) and unknown:
        raise ColumnNameError(
            f"inputs= names {', '.join(map(repr, unknown))}, which the model does not take",
            f"it takes {', '.join(names)}.",
        )
    if not isinstance(given, Mapping) and missing:
        raise ColumnNameError(
            f"inputs= has no column {', '.join(map(repr, missing))}", "the model was fitted on it."
        )


def _declared(given: Any) -> dict[str, str]:
    """The columns of a sample, schema or mapping: name to type, "" for one of no use."""
    for accepts, columns in _FORMS:
        if accepts(given):
            return columns(given)
    raise ColumnTypeError(
        f"inputs= cannot be a {type(given).__name__}",
        "give a dataframe, an array, a pyarrow or Spark schema, or a mapping name -> type.",
    )


def _of_arrow(schema: pa.Schema) -> dict[str, str]:
    return {field.name: _name_of(field.type) for field in schema}


def _of_pandas(sample: Any) -> dict[str, str]:
    return {str(name): _name_of(_of_series(name, sample[name])) for name in sample.columns}


def _of_series(name: object, series: Any) -> pa.DataType:
    try:
        return pa.Array.from_pandas(series).type
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ColumnTypeError(
            f"column {name!r} of inputs= mixes types: {error}", "make it one type."
        ) from error


def _of_objects(sample: np.ndarray) -> dict[str, str]:
    return {f"x{i}": _name_of(_of_series(i, sample[:, i])) for i in range(sample.shape[1])}


def _of_spark(schema: Any) -> dict[str, str]:
    return {field.name: _of_field(field) for field in schema.fields}


def _of_field(field: Any) -> str:
    """The name of the type of a column of Spark; of vectors, if their length is known."""
    kind: str = field.dataType.simpleString()
    length = field.metadata.get("ml_attr", {}).get("num_attrs") if kind == "vector" else None
    return f"vector[{length}]" if length else _of_type(kind)


def _of_mapping(given: Mapping[str, Any]) -> dict[str, str]:
    columns = {str(name): _of_type(kind) for name, kind in given.items()}
    if unusable := [name for name, kind in columns.items() if not kind]:
        raise ColumnTypeError(
            f"inputs= gives column {unusable[0]!r} the type {given[unusable[0]]!r}",
            f"use one of {', '.join(BY_NAME)}.",
        )
    return columns


#: Each form that `inputs=` can take, and how its columns are read. Spark's classes are known
#: by name, since Spark need not be installed.
_FORMS: tuple[tuple[Callable[[Any], bool], Callable[[Any], dict[str, str]]], ...] = (
    (lambda x: isinstance(x, Mapping), _of_mapping),
    (lambda x: isinstance(x, np.ndarray), _of_objects),
    (lambda x: isinstance(x, pa.Schema), _of_arrow),
    (lambda x: isinstance(x, (pa.Table, pa.RecordBatch)), lambda x: _of_arrow(x.schema)),
    (lambda x: type(x).__name__ == "StructType", _of_spark),
    (lambda x: type(x).__module__.startswith("pyspark."), lambda x: _of_spark(x.schema)),
    (lambda x: hasattr(x, "columns") and hasattr(x, "dtypes"), _of_pandas),
)

_ALIASES = {
    **{row.spark: row.name for row in ELEMENT_TYPES},
    **{name: name for name in BY_NAME},
    "str": "string",
    "double": "float64",
    "float": "float32",
    "long": "int64",
    "integer": "int32",
}
_PYTHON = {float: "float64", int: "int64", bool: "bool", str: "string"}


def _of_type(kind: Any) -> str:
    """The name of the element type that a user's word for it means, or ""."""
    if kind in _PYTHON:
        return _PYTHON[kind]
    if isinstance(kind, pa.DataType):
        return _name_of(kind)
    if isinstance(kind, (np.dtype, type)):
        return _name_of(pa.from_numpy_dtype(kind))
    name = str(kind)
    if _is_vector(name):
        return name
    return "float64" if name.startswith("decimal") else _ALIASES.get(name, "")


def _name_of(arrow: pa.DataType) -> str:
    """The name of our element type for an Arrow type, or "" if it has no counterpart."""
    if pa.types.is_dictionary(arrow):
        arrow = arrow.value_type
    return next((name for accepts, name in _BY_ARROW if accepts(arrow)), "")


_BY_ARROW: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (lambda arrow: str(arrow) in ARROW_STRINGS, "string"),
    (pa.types.is_null, "string"),
    (pa.types.is_boolean, "bool"),
    (pa.types.is_integer, "int64"),
    (pa.types.is_float32, "float32"),
    (pa.types.is_floating, "float64"),
    (pa.types.is_decimal, "float64"),
)
