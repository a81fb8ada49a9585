"""Which columns of its inputs a graph depends on: a forest may ask for few of those it knows.

What the columns of a value are made of is followed through operators that keep columns apart.
Columns are read where a forest tests them, and where any other operator takes them.

N is the number of rows, F of columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sparkbird.graph.blocks import ELEMENTWISE
from sparkbird.graph.tensor import Integers, Node, Tensor, ordered

#: A column of an input: the name of the input, and the position in it, 0 if it is no matrix.
Source = tuple[str, int]

#: What each column of a value [N] or [N, F] is made of.
Made = Sequence[frozenset[Source]]


def columns_read(outputs: Mapping[str, Tensor]) -> set[Source]:
    """The columns of inputs that some of the `outputs` depend on."""
    made: dict[Node, Made] = {}
    found: set[Source] = set()
    for node in ordered(outputs.values()):
        operands = [_made(operand, made) for operand in node.operands]
        if node.op in _KEEPING and all(operands) and (kept := _KEEPING[node.op](node, operands)):
            made[node] = kept
        else:
            found = found.union(*_taken(node, operands))
    return found.union(*(source for x in outputs.values() for source in _made(x, made)))


def _made(value: Tensor, known: Mapping[Node, Made]) -> Made:
    """What the columns of a value are made of, those left out that have been read already."""
    if value.node in known:
        return known[value.node]
    lengths = value.shape[1:] if value.has_rows else value.shape[-1:]
    width = lengths[0] if lengths else 1
    if len(lengths) > 1 or not isinstance(width, int):
        return ()
    if value.node.op != "Argument":
        return [frozenset()] * width
    return [frozenset({(value.node.attributes["name"], i)}) for i in range(width)]


def _taken(node: Node, operands: Sequence[Made]) -> Made:
    """The columns that a node reads which does not keep them apart."""
    if node.op == "TreeEnsemble":
        features = node.attributes["nodes_featureids"]
        asked = np.unique(features.values if isinstance(features, Integers) else features)
        return [operands[0][feature] for feature in asked] if operands[0] else ()  # read before
    return [source for made in operands for source in made]


def _elementwise(node: Node, operands: Sequence[Made]) -> Made:
    """Each column is made of those in its place; nothing is said of other shapes."""
    axes = {operand.ndim for operand in node.operands if operand.has_rows}
    others = [operand.shape for operand in node.operands if not operand.has_rows]
    are_rows = all(len(shape) < 3 and {*shape[:-1]} <= {1} for shape in others)
    width = max(map(len, operands))
    fitting = all(len(made) in (1, width) for made in operands)
    if len(axes) != 1 or not are_rows or not fitting or (axes == {1} and width > 1):
        return ()
    return [
        frozenset().union(*(made[i if len(made) > 1 else 0] for made in operands))
        for i in range(width)
    ]


def _concatenated(node: Node, operands: Sequence[Made]) -> Made:
    side_by_side = node.attributes["axis"] == 1
    known = all(operand.ndim == 2 and operand.has_rows for operand in node.operands)
    return [source for made in operands for source in made] if side_by_side and known else ()


def _gathered(node: Node, operands: Sequence[Made]) -> Made:
    x, places = node.operands
    of_columns = x.has_rows and x.ndim == 2 and node.attributes.get("axis") == 1
    if not of_columns or places.node.op != "Constant" or places.ndim > 1:
        return ()
    return [operands[0][i] for i in np.ravel(places.node.attributes["value"])]


def _expanded(node: Node, operands: Sequence[Made]) -> Made:
    x, axes = node.operands[0], node.operands[-1]
    known = axes.node.op == "Constant" and [*axes.node.attributes["value"]] == [1]
    return operands[0] if known and x.has_rows and x.ndim == 1 else ()


#: Operators that keep columns apart, and what those of their results are made of; nothing where
#: they do so in another way.
_KEEPING: dict[str, Callable[[Node, Sequence[Made]], Made]] = {
    "Concat": _concatenated,
    "Gather": _gathered,
    "Unsqueeze": _expanded,
    **dict.fromkeys(ELEMENTWISE, _elementwise),
}
