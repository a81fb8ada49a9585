"""A graph for one row as code without a loop, where its results are ONNX Runtime's, bit for bit.

That is so where each number comes of one operation of IEEE 754, and where numbers are moved
about. A call of ONNX Runtime takes as long as several such graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from sparkbird.dtypes import ELEMENT_TYPES
from sparkbird.kernels import unrolled
from sparkbird.kernels.machine import Machine
from sparkbird.kernels.unrolled import KINDS, Code
from sparkbird.runtime.graph import Graph, Node
from sparkbird.schema import SCREEN

#: So many operations on numbers are written one after the other, and no more.
MOST = 500

_NUMPY = {row.onnx: row.numpy for row in ELEMENT_TYPES}

#: Arrays of constants, and of the objects that stand for numbers of a row.
_Operands = Sequence[np.ndarray]


class NotExactError(ValueError):
    """The results might not be those of ONNX Runtime."""


class Unrolled:
    """The values called `names` of `graph`, whose inputs look like `samples` of one row.

    Raises
    ------
    NotExactError
        There is an operation of another kind, or there are too many.
    """

    def __init__(
        self,
        graph: Graph,
        samples: Mapping[str, np.ndarray],
        names: Collection[str],
        machine: Machine,
    ) -> None:
        self._takes = [name for name in graph.inputs if name not in graph.constants]
        self._names = [*names]
        _refuse_sums(graph, {*names} - {SCREEN})
        self._code = Code([_accepted(samples[name]) for name in self._takes])
        self._values: dict[str, Any] = {name: graph.constant(name) for name in graph.constants}
        self._values |= zip(self._takes, self._code.inputs, strict=True)
        self._count = 0
        for node in graph.nodes:
            (result,) = node.outputs
            self._values[result] = self._result(node)
        for name in names:
            self._code.give(self._of_row(self._values[name]))
        self._run = self._code.compiled(machine)

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """The results for `feeds`, of one row, by name."""
        found = self._run(*[feeds[name] for name in self._takes])
        return dict(zip(self._names, found, strict=True))

    def _result(self, node: Node) -> np.ndarray:
        operands = [self._values[name] for name in node.inputs]
        if any(operand is None for operand in operands):
            raise NotExactError("strings are not numbers")
        if node.operator == "Concat" and any(map(_is_of_row, operands)):
            operands = [*map(self._of_row, operands)]
        if node.operator in _MOVES:
            return np.asarray(_MOVES[node.operator](node, operands))
        if not any(map(_is_of_row, operands)):
            return np.asarray(_known(_CONSTANTS, node)(*operands))
        self._count += max(operand.size for operand in operands)
        if self._count > MOST:
            raise NotExactError("ONNX Runtime is faster")
        return self._computed(node, [*map(self._of_row, operands)])

    def _of_row(self, array: np.ndarray) -> np.ndarray:
        """`array` as objects that stand for numbers."""
        if _is_of_row(array):
            return array
        return self._code.constant(_accepted(array))

    def _computed(self, node: Node, operands: _Operands) -> np.ndarray:
        if node.operator in _SPECIAL:
            return _SPECIAL[node.operator](node, *operands)
        kinds = {unrolled.dtype_of(operand).kind for operand in operands}
        if kinds not in ({"f"}, {"b"}):
            raise NotExactError("whole numbers are left to ONNX Runtime")
        compute = _known(unrolled.FLOATING if kinds == {"f"} else unrolled.LOGICAL, node)
        return _for_each(compute, *operands)


def _accepted(array: np.ndarray) -> np.ndarray:
    """`array`, if registers hold its numbers and it does not have too many."""
    if array.dtype not in KINDS or not 0 < array.size <= MOST:
        raise NotExactError("ONNX Runtime has other types, and loops")
    return array


def _is_of_row(array: np.ndarray) -> bool:
    return array.dtype == object


def _known(functions: Mapping[str, Callable[..., Any]], node: Node) -> Callable[..., Any]:
    if node.domain or node.operator not in functions:
        raise NotExactError(f"{node.operator} may be rounded in another way")
    return functions[node.operator]


def _refuse_sums(graph: Graph, names: set[str]) -> None:
    """A sum is rounded in an order of its own: it may tell no more than whether it is finite."""
    for node in reversed(graph.nodes):
        if names & {*node.outputs}:
            names |= {*node.inputs}
            if node.operator == "ReduceSum":
                raise NotExactError("a sum is rounded in an order of its own")


def _for_each(compute: Callable[..., Any], *operands: np.ndarray) -> np.ndarray:
    """`compute` of the numbers of operands, broadcast against each other."""
    found: np.ndarray = np.frompyfunc(compute, len(operands), 1)(*operands)
    return np.asarray(found, object)


def _cast(node: Node, x: np.ndarray) -> np.ndarray:
    """From a boolean, or among floating-point numbers."""
    given, dtype = unrolled.dtype_of(x), _NUMPY.get(node.integer("to"))
    if dtype not in KINDS or not (given.kind == "b" or given.kind == dtype.kind == "f"):
        raise NotExactError(f"{given} as {dtype}")
    return _for_each(lambda number: unrolled.cast(number, KINDS[dtype]), x)


def _exp(_: Node, x: np.ndarray) -> np.ndarray:
    """Of one number in float64; of several ONNX Runtime has a way of its own."""
    if x.size != 1 or unrolled.dtype_of(x) != np.float64:
        raise NotExactError("exponentials of several numbers, or of float32")
    return _for_each(unrolled.exponential, x)


def _argmax(node: Node, x: np.ndarray) -> np.ndarray:
    if x.ndim != 2 or node.integer("axis") != 1 or node.integer("keepdims", 1):
        raise NotExactError("a place along another axis")
    return np.array([unrolled.first_of_greatest([*row]) for row in x], object)


def _reduce_sum(node: Node, x: np.ndarray, *_: np.ndarray) -> np.ndarray:
    if len(node.inputs) > 1 or node.integer("keepdims", 1):
        raise NotExactError("a sum along an axis")
    return np.asarray(unrolled.total([*x.flat]))


#: Operators on a row that are more than a function of numbers.
_SPECIAL: dict[str, Callable[..., np.ndarray]] = {
    "ArgMax": _argmax,
    "Cast": _cast,
    "Exp": _exp,
    "ReduceSum": _reduce_sum,
}

#: Operators on constants, of which shapes are made.
_CONSTANTS: dict[str, Callable[..., Any]] = {"Equal": np.equal, "Mod": np.mod, "Where": np.where}


def _fixed(array: np.ndarray) -> np.ndarray:
    """Places and lengths, which no row may change."""
    if _is_of_row(array):
        raise NotExactError("where values are depends on values")
    return array


def _shape(node: Node, operands: _Operands) -> np.ndarray:
    """One row has the lengths of another."""
    lengths = operands[0].shape
    return np.array(lengths[node.integer("start") : node.integer("end", len(lengths))], np.int64)


def _gather(node: Node, operands: _Operands) -> np.ndarray:
    x, places = operands
    return np.take(x, _fixed(places), node.integer("axis"))


def _unsqueeze(_: Node, operands: _Operands) -> np.ndarray:
    x, axes = operands
    return np.expand_dims(x, tuple(_fixed(axes).tolist()))


def _reshape(_: Node, operands: _Operands) -> np.ndarray:
    x, lengths = operands
    if not _fixed(lengths).all():
        raise NotExactError("a length of 0 means that of the operand")
    return x.reshape(lengths)


def _slice(_: Node, operands: _Operands) -> np.ndarray:
    """Along axes that are said, or the first ones."""
    x, start, stop, *others = operands
    axes = others[0] if others else np.arange(len(start))
    steps = others[1] if others[1:] else np.ones_like(axes)
    taken = [slice(None)] * x.ndim
    for axis, *ends in zip(*map(_fixed, (axes, start, stop, steps)), strict=True):
        taken[axis] = slice(*map(int, ends))
    return x[tuple(taken)]


#: Operators that move numbers about, or tell how many there are.
_MOVES: dict[str, Callable[[Node, _Operands], np.ndarray]] = {
    "Concat": lambda node, operands: np.concatenate(operands, node.integer("axis")),
    "Gather": _gather,
    "Identity": lambda _, operands: operands[0],
    "Reshape": _reshape,
    "Shape": _shape,
    "Slice": _slice,
    "Unsqueeze": _unsqueeze,
}
