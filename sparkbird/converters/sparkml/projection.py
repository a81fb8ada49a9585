"""SQLTransformer, where its statement is a plain projection. N is the number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml import sql
from sparkbird.converters.sparkml.stages import stage
from sparkbird.errors import UnsupportedError, UnsupportedOptionError
from sparkbird.graph import op

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sparkbird.converters.sparkml.frame import Column, Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

_NAME = "feature.SQLTransformer(statement)"


def _items(stage: Stage) -> list[sql.Item]:
    """The items of the statement; none of one that will be refused."""
    try:
        return sql.read(stage.params["statement"])[1]
    except UnsupportedOptionError:
        return []


def _reads(stage: Stage) -> dict[str, str]:
    """The columns that are named: those that are computed with are numbers."""
    spelt: dict[str, str] = {}
    found: dict[str, str] = {}
    for item in _items(stage):
        kind = "" if isinstance(item.made_of, sql.Name) else "float64"
        for name in sql.names(item.made_of):
            first = spelt.setdefault(name.casefold(), name)
            found[first] = found.get(first) or kind
    return found


def _objections(stage: Stage) -> Iterator[UnsupportedError]:
    try:
        has_all, items = sql.read(stage.params["statement"])
    except UnsupportedOptionError as error:
        yield error
        return
    if not has_all:
        yield UnsupportedOptionError(
            f"{_NAME} without * is not compiled: it drops columns of the dataframe",
            "begin it with SELECT *, and drop the columns behind the pipeline.",
        )
    known: set[str] = set()
    for item in items:
        if {*map(str.casefold, sql.names(item.made_of))} & known:
            yield UnsupportedOptionError(
                f"{_NAME} that reads columns which it makes itself is not compiled",
                "put a second SQLTransformer behind the first.",
            )
        known.add(item.alias.casefold())


@stage(
    "feature.SQLTransformer",
    reads=_reads,
    consumes="statement",
    objections=_objections,
    adds=lambda stage: [item.alias for item in _items(stage)],
)
def sql_transformer(stage: Stage, frame: Frame) -> Frame:
    """Columns under new names, and numbers computed from numbers, each [N].

    NULL is NaN here, and where one is computed with the result is NULL or NaN.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/SQLTransformer.scala, transform
    (4.3).
    """
    given = frame
    for item in _items(stage):
        if item.alias.casefold() in map(str.casefold, frame.columns):
            raise UnsupportedOptionError(
                f"{_NAME} with two columns called {item.alias!r} is not compiled",
                "give the new column another name.",
            )
        if isinstance(item.made_of, sql.Name):
            frame = frame.with_column(item.alias, _renamed(given, item.made_of.name))
            continue
        values, kind = _computed(stage, given, item.made_of)
        if kind != "double":
            raise _of_whole_numbers(item.alias)
        frame = frame.with_column(item.alias, values)
    return frame


def _renamed(frame: Frame, name: str) -> Column:
    """The column called `name`. What enters a graph as a double has to be one to Spark."""
    column = frame[name]
    if column.is_whole or column.declared == "bool":
        raise _of_whole_numbers(name)
    return column


def _computed(stage: Stage, frame: Frame, made_of: sql.Expression) -> tuple[Array, str]:
    """The values of an expression, [N] or one, and its type: "int", "decimal", "double".

    A double with anything else is a double, and so is a quotient of integers.

    Source: sql/catalyst/src/main/scala/org/apache/spark/sql/catalyst/analysis/
    TypeCoercion.scala; .../expressions/arithmetic.scala (4.3).
    """
    if isinstance(made_of, sql.Name):
        return _numbers(frame, made_of.name)
    if isinstance(made_of, sql.Literal):
        return np.float64(made_of.value), made_of.kind
    right, kind = _computed(stage, frame, made_of.right)
    if made_of.left is None:
        return -right, kind
    left, other = _computed(stage, frame, made_of.left)
    is_quotient = made_of.sign == "/" and {kind, other} <= {"int", "double"}
    if "double" not in (kind, other) and not is_quotient:
        raise _of_whole_numbers(f"... {made_of.sign} ...")
    if made_of.sign == "/":
        _refuse_zero(stage, frame, right)
    return _SIGNS[made_of.sign](left, right), "double"


_SIGNS = {"+": op.add, "-": op.sub, "*": op.mul, "/": op.div}


def _numbers(frame: Frame, name: str) -> tuple[Array, str]:
    """A column as numbers [N]; those of float32 Spark would compute with as such."""
    column = frame[name]
    if column.declared in ("float32", "bool") or column.values.dtype == np.float32:
        raise UnsupportedOptionError(
            f"{_NAME} that computes with column {name!r} is not compiled: it is no double",
            "cast it to double in front of the pipeline.",
        )
    return frame.numbers(name), "int" if column.is_whole else "double"


def _refuse_zero(stage: Stage, frame: Frame, divisor: Array) -> None:
    """Spark 4 raises of a division by zero, Spark 3 gives NULL."""
    if np.ndim(divisor):
        failing = op.equal(divisor, np.float64(0.0))
        frame.check(failing, f"{stage.uid} divides by no 0")
    elif divisor == 0.0:
        raise UnsupportedOptionError(f"{_NAME} with / 0 is not compiled", "leave it out.")


def _of_whole_numbers(name: str) -> UnsupportedOptionError:
    return UnsupportedOptionError(
        f"{_NAME} with {name!r} as whole numbers, decimals or booleans is not compiled: graphs "
        "hold doubles, and know no overflow",
        "cast the columns to double in front of the pipeline.",
    )
