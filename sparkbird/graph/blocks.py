"""Rows of few columns worked on several at a time.

Where a matrix [N, F] meets a row of constants [F], ONNX Runtime starts its inner loop anew for
each row: with 20 columns that takes three times as long as the arithmetic. So such a part of a
graph sees the matrix as [N / 16, 16 * F], and its constants 16 times side by side. Of a number
of rows that 16 does not divide, it sees one row at a time, as before. No result changes.

N is the number of rows, F of columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from sparkbird.dtypes import is_string
from sparkbird.graph.tensor import ONNX, Node, Tensor, axis_of, ordered, tensor

#: How many rows make a block. Spark's batches of 10,000 are whole blocks, and so are its runs.
BLOCK = 16

#: From so many columns on, a row is long enough by itself.
_WIDE = 64

#: Operators that give each element from those in its place.
ELEMENTWISE = {
    "Abs",
    "Add",
    "And",
    "Cast",
    "Ceil",
    "Div",
    "Equal",
    "Exp",
    "Floor",
    "Greater",
    "GreaterOrEqual",
    "IsInf",
    "IsNaN",
    "Less",
    "LessOrEqual",
    "Log",
    "Max",
    "Min",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "Pow",
    "Relu",
    "Round",
    "Sign",
    "Sin",
    "Sqrt",
    "Sub",
    "Tanh",
    "Where",
}

#: Those that give as many rows as they take, if one operand alone has rows or all have as many.
_SIDE_BY_SIDE = {("Concat", 1), ("Gather", 1), ("Slice", 1), ("Split", 1)}
_PRODUCTS = {"MatMul", "Gemm"}


def in_blocks(outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same outputs from a graph that works in blocks where that pays."""
    order = [*ordered(outputs.values())]
    parts = _Parts(order)
    rewrite = _Rewrite(parts)
    for node in order:
        rewrite.add(node)
    return {name: rewrite.plain(output) for name, output in outputs.items()}


class _Parts:
    """Which nodes work element by element on matrices of few columns, and which of them pay.

    A part is what hangs together among them. It pays if a row of constants is in it.
    """

    def __init__(self, order: list[Node]) -> None:
        self._complete: set[Node] = set()
        self._width: dict[Node, int] = {}
        self._first: dict[Node, Node] = {}
        for node in order:
            if _has_all_rows(node, self._complete):
                self._complete.add(node)
            if width := self._columns(node):
                self._join(node, width)
        self._pays = {self.of(node) for node in self._width if _rows_of_constants(node)}
        self._entries: dict[Node, Tensor] = {}
        for node in self._width:
            for operand in node.operands:
                if not _is_constant(operand):
                    self._entries.setdefault(self.of(node), operand)

    def __contains__(self, node: Node) -> bool:
        return node in self._width and self.of(node) in self._pays

    def of(self, node: Node) -> Node:
        """The node that stands for the part that `node` is in."""
        while self._first[node] is not node:
            self._first[node] = self._first[self._first[node]]
            node = self._first[node]
        return node

    def width(self, node: Node) -> int:
        """The number of columns of a part."""
        return self._width[node]

    def entry(self, part: Node) -> Tensor:
        """A matrix from outside that the first node of a part takes."""
        return self._entries[part]

    def _columns(self, node: Node) -> int:
        """The number of columns if the node works element by element, else 0."""
        if node.op not in ELEMENTWISE or node.domain != ONNX or node not in self._complete:
            return 0
        matrices = {o.shape for o in node.operands if not _is_constant(o)}
        if len(matrices) != 1 or any(is_string(o.dtype) for o in node.operands):
            return 0
        (shape,) = matrices
        if len(shape) != 2 or not isinstance(shape[1], int) or not 1 < shape[1] < _WIDE:
            return 0
        fitting = {(), (1,), (shape[1],), (1, 1), (1, shape[1])}
        constants = {o.shape for o in node.operands if _is_constant(o)}
        return shape[1] if constants <= fitting else 0

    def _join(self, node: Node, width: int) -> None:
        self._width[node] = width
        self._first[node] = node
        for operand in node.operands:
            if operand.node in self._width:
                self._first[self.of(operand.node)] = node


