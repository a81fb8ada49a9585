"""A dataframe with the columns that a model of Spark ML adds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import functions as F  # noqa: N812  as all of Spark's users write it

from sparkbird.compiler import compile as compile_model
from sparkbird.converters.sparkml.stages import audit, columns_read, columns_welcome, readers
from sparkbird.errors import ColumnNameError, ColumnTypeError, SchemaError, UnsupportedError
from sparkbird.model import CompiledModel
from sparkbird.runtime.entries import LONGEST
from sparkbird.schema import DROPPED
from sparkbird.spark.columns import quoted, refuse_clash
from sparkbird.spark.rows import with_result
from sparkbird.spark.udf import udf

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType, StructField

    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.schema import Column, Output, Schema

#: The one column in which all outputs come back, until it is taken apart.
_ALL = "__sparkbird"

#: Vectors of more values travel as they are: most of these may be zeros.
_LONGEST_ARRAY = 1_000

#: The rows that Spark hands over at a time unless it is told otherwise.
_BATCH = 10_000

#: What a column of a model's type may be in a dataframe, by the first word of Spark's name for it.
_NUMBERS = frozenset(
    {"tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "boolean", "void"}
)
_TAKES = {
    "vector": frozenset({"vector", "array"}),
    "string": frozenset({"string", "varchar", "char", "void"}),
}


def with_stage(
    df: DataFrame,
    stage: Stage,
    outputs: str | Sequence[str] | None,
    device: str,
    profile: Any = None,
) -> DataFrame:
    """`df` with the columns that `stage` adds, or with those of them that are `outputs`.

    Raises
    ------
    ColumnNameError
        The dataframe lacks a column that the model reads, or has one that it adds.
    UnsupportedError, SchemaError
        The model cannot be compiled, or adds no such column.
    """
    return with_columns(df, compiled_for(df, stage, device), outputs, device, profile)


def compiled_for(df: DataFrame, stage: Stage, device: str = "auto") -> CompiledModel:
    """`stage`, compiled for the types that its columns have in `df`.

    Raises
    ------
    ColumnNameError
        The dataframe lacks a column that the model reads.
    UnsupportedError, SchemaError
        The model cannot be compiled.
    """
    if refusals := [*audit(stage)]:
        raise UnsupportedError.all_of(refusals)
    read = columns_welcome(stage, df.columns) | columns_read(stage)
    takers = readers(stage)
    fields = _fields(df, {name: takers.get(name) for name in read})
    kinds = {
        name: _kind(field, read[name], takers.get(name, "the model"))
        for name, field in fields.items()
    }
    types = {name: kind for name, kind in kinds.items() if kind}
    return compile_model(stage, types or None, device=device)


def with_columns(
    df: DataFrame,
    model: CompiledModel,
    outputs: str | Sequence[str] | None,
    device: str,
    profile: Any = None,
) -> DataFrame:
    """The same for a model of Spark ML that has been compiled.

    Raises
    ------
    ColumnNameError
        The dataframe lacks a column that the model reads, or has one that it adds.
    ColumnTypeError
        A column is nothing that the model takes.
    SchemaError
        The model adds no such column, or vectors so long that no worker holds a batch of them.
    """
    schema = model.schema
    wanted = [outputs] if isinstance(outputs, str) else [*(outputs or schema.adds)]
    refuse_clash(df, wanted)
    for name in wanted:
        _refuse_length(schema.output(name))
    read = _read(df, schema)
    drops = any(output.name == DROPPED for output in schema.outputs)
    score = udf(model, [*wanted, DROPPED] if drops else wanted, device=device).as_vectors()
    types = {field.name: field.dataType for field in score.returnType.fields}
    # Otherwise Spark computes it for the filter, and once more for the columns.
    once = score.asNondeterministic()
    own = [F.col(quoted(name)) for name in df.columns]
    rows = with_result(df, once, once.read(*read), _ALL, profile)
    if drops:
        rows = rows.filter(~F.col(_ALL).getField(DROPPED))
    return rows.select(*own, *(_column(schema.output(name), types[name]) for name in wanted))


def _refuse_length(output: Output) -> None:
    """A text hashed to 2**18 places is 2 MiB a row, and 20 GiB a batch, though mostly zeros."""
    length = output.length
    if not output.is_sparse and length > LONGEST:
        raise SchemaError(
            f"column {output.name!r} holds vectors of {length:,} values, and a batch of "
            f"{_BATCH:,} rows would take {length * 8 * _BATCH / 2**30:.1f} GiB in each worker",
            'name the columns that you need, outputs=["prediction"]: what is not asked for is '
            "not made.",
        )


def _read(df: DataFrame, schema: Schema) -> list[Any]:
    """The columns that the model takes, in its order."""
    fields = _fields(df, {column.name: column.reader for column in schema.columns})
    for column in schema.columns:
        _refuse_type(column, fields[column.name])
    return [_argument(column, fields[column.name]) for column in schema.columns]


def _argument(column: Column, field: StructField) -> Any:
    """The column as it travels: vectors as arrays, which take Spark an eighth of the time."""
    given = F.col(quoted(field.name))
    is_vector = field.dataType.simpleString() == "vector"
    if is_vector and column.lengths[0] <= _LONGEST_ARRAY:
        return F.when(given.isNotNull(), vector_to_array(given))
    return given


def _refuse_type(column: Column, field: StructField) -> None:
    if _word(field.dataType.simpleString()) not in _TAKES.get(_word(column.kind), _NUMBERS):
        raise _wrong_type(field, column.taker, column.kind)


def _fields(df: DataFrame, readers: Mapping[str, str | None]) -> Mapping[str, StructField]:
    """The columns of `df` by the names that a model has for them, in any case.

    `readers` are the names, each with the stage that takes it.
    """
    spelt = {field.name.casefold(): field for field in df.schema.fields}
    if missing := [name for name in readers if name.casefold() not in spelt]:
        takers = {readers[name] or "the model" for name in missing}
        raise ColumnNameError(
            f"the dataframe has no column {', '.join(map(repr, missing))}, "
            f"which {', '.join(sorted(takers))} takes",
            "rename a column, or add it.",
        )
    return {name: spelt[name.casefold()] for name in readers}


def _kind(field: StructField, expected: str, taker: str) -> str:
    """The type of a column for `compile`; of vectors, if their length is known."""
    kind: str = field.dataType.simpleString()
    if kind == "vector":
        length = field.metadata.get("ml_attr", {}).get("num_attrs")
        return f"vector[{length}]" if length else ""
    if _word(kind) in _NUMBERS | _TAKES["string"]:
        return kind
    if _word(kind) in _TAKES.get(_word(expected), ()):
        return ""
    raise _wrong_type(field, taker, expected or "another type")


def _word(kind: str) -> str:
    """The first word of the name of a type: ``decimal`` of ``decimal(10,2)``."""
    return re.split(r"\W", kind)[0]


def _wrong_type(field: StructField, taker: str, expected: str) -> ColumnTypeError:
    return ColumnTypeError(
        f"column {field.name!r} is {field.dataType.simpleString()}, and {taker} takes {expected}",
        "cast it, or give the model a column of the type that it was fitted on.",
    )


def _column(output: Output, given: DataType) -> Any:
    """The column of an output; of vectors the metadata say, as Spark's do, how long they are."""
    values = F.col(_ALL).getField(output.name)
    is_vector = given.simpleString() == "vector"
    if not is_vector and not output.tensors[0].lengths:
        return values.alias(output.name)
    vectors = values if is_vector else array_to_vector(values)
    return vectors.alias(output.name, metadata={"ml_attr": {"num_attrs": output.length}})
