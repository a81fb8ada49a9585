"""Operators by family, and how much each does by the units of its family.

An operator is counted from the shapes and types of what it takes and gives; where one depends on
the rows themselves, it counts as one element.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from sparkbird.dtypes import STRING
from sparkbird.prices.units import UNITS

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """A tensor: its shape, and the type of its elements."""

    shape: Shape
    dtype: np.dtype

    @property
    def size(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes that it takes."""
        return self.size * self.dtype.itemsize


@dataclass(frozen=True)
class Applied:
    """An operator with what it takes and gives, what is absent left out."""

    operator: str
    inputs: Sequence[Value]
    outputs: Sequence[Value]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """The bytes of all that it takes and gives."""
        return sum(value.nbytes for value in (*self.inputs, *self.outputs))

    @property
    def has_strings(self) -> bool:
        """Whether it takes or gives strings."""
        return any(value.dtype == STRING for value in (*self.inputs, *self.outputs))


#: Units by number.
Counts: TypeAlias = dict[str, float]
Count: TypeAlias = Callable[[Applied], Counts]


def _elementwise(node: Applied) -> Counts:
    size = node.outputs[0].size
    inner = _inner(node)
    spans = size / inner if inner < size else 0.0
    return {"element": size, "byte": node.nbytes, "span": spans}


def _by_type(node: Applied) -> Counts:
    """The same for what is slow: what it computes weighs more than what it reads."""
    narrow = node.inputs[-1].dtype.itemsize <= 4
    counts = _elementwise(node)
    return {"element32" if narrow else "element64": counts["element"], "span": counts["span"]}


def _inner(node: Applied) -> int:
    """How many elements follow on each other before an operand starts again.

    A length of 1 that no operand repeats ends a stretch, too, if another is repeated before it.

    >>> row, matrix = Value((20,), np.dtype(float)), Value((512, 20), np.dtype(float))
    >>> _inner(Applied("Add", [matrix, row], [matrix]))
    20
    >>> column = Value((512, 1), np.dtype(float))
    >>> _inner(Applied("Add", [column, Value((), np.dtype(float))], [column]))
    1
    """
    shape = node.outputs[0].shape
    padded = [(1,) * (len(shape) - len(v.shape)) + v.shape for v in node.inputs]
    inner, before = 1, None
    for axis in range(len(shape) - 1, -1, -1):
        repeats = tuple(operand[axis] < shape[axis] for operand in padded)
        if before is not None and repeats != before:
            return inner
        before, inner = repeats, inner * shape[axis]
    return inner


def _cast(node: Applied) -> Counts:
    before, after = node.inputs[0].dtype.kind, node.outputs[0].dtype.kind
    unit = "float" if before == after == "f" else _BECOMES.get(after, "to_integer")
    return {unit: node.outputs[0].size}


#: The unit of a cast by the kind of what it gives.
_BECOMES = {"b": "to_boolean", "f": "to_float"}


def _gather(node: Applied) -> Counts:
    data, (out,) = node.inputs[0], node.outputs[:1]
    axis = int(node.attributes.get("axis", 0)) % max(1, len(data.shape))
    block = max(1, math.prod(data.shape[axis + 1 :]))
    return {"block": out.size / block, "byte": out.nbytes}


def _concat(node: Applied) -> Counts:
    (out,) = node.outputs
    axis = int(node.attributes.get("axis", 0)) % max(1, len(out.shape))
    outer = math.prod(out.shape[:axis])
    return {"block": outer * len(node.inputs), "byte": out.nbytes}


def _copy(node: Applied) -> Counts:
    """Of blocks whose last axes are those of the input."""
    data = node.inputs[0].shape
    return {
        "block": sum(out.size / _run(data, out.shape) for out in node.outputs),
        "byte": sum(out.nbytes for out in node.outputs),
    }


def _run(data: Shape, out: Shape) -> int:
    """How many elements are copied in one go.

    >>> _run((512, 20), (512, 5)), _run((512, 20), (100, 20))
    (5, 2000)
    """
    run = 1
    for given, kept in zip(reversed(data), reversed(out), strict=False):
        run *= max(1, kept)
        if given != kept:
            break
    return run


def _transpose(node: Applied) -> Counts:
    (out,) = node.outputs
    return {"block": out.size, "byte": out.nbytes}


def _pick(node: Applied) -> Counts:
    size = max(value.size for value in (*node.inputs[1:], *node.outputs))
    return {"element": size, "byte": node.outputs[0].nbytes}


