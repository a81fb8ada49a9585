"""Tensors to an ONNX model."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from sparkbird.dtypes import STRING, element_type
from sparkbird.errors import GraphError, ModelTooLargeError
from sparkbird.graph.op import ABSENT, ML, ONNX, Body, Node, Tensor
from sparkbird.graph.tensor import nodes

#: The versions every model is written for, read by onnxruntime 1.21 (March 2025) and later;
#: the domain of machine learning is named only by models that use it, at their least version.
OPSET = 20
IR_VERSION = 10

#: One protobuf message holds less than 2 GiB; the rest is room for the nodes.
LARGEST = 2**31 - 2**24


def build(inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> onnx.ModelProto:
    """The smallest ONNX model that computes `outputs` from `inputs`, checked.

    An input that no output depends on is left out.

    Raises
    ------
    ModelTooLargeError
        The constants exceed what one file holds.
    GraphError
        ONNX refuses the model.
    """
    used = {node.attributes["name"] for node in nodes(outputs.values()) if node.op == "Argument"}
    writer = _Writer(taken={*inputs, *outputs})
    graph = writer.graph(
        "sparkbird", {name: t for name, t in inputs.items() if name in used}, outputs
    )
    versions = {ONNX: OPSET} | writer.versions
    model = helper.make_model(
        graph,
        opset_imports=[
            helper.make_opsetid(domain, version) for domain, version in versions.items()
        ],
        ir_version=IR_VERSION,
        producer_name="sparkbird",
    )
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise GraphError(f"ONNX refuses the graph: {error}", "please report this model.") from error
    return model


def row_bytes(outputs: Iterable[Tensor]) -> int:
    """The size of the widest value on the way to `outputs`, in bytes a row."""
    return max((_length(v.shape[1:]) * v.dtype.itemsize for v in _rows(outputs)), default=0)


def is_padded(outputs: Iterable[Tensor]) -> bool:
    """Whether a value on the way to `outputs` is as wide as the longest text of its rows."""
    return any("T" in value.shape for value in _rows(outputs))


def _rows(outputs: Iterable[Tensor]) -> Iterator[Tensor]:
    return (value for node in nodes(outputs) for value in node.operands if value.has_rows)


def _length(lengths: tuple[int | str, ...]) -> int:
    """How many values a row has; where that depends on the rows, as many as a text has words."""
    return math.prod(length if isinstance(length, int) else 64 for length in lengths)


class _Writer:
    """The nodes and constants written so far, and the name of each."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.names: dict[Node, list[str]] = {}
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.versions: dict[str, int] = {}
        self.described: dict[str, onnx.ValueInfoProto] = {}
        self.size = 0
        self._constants: dict[tuple[Any, ...], str] = {}

    def graph(
        self,
        title: str,
        inputs: Mapping[str, Tensor],
        outputs: Mapping[str, Tensor],
        *,
        shapes: bool = True,
    ) -> onnx.GraphProto:
        """The graph that computes `outputs` from `inputs`, for a writer that wrote nothing yet.

        `shapes` tells whether to say their shapes: those of a loop may be others each time,
        and ONNX Runtime takes lengths of one name for equal.
        """
        for name, tensor in inputs.items():
            self.names.setdefault(tensor.node, [""] * tensor.node.results)[tensor.result] = name
        for name, tensor in outputs.items():
            self.write(tensor)
            self.nodes.append(helper.make_node("Identity", [self._name(tensor)], [name]))
        return helper.make_graph(
            self.nodes,
            title,
            [_info(name, tensor, shape=shapes) for name, tensor in inputs.items()],
            [_info(name, tensor, shape=shapes) for name, tensor in outputs.items()],
            self.initializers,
            value_info=[*self.described.values()],
        )

    def write(self, tensor: Tensor) -> None:
        """Write all that `tensor` depends on, operands first, without recursion."""
        stack = [tensor.node]
        while stack:
            node = stack[-1]
            waiting = [o.node for o in node.operands if o.node not in self.names]
            if node in self.names or waiting:
                stack = stack[:-1] if node in self.names else stack + waiting
                continue
            stack.pop()
            self.names[node] = self._written(node)

    def _written(self, node: Node) -> list[str]:
        """Write `node`, and give the names of its results."""
        if node is ABSENT.node:
            return [""]
        return [self._constant(node)] if node.op == "Constant" else self._node(node)

    def _name(self, tensor: Tensor) -> str:
        return self.names[tensor.node][tensor.result]

    def _fresh(self, stem: str) -> str:
        name = f"{stem}_{len(self.names)}"
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _constant(self, node: Node) -> str:
        value: np.ndarray = node.attributes["value"]
        key = _identity(value)
        if key not in self._constants:
            self._weigh(value)
            self._constants[key] = name = self._fresh("constant")
            self.initializers.append(_tensor_proto(value, name))
        return self._constants[key]

    def _weigh(self, value: Any) -> None:
        """Add a constant or an attribute to the size, and refuse what no file holds."""
        self.size += _size(value)
        if self.size > LARGEST:
            raise ModelTooLargeError(
                f"the model holds more than {LARGEST / 2**30:.1f} GiB of constants",
                "ONNX keeps a model in one file of 2 GiB; fit fewer or smaller trees, "
                "or compile the parts of the pipeline apart.",
            )

    def _node(self, node: Node) -> list[str]:
        for value in node.attributes.values():
            self._weigh(value)
        if node.domain != ONNX:
            self.versions[node.domain] = max(self.versions.get(node.domain, 1), node.version)
        name = self._fresh(node.op.lower())
        names = [name, *(self._fresh(f"{name}_{i}") for i in range(1, node.results))]
        ready = {k: v for k, v in node.attributes.items() if isinstance(v, onnx.AttributeProto)}
        attributes = {
            key: self._attribute(key, value)
            for key, value in node.attributes.items()
            if key not in ready
        }
        operands = [self._name(operand) for operand in node.operands]
        for operand in node.operands:
            self._describe(operand)
        label = f"{node.place}/{name}" if node.place else name
        self.nodes.append(
            helper.make_node(
                node.op, operands, names, name=label, domain=node.domain or None, **attributes
            )
        )
        self.nodes[-1].attribute.extend(ready.values())
        return names

    def _describe(self, tensor: Tensor) -> None:
        """The type of what an operator gives that ONNX does not know: its inference needs it."""
        if tensor.node.domain in (ONNX, ML):
            return
        name = self._name(tensor)
        if name not in self.described:
            self.described[name] = _info(name, tensor, shape=False)

    def _attribute(self, key: str, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return _tensor_proto(value, key)
        return self._body(value) if isinstance(value, Body) else value

    def _body(self, body: Body) -> onnx.GraphProto:
        """The body of a loop: a graph of its own, whose names are nowhere else."""
        given = (*body.arguments, *body.outside)
        inputs = {self._fresh("given"): tensor for tensor in given}
        outputs = {self._fresh("next"): tensor for tensor in (*body.results, *body.outside)}
        writer = _Writer(self.taken)
        writer.versions, writer.size = self.versions, self.size
        graph = writer.graph("body", inputs, outputs, shapes=False)
        self.size = writer.size
        return graph


def _identity(value: np.ndarray) -> tuple[Any, ...]:
    content = repr(value.tolist()).encode() if value.dtype == STRING else value.tobytes()
    return value.dtype.str, value.shape, hashlib.sha256(content).digest()


def _size(value: Any) -> int:
    """The size of a constant or an attribute in bytes, at least about."""
    if isinstance(value, np.ndarray) and value.dtype != STRING:
        return value.nbytes
    if isinstance(value, np.ndarray):
        return sum(len(text) for text in value.ravel().tolist())
    if isinstance(value, onnx.AttributeProto):
        return int(value.ByteSize())
    return 4 * len(value) if isinstance(value, (list, tuple)) else 0


def _tensor_proto(value: np.ndarray, name: str) -> onnx.TensorProto:
    if value.dtype == STRING:
        text = [v.encode() for v in value.ravel().tolist()]
        return helper.make_tensor(name, onnx.TensorProto.STRING, value.shape, text)
    return numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name)


def _info(name: str, tensor: Tensor, *, shape: bool = True) -> onnx.ValueInfoProto:
    lengths = tensor.shape if shape or not tensor.shape else None
    return helper.make_tensor_value_info(name, element_type(tensor.dtype).onnx, lengths)
