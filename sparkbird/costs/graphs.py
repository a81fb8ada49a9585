"""The operators that ONNX Runtime runs for a graph, with the shapes of what they take and give.

They are those that are left of it once ONNX Runtime has folded and fused what it can, for a
number of rows that is known. N is the number of rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from sparkbird.costs.families import Applied, Shape, Value
from sparkbird.dtypes import ELEMENT_TYPES, STRING
from sparkbird.runtime.forests import forest_nodes, trees_of
from sparkbird.runtime.graph import Graph

if TYPE_CHECKING:
    from sparkbird.runtime.pieces import Given

_NUMPY = {row.onnx: row.numpy for row in ELEMENT_TYPES}
#: What a length is taken for that depends on the rows.
_UNKNOWN = 1

#: Attributes without which a forest is as good for telling shapes, and small.
_OF_TREES = ("n_targets", "aggregate_function")


@dataclass(frozen=True)
class Work:
    """What a graph does with N rows.

    applied   its operators, forests left out
    forests   of `TreeEnsemble`: the mean steps of a row, the nodes, the features, the outputs
    handed    how many values are handed over, in and out
    strings   among them
    """

    applied: tuple[Applied, ...]
    forests: tuple[Ensemble, ...]
    handed: int
    strings: int


@dataclass(frozen=True)
class Ensemble:
    """A forest in ONNX Runtime, for a row; `scalar` says that there is one output."""

    steps: float
    nodes: int
    features: int
    trees: int
    outputs: int

    def counts(self, rows: int) -> dict[str, float]:
        """For all rows what `trees.ensemble.counts` counts."""
        scalar = self.outputs == 1
        near = self.nodes * 32 <= 2**20
        return {
            "launch": 2 if scalar else 6,
            "column": self.features * rows,
            "near_step" if near else "far_step": self.steps * rows,
            "value": 0 if scalar else self.trees * (1 + self.outputs) * rows,
        }


def work(content: bytes, rows: int, given: Mapping[str, Given] | None = None) -> Work:
    """What the graph `content` does with so many rows; `given` describes inputs of no shape."""
    model = _optimised(_sized(onnx.load_from_string(content), rows, given or {}))
    values = _values(model)
    forests = tuple(_ensembles(content))
    applied = [a for a in _applied(model.graph, values) if a.operator != "TreeEnsemble"]
    named = [v.name for v in (*model.graph.input, *model.graph.output)]
    handed = [values[name] for name in named if name in values]
    strings = sum(value.size for value in handed if value.dtype == STRING)
    return Work(tuple(applied), forests, len(handed), strings)


def _sized(model: onnx.ModelProto, rows: int, given: Mapping[str, Given]) -> onnx.ModelProto:
    """The model for N rows."""
    for value in model.graph.input:
        shape = value.type.tensor_type.shape
        if value.name in given:
            del shape.dim[:]
            for length in (rows, *given[value.name].lengths):
                shape.dim.add(dim_value=length)
        elif shape.dim:
            shape.dim[0].dim_value = rows
    return model


def _optimised(model: onnx.ModelProto) -> onnx.ModelProto:
    """What ONNX Runtime makes of it, shapes inferred."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4  # it warns that the file is for this machine alone
    with TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        options.optimized_model_filepath = str(path)
        ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        found = onnx.load(str(path))
    for node in found.graph.node:
        if node.op_type == "TreeEnsemble":
            kept = [a for a in node.attribute if a.name in _OF_TREES]
            del node.attribute[:]
            node.attribute.extend(kept)
    return onnx.shape_inference.infer_shapes(found)


def _values(model: onnx.ModelProto) -> dict[str, Value]:
    """All tensors whose types are known, by name."""
    graph = model.graph
    found = {t.name: Value(tuple(t.dims), _dtype(t.data_type)) for t in graph.initializer}
    for described in (*graph.value_info, *graph.input, *graph.output):
        tensor = described.type.tensor_type
        shape = tuple(d.dim_value or _UNKNOWN for d in tensor.shape.dim)
        found.setdefault(described.name, Value(shape, _dtype(tensor.elem_type)))
    return found


def _dtype(element: int) -> np.dtype:
    return _NUMPY.get(element, np.dtype(np.float64))


def _applied(graph: onnx.GraphProto, values: Mapping[str, Value]) -> Iterator[Applied]:
    """The operators of a graph; those in a loop as if it were left after one iteration."""
    for node in graph.node:
        inputs = [values.get(name, _scalar()) for name in node.input if name]
        outputs = [values.get(name, _scalar()) for name in node.output if name]
        plain = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute if _is_int(a)}
        if node.op_type != "Loop":
            yield Applied(node.op_type, inputs, outputs, plain)
            continue
        largest = max(outputs, key=lambda value: value.size)
        (body,) = (a.g for a in node.attribute if a.name == "body")
        rows: Shape = largest.shape[:1]
        for inner in body.node:
            taken = Value(rows, largest.dtype)
            yield Applied(inner.op_type, [taken], [taken])


def _scalar() -> Value:
    return Value((), np.dtype(np.float64))


def _is_int(attribute: Any) -> bool:
    return bool(attribute.type == onnx.AttributeProto.INT)


def _ensembles(content: bytes) -> Iterator[Ensemble]:
    for node in forest_nodes(Graph(content)):
        trees, _, _ = trees_of(node)
        depth = np.zeros(len(trees.left))
        for number, nodes in enumerate(trees.levels):
            depth[nodes] = number
        leaves = np.flatnonzero(~trees.inner)
        own = trees.tree[leaves]
        steps = float((np.bincount(own, depth[leaves]) / np.bincount(own)).sum())
        features = 1 + int(trees.feature.max(initial=0))
        targets = node.integer("n_targets")
        yield Ensemble(steps, len(trees.left), features, len(trees.roots), targets)


def keys(content: bytes) -> int:
    """How many strings the look-ups of a graph know, at most; these are taken for a batch's."""
    model = onnx.load_from_string(content)
    lengths = [
        math.prod(attribute.t.dims)
        for node in model.graph.node
        if node.op_type == "LabelEncoder"
        for attribute in node.attribute
        if attribute.name == "keys_tensor"
    ]
    return max(lengths, default=_UNKNOWN)
