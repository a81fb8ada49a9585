"""The dataframe that a job writes, after its table, its model and its configuration.

Whatever can be known to be wrong without reading rows is found here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparkbird.errors import ColumnCountError, ColumnNameError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyspark.sql import DataFrame

    from sparkbird.job.config import Scoring
    from sparkbird.model import CompiledModel

#: The struct of all outputs, one transfer to Python for all of them; it is not written.
_SCORED = "sparkbird scored"


def compiled_for(model: Any, table: DataFrame, config: Scoring) -> CompiledModel:
    """`model` if it is compiled, else compiled for the columns of `table` that feed it.

    Raises
    ------
    UnsupportedError, NotFittedError, SchemaError
        It cannot be compiled.
    """
    from sparkbird.compiler import compile as compile_model
    from sparkbird.model import CompiledModel
    from sparkbird.spark.columns import quoted

    if isinstance(model, CompiledModel):
        return model
    names = getattr(model, "feature_names_in_", None)
    inputs = None
    if isinstance(config.columns, tuple) and names is None:
        _check_there(table, config.columns, "columns")
        inputs = table.select(*map(quoted, config.columns)).schema
    elif config.columns is None and names is not None and {*names} <= {*table.columns}:
        inputs = table.schema
    return compile_model(model, inputs, device=config.model.device)


def planned(table: DataFrame, model: CompiledModel, config: Scoring) -> DataFrame:
    """`table` with the columns that `config` keeps and adds; nothing is computed yet.

    Raises
    ------
    ConfigError
        An output is not there, or two columns would have one name.
    SchemaError
        The table has not the columns, or not the types, that the model takes.
    """
    from pyspark.sql import functions as F  # noqa: N812

    from sparkbird.spark.columns import quoted
    from sparkbird.spark.udf import udf

    _check_outputs(model, config)
    kept = _kept(table, config)
    feeding = _feeding(table, model, config)
    _check_types(table, model, feeding)
    wanted = [*dict.fromkeys(config.outputs.values())]
    score = udf(model, wanted, device=config.model.device, on_invalid=config.on_invalid)
    read = [F.col(quoted(column)) for column in feeding.values()]
    scored = table.withColumn(_SCORED, score.of_read(read))
    added = [
        F.col(f"{quoted(_SCORED)}.{quoted(output)}").alias(name)
        for name, output in config.outputs.items()
    ]
    return scored.select(*(F.col(quoted(name)) for name in kept), *added)


def _check_outputs(model: CompiledModel, config: Scoring) -> None:
    for name, output in config.outputs.items():
        if output not in model.outputs:
            raise ConfigError(
                f"outputs.{name} asks the model for {output!r}",
                f"it gives {', '.join(model.outputs)}.",
            )


def _kept(table: DataFrame, config: Scoring) -> list[str]:
    """The columns of the table that are written."""
    kept = [*(table.columns if config.keep is None else config.keep)]
    _check_there(table, kept, "keep")
    taken = {name.casefold() for name in kept}  # Spark does not tell a from A
    if clashing := [name for name in config.outputs if name.casefold() in taken]:
        raise ConfigError(
            f"outputs adds {', '.join(map(repr, clashing))}, which the table has already",
            "give it another name, or list in keep the columns to write without it.",
        )
    return kept


def _feeding(table: DataFrame, model: CompiledModel, config: Scoring) -> dict[str, str]:
    """For each column that the model reads, in its order, the table's column that feeds it."""
    schema = model.schema
    read = [column.name for column in schema.columns]
    if isinstance(config.columns, tuple):
        fewest = schema.names if schema.layout == "matrix" else read
        named = _in_order(config.columns, fewest, schema.names)
    else:
        given = config.columns or {}
        if unknown := [name for name in given if name not in schema.names]:
            raise ConfigError(
                f"columns names {', '.join(map(repr, unknown))}, which the model does not read",
                f"it reads {', '.join(read)}.",
            )
        named = {name: given.get(name, name) for name in read}
    _check_there(table, named.values(), "the model" if config.columns is None else "columns")
    return {name: named[name] for name in read}


def _in_order(
    columns: tuple[str, ...], read: Sequence[str], fitted: tuple[str, ...]
) -> dict[str, str]:
    """The columns of a list, by the model's names for their places."""
    for expected in (read, fitted):
        if len(columns) == len(expected):
            return dict(zip(expected, columns, strict=True))
    raise ColumnCountError(
        f"columns lists {len(columns)} columns, and the model reads {len(read)}",
        f"it reads {', '.join(read)}.",
    )


def _check_there(table: DataFrame, names: Iterable[str], who: str) -> None:
    if missing := [name for name in names if name not in table.columns]:
        raise ColumnNameError(
            f"{who} needs {', '.join(map(repr, missing))}, and the table has no such column",
            f"it has {', '.join(table.columns)}; the key columns tells which feeds which.",
        )


def _check_types(table: DataFrame, model: CompiledModel, feeding: dict[str, str]) -> None:
    """What workers check on their first batch, on a batch of no rows."""
    import pyarrow as pa
    from pyspark.sql.pandas.types import to_arrow_type

    from sparkbird.runtime.batches import feeds

    types = [to_arrow_type(table.schema[column].dataType) for column in feeding.values()]
    feeds(model.schema, [pa.nulls(0, arrow) for arrow in types])
