"""A serialised model as nodes and constants, read without protobuf, and parts of it.

ONNX Runtime computes every node of a graph, whatever outputs are asked for; a forest with its
leaves would be walked twice for its predictions.

Source of the numbers of fields: onnx.proto (ONNX 1.23).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sparkbird import wire
from sparkbird.dtypes import ELEMENT_TYPES, STRING

_GRAPH = 7  # of ModelProto
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12  # of GraphProto
_NAME = {_INITIALIZER: 8, _INPUT: 1, _OUTPUT: 1}  # of what has one
_INPUTS, _OUTPUTS, _OPERATOR, _ATTRIBUTE, _DOMAIN = 1, 2, 4, 5, 7  # of NodeProto
_ATTRIBUTE_NAME, _INTEGER, _TENSOR, _INTEGERS = 1, 3, 5, 8  # of AttributeProto
_LENGTHS, _TYPE, _RAW = 1, 2, 9  # of TensorProto

_NUMPY = {row.onnx: row.numpy for row in ELEMENT_TYPES}


@dataclass(frozen=True, eq=False)
class Node:
    """One application of an operator, and its bytes."""

    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    content: memoryview

    @classmethod
    def read(cls, content: memoryview) -> Node:
        """The node in a NodeProto."""
        fields = [*wire.fields(content)]

        def texts(number: int) -> tuple[str, ...]:
            return tuple(bytes(f.content).decode() for f in fields if f.number == number)

        (operator,), domain = texts(_OPERATOR), "".join(texts(_DOMAIN))
        return cls(operator, domain, texts(_INPUTS), texts(_OUTPUTS), content)

    @cached_property
    def _attributes(self) -> dict[str, memoryview]:
        found = [f.content for f in wire.fields(self.content) if f.number == _ATTRIBUTE]
        return {_text(content, _ATTRIBUTE_NAME): content for content in found}

    def __contains__(self, attribute: str) -> bool:
        return attribute in self._attributes

    def integer(self, attribute: str, default: int = 0) -> int:
        """An attribute that is a whole number."""
        content = self._attributes.get(attribute)
        return default if content is None else int(wire.integers(content, _INTEGER)[0])

    def integers(self, attribute: str) -> np.ndarray:
        """An attribute that is a list of whole numbers."""
        return wire.last_integers(self._attributes[attribute], _INTEGERS)

    def array(self, attribute: str) -> np.ndarray:
        """An attribute that is a tensor of numbers."""
        return _array(self._tensor(attribute))

    def dtype(self, attribute: str) -> np.dtype:
        """The type of an attribute that is a tensor."""
        return _NUMPY[int(wire.integers(self._tensor(attribute), _TYPE)[0])]

    def _tensor(self, attribute: str) -> memoryview:
        content = self._attributes[attribute]
        return next(f.content for f in wire.fields(content) if f.number == _TENSOR)


@dataclass(frozen=True)
class Info:
    """The type of a tensor's elements, if we know it, and its lengths, None where they vary."""

    dtype: np.dtype | None
    lengths: tuple[int | None, ...]

    @classmethod
    def read(cls, content: memoryview) -> Info:
        """What a ValueInfoProto says: its type is that of a tensor, of elements and a shape."""
        tensor = _inner(_inner(content, 2), 1)
        lengths = [wire.integers(f.content, 1) for f in wire.fields(_inner(tensor, 2))]
        (element,) = wire.integers(tensor, 1)
        return cls(_NUMPY.get(int(element)), tuple(int(n[0]) if n.size else None for n in lengths))


def _inner(message: memoryview, number: int) -> memoryview:
    """The message in a field called `number`, empty if there is none."""
    return next((f.content for f in wire.fields(message) if f.number == number), message[:0])


