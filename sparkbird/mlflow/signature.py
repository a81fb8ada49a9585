"""The signature of a compiled model, and the rows of an input example."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sparkbird.schema import Output, Schema

#: MLflow's name for our element types; it has no shorter integers.
_DATA_TYPES = {
    "float32": "float",
    "float64": "double",
    "string": "string",
    "bool": "boolean",
    "uint8": "integer",
    "int8": "integer",
    "int16": "integer",
    "int32": "integer",
    "int64": "long",
}

#: Its name for the types of a sample whose integers the graph takes as float64.
_BY_KIND = {"i": "long", "u": "long", "b": "boolean"}


def signature_of(schema: Schema, rows: Any = None) -> Any:
    """The ``ModelSignature`` of a compiled model: all columns it was fitted on, its first output.

    MLflow refuses integers where doubles are said, and the reverse. So the type of a column is
    that of the sample `rows`, where there is one; else what the graph takes, which NaN fits.
    """
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Schema as Columns

    inputs = [*_inputs(schema, rows)]
    output = schema.output(schema.default_output)
    return ModelSignature(inputs=Columns(inputs), outputs=Columns([*_outputs(output)]))


def _inputs(schema: Schema, rows: Any) -> Iterator[Any]:
    from mlflow.types.schema import AnyType, Array, ColSpec

    read = {column.name: column for column in schema.columns}
    seen = _kinds(rows)
    for name in schema.names:
        column = schema.columns[0] if schema.layout == "matrix" else read.get(name)
        if schema.layout == "matrix":
            yield ColSpec(_DATA_TYPES[schema.columns[0].dtype])
        elif column is None:  # known to the model, and never read
            yield ColSpec(seen.get(name, AnyType()), name)
        elif column.lengths:
            yield ColSpec(Array(_data_type(column.dtype)), name)
        else:
            said = seen.get(name) if column.dtype != "string" else None
            yield ColSpec(said or _DATA_TYPES[column.dtype], name)


def _outputs(output: Output) -> Iterator[Any]:
    """One column for an array, however many values a row has; else one for each tensor."""
    from mlflow.types.schema import Array, ColSpec

    if output.is_sparse or output.kind == "dense":
        yield ColSpec(Array(_data_type("float64")))
        return
    names = output.names or [None] * len(output.tensors)
    for tensor, name in zip(output.tensors, names, strict=True):
        spec: Any = _data_type(tensor.dtype)
        for _ in tensor.lengths or (["T"] if output.kind == "tokens" else []):
            spec = Array(spec)
        yield ColSpec(spec, name if name or len(names) == 1 else tensor.name)


def _kinds(rows: Any) -> dict[str, str]:
    """For the columns of integers and booleans of a sample, MLflow's name for them."""
    if not hasattr(rows, "dtypes"):
        return {}
    kinds = {str(name): getattr(dtype, "kind", "") for name, dtype in rows.dtypes.items()}
    return {name: _BY_KIND[kind] for name, kind in kinds.items() if kind in _BY_KIND}


def _data_type(name: str) -> Any:
    from mlflow.types import DataType

    return DataType[_DATA_TYPES[name]]


def rows_of(example: Any) -> Any:
    """The rows of an input example, as `sparkbird.compile` takes them; None if it is none."""
    import pandas as pd

    if isinstance(example, tuple):  # rows and the parameters of a prediction
        example = example[0]
    if type(example).__module__.startswith("pyarrow."):
        return example.to_pandas()
    if isinstance(example, pd.Series):
        return example.to_frame()
    if isinstance(example, dict):
        scalars = not any(isinstance(value, (list, np.ndarray)) for value in example.values())
        return pd.DataFrame([example] if scalars else example)
    return example
