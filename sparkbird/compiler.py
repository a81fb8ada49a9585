"""compile(model) -> CompiledModel: read the model, trace its converters, build, seal."""

from __future__ import annotations

import functools
import json
import os
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import sparkbird
from sparkbird import artifact
from sparkbird.converters import audit, convert, native
from sparkbird.converters.registry import Results, Value, converter_for, takes_series
from sparkbird.dtypes import BY_NAME, element_type
from sparkbird.errors import ColumnNameError, ColumnTypeError, SchemaError, UnsupportedError
from sparkbird.graph import op
from sparkbird.graph.blocks import in_blocks
from sparkbird.graph.build import build, check, is_padded, row_bytes, serialized
from sparkbird.graph.op import Array
from sparkbird.graph.reads import Source, columns_read
from sparkbird.graph.screen import screen
from sparkbird.graph.simplify import simplified
from sparkbird.graph.sparse import Sparse, Vectors, dense
from sparkbird.graph.table import Table, columns_of
from sparkbird.graph.trace import Trace, tracing
from sparkbird.inputs import Fitted, Inputs, resolve
from sparkbird.model import CompiledModel, load
from sparkbird.schema import DROPPED, INVALID, MATRIX, SCREEN, Column, Output, Schema, Tensor
from sparkbird.trees.options import current, using

#: "0" leaves graphs as converters write them.
PASSES = "SPARKBIRD_PASSES"

#: The order in which outputs are offered; the first one there is the default.
_ORDER = ("predict", "transform", "predict_proba", "decision_function", "score_samples")


def compile(  # noqa: A001  the name users know from re and torch
    model: Any,
    inputs: Any = None,
    *,
    outputs: Sequence[str] | str | None = None,
    device: str = "auto",
    strategy: str | None = None,
) -> CompiledModel:
    """One graph for a fitted model, featurisation included.

    Parameters
    ----------
    model
        A fitted scikit-learn estimator or pipeline, a model or a booster of LightGBM, XGBoost
        or CatBoost, the path of a file that one of these saved or of a saved artefact, a URI of
        MLflow (``models:/name@alias``, ``runs:/<id>/model``), or a `CompiledModel`, which is
        returned.
    inputs
        What the columns are, where the model does not say so itself: a pandas, Arrow or
        NumPy sample, a pyarrow or Spark schema, a Spark dataframe, or a mapping from name to
        type. Without it the columns are those of the signature of a logged model, else the
        model's own; those that an encoder reads are
        strings if its categories are, all others float64.
    outputs
        The methods wanted, all of them if None. Fewer make a smaller graph.
    device
        "cpu", "cuda", or "auto". With "cuda" forests and products of large matrices run on a GPU;
        with "auto" forests alone do, for as many rows as make that worth it where there is one.
    strategy
        How forests are computed: "ensemble", "traversal", "perfect" or "gemm"; by cost if None.

    Raises
    ------
    UnsupportedError
        Some part of the model has no exact counterpart; all such parts are named.
    NotFittedError
        The model has not been trained.
    SchemaError
        The columns do not fit the model.
    """
    if isinstance(model, CompiledModel):
        return model
    model, inputs = native.opened(model, inputs)
    if isinstance(model, (str, os.PathLike)) and Path(model).suffix.lower() == ".onnx":
        return load(model, device=device)
    if refusals := [*audit(model, part="model")]:
        raise UnsupportedError.all_of(refusals)
    with using(**_lowering(strategy, device)):
        proto = _built(model, inputs, outputs)
    content = serialized(proto)
    del proto  # before ONNX reads the bytes to check them: a forest has its size in memory once
    check(content)
    return CompiledModel(artifact.sealed(content), device=device)


def _lowering(strategy: str | None, device: str) -> dict[str, Any]:
    """How forests are written: whole for a GPU, whose kernels run them, if nothing else is said."""
    if device == "cuda" and strategy in (None, "ensemble"):
        return {"strategy": "ensemble", "device": "cpu"}
    return {"strategy": strategy, "device": "cuda" if device == "cuda" else "cpu"}


def fitted_columns(model: Any) -> Fitted:
    """What the model says of its columns."""
    converter = converter_for(model)
    names, count = converter.columns(model)
    types = converter.column_types(model)
    return Fitted(
        None if names is None else tuple(names),
        count,
        types,
        takes_series(model),
        converter.spelling,
        functools.partial(converter.welcome, model),
    )


