"""The operators sparkbird emits: an ONNX name beside its meaning in NumPy.

Called on arrays, an operator computes; called on a `Tensor`, it records a node. So one
line gives a converter its graph, its NumPy oracle and its constant folding, and the type
of its result: that of NumPy's own result for operands with no rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sparkbird.dtypes import element_type, is_string
from sparkbird.errors import InvalidValueError
from sparkbird.graph import reference, trace
from sparkbird.graph.reference import quietly
from sparkbird.graph.tensor import (  # the operators and what they work on, under one name
    ABSENT as ABSENT,
    ML as ML,
    ONNX as ONNX,
    Array as Array,
    Body as Body,
    Node as Node,
    Op as Op,
    Operand as Operand,
    Tensor as Tensor,
    argument as argument,
    common_type as common_type,
    tensor as tensor,
)
from sparkbird.schema import Check


def cast(x: Operand, *, dtype: DTypeLike) -> Array:
    """`x` as `dtype`; `x` itself if it is that already.

    A number does not become a string: ONNX writes numbers in other words than Python.
    """
    dtype = np.dtype(dtype)
    values = x if isinstance(x, Tensor) else np.asarray(x)
    assert is_string(values.dtype) or not is_string(dtype), f"{values.dtype} as a string"
    if isinstance(values, Tensor):
        return values if values.dtype == dtype else _cast(values, dtype=dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(dtype, copy=False)


def floating(x: Array) -> Array:
    """`x` itself if its type is floating, else `x` as float64."""
    return x if np.issubdtype(x.dtype, np.floating) else cast(x, dtype=np.float64)


def rows_of(value: Any, x: Array) -> Array:
    """`value` once for each row of `x`, whatever is in it: [*lengths] -> [N, *lengths]."""
    value = np.asarray(value)
    column = x if x.ndim == 1 else take(x, 0, axis=1)
    for _ in range(x.ndim - 2):
        column = take(column, 0, axis=1)
    zero = cast(equal(column, column), dtype=np.int64) * 0
    return take(value[None], zero)


def check(failing: Array, fact: str, screen: Array = None, *, nan_fine: bool = False) -> None:
    """Rows may not be `failing` [N]: on arrays an error, on tensors a check of the graph.

    `screen` are values [N, ...] of which one is NaN or infinite if a row fails: where their sum
    over all rows is finite, the check itself is not computed. `nan_fine` tells that no row fails
    because of NaN among them.

    Raises
    ------
    InvalidValueError
        `failing` is an array and true somewhere.
    """
    if isinstance(failing, Tensor):
        trace.current().checks.append((Check(trace.place(), fact), failing))
        if screen is not None:
            trace.current().screens[failing] = screen
            if nan_fine:
                trace.current().nan_fine.add(failing)
    elif failing.any():
        raise InvalidValueError(f"{fact}, in {int(failing.sum())} rows")


def _axes(axis: int) -> tuple[np.ndarray, ...]:
    return (np.array([axis], np.int64),)


# fmt: off
add           = Op("Add",            quietly(np.add),       promote=True)
sub           = Op("Sub",            quietly(np.subtract),  promote=True)
mul           = Op("Mul",            quietly(np.multiply),  promote=True)
div           = Op("Div",            quietly(np.divide),    promote=True)
power         = Op("Pow",            quietly(np.power),     promote=True)
_matmul       = Op("MatMul",         quietly(np.matmul),    promote=True)
_gemm         = Op("Gemm",           quietly(lambda x, y, z: x @ y + z), promote=True)
minimum       = Op("Min",            np.minimum,             promote=True)
maximum       = Op("Max",            np.maximum,             promote=True)
neg           = Op("Neg",            np.negative)
absolute      = Op("Abs",            np.abs)
sqrt          = Op("Sqrt",           quietly(np.sqrt))
exp           = Op("Exp",            quietly(np.exp))
log           = Op("Log",            quietly(np.log))
relu          = Op("Relu",           lambda x: np.maximum(x, np.zeros((), x.dtype)))
tanh          = Op("Tanh",           np.tanh)
sin           = Op("Sin",            quietly(np.sin))
_cos          = Op("Cos",            quietly(np.cos))
floor         = Op("Floor",          np.floor)
ceil          = Op("Ceil",           np.ceil)
rint          = Op("Round",          np.rint)
sign          = Op("Sign",           np.sign)
less          = Op("Less",           np.less,                promote=True)
less_equal    = Op("LessOrEqual",    np.less_equal,          promote=True)
greater       = Op("Greater",        np.greater,             promote=True)
greater_equal = Op("GreaterOrEqual", np.greater_equal,       promote=True)
equal         = Op("Equal",          reference.compared(np.equal),    promote=True, version=19)
isnan         = Op("IsNaN",          np.isnan)
isinf         = Op("IsInf",          np.isinf)
logical_and   = Op("And",            np.logical_and)
logical_or    = Op("Or",             np.logical_or)
logical_not   = Op("Not",            np.logical_not)
_where        = Op("Where",          np.where)
_take         = Op("Gather",         lambda x, i, *, axis=0: np.take(x, i, axis),
                   attributes=lambda axis=0: {"axis": axis})
take_along    = Op("GatherElements", lambda x, i, *, axis: np.take_along_axis(x, i, axis),
                   attributes=lambda axis: {"axis": axis})
# Columns from one up to another, which is not among them, every so many.
between       = Op("Slice",          reference.between,
                   extra=lambda start=0, stop=reference.LAST, step=1: tuple(
                       np.array([i], np.int64) for i in (start, stop, 1, step)))
expand        = Op("Unsqueeze",      lambda x, *, axis: np.expand_dims(x, axis), extra=_axes)
reshape       = Op("Reshape",        lambda x, *, lengths: x.reshape(-1 if x.size else 0, *lengths),
                   extra=lambda lengths: (np.array([-1, *lengths], np.int64),))
concat        = Op("Concat",         lambda *xs, axis: np.concatenate(xs, axis), promote=True,
                   attributes=lambda axis: {"axis": axis})
# Of NaN: NumPy gives the place of the first, ONNX Runtime may not.
_argmax       = Op("ArgMax",         lambda x, *, axis: np.asarray(np.argmax(x, axis)),
                   attributes=lambda axis: {"axis": axis, "keepdims": 0})
sum           = Op("ReduceSum",      quietly(lambda x, *, axis: np.sum(x, axis, dtype=x.dtype)),
                   attributes=lambda **_: {"keepdims": 0}, extra=_axes)
# Of all values of all rows: one number.
total         = Op("ReduceSum",      quietly(lambda x: np.asarray(np.sum(x, dtype=x.dtype))),
                   attributes=lambda: {"keepdims": 0})
_max          = Op("ReduceMax",      lambda x, *, axis: np.max(x, axis),
                   attributes=lambda **_: {"keepdims": 0}, extra=_axes)
_min          = Op("ReduceMin",      lambda x, *, axis: np.min(x, axis),
                   attributes=lambda **_: {"keepdims": 0}, extra=_axes)
cumsum        = Op("CumSum",         quietly(lambda x, *, axis: np.cumsum(x, axis, dtype=x.dtype)),
                   extra=lambda axis: (np.array(axis, np.int64),))
argmin        = Op("ArgMin",         lambda x, *, axis: np.asarray(np.argmin(x, axis)),
                   attributes=lambda axis: {"axis": axis, "keepdims": 0})
_top          = Op("TopK",           reference.top,
                   attributes=lambda largest, **_: {"axis": -1, "largest": int(largest)},
                   extra=lambda k, **_: (np.array([k], np.int64),))
mod           = Op("Mod",            quietly(np.mod),       promote=True)
fmod          = Op("Mod",            quietly(np.fmod),      promote=True,
                   attributes=lambda **_: {"fmod": 1})
# The rows [M, ...] for which a mask [N] holds.
compress      = Op("Compress",       lambda x, mask: np.compress(mask, x, axis=0),
                   attributes=lambda: {"axis": 0})
_size         = Op("Size",           lambda x: np.asarray(x.size))
_sort         = Op("TopK",           reference.sort, attributes=lambda: {"axis": -1, "largest": 0})
quotient      = Op("Div",            quietly(np.floor_divide), promote=True)
# Updates [M, ...] added, in their order, to the rows of x [N, ...] at places [M, 1].
_add_at       = Op("ScatterND",      reference.add_at,
                   attributes=lambda: {"reduction": "add"})
lookup        = Op("LabelEncoder",   reference.lookup,
                   attributes=reference.lookup_attributes, domain=ML, version=4)
_cast         = Op("Cast",           lambda x, *, dtype: x.astype(dtype),
                   attributes=lambda dtype: {"to": element_type(dtype).onnx})
# fmt: on


def matmul(x: Operand, y: Operand) -> Array:
    """``x @ y``; no rows times a vector fail in ONNX Runtime 1.23: here it is a column."""
    if y.ndim == 1:
        return take(_matmul(x, expand(y, axis=1)), 0, axis=1)
    return _matmul(x, y)


#: Up to so many terms ONNX Runtime adds up before it adds what `affine` adds.
_TERMS = 128


def affine(x: Array, weights: np.ndarray, added: Any) -> Array:
    """``x @ weights + added``, rounded as these two are: [N, F], [F, K], [K] -> [N, K].

    Steps of one type are one node: ONNX Runtime is slow to add to rows of a few values.
    """
    added = np.asarray(added)
    product = common_type(x, weights)
    alike = product == added.dtype and product.kind == "f"
    if alike and added.shape == weights.shape[1:] != () and len(weights) <= _TERMS:
        return _gemm(x, weights, added)
    return matmul(x, weights) + added


def take(x: Operand, i: Operand, *, axis: int = 0) -> Array:
    """``numpy.take(x, i, axis)``: [M, *lengths] at [N] -> [N, *lengths].

    Of a constant at places that are themselves looked up in one, it is one look-up. One number
    a row is copied by Gather as if it were many (8 ns), by GatherElements in 1 ns.
    ONNX Runtime 1.21 to 1.32 gathers of a row of strings the first alone: here, one at a time.
    """
    if x.ndim == 1 and not isinstance(x, Tensor):
        if picked := _picked(i):
            places, i = picked
            x = x[places]
        if isinstance(i, Tensor) and x.ndim == i.ndim == 1 and not is_string(x.dtype):
            return take_along(x, i, axis=0)
    lengths = x.shape[axis + 1 :]
    if not is_string(x.dtype) or math.prod(lengths) == 1 or not lengths:
        return _take(x, i, axis=axis)
    assert axis == 0, "strings are taken one at a time, or by rows of a constant"
    places = np.arange(math.prod(lengths)).reshape(lengths)
    first = i * math.prod(lengths)
    for _ in lengths:
        first = expand(first, axis=first.ndim)
    return _take(x.reshape(-1), first + places, axis=0)


def where(condition: Array, x: Operand, y: Operand) -> Array:
    """`x` where `condition`, else `y`; of -0.0 in `x` ONNX Runtime (1.21 to 1.32) makes 0.0."""
    common = common_type(x, y)
    if common == np.bool_:  # which Where of ONNX Runtime does not take
        return (condition & x) | (~condition & y)
    return _where(condition, cast(x, dtype=common), cast(y, dtype=common))


def argmax(x: Array, *, axis: int) -> Array:
    """The place of the first of the greatest along `axis`; of rows of a constant looked up."""
    if axis == 1 and (picked := _picked(x)):
        rows, places = picked
        return take(_argmax(rows, axis=axis), places)
    return _argmax(x, axis=axis)


_LOOK_UPS = {"Gather", "GatherElements"}


def _picked(x: Operand) -> tuple[np.ndarray, Tensor] | None:
    """The constant and the places [N] in it, if `x` is what is there."""
    if not isinstance(x, Tensor) or x.node.op not in _LOOK_UPS or x.node.attributes.get("axis"):
        return None
    rows, places = x.node.operands
    known = rows.node.op == "Constant" and places.ndim == 1
    return (rows.node.attributes["value"], places) if known else None


def sort(x: Array) -> tuple[Array, Array]:
    """`x` [M] in order, of equal values the first first, and where each was: [M], [M].

    `x` has at least one value: TopK of none ends the process in ONNX Runtime 1.21.
    """
    return _sort(x, reshape(_size(x), lengths=()))


def add_at(x: Array, places: Array, updates: Array) -> Array:
    """`x` [N, ...] with `updates` [M, ...] added, in their order, to its rows at `places` [M]."""
    return _add_at(x, expand(places, axis=1), updates)


def row_numbers(x: Array) -> Array:
    """0, 1, 2 ... for the rows of `x`, [N]."""
    ones = rows_of(1, x)
    return cumsum(ones, axis=0) - ones


def top(x: Array, *, k: int, largest: bool) -> Any:
    """The `k` least or greatest along the last axis, in order, and their places; not for NaN.

    Of equal ones the first comes first. ONNX Runtime 1.21 to 1.23 dies of no rows: it gets one more.
    """
    if not isinstance(x, Tensor):
        return _top(x, k=k, largest=largest)
    more = concat(x, np.zeros((1, *x.shape[1:]), x.dtype), axis=0)
    return tuple(take(part, row_numbers(x)) for part in _top(more, k=k, largest=largest))


def clip(x: Array, low: float, high: float) -> Array:
    """`x` held between `low` and `high`, in the type of `x`; NaN stays NaN."""
    bounds = np.asarray([low, high], x.dtype)
    return minimum(maximum(x, bounds[0]), bounds[1])


def cos(x: Array) -> Array:
    """``cos(x)`` to a few ulps of 1; old onnxruntimes have Cos for float32 alone."""
    if x.dtype != np.float64:
        return _cos(x)
    half = sin(x * 0.5)
    return 1.0 - 2.0 * (half * half)


def max(x: Array, *, axis: int) -> Array:
    """The greatest along `axis`, NaN if one is NaN."""
    return _nan_if_any(_max(x, axis=axis), x, axis)


def min(x: Array, *, axis: int) -> Array:
    """The least along `axis`, NaN if one is NaN."""
    return _nan_if_any(_min(x, axis=axis), x, axis)


def _nan_if_any(reduced: Array, x: Array, axis: int) -> Array:
    """`reduced`, NaN where `x` has one along `axis`: ONNX Runtime's reductions may skip it."""
    if x.dtype.kind != "f":
        return reduced
    has_nan = _max(cast(isnan(x), dtype=np.int32), axis=axis) > 0
    return where(has_nan, np.full((), np.nan, x.dtype), reduced)
