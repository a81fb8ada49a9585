"""Tensors to an ONNX model."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper

from sparkbird.dtypes import STRING, element_type
from sparkbird.errors import GraphError, ModelTooLargeError
from sparkbird.graph.op import ABSENT, ML, ONNX, Body, Node, Tensor
from sparkbird.graph.tensor import Integers, nodes

#: The versions every model is written for, read by onnxruntime 1.21 (March 2025) and later;
#: the domain of machine learning is named only by models that use it, at their least version.
OPSET = 20
IR_VERSION = 10

#: One protobuf message holds less than 2 GiB; the rest is room for the nodes.
LARGEST = 2**31 - 2**24


def build(inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> onnx.ModelProto:
    """The smallest ONNX model that computes `outputs` from `inputs`, unchecked: see `check`.

    An input that no output depends on is left out.

    Raises
    ------
    ModelTooLargeError
        The constants exceed what one file holds.
    """
    used = {node.attributes["name"] for node in nodes(outputs.values()) if node.op == "Argument"}
    model = onnx.ModelProto(ir_version=IR_VERSION, producer_name="sparkbird")
    writer = _Writer(model.graph, taken={*inputs, *outputs})
    writer.write("sparkbird", {n: t for n, t in inputs.items() if n in used}, outputs)
    for domain, version in ({ONNX: OPSET} | writer.versions).items():
        model.opset_import.append(helper.make_opsetid(domain, version))
    return model


def serialized(model: onnx.ModelProto) -> bytes:
    """The bytes of a model; equal models have equal bytes."""
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def check(content: bytes) -> None:
    """Let ONNX check the bytes of a model.

    Raises
    ------
    GraphError
        ONNX refuses the model.
    """
    try:
        onnx.checker.check_model(content, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise GraphError(f"ONNX refuses the graph: {error}", "please report this model.") from error


def row_bytes(
    outputs: Iterable[Tensor],
    *,
    without: Container[Tensor] = (),
    behind: Container[Tensor] = (),
) -> int:
    """The size of the widest value on the way to `outputs`, in bytes a row.

    Those `without` are left out, and so is all that only values are made of which others stand
    `behind`.
    """
    values = (value for value in _rows(outputs, behind) if value not in without)
    return max((_length(v.shape[1:]) * v.dtype.itemsize for v in values), default=0)


def is_padded(outputs: Iterable[Tensor]) -> bool:
    """Whether a value on the way to `outputs` is as wide as the longest text of its rows."""
    return any("T" in value.shape for value in _rows(outputs))


def _rows(outputs: Iterable[Tensor], behind: Container[Tensor] = ()) -> Iterator[Tensor]:
    """The values with rows that nodes take on the way to `outputs`."""
    return (o for node in nodes(outputs, behind) for o in node.operands if o.has_rows)


def _length(lengths: tuple[int | str, ...]) -> int:
    """How many values a row has; where that depends on the rows, as many as a text has words."""
    return math.prod(length if isinstance(length, int) else 64 for length in lengths)


class _Writer:
    """What has been written to `graph` so far, and the name of each value.

    Everything is written in place: a forest in memory twice is once too often.
    """

    def __init__(self, graph: onnx.GraphProto, taken: set[str]) -> None:
        self.graph = graph
        self.taken = taken
        self.names: dict[Node, list[str]] = {}
        self.versions: dict[str, int] = {}
        self.described: dict[str, onnx.ValueInfoProto] = {}
        self.size = 0
        self._constants: dict[tuple[Any, ...], str] = {}

    def write(
        self,
        title: str,
        inputs: Mapping[str, Tensor],
        outputs: Mapping[str, Tensor],
        *,
        shapes: bool = True,
    ) -> None:
        """Write the graph that computes `outputs` from `inputs`.

        `shapes` tells whether to say their shapes: those of a loop may be others each time,
        and ONNX Runtime takes lengths of one name for equal.
        """
        for name, tensor in inputs.items():
            self.names.setdefault(tensor.node, [""] * tensor.node.results)[tensor.result] = name
        for name, tensor in outputs.items():
            self._write(tensor)
            self.graph.node.append(helper.make_node("Identity", [self._name(tensor)], [name]))
        self.graph.name = title
        self.graph.input.extend(_info(n, t, shape=shapes) for n, t in inputs.items())
        self.graph.output.extend(_info(n, t, shape=shapes) for n, t in outputs.items())
        self.graph.value_info.extend(self.described.values())

    def _write(self, tensor: Tensor) -> None:
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
        key = identity(value)
        if key not in self._constants:
            self._weigh(value)
            self._constants[key] = name = self._fresh("constant")
            _fill(self.graph.initializer.add(), value, name)
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
        for operand in node.operands:
            self._describe(operand)
        written = self.graph.node.add(
            op_type=node.op,
            input=[self._name(operand) for operand in node.operands],
            output=names,
            name=f"{node.place}/{name}" if node.place else name,
            domain=node.domain,
        )
        for key, value in sorted(node.attributes.items()):
            self._attribute(written.attribute.add(name=key), value)
        return names

    def _describe(self, tensor: Tensor) -> None:
        """The type of what an operator gives that ONNX does not know: its inference needs it."""
        if tensor.node.domain in (ONNX, ML):
            return
        name = self._name(tensor)
        if name not in self.described:
            self.described[name] = _info(name, tensor, shape=False)

    def _attribute(self, attribute: onnx.AttributeProto, value: Any) -> None:
        """Write the value of an attribute."""
        if isinstance(value, Body):
            attribute.type = onnx.AttributeProto.GRAPH
            self._body(attribute.g, value)
        elif isinstance(value, Integers):
            attribute.type = onnx.AttributeProto.INTS
            attribute.ints.extend(value.values.data)  # of a length that is known beforehand
        elif isinstance(value, np.ndarray):
            attribute.type = onnx.AttributeProto.TENSOR
            _fill(attribute.t, value, attribute.name)
        elif isinstance(value, onnx.AttributeProto):
            attribute.CopyFrom(value)
        else:
            attribute.CopyFrom(helper.make_attribute(attribute.name, value))

    def _body(self, graph: onnx.GraphProto, body: Body) -> None:
        """Write the body of a loop: a graph of its own, whose names are nowhere else."""
        given = (*body.arguments, *body.outside)
        inputs = {self._fresh("given"): tensor for tensor in given}
        outputs = {self._fresh("next"): tensor for tensor in (*body.results, *body.outside)}
        writer = _Writer(graph, self.taken)
        writer.versions, writer.size = self.versions, self.size
        writer.write("body", inputs, outputs, shapes=False)
        self.size = writer.size


def identity(value: np.ndarray) -> tuple[Any, ...]:
    """What two constants have in common if they are equal to the bit, and only then."""
    content = repr(value.tolist()).encode() if value.dtype == STRING else value.tobytes()
    return value.dtype.str, value.shape, hashlib.sha256(content).digest()


def _size(value: Any) -> int:
    """The size of a constant or an attribute in bytes, at least about."""
    if isinstance(value, np.ndarray) and value.dtype != STRING:
        return value.nbytes
    if isinstance(value, np.ndarray):
        return sum(len(text) for text in value.ravel().tolist())
    if isinstance(value, Integers):
        return value.values.nbytes
    if isinstance(value, onnx.AttributeProto):
        return int(value.ByteSize())
    return 4 * len(value) if isinstance(value, (list, tuple)) else 0


def _fill(proto: onnx.TensorProto, value: np.ndarray, name: str) -> None:
    """Write an array into a tensor that is in its place already: a large one is not copied.

    Constants may be of types that no column has, as the bits of a hash are.
    """
    proto.name = name
    proto.dims.extend(value.shape)
    if value.dtype == STRING:
        proto.data_type = onnx.TensorProto.STRING
        proto.string_data.extend(text.encode() for text in value.ravel().tolist())
    else:
        proto.data_type = helper.np_dtype_to_tensor_dtype(value.dtype)
        proto.raw_data = value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes()


def _info(name: str, tensor: Tensor, *, shape: bool = True) -> onnx.ValueInfoProto:
    lengths = tensor.shape if shape or not tensor.shape else None
    return helper.make_tensor_value_info(name, element_type(tensor.dtype).onnx, lengths)