def _arguments(inputs: Inputs) -> dict[str, op.Tensor]:
    """The inputs of the graph; a column of no usable type is there until it turns out used.

    Raises
    ------
    ColumnNameError
        Two columns have one name, or a column has a name that no graph input can have.
    """
    for name, columns in Counter(column.name for column in inputs.columns).items():
        if columns > 1 or name in ("", INVALID, SCREEN):
            raise ColumnNameError(
                f"{columns} columns are called {name!r}"
                if columns > 1
                else f"a column is called {name!r}, which no input of a graph can be",
                "give each column a name of its own, and fit again.",
            )
    if inputs.layout == "matrix":
        dtype = BY_NAME[inputs.columns[0].dtype].numpy
        return {MATRIX: op.argument(MATRIX, dtype, len(inputs.columns))}
    return {
        column.name: op.argument(
            column.name, BY_NAME[column.dtype or "string"].numpy, *column.lengths
        )
        for column in inputs.columns
    }


def _rows(inputs: Inputs, arguments: dict[str, op.Tensor]) -> Array | Table:
    if inputs.layout == "matrix":
        return arguments[MATRIX]
    if inputs.layout == "series":
        return next(iter(arguments.values()))
    names = tuple(column.name for column in inputs.columns) if inputs.named else None
    return Table(tuple(arguments.values()), names)


def _wanted(results: Results, outputs: Sequence[str] | str | None) -> Results:
    """The results asked for, the default one first."""
    if outputs is None:
        ordered = [name for name in _ORDER if name in results]
        return {name: results[name] for name in [*ordered, *results]}
    names = [outputs] if isinstance(outputs, str) else [*outputs]
    for name in names:
        if name not in results:
            raise SchemaError(f"the model has no {name}", f"it has {', '.join(results)}.")
    # Which rows are dropped has to be known, whatever is asked for.
    return {name: results[name] for name in dict.fromkeys([*names, *({DROPPED} & {*results})])}


def _built(model: Any, given: Any, wanted: Sequence[str] | str | None) -> onnx.ModelProto:
    """The graph, and the schema in its metadata."""
    inputs = resolve(fitted_columns(model), given)
    arguments = _arguments(inputs)
    with tracing() as trace:
        trace.declared = inputs.declared
        results = convert(model, _rows(inputs, arguments), part="model")
    outputs, tensors = _outputs(_wanted(results, wanted), arguments)
    checks = _checks(trace, tensors)
    outputs = tuple(_measured(output, tensors, checks, trace) for output in outputs)
    tensors |= checks
    if rewrites := os.environ.get(PASSES) != "0":
        tensors = simplified(tensors)
    read = columns_read(tensors)
    if rewrites and current().device != "cuda":
        tensors = in_blocks(tensors)
    proto = build(arguments, tensors)
    schema = Schema(
        layout=inputs.layout,
        columns=tuple(
            replace(column, reader=trace.readers.get(column.name, ""))
            for column in _read(inputs, proto, read)
        ),
        names=tuple(column.name for column in inputs.columns),
        outputs=outputs,
        checks=tuple(check for check, _ in trace.checks),
        whole=trace.whole,
        adds=tuple(name for name in trace.adds if name in {output.name for output in outputs}),
        padded=is_padded(tensors.values()),
        screened=SCREEN in tensors,
    )
    metadata = {
        artifact.SCHEMA: schema.to_json(),
        artifact.VERSIONS: _versions(model),
        artifact.REMARKS: "\n".join(dict.fromkeys(trace.remarks)),
    }
    onnx.helper.set_model_props(proto, metadata)
    return proto


def _read(inputs: Inputs, proto: onnx.ModelProto, read: Container[Source]) -> Sequence[Column]:
    """The columns that the graph takes; of a matrix those that are read, one at least.

    Raises
    ------
    ColumnTypeError
        One of them is of no usable type.
    """
    if inputs.layout == "matrix":
        found = [column for i, column in enumerate(inputs.columns) if (MATRIX, i) in read]
        return found or inputs.columns[:1]
    taken = {info.name for info in proto.graph.input}
    columns = [column for column in inputs.columns if column.name in taken]
    for column in columns:
        if not column.dtype:
            raise ColumnTypeError(
                f"the model reads column {column.name!r}, whose type no graph can take",
                "turn it into a number or a string, and declare it in inputs=.",
            )
    return columns


