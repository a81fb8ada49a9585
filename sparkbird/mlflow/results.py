"""The column of a model as the type that MLflow's ``result_type`` asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from pyspark.errors import ParseException
from pyspark.sql import functions as F, types as spark  # noqa: N812  as all of Spark's users do

from sparkbird.errors import SchemaError

#: A column of Spark, classic or Connect.
Column: TypeAlias = Any

_INTEGERS = ("tinyint", "smallint", "int")
_NUMBERS = (*_INTEGERS, "bigint", "float", "double")

#: For each type that may be asked for, those of predictions that MLflow makes it of.
#: Text of floating-point numbers is not among them: Spark and Python write them differently.
_MADE_OF = {
    "int": _INTEGERS,
    "bigint": (*_INTEGERS, "bigint"),
    "float": _NUMBERS,
    "double": _NUMBERS,
    "boolean": ("boolean",),
    "string": (*_INTEGERS, "bigint", "boolean", "string"),
}


def parsed(session: Any, result_type: Any) -> spark.DataType:
    """`result_type` as a type of Spark: it is one, or one in DDL, a struct of fields included.

    Raises
    ------
    SchemaError
        Spark cannot read it.
    """
    if not isinstance(result_type, str):
        return result_type
    if result_type.strip() == "bool":
        return spark.BooleanType()
    found = _read(session, result_type) or _read(session, f"struct<{result_type}>")
    if found is None:
        raise SchemaError(
            f"result_type={result_type!r} is no type of Spark",
            'write it as DDL: "double", "array<double>", "label string, score double".',
        )
    return found


def _read(session: Any, ddl: str) -> spark.DataType | None:
    try:
        empty = session.range(0).select(F.lit(None).cast(ddl))
        return empty.schema[0].dataType
    except ParseException:
        return None


def as_type(given: spark.DataType, wanted: spark.DataType) -> Callable[[Column], Column]:
    """How a column of predictions, `given`, becomes one of the type `wanted`.

    As MLflow has it, a single value is the leftmost of a row's that can be of that type, an
    array all of those, and a struct the columns of its names.

    Raises
    ------
    SchemaError
        None of the predictions can.
    """
    if given.simpleString() == wanted.simpleString():
        return lambda column: column
    if isinstance(wanted, spark.StructType) and isinstance(given, spark.StructType):
        return _struct(given, wanted)
    element = wanted.elementType if isinstance(wanted, spark.ArrayType) else wanted
    ways = [(way, kind) for way, kind in _values(given) if _fits(kind, element)]
    if not ways:
        raise SchemaError(
            f"the model gives {given.simpleString()}, of which no {wanted.simpleString()} is made",
            f'ask for result_type="{given.simpleString()}", and cast it in Spark.',
        )
    if element is wanted:
        way, kind = ways[0]
        return lambda column: _cast(way(column), kind, element)
    if isinstance(given, spark.ArrayType):
        return lambda column: F.transform(column, lambda one: _cast(one, ways[0][1], element))
    return lambda column: F.array(*(_cast(way(column), kind, element) for way, kind in ways))


def _values(given: spark.DataType) -> list[tuple[Callable[[Column], Column], spark.DataType]]:
    """Ways to the values of a row that MLflow sees as its columns, and their types.

    Those of an array have one type: the first stands for all.
    """
    if isinstance(given, spark.StructType):
        return [(_field(field.name), field.dataType) for field in given]
    if isinstance(given, spark.ArrayType):
        return [(lambda column: column.getItem(0), given.elementType)]
    return [(lambda column: column, given)]


def _struct(given: spark.StructType, wanted: spark.StructType) -> Callable[[Column], Column]:
    known = {field.name: field.dataType for field in given}
    if missing := [field.name for field in wanted if field.name not in known]:
        raise SchemaError(
            f"result_type asks for {', '.join(map(repr, missing))}, which the model does not give",
            f"it gives {', '.join(known)}.",
        )
    ways = {field.name: as_type(known[field.name], field.dataType) for field in wanted}
    return lambda column: F.struct(
        *(way(column.getField(name)).alias(name) for name, way in ways.items())
    )


def _field(name: str) -> Callable[[Column], Column]:
    return lambda column: column.getField(name)


def _fits(kind: spark.DataType, wanted: spark.DataType) -> bool:
    return kind.simpleString() in _MADE_OF.get(wanted.simpleString(), ())


def _cast(column: Column, kind: spark.DataType, wanted: spark.DataType) -> Column:
    """The column, of a `kind`, as another; MLflow writes booleans as Python does, ``True``."""
    is_text = isinstance(wanted, spark.StringType) and isinstance(kind, spark.BooleanType)
    return F.initcap(column.cast("string")) if is_text else column.cast(wanted)