def _product(node: Applied) -> Counts:
    """By a vector memory is the limit, by a matrix multiplications are."""
    (out,) = node.outputs
    if len(node.inputs) < 2:  # the body of a loop takes what is outside without being given it
        return {"output": out.size, "byte": out.nbytes}
    left, right = node.inputs[:2]
    if out.shape[-1:] in ((), (1,)):
        return {"input": left.size + right.size, "byte": out.nbytes}
    turned = node.attributes.get("transA", 0) and len(left.shape) == 2
    inner = (left.shape[0] if turned else left.shape[-1]) if left.shape else 1
    unit = "multiply32" if out.dtype == np.float32 else "multiply64"
    return {unit: out.size * inner, "output": out.size, "byte": out.nbytes}


def _reduced(node: Applied) -> Counts:
    return {"input": node.inputs[0].size, "output": node.outputs[0].size}


def _running(node: Applied) -> Counts:
    return {"element": node.outputs[0].size}


def _lookup(node: Applied) -> Counts:
    unit = "string" if node.has_strings else "number"
    return {unit: node.inputs[0].size}


def _text(node: Applied) -> Counts:
    return {"string": max(v.size for v in (*node.inputs[:1], *node.outputs))}


def _nothing(_: Applied) -> Counts:
    """A tensor seen in another shape costs its launch alone."""
    return {}


# fmt: off
#: Of each family its operators, and what counts them.
FAMILIES: Mapping[str, tuple[Count, tuple[str, ...]]] = {
    "arithmetic": (_elementwise, (
        "Add", "Sub", "Mul", "Max", "Min", "Neg", "Abs", "Relu", "Sign", "Floor", "Ceil", "Round",
        "Clip", "LeakyRelu", "ThresholdedRelu", "BitwiseAnd", "BitwiseOr", "BitwiseXor",
        "BitwiseNot", "BitShift", "Sum", "Mean")),
    "division": (_by_type, ("Div", "Sqrt", "Mod", "Reciprocal")),
    "exponential": (_by_type, (
        "Exp", "Tanh", "Sigmoid", "Softmax", "LogSoftmax", "Softplus", "Erf", "Gelu", "QuickGelu",
        "Elu", "Selu")),
    "logarithm": (_by_type, ("Log",)),
    "sine": (_by_type, ("Sin", "Cos", "Tan", "Asin", "Acos", "Atan")),
    "power": (_by_type, ("Pow",)),
    "comparison": (_elementwise, (
        "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor", "Not",
        "IsNaN", "IsInf")),
    "choice": (_elementwise, ("Where",)),
    "cast": (_cast, ("Cast",)),
    "gather": (_gather, ("Gather",)),
    "copy": (_copy, ("Expand", "Tile", "Pad", "Split", "Compress", "ConstantOfShape", "Range",
                     "NonZero")),
    "slice": (_copy, ("Slice",)),
    "pick": (_pick, ("GatherElements", "GatherND", "ScatterElements", "ScatterND", "OneHot")),
    "product": (_product, ("MatMul", "Gemm", "FusedMatMul", "FusedGemm")),
    "reduction": (_reduced, (
        "ReduceSum", "ReduceMax", "ReduceMin", "ReduceMean", "ReduceProd", "ReduceL1", "ReduceL2",
        "ReduceSumSquare", "ReduceLogSumExp")),
    "extremum": (_reduced, ("ArgMax", "ArgMin")),
    "running": (_running, ("CumSum",)),
    "sort": (_reduced, ("TopK", "Unique")),
    "lookup": (_lookup, ("LabelEncoder",)),
}
_OTHERWISE: Mapping[str, tuple[str, Count]] = {
    "Concat": ("copy", _concat),
    "Transpose": ("copy", _transpose),
    **dict.fromkeys(("Reshape", "Unsqueeze", "Squeeze", "Flatten", "Identity", "Shape", "Size",
                     "Constant"), ("", _nothing)),
}
# fmt: on

_KNOWN: Mapping[str, tuple[str, Count]] = {
    **{name: (family, count) for family, (count, names) in FAMILIES.items() for name in names},
    **_OTHERWISE,
}


def _started(family: str, counts: Counts) -> Counts:
    return {"launch": 1.0, **counts} if "launch" in UNITS["operators"][family] else counts


def counted(node: Applied) -> tuple[str, Counts]:
    """The family of an operator, "" for those that do nothing, and its units.

    One that nobody knows is taken for one that works element by element.
    """
    family, count = _KNOWN.get(node.operator, ("arithmetic", _elementwise))
    if node.has_strings and family not in ("lookup", ""):
        return "text", _started("text", _text(node))
    counts = family and node.outputs and node.inputs
    return (family, _started(family, count(node))) if counts else ("", {})