def _has_all_rows(node: Node, complete: set[Node]) -> bool:
    """Whether a node gives a row for each row of the batch, as far as this can be seen."""
    if node.op == "Argument":
        return True
    given = [o.node for o in node.operands if not _is_constant(o)]
    if not given or any(operand not in complete for operand in given):
        return False
    if node.op in _PRODUCTS:
        return node.operands[0].node in complete and len(given) == 1
    if node.op == "Unsqueeze":
        axes = node.operands[-1]  # of what others wrote they may not be known
        return _is_constant(axes) and bool((axes.node.attributes["value"] > 0).all())
    return node.op in ELEMENTWISE or (node.op, axis_of(node)) in _SIDE_BY_SIDE


def _rows_of_constants(node: Node) -> bool:
    return any(_is_constant(o) and not _is_number(o) for o in node.operands)


def _is_constant(value: Tensor) -> bool:
    return value.node.op == "Constant"


def _is_number(constant: Tensor) -> bool:
    return {*constant.shape} <= {1}


class _Rewrite:
    """The nodes of a graph once more, those of the parts that pay in blocks."""

    def __init__(self, parts: _Parts) -> None:
        self._parts = parts
        self._written: dict[Node, Node] = {}
        self._lengths: dict[Node, Tensor] = {}
        self._entered: dict[tuple[Tensor, Node], Tensor] = {}
        self._left: dict[Node, Tensor] = {}

    def add(self, node: Node) -> None:
        """Rewrite a node whose operands have been rewritten."""
        inside = node in self._parts
        rewritten = self._block if inside else self.plain
        operands = tuple(rewritten(operand, node) for operand in node.operands)
        same = operands == node.operands
        self._written[node] = node if same else replace(node, operands=operands)

    def plain(self, value: Tensor, _: Node | None = None) -> Tensor:
        """A value as the matrix that it was."""
        if value.node not in self._parts:
            return self._value(value)
        if value.node not in self._left:
            lengths = tensor(np.array([-1, self._parts.width(value.node)], np.int64))
            self._left[value.node] = _node("Reshape", self._value(value), lengths, like=value)
        return self._left[value.node]

    def _value(self, value: Tensor) -> Tensor:
        node = self._written[value.node]
        return value if node is value.node else replace(value, node=node)

    def _block(self, operand: Tensor, node: Node) -> Tensor:
        """An operand of `node` in blocks."""
        constant = _is_constant(operand)
        if operand.node in self._parts or (constant and _is_number(operand)):
            return self._value(operand)
        part = self._parts.of(node)
        if (operand, part) not in self._entered:
            enter = self._repeated if constant else self._reshaped
            self._entered[operand, part] = enter(operand, self._length(part))
        return self._entered[operand, part]

    def _repeated(self, constant: Tensor, length: Tensor) -> Tensor:
        """A row of constants as often as there are rows in a block."""
        rows = tensor(np.tile(constant.node.attributes["value"].reshape(-1), BLOCK))
        return _node("Slice", rows, tensor(np.zeros(1, np.int64)), length, like=constant)

    def _reshaped(self, matrix: Tensor, length: Tensor) -> Tensor:
        any_rows = tensor(np.array([-1], np.int64))
        shape = _node("Concat", any_rows, length, like=length, axis=0)
        return _node("Reshape", self.plain(matrix), shape, like=matrix)

    def _length(self, part: Node) -> Tensor:
        """How long a block of a part is, [1]: `BLOCK` rows if these are whole blocks, else one."""
        if part not in self._lengths:
            width = self._parts.width(part)
            zero, block = (tensor(np.array([n], np.int64)) for n in (0, BLOCK))
            entry = self.plain(self._parts.entry(part))
            rows = _node("Shape", entry, like=zero, start=0, end=1)
            over = _node("Mod", rows, block, like=zero)
            whole = _node("Equal", over, zero, like=zero)
            lengths = (tensor(np.array([n * width], np.int64)) for n in (BLOCK, 1))
            self._lengths[part] = _node("Where", whole, *lengths, like=zero)
        return self._lengths[part]


def _node(op: str, *operands: Tensor, like: Tensor, **attributes: int) -> Tensor:
    """What an operator gives, the first of its kind to be written: it says no type, as `like`."""
    return replace(like, node=Node(op, operands, attributes), result=0)
