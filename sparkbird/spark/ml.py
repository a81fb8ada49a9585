"""A dataframe with the columns that a model of Spark ML adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F  # noqa: N812  as all of Spark's users write it

from sparkbird.compiler import compile as compile_model
from sparkbird.converters.sparkml.stages import columns_added, columns_read
from sparkbird.errors import ColumnNameError
from sparkbird.schema import DROPPED
from sparkbird.spark.columns import quoted, refuse_clash
from sparkbird.spark.udf import udf

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructField

    from sparkbird.converters.sparkml.persisted import Stage

#: The one column in which all outputs come back, until it is taken apart.
_ALL = "__sparkbird"


def of_stage(
    df: DataFrame, stage: Stage, outputs: str | Sequence[str] | None, device: str
) -> DataFrame:
    """`df` with the columns that `stage` adds, or with those of them that are `outputs`.

    Raises
    ------
    ColumnNameError
        The dataframe lacks a column that the model reads, or has one that it adds.
    UnsupportedError, SchemaError
        The model cannot be compiled, or adds no such column.
    """
    fields = _fields(df, [*columns_read(stage)])
    types = {name: kind for name, field in fields.items() if (kind := _kind(field))}
    compiled = compile_model(stage, types or None, device=device)
    order = columns_added(stage)
    added = [output.name for output in compiled.schema.outputs if output.name != DROPPED]
    wanted = [outputs] if isinstance(outputs, str) else outputs or sorted(added, key=order.index)
    refuse_clash(df, wanted)
    drops = len(added) < len(compiled.schema.outputs)
    asked = [*wanted, DROPPED] if drops else [*wanted]
    score = udf(compiled, asked, device=device)
    read = [F.col(quoted(fields[column.name].name)) for column in compiled.schema.columns]
    # Otherwise Spark computes it for the filter, and once more for the columns.
    scored = score.asNondeterministic()(*read)
    own = [F.col(quoted(name)) for name in df.columns]
    rows = df.select(*own, scored.alias(_ALL))
    if drops:
        rows = rows.filter(~F.col(_ALL).getField(DROPPED))
    return rows.select(*own, *(_column(name, compiled.schema.output(name)) for name in wanted))


def _fields(df: DataFrame, names: Sequence[str]) -> Mapping[str, StructField]:
    """The columns of `df` by the names that a model has for them, in any case."""
    spelt = {field.name.casefold(): field for field in df.schema.fields}
    if missing := [name for name in names if name.casefold() not in spelt]:
        raise ColumnNameError(
            f"the dataframe has no column {', '.join(map(repr, missing))}",
            "the model reads it: rename a column, or add it.",
        )
    return {name: spelt[name.casefold()] for name in names}


def _kind(field: StructField) -> str:
    """The type of a column for `compile`; of vectors, if their length is known."""
    kind: str = field.dataType.simpleString()
    if kind == "vector":
        length = field.metadata.get("ml_attr", {}).get("num_attrs")
        return f"vector[{length}]" if length else ""
    return kind


def _column(name: str, output: Any) -> Any:
    values = F.col(_ALL).getField(name)
    is_vector = bool(output.tensors[0].lengths)
    return (array_to_vector(values) if is_vector else values).alias(name)
