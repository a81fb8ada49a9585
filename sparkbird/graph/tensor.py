"""Values of a graph, and what it takes to make one from others.

The first axis of a tensor is "N", known only at run time: the number of rows, or of what a
step has picked out of them. Every other length is known, or is "T", which depends on the
rows. Strings are arrays of objects; a missing one is `dtypes.MISSING`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from sparkbird.dtypes import STRING, is_string
from sparkbird.graph import trace

#: The ONNX domains, and the least version of each operator that is not in the first ones.
ONNX = ""
ML = "ai.onnx.ml"


@dataclass(frozen=True, eq=False)
class Node:
    """One application of an ONNX operator, for the part of the model that `place` names.

    `results` is how many values it gives.
    """

    op: str
    operands: tuple[Tensor, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    domain: str = ONNX
    version: int = 1
    results: int = 1
    place: str = field(default_factory=trace.place)


@dataclass(frozen=True, eq=False)
class Tensor:
    """A typed value of a graph that has not been run yet, [N, ...] unless it is a constant.

    It is the value number `result` of its node.
    """

    node: Node
    dtype: np.dtype
    shape: tuple[int | str, ...]
    result: int = 0

    __array_ufunc__ = None  # so that `array - tensor` reaches __rsub__

    @property
    def ndim(self) -> int:
        """The number of axes, that of the rows included."""
        return len(self.shape)

    @property
    def has_rows(self) -> bool:
        """Whether the first axis is that of the rows; a constant has none."""
        return self.shape[:1] == ("N",)

    def __repr__(self) -> str:
        return f"<{self.node.op} {self.dtype}[{', '.join(map(str, self.shape))}]>"

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} has no value before the graph is run; choose with op.where")

    # fmt: off
    def __add__(self, other: Operand) -> Array: return op.add(self, other)
    def __radd__(self, other: Operand) -> Array: return op.add(other, self)
    def __sub__(self, other: Operand) -> Array: return op.sub(self, other)
    def __rsub__(self, other: Operand) -> Array: return op.sub(other, self)
    def __mul__(self, other: Operand) -> Array: return op.mul(self, other)
    def __rmul__(self, other: Operand) -> Array: return op.mul(other, self)
    def __truediv__(self, other: Operand) -> Array: return op.div(self, other)
    def __rtruediv__(self, other: Operand) -> Array: return op.div(other, self)
    def __neg__(self) -> Array: return op.neg(self)
    def __lt__(self, other: Operand) -> Array: return op.less(self, other)
    def __le__(self, other: Operand) -> Array: return op.less_equal(self, other)
    def __gt__(self, other: Operand) -> Array: return op.greater(self, other)
    def __ge__(self, other: Operand) -> Array: return op.greater_equal(self, other)
    def __matmul__(self, other: Operand) -> Array: return op.matmul(self, other)
    def __and__(self, other: Operand) -> Array: return op.logical_and(self, other)
    def __or__(self, other: Operand) -> Array: return op.logical_or(self, other)
    def __invert__(self) -> Array: return op.logical_not(self)
    # fmt: on


def nodes(outputs: Iterable[Tensor], behind: Container[Tensor] = ()) -> Iterator[Node]:
    """All nodes that `outputs` depend on, each once, but what gives the values `behind`."""
    seen: set[Node] = set()
    stack = [tensor.node for tensor in outputs if tensor not in behind]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            yield node
            stack.extend(operand.node for operand in node.operands if operand not in behind)


def ordered(outputs: Iterable[Tensor]) -> Iterator[Node]:
    """All nodes that `outputs` depend on, operands first, without recursion."""
    done: set[Node] = set()
    stack = [output.node for output in outputs]
    while stack:
        node = stack[-1]
        waiting = [o.node for o in node.operands if o.node not in done]
        if node in done or waiting:
            stack = stack[:-1] if node in done else stack + waiting
            continue
        stack.pop()
        done.add(node)
        yield node


def axis_of(node: Node) -> int | None:
    """The axis along which a node works, if it is one and known."""
    if node.op == "Slice" and len(node.operands) > 3:  # of its axes, which are an operand
        axes = node.operands[3].node.attributes.get("value")
        return int(axes[0]) if axes is not None and len(axes) == 1 else None
    axis = node.attributes.get("axis")
    return axis if isinstance(axis, int) else None


#: An operand that a node does without: ONNX tells optional ones by their place.
ABSENT = Tensor(Node("Absent"), np.dtype(np.float32), ())


@dataclass(frozen=True, eq=False)
class Body:
    """What a loop repeats: `results` from `arguments` and from `outside`, as a node's attribute.

    arguments  the number of the iteration, whether it is to be done, and the state before
    outside    values of the graph around it, handed to each iteration behind the state
    results    whether to proceed, and the state after
    """

    arguments: tuple[Tensor, ...]
    outside: tuple[Tensor, ...]
    results: tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Integers:
    """An attribute that is a list of whole numbers, kept as the array `values` [M]."""

    values: np.ndarray


#: A value [N, ...]: computed, or yet to be. (Typed as Any: either side of every operator
#: may be the one or the other, and NumPy's stubs cannot say so.)
Array: TypeAlias = Any
Operand: TypeAlias = Any


@dataclass(frozen=True)
class Op:
    """An ONNX operator and what it means.

    `promote` casts the operands to their common type first: NumPy does so, ONNX does not.
    `attributes` and `extra` turn the keywords of `reference` into the attributes and the
    trailing constant operands that ONNX takes instead. `version` is the version of the
    domain's operator set from which on the operator has this form.
    """

    name: str
    reference: Callable[..., Any]
    promote: bool = False
    attributes: Callable[..., dict[str, Any]] = lambda **_: {}
    extra: Callable[..., tuple[np.ndarray, ...]] = lambda **_: ()
    domain: str = ONNX
    version: int = 18

    def __call__(self, *operands: Operand, **keywords: Any) -> Array:
        """The result if all operands are arrays, else the node that will give it."""
        if not any(isinstance(operand, Tensor) for operand in operands):
            return self.reference(*operands, **keywords)
        if self.promote:
            common = common_type(*operands)
            operands = tuple(op.cast(operand, dtype=common) for operand in operands)
        results = _described(self.reference, operands, keywords)
        inputs = (*_of_one_rank(self.name, operands), *map(tensor, self.extra(**keywords)))
        attributes = self.attributes(**keywords)
        node = Node(self.name, inputs, attributes, self.domain, self.version, len(results))
        tensors = tuple(Tensor(node, dtype, shape, i) for i, (dtype, shape) in enumerate(results))
        return tensors if len(tensors) > 1 else tensors[0]


def argument(name: str, dtype: DTypeLike, *lengths: int) -> Tensor:
    """An input of the graph: [N, *lengths]."""
    return Tensor(Node("Argument", attributes={"name": name}), np.dtype(dtype), ("N", *lengths))


def tensor(x: Operand) -> Tensor:
    """`x` as a value of the graph: itself, or a constant."""
    if isinstance(x, Tensor):
        return x
    value = np.asarray(x)
    if is_string(value.dtype):
        value = value.astype(STRING)
    return Tensor(Node("Constant", attributes={"value": value}), value.dtype, value.shape)


#: Operators of values side by side, of which one may be a number for all.
_SIDE_BY_SIDE = {
    "Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min",
    "Mod", "Mul", "Or", "Pow", "Sub", "Where",
}  # fmt: skip


def _of_one_rank(operator: str, operands: tuple[Operand, ...]) -> tuple[Tensor, ...]:
    """The operands of a node, numbers with as many axes as the others have.

    Beside [N, 1] ONNX Runtime (1.32) is 13 times as slow with [] or [1] as with [1, 1].
    """
    values = tuple(map(tensor, operands))
    if operator not in _SIDE_BY_SIDE:
        return values
    rank = max(value.ndim for value in values)
    numbers = (v for v in values if v.node.op == "Constant" and {*v.shape} <= {1})
    spread = {v: tensor(v.node.attributes["value"].reshape((1,) * rank)) for v in numbers}
    return tuple(spread.get(value, value) for value in values)


def common_type(*operands: Operand) -> np.dtype:
    """The type that NumPy promotes `operands` to."""
    common: np.dtype = np.result_type(*map(_without_rows, operands))
    return common


def _without_rows(x: Operand, unknown: int = 0) -> Any:
    """No rows of what `x` may be, with `unknown` for a length that hangs on the rows."""
    if not isinstance(x, Tensor):
        return x
    lengths = {"N": 0, "T": unknown}
    return np.empty([n if isinstance(n, int) else lengths[n] for n in x.shape], x.dtype)


def _described(
    reference: Callable[..., Any], operands: tuple[Operand, ...], keywords: Mapping[str, Any]
) -> list[tuple[np.dtype, tuple[int | str, ...]]]:
    """The type and the shape of each result: a length that is 0, or that moves with T, is T."""
    tried = []
    for unknown in (0, 5):
        with np.errstate(all="ignore"):  # what has no rows to lack holds anything
            result = reference(*(_without_rows(x, unknown) for x in operands), **keywords)
        tried.append(result if isinstance(result, tuple) else (result,))
    return [
        (
            a.dtype,
            (
                "N",
                *(
                    n if n and n == m else "T"
                    for n, m in zip(a.shape[1:], b.shape[1:], strict=True)
                ),
            ),
        )
        if a.ndim
        else (a.dtype, ())
        for a, b in zip(*tried, strict=True)
    ]


# Last, because the operators that a tensor's signs stand for are made of what is above.
from sparkbird.graph import op  # noqa: E402