class Graph:
    """The graph of `model`, a serialised ModelProto.

    Its nodes stand in an order in which each follows those that it needs.
    """

    def __init__(self, model: bytes) -> None:
        self._model = model
        self._fields = [
            f for m in wire.fields(model) if m.number == _GRAPH for f in wire.fields(m.content)
        ]

    @cached_property
    def nodes(self) -> list[Node]:
        """All nodes, in order."""
        return [Node.read(f.content) for f in self._fields if f.number == _NODE]

    @cached_property
    def inputs(self) -> dict[str, Info]:
        """What it takes by name."""
        found = [f.content for f in self._fields if f.number == _INPUT]
        return {_text(content, _NAME[_INPUT]): Info.read(content) for content in found}

    @property
    def constants(self) -> Collection[str]:
        """The names of its constants."""
        return self._constants.keys()

    @cached_property
    def _constants(self) -> dict[str, memoryview]:
        name = _NAME[_INITIALIZER]
        found = [f.content for f in self._fields if f.number == _INITIALIZER]
        return {_text(content, name): content for content in found}

    def constant(self, name: str) -> np.ndarray | None:
        """The constant of that name, if it is one and of numbers."""
        content = self._constants.get(name)
        dtype = None if content is None else _NUMPY.get(int(wire.integers(content, _TYPE)[0]))
        if content is None or dtype is None or dtype == STRING:
            return None
        return _array(content)

    def part(
        self, outputs: Mapping[str, np.dtype | None], given: Mapping[str, np.dtype] | None = None
    ) -> bytes:
        """The model that gives `outputs` alone, some values of it being `given`.

        Those become inputs, whatever they were. For an output that was none, its type is said.
        """
        given = given or {}
        kept, needed = self._needed(outputs, given)
        more = {name: t for name, t in outputs.items() if t is not None}
        described = [
            wire.delimited(number, _described(name, dtype))
            for number, values in ((_INPUT, given), (_OUTPUT, more))
            for name, dtype in values.items()
            if number == _OUTPUT or name in needed
        ]
        graph = b"".join([*(self._fields[i].whole for i in sorted(kept)), *described])
        return b"".join(
            wire.delimited(_GRAPH, graph) if field.number == _GRAPH else field.whole
            for field in wire.fields(self._model)
        )

    def _needed(
        self, outputs: Collection[str], given: Collection[str]
    ) -> tuple[set[int], set[str]]:
        """Which of the graph's fields `outputs` need, and which values."""
        needed, kept = {*outputs}, set()
        nodes = iter(reversed(self.nodes))
        for position in range(len(self._fields) - 1, -1, -1):
            field = self._fields[position]
            if field.number == _NODE:
                node = next(nodes)
                if needed & {*node.outputs} - {*given}:
                    needed |= {*node.inputs}
                    kept.add(position)
            elif field.number not in _NAME:
                kept.add(position)
        for position, field in enumerate(self._fields):
            if field.number in _NAME:
                name = _text(field.content, _NAME[field.number])
                wanted = outputs if field.number == _OUTPUT else needed - {*given}
                if name in wanted:
                    kept.add(position)
        return kept, needed


def _text(message: memoryview, number: int) -> str:
    """The first string in a field called `number`."""
    return bytes(next(f.content for f in wire.fields(message) if f.number == number)).decode()


def _described(name: str, dtype: np.dtype) -> bytes:
    """A ValueInfoProto: the name of a tensor, and the type of its elements."""
    element = next(row.onnx for row in ELEMENT_TYPES if row.numpy == dtype)
    tensor = wire.delimited(1, wire.integer(1, element))
    return wire.delimited(1, name.encode()) + wire.delimited(2, tensor)


def _array(tensor: memoryview) -> np.ndarray:
    """The numbers in a TensorProto."""
    lengths = wire.integers(tensor, _LENGTHS)
    dtype = _NUMPY[int(wire.integers(tensor, _TYPE)[0])]
    raw = next((f.content for f in wire.fields(tensor) if f.number == _RAW), b"")
    return np.frombuffer(raw, dtype.newbyteorder("<")).reshape(lengths)