def _checks(trace: Trace, results: Mapping[str, op.Tensor]) -> dict[str, op.Tensor]:
    """Which check each row fails, and the screen if every check has one."""
    masks = [mask for _, mask in trace.checks]
    found = {INVALID: _first_failed(masks)} if masks else {}
    if masks and all(mask in trace.screens for mask in masks):
        screened: dict[op.Tensor, bool] = {}
        for mask, value in trace.screens.items():
            screened[value] = screened.get(value, True) and mask in trace.nan_fine
        found[SCREEN] = screen(screened, results.values())
    return found


def _measured(
    output: Output,
    results: Mapping[str, op.Tensor],
    checks: Mapping[str, op.Tensor],
    trace: Trace,
) -> Output:
    """`output` with what its widest intermediate result takes, the checks' included."""
    own = [*(results[tensor.name] for tensor in output.tensors), *checks.values()]
    return replace(
        output,
        row_bytes=row_bytes(own),
        kernel_row_bytes=row_bytes(own, without=trace.inside),
        folded_row_bytes=row_bytes(own, without=trace.inside, behind=trace.forests),
    )


def _first_failed(masks: Sequence[Array]) -> Array:
    """The number of the first check that each row fails, counted from 1, 0 for none: [N]."""
    code = op.cast(masks[-1], dtype=np.int32) * np.int32(len(masks))
    for number in range(len(masks) - 1, 0, -1):
        code = op.where(masks[number - 1], np.int32(number), code)
    return code


def _outputs(
    results: Results, taken: Container[str]
) -> tuple[tuple[Output, ...], dict[str, op.Tensor]]:
    """The description of each result, and the graph outputs that make it up by name.

    Columns keep their names: an output gives way if its own is among those `taken`.
    """
    outputs: list[Output] = []
    tensors: dict[str, op.Tensor] = {}
    for name, value in results.items():
        parts = _parts(name, value)
        single = isinstance(value, (op.Tensor, Sparse))
        own = [name] if single else [f"{name}.{i}" for i in range(len(parts))]
        named = {_free(one, taken): part for one, part in zip(own, parts, strict=True)}
        names = tuple(map(str, value.names or ())) if isinstance(value, Table) else ()
        tensors |= named
        described = tuple(map(_described, named, parts))
        width = value.width if isinstance(value, Vectors) else 0
        outputs.append(Output(name, _form(value), described, names, width))
    return tuple(outputs), tensors


def _free(name: str, taken: Container[str]) -> str:
    """`name`, with as many underscores behind it as it takes not to be among `taken`."""
    while name in taken:
        name += "_"
    return name


def _parts(name: str, value: Value) -> Sequence[Array]:
    if isinstance(value, list):
        return value
    if isinstance(value, Vectors):  # as many entries as there are, whatever the number of rows
        return [replace(part, shape=(f"entries of {name}",)) for part in value.entries]
    return columns_of(value) if isinstance(value, Table) else (dense(value),)


def _form(value: Value) -> Any:
    if isinstance(value, Table):
        return "object" if value.names is None else "pandas"
    if isinstance(value, list):
        return "list"
    if isinstance(value, Vectors):
        return "compressed" if value.compressed else "sparse"
    return "tokens" if "T" in value.shape else "array"


def _described(name: str, tensor: op.Tensor) -> Tensor:
    lengths = tuple(length for length in tensor.shape[1:] if isinstance(length, int))
    return Tensor(name, element_type(tensor.dtype).name, lengths, tensor.dtype.str)


def _versions(model: object) -> str:
    """The versions that a reader of the artefact may want to know, as JSON."""
    library = type(model).__module__.partition(".")[0]
    names = {"onnx", "numpy", *_DISTRIBUTIONS.get(library, (library,))}
    found = {name: number for name in sorted(names) if (number := _installed(name))}
    return json.dumps({"sparkbird": sparkbird.__version__} | found)


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


#: What a library may be installed as, where that is not its own name.
_DISTRIBUTIONS = {"sklearn": ("scikit-learn",), "xgboost": ("xgboost", "xgboost-cpu")}
