"""A dataframe with the outputs of a model added."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F  # noqa: N812  as all of Spark's users write it

from sparkbird.converters.native import opened
from sparkbird.converters.sparkml.persisted import Stage
from sparkbird.errors import ColumnNameError
from sparkbird.model import CompiledModel, load
from sparkbird.spark.columns import quoted, refuse_clash
from sparkbird.spark.ml import with_columns, with_stage
from sparkbird.spark.rows import with_result
from sparkbird.spark.types import ENTERING
from sparkbird.spark.udf import ModelUDF, udf

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: The one column in which several outputs come back, until it is taken apart.
_ALL = "__sparkbird"


def transform(
    df: DataFrame,
    model: Any,
    *,
    outputs: str | Sequence[str] | None = None,
    device: str = "auto",
    profile: Any = None,
) -> DataFrame:
    """`df` with a column for each output of `model`, named after it: ``predict``, ...

    For a model of Spark ML the columns are those that its own ``transform`` adds, of the same
    types, and rows that it drops are dropped.

    The columns of the model are found by name, and only they travel to Python. What is
    float in `df` enters the model as float32, as it would the original.

    Parameters
    ----------
    df
        Rows, with at least the columns that the model reads.
    model
        What `sparkbird.compile` takes.
    outputs
        The methods wanted; None is ``predict``, or ``transform`` where there is none. Of a
        model of Spark ML the columns wanted; None is all of them.
    device
        "cpu", "cuda", or "auto"; see `udf`.
    profile
        A ``pyspark.resource.ResourceProfile`` for the stage that computes the outputs, as one
        with GPUs: whole rows travel to its executors then. Needs Spark 4.0.

    Raises
    ------
    ColumnNameError
        The dataframe lacks a column of the model or has one of the name of an output, or
        the model does not know its columns by name.
    UnsupportedError, NotFittedError, SchemaError
        The model cannot be compiled, or has no such output.
    """
    model, signed = opened(model)
    if isinstance(model, (str, os.PathLike)):
        model = load(model, device=device)  # an artefact: nothing else is left at a path
    if isinstance(model, Stage):
        return with_stage(df, model, outputs, device, profile)
    if isinstance(model, CompiledModel) and model.schema.adds:
        return with_columns(df, model, outputs, device, profile)
    score = udf(model, outputs, inputs=_types(df, model) or signed, device=device)
    (entry,) = score.metadata["models"].values()
    names: list[str] = entry["outputs"]
    read = score.read()
    refuse_clash(df, names)
    _refuse_missing(df, score, [*entry["inputs"]])
    if outputs is None or isinstance(outputs, str):
        return with_result(df, score, read, names[0], profile)
    fields = [F.col(_ALL).getField(name).alias(name) for name in names]
    own = [F.col(quoted(name)) for name in df.columns]
    return with_result(df, score, read, _ALL, profile).select(*own, *fields)


def _types(df: DataFrame, model: Any) -> dict[str, str] | None:
    """The types of those columns of `df` that the model names, for compiling it."""
    names = {*map(str, getattr(model, "feature_names_in_", ()))}
    kinds = {
        field.name: field.dataType.simpleString()
        for field in df.schema.fields
        if field.name in names and isinstance(field.dataType, ENTERING)
    }
    return kinds or None


def _refuse_missing(df: DataFrame, score: ModelUDF, read: Sequence[str]) -> None:
    given = {column.casefold() for column in df.columns}
    if missing := [name for name in read if name.casefold() not in given]:
        raise ColumnNameError(
            f"the dataframe has no column {', '.join(map(repr, missing))}",
            f"{score!r} reads it; call sparkbird.udf(model) with columns of your choice.",
        )
