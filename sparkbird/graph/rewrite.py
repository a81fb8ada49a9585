"""A graph once more, its nodes one by one as a rule gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from sparkbird.graph.tensor import Node, Tensor, ordered, tensor

#: What stands for a node whose operands have been rewritten: itself, another one of the same
#: results, or for one of a single result a value that there is already.
Rule: TypeAlias = Callable[[Node], "Node | Tensor"]


def rewritten(outputs: Mapping[str, Tensor], rule: Rule) -> dict[str, Tensor]:
    """The same outputs from nodes that a rule has changed, operands first."""
    graph = Rewriting()
    for node in ordered(outputs.values()):
        graph.put(node, rule(graph.renewed(node)))
    return {name: graph.value(output) for name, output in outputs.items()}


class Rewriting:
    """What has become of the nodes of a graph so far."""

    def __init__(self) -> None:
        self._found: dict[Node, Node | Tensor] = {}
        self._values: dict[tuple[Node, int, tuple[int | str, ...]], Tensor] = {}

    def put(self, node: Node, found: Node | Tensor) -> None:
        """Tell what stands for `node` from now on."""
        self._found[node] = found

    def renewed(self, node: Node) -> Node:
        """`node` with its operands as they have become."""
        operands = tuple(self.value(operand) for operand in node.operands)
        same = all(new is old for new, old in zip(operands, node.operands, strict=True))
        return node if same else replace(node, operands=operands)

    def value(self, value: Tensor) -> Tensor:
        """What `value` has become; the same object each time, if its shape is the same."""
        found = self._found[value.node]
        if found is value.node:
            return value
        if isinstance(found, Tensor):
            if found.shape == value.shape:
                return found
            node, result = found.node, found.result
        else:
            node, result = found, value.result
        key = node, result, value.shape
        if key not in self._values:
            self._values[key] = replace(value, node=node, result=result)
        return self._values[key]


def result_of(op: str, *operands: Tensor, like: Tensor, **attributes: object) -> Tensor:
    """What an operator gives, of the type and the shape of `like`, in whose part it is."""
    return replace(like, node=Node(op, operands, attributes, place=like.node.place), result=0)


def constant_of(value: Tensor) -> np.ndarray | None:
    """The array that a value is, if it is a constant."""
    known: np.ndarray | None = value.node.attributes.get("value")
    return known if value.node.op == "Constant" else None


def columns_at(node: Node) -> np.ndarray | None:
    """Which columns of a matrix [N, F] a Gather takes, [] or [K], if they are known."""
    from_matrix = node.op == "Gather" and node.attributes.get("axis") == 1
    if not from_matrix or not is_matrix(node.operands[0]):
        return None
    places = constant_of(node.operands[1])
    return None if places is None or places.ndim > 1 else places % node.operands[0].shape[1]


def is_matrix(value: Tensor) -> bool:
    """Whether a value is rows [N, F] of so many columns."""
    return value.ndim == 2 and value.has_rows and isinstance(value.shape[1], int)


def width_of(matrix: Tensor) -> int:
    """The number of columns of a matrix."""
    return int(matrix.shape[1])


def taken(matrix: Tensor, places: np.ndarray) -> Tensor:
    """The columns of a matrix at `places`, [] or [K], by a Gather."""
    shape = matrix.shape[:1] + places.shape
    like = replace(matrix, shape=shape)
    return result_of("Gather", matrix, tensor(places.astype(np.int64)), like=like, axis=1)
