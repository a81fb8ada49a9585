"""Graphs that compute the same to the bit in fewer steps, and of fewer columns.

Each pass takes the outputs of a graph and gives the same outputs of another one. What would
change last digits is none: a scaler is not multiplied into the model behind it.

N is the number of rows, F of columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import onnx

from sparkbird.dtypes import element_type
from sparkbird.graph.batch import batched
from sparkbird.graph.build import identity
from sparkbird.graph.columns import narrowed
from sparkbird.graph.rewrite import (
    columns_at,
    constant_of,
    is_matrix,
    result_of,
    rewritten,
    taken,
)
from sparkbird.graph.tensor import Integers, Node, Tensor, axis_of, tensor

Outputs: TypeAlias = Mapping[str, Tensor]


def simplified(outputs: Outputs) -> dict[str, Tensor]:
    """The same outputs after all passes."""
    for one in PASSES:
        outputs = one(outputs)
    return dict(outputs)


def merged(outputs: Outputs) -> dict[str, Tensor]:
    """What is computed twice from the same values, once; forests stay apart.

    (A kernel takes over a forest whose numbers of leaves have one reader: `runtime.forests`.)
    """
    known: dict[Any, Node] = {}

    def once(node: Node) -> Node:
        if node.op in ("Argument", "Absent", "TreeEnsemble"):
            return node
        operands = tuple((operand.node, operand.result) for operand in node.operands)
        attributes = tuple((name, _content(node.attributes[name])) for name in node.attributes)
        return known.setdefault((node.op, node.domain, operands, attributes), node)

    return rewritten(outputs, once)


def _content(value: Any) -> Any:
    """What two attributes have in common if they are equal, and only then."""
    if isinstance(value, np.ndarray):
        return identity(value)
    if isinstance(value, Integers):
        return identity(value.values)
    if isinstance(value, onnx.AttributeProto):
        return value.SerializeToString(deterministic=True)
    return repr(value) if isinstance(value, (int, float, str, list)) else value


def shortened(outputs: Outputs) -> dict[str, Tensor]:
    """Without steps that undo others, or take a part of what was put together."""
    return rewritten(outputs, _shortened)


def _shortened(node: Node) -> Node | Tensor:
    rule = _SHORTER.get(node.op)
    found = rule(node) if rule and not node.domain else None
    while isinstance(found, Tensor) and (rule := _SHORTER.get(found.node.op)):
        if (shorter := rule(found.node)) is None:
            break
        found = shorter
    return node if found is None else found


def _cast_once(node: Node) -> Tensor | None:
    """A cast of a cast that lost nothing is one cast; to the type that was there, none."""
    (x,), to = node.operands, node.attributes["to"]
    if not isinstance(to, int):  # but what another library wrote
        return None
    origin = x.node.operands[0] if x.node.op == "Cast" else x
    if origin.dtype not in _KEPT_BY or x.dtype not in {origin.dtype, *_KEPT_BY[origin.dtype]}:
        return None
    if element_type(origin.dtype).onnx == to:
        return origin
    if origin is x or to not in _FLOATS:
        return None
    return result_of("Cast", origin, like=_of_type(origin, _FLOATS[to]), to=to)


def _of_type(x: Tensor, dtype: np.dtype) -> Tensor:
    return Tensor(x.node, dtype, x.shape)


#: For each type those that hold all of its numbers.
_KEPT_BY = {
    np.dtype(narrow): {np.dtype(wide) for wide in kept_by.split()}
    for narrow, kept_by in {
        "bool": "int32 int64 float32 float64",
        "int32": "int64 float64",
        "int64": "",
        "float32": "float64",
        "float64": "",
    }.items()
}
_FLOATS = {element_type(name).onnx: np.dtype(name) for name in ("float32", "float64")}


def _itself(node: Node) -> Tensor | None:
    return node.operands[0]


def _chosen(node: Node) -> Tensor | None:
    """Columns of columns side by side, or of columns at other places, from where these are."""
    places = columns_at(node)
    if places is None:
        return None
    x = node.operands[0]
    if places.ndim and np.array_equal(places, np.arange(x.shape[1])):
        return x
    rule = _CHOSEN_OF.get(x.node.op)
    return rule(x, places) if rule else None


def _of_side_by_side(x: Tensor, places: np.ndarray) -> Tensor | None:
    """Columns of a Concat: of the one matrix that has them, or these side by side again."""
    pieces = x.node.operands
    if axis_of(x.node) != 1 or not all(map(is_matrix, pieces)):
        return None
    widths = [piece.shape[1] for piece in pieces]
    ends = np.cumsum(widths)
    of = np.searchsorted(ends, places, side="right")
    if len(own := {*np.ravel(of).tolist()}) == 1:
        (one,) = own
        return taken(pieces[one], places - (ends[one] - pieces[one].shape[1]))
    if any(widths[one] != 1 for one in own):
        return None
    like = Tensor(x.node, x.dtype, (x.shape[0], len(places)))
    return result_of("Concat", *(pieces[one] for one in of.tolist()), like=like, axis=1)


def _of_columns(x: Tensor, places: np.ndarray) -> Tensor | None:
    """Columns of a Gather that has taken columns itself."""
    first = columns_at(x.node)
    if first is None or not first.ndim:
        return None
    return taken(x.node.operands[0], first[places])


def _of_one_column(x: Tensor, places: np.ndarray) -> Tensor | None:
    """The column that has been made a matrix of one."""
    return x.node.operands[0] if not places.ndim and _is_one_column(x) else None


_CHOSEN_OF: dict[str, Callable[[Tensor, np.ndarray], Tensor | None]] = {
    "Concat": _of_side_by_side,
    "Gather": _of_columns,
    "Unsqueeze": _of_one_column,
}


def _is_one_column(x: Tensor) -> bool:
    """Whether a value is a column [N] as a matrix [N, 1]."""
    if x.node.op != "Unsqueeze" or x.node.operands[0].ndim != 1:
        return False
    axes = constant_of(x.node.operands[1])
    return axes is not None and axes.tolist() in ([1], [-1])


def _side_by_side(node: Node) -> Tensor | None:
    """Columns of one matrix taken one by one and put side by side: taken together."""
    if axis_of(node) != 1 or len(node.operands) < 2 or not all(map(_is_one_column, node.operands)):
        return None
    columns = [x.node.operands[0] for x in node.operands]
    places = [columns_at(column.node) for column in columns]
    if any(place is None or place.ndim for place in places):
        return None
    matrix = columns[0].node.operands[0]
    if any(column.node.operands[0] is not matrix for column in columns):
        return None
    return taken(matrix, np.array(places, np.int64))


def _one_column(node: Node) -> Tensor | None:
    """The column of a matrix of one made such a matrix again."""
    column = node.operands[0]
    places = columns_at(column.node)
    matrix = column.node.operands[0] if places is not None and not places.ndim else None
    made = Tensor(node, column.dtype, (*column.shape, 1))
    return matrix if matrix is not None and matrix.shape[1] == 1 and _is_one_column(made) else None


_SHORTER: dict[str, Callable[[Node], Tensor | None]] = {
    "Cast": _cast_once,
    "Concat": _side_by_side,
    "Gather": _chosen,
    "Identity": _itself,
    "Unsqueeze": _one_column,
}


def cut(outputs: Outputs) -> dict[str, Tensor]:
    """Columns that lie in a row by Slice, and the column of a matrix of one by Reshape.

    Gather takes 8 ns for each number that it copies, whatever there is beside it.
    """
    return rewritten(outputs, _cut)


def _cut(node: Node) -> Node | Tensor:
    places = columns_at(node)
    if places is None:
        return node
    x = node.operands[0]
    if not places.ndim:
        like = Tensor(x.node, x.dtype, x.shape[:1])
        whole = tensor(np.array([-1], np.int64))
        return result_of("Reshape", x, whole, like=like) if x.shape[1] == 1 else node
    if len(places) == 0 or (np.diff(places) != 1).any():
        return node
    like = Tensor(x.node, x.dtype, (x.shape[0], len(places)))
    bounds = (np.array([n], np.int64) for n in (places[0], places[-1] + 1, 1, 1))
    return result_of("Slice", x, *map(tensor, bounds), like=like)


#: In this order: what one pass leaves, the next one finds.
PASSES: tuple[Callable[[Outputs], dict[str, Tensor]], ...] = (
    merged,
    shortened,
    narrowed,
    shortened,
    merged,
    batched,
    shortened,
    cut,
)
