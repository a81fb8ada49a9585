"""Where the columns of a value within a graph come from: each from one input, or nobody knows.

A number on its way may go through steps of which each is monotone, such as a scaler or an
imputer. A string, or a number that goes through other steps, goes through anything that looks at
one row at a time, and what becomes of it is known by value only. N is the number of rows, C of
columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sparkbird.dtypes import ELEMENT_TYPES
from sparkbird.runtime.graph import Graph, Node


@dataclass(frozen=True)
class Origin:
    """One column of one input.

    source    the name of the input
    position  of the column in it, if it is a matrix
    by_value  whether each value has to be looked at: strings, and steps that are not monotone
    missing   whether what is known is not the value, but whether it is missing
    """

    source: str
    position: int | None
    by_value: bool
    missing: bool = False


@dataclass(frozen=True)
class Columns:
    """What is known of a value: the origin of each of its C columns, [N, C], or of it, [N]."""

    origins: tuple[Origin | None, ...]
    matrix: bool


@dataclass(frozen=True, eq=False)
class Constant:
    """A value that no row takes part in; its numbers, all that it may hold, where known."""

    numbers: np.ndarray | None

    @property
    def width(self) -> int:
        """How many columns it has beside others."""
        return int(self.numbers.shape[-1]) if self.numbers is not None and self.numbers.ndim else 1


Known = Columns | Constant | None

_FLOATS = {row.onnx for row in ELEMENT_TYPES if row.numpy.kind == "f"}


def origins(graph: Graph, name: str) -> tuple[Origin | None, ...]:
    """The origin of each column of the value called `name`, [N, C]; none if nothing is known."""
    known: dict[str, Known] = {
        given: _input(given, info.dtype, info.lengths) for given, info in graph.inputs.items()
    }
    known |= {constant: Constant(graph.constant(constant)) for constant in graph.constants}
    for node in graph.nodes:
        operands = [known.get(operand) for operand in node.inputs]
        for result in node.outputs:
            known[result] = _result(node, operands)
    found = known.get(name)
    return found.origins if isinstance(found, Columns) and found.matrix else ()


def _input(name: str, dtype: np.dtype | None, lengths: tuple[int | None, ...]) -> Known:
    by_value = dtype is None or dtype.kind != "f"
    if len(lengths) == 1:
        return Columns((Origin(name, None, by_value),), matrix=False)
    if len(lengths) == 2 and lengths[1]:
        return Columns(tuple(Origin(name, i, by_value) for i in range(lengths[1])), matrix=True)
    return None


def _result(node: Node, operands: Sequence[Known]) -> Known:
    """What is known of what a node gives."""
    given = [operand for operand in operands if isinstance(operand, Columns)]
    if node.operator == "Shape" or all(isinstance(operand, Constant) for operand in operands):
        first = operands[0] if node.operator == "Slice" else None  # of which it gives a part
        return Constant(first.numbers if isinstance(first, Constant) else None)
    if any(operand is None for operand in operands):
        return None
    if shaped := _SHAPING.get(node.operator):
        return shaped(node, operands)
    return _elementwise(node, operands, given)


def _unsqueezed(_: Node, operands: Sequence[Known]) -> Known:
    x, axes = operands
    known = isinstance(axes, Constant) and axes.numbers is not None and axes.numbers.tolist() == [1]
    return replace(x, matrix=True) if known and isinstance(x, Columns) and not x.matrix else None


def _concatenated(node: Node, operands: Sequence[Known]) -> Known:
    matrices = [x for x in operands if isinstance(x, Columns) and x.matrix]
    if node.integer("axis") not in (1, -1) or len(matrices) != len(operands):
        return None
    return Columns(tuple(origin for x in matrices for origin in x.origins), matrix=True)


def _gathered(node: Node, operands: Sequence[Known]) -> Known:
    x, places = operands
    if isinstance(x, Columns) and isinstance(places, Constant):
        if node.integer("axis") != 1 or not x.matrix or places.numbers is None:
            return None
        picked = tuple(x.origins[i] for i in np.ravel(places.numbers))
        return Columns(picked, matrix=places.numbers.ndim == 1)
    return _looked_up(node, x, places)


def _looked_up(node: Node, table: Known, places: Known) -> Known:
    """Rows, or numbers, of a constant, at places that come from one column."""
    if not isinstance(table, Constant) or table.numbers is None or node.integer("axis"):
        return None
    if not isinstance(places, Columns) or places.matrix:
        return None
    own = tuple(
        origin and replace(origin, by_value=True, missing=False) for origin in places.origins
    )
    if table.numbers.ndim == 1:
        return replace(places, origins=own)
    width = table.numbers.shape[1] if table.numbers.ndim == 2 else 0
    return Columns(own * width, matrix=True) if width else None


def _sliced(_: Node, operands: Sequence[Known]) -> Known:
    """Columns that lie in a row."""
    x, *bounds = operands
    if not isinstance(x, Columns) or not x.matrix or len(bounds) != 4:
        return None
    given = [
        b.numbers.tolist() for b in bounds if isinstance(b, Constant) and b.numbers is not None
    ]
    if len(given) != 4 or any(len(numbers) != 1 for numbers in given) or given[2] != [1]:
        return None
    (start,), (stop,), _, (step,) = given
    return Columns(x.origins[start:stop:step], matrix=True)


def _reshaped(_: Node, operands: Sequence[Known]) -> Known:
    """The same columns: a matrix becomes blocks of rows (`graph.blocks`), and these a matrix.

    A matrix of one column becomes the column.
    """
    x, lengths = operands
    if not isinstance(x, Columns) or not x.matrix:
        return None
    numbers = lengths.numbers if isinstance(lengths, Constant) else None
    is_column = numbers is not None and numbers.tolist() == [-1]
    if len(x.origins) == 1:
        return Columns(x.origins, matrix=False) if is_column else None
    return None if is_column else x


_SHAPING: dict[str, Callable[[Node, Sequence[Known]], Known]] = {
    "Concat": _concatenated,
    "Gather": _gathered,
    "GatherElements": lambda node, operands: _looked_up(node, *operands),
    "Reshape": _reshaped,
    "Slice": _sliced,
    "Unsqueeze": _unsqueezed,
}

#: Operators that give each value from those in its place.
_ELEMENTWISE = {
    "Abs", "Add", "And", "Cast", "Ceil", "Cos", "Div", "Equal", "Erf", "Exp", "Floor", "Greater",
    "GreaterOrEqual", "Identity", "IsInf", "IsNaN", "LabelEncoder", "Less", "LessOrEqual", "Log",
    "Max", "Min", "Mod", "Mul", "Neg", "Not", "Or", "Pow", "Relu", "Round", "Sigmoid", "Sign",
    "Sin", "Sqrt", "Sub", "Tanh", "Where", "Xor",
}  # fmt: skip


def _elementwise(node: Node, operands: Sequence[Known], given: Sequence[Columns]) -> Known:
    if node.operator not in _ELEMENTWISE:
        return None
    matrix = any(x.matrix for x in given)
    if matrix and not all(x.matrix for x in given):
        return None  # [N] beside [N, C] is [C] to ONNX
    constants = [x for x in operands if isinstance(x, Constant)]
    width = max(len(x.origins) for x in given)
    if matrix and width == 1:  # else constants are as wide, or as blocks of rows (`graph.blocks`)
        width = max([1, *(x.width for x in constants)])
    if any(len(x.origins) not in (1, width) for x in given):
        return None
    spread = [x.origins if len(x.origins) == width else x.origins * width for x in given]
    each = zip(*spread, strict=True)
    return Columns(tuple(_origin(node, operands, own) for own in each), matrix)


def _origin(node: Node, operands: Sequence[Known], own: Sequence[Origin | None]) -> Origin | None:
    """The origin of a column that comes from columns of the origins `own`."""
    first = own[0]
    places = {(origin.source, origin.position) if origin else None for origin in own}
    if first is None or len(places) > 1:
        return None
    by_value = any(origin.by_value for origin in own if origin)
    if by_value or not _keeps(node, operands, own):
        return replace(first, by_value=True, missing=False)
    return replace(first, missing=node.operator == "IsNaN" or _is_indicator(node, first))


def _keeps(node: Node, operands: Sequence[Known], own: Sequence[Origin | None]) -> bool:
    """Whether a number grows with the one it comes from, or tells whether that is missing."""
    if _is_indicator(node, own[0]):
        return True
    missing = [bool(origin and origin.missing) for origin in own]
    if node.operator == "Where":  # a constant in place of a missing value
        kinds = [type(operand) for operand in operands]
        return kinds == [Columns, Constant, Columns] and missing == [True, False]
    if any(missing) or len(own) > 1:
        return False
    if node.operator == "Cast":
        return node.integer("to") in _FLOATS
    return node.operator in _MONOTONE and _MONOTONE[node.operator](operands)


def _is_indicator(node: Node, origin: Origin | None) -> bool:
    """Whether a node turns whether a value is missing into a number, which all others share."""
    return node.operator == "Cast" and origin is not None and origin.missing


def _bounded(operands: Sequence[Known]) -> bool:
    """Whether the constant is finite: there is no NaN but where there was one."""
    numbers = _numbers(operands)
    return numbers is not None and bool(np.isfinite(numbers).all())


def _bounded_factor(operands: Sequence[Known]) -> bool:
    numbers = _numbers(operands)
    return _bounded(operands) and numbers is not None and bool((numbers != 0).all())


def _numbers(operands: Sequence[Known]) -> np.ndarray | None:
    return next((x.numbers for x in operands if isinstance(x, Constant)), None)


def _always(_: Sequence[Known]) -> bool:
    return True


#: Operators of one number, and a constant, that give more for more, or less; and when they do.
_MONOTONE: dict[str, Callable[[Sequence[Known]], Any]] = {
    "Add": _bounded,
    "Div": lambda operands: isinstance(operands[0], Columns) and _bounded_factor(operands),
    "Identity": _always,
    "IsNaN": _always,
    "Max": _bounded,
    "Min": _bounded,
    "Mul": _bounded_factor,
    "Relu": _always,
    "Sub": _bounded,
}
