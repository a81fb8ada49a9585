"""A dataframe with the result of a model in one column, computed where its stage is to run."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyspark.sql import (
    functions as F,  # noqa: N812  as all of Spark's users write it
    types as spark,
)

from sparkbird.errors import SchemaError
from sparkbird.runtime.gathered import GATHERED_ROWS, Rows
from sparkbird.spark.columns import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from sparkbird.spark.backend import Column
    from sparkbird.spark.udf import ModelUDF


def with_result(
    df: DataFrame, score: ModelUDF, columns: Sequence[Column], name: str, profile: Any = None
) -> DataFrame:
    """`df` and the result of `score` for `columns`, those that it reads, in a column called `name`.

    With a ``pyspark.resource.ResourceProfile`` whole rows go to Python, to the executors and with
    the GPUs that it asks for; Spark's UDFs cannot have one.

    Raises
    ------
    SchemaError
        This release of Spark takes no profile.
    """
    own = [F.col(quoted(column)) for column in df.columns]
    if profile is None:
        return df.select(*own, score.of_read(columns).alias(name))
    if "profile" not in inspect.signature(df.mapInArrow).parameters:
        raise SchemaError(
            "profile= needs Spark 4.0 or later, whose mapInArrow takes one",
            "leave it out, and configure spark.task.resource.gpu.amount for the whole application.",
        )
    kept = len(own)
    arguments = [column.alias(f"__sparkbird_{i}") for i, column in enumerate(columns)]
    function = score.on_worker(profile)
    rows = Rows(
        function,
        takes=tuple(range(kept, kept + len(arguments))),
        kept=kept,
        name=name,
        at_least=GATHERED_ROWS if score.wants_gpu(profile) else 1,
    )
    returns = spark.StructType([*df.schema.fields, spark.StructField(name, score.returnType)])
    return df.select(*own, *arguments).mapInArrow(rows, returns, profile=profile)
