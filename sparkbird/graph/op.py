"""The operators sparkbird emits: an ONNX name beside its meaning in NumPy.

Called on arrays, an operator computes; called on a `Tensor`, it records a node. So one
line gives a converter its graph, its NumPy oracle and its constant folding, and the type
of its result: that of NumPy's own result for operands with no rows.

The first axis of a tensor is "N", the number of rows, known only at run time; every other
length is known. Strings are arrays of objects; a missing one is `dtypes.MISSING`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from sparkbird.dtypes import STRING, element_type, is_string
from sparkbird.errors import InvalidValueError
from sparkbird.graph import trace
from sparkbird.schema import Check

#: The ONNX domains, and the least version of each operator that is not in the first ones.
ONNX = ""
ML = "ai.onnx.ml"


@dataclass(frozen=True, eq=False)
class Node:
    """One application of an ONNX operator, for the part of the model that `place` names."""

    op: str
    operands: tuple[Tensor, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    domain: str = ONNX
    version: int = 1
    place: str = field(default_factory=trace.place)


@dataclass(frozen=True, eq=False)
class Tensor:
    """A typed value of a graph that has not been run yet, [N, ...] unless it is a constant."""

    node: Node
    dtype: np.dtype
    shape: tuple[int | str, ...]

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
    def __add__(self, other: Operand) -> Array: return add(self, other)
    def __radd__(self, other: Operand) -> Array: return add(other, self)
    def __sub__(self, other: Operand) -> Array: return sub(self, other)
    def __rsub__(self, other: Operand) -> Array: return sub(other, self)
    def __mul__(self, other: Operand) -> Array: return mul(self, other)
    def __rmul__(self, other: Operand) -> Array: return mul(other, self)
    def __truediv__(self, other: Operand) -> Array: return div(self, other)
    def __rtruediv__(self, other: Operand) -> Array: return div(other, self)
    def __neg__(self) -> Array: return neg(self)
    def __lt__(self, other: Operand) -> Array: return less(self, other)
    def __le__(self, other: Operand) -> Array: return less_equal(self, other)
    def __gt__(self, other: Operand) -> Array: return greater(self, other)
    def __ge__(self, other: Operand) -> Array: return greater_equal(self, other)
    def __matmul__(self, other: Operand) -> Array: return matmul(self, other)
    def __and__(self, other: Operand) -> Array: return logical_and(self, other)
    def __or__(self, other: Operand) -> Array: return logical_or(self, other)
    def __invert__(self) -> Array: return logical_not(self)
    # fmt: on


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
    reference: Callable[..., np.ndarray]
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
            operands = tuple(cast(operand, dtype=common) for operand in operands)
        result = self.reference(*map(_without_rows, operands), **keywords)
        inputs = (*map(_tensor, operands), *map(_tensor, self.extra(**keywords)))
        node = Node(self.name, inputs, self.attributes(**keywords), self.domain, self.version)
        return Tensor(node, result.dtype, ("N", *result.shape[1:]))


def argument(name: str, dtype: DTypeLike, *lengths: int) -> Tensor:
    """An input of the graph: [N, *lengths]."""
    return Tensor(Node("Argument", attributes={"name": name}), np.dtype(dtype), ("N", *lengths))


def common_type(*operands: Operand) -> np.dtype:
    """The type that NumPy promotes `operands` to."""
    common: np.dtype = np.result_type(*map(_without_rows, operands))
    return common


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


def check(failing: Array, fact: str) -> None:
    """Rows may not be `failing` [N]: on arrays an error, on tensors a check of the graph.

    Raises
    ------
    InvalidValueError
        `failing` is an array and true somewhere.
    """
    if isinstance(failing, Tensor):
        trace.current().checks.append((Check(trace.place(), fact), failing))
    elif failing.any():
        raise InvalidValueError(f"{fact}, in {int(failing.sum())} rows")


def _tensor(x: Operand) -> Tensor:
    if isinstance(x, Tensor):
        return x
    value = np.asarray(x)
    if is_string(value.dtype):
        value = value.astype(STRING)
    return Tensor(Node("Constant", attributes={"value": value}), value.dtype, value.shape)


def _without_rows(x: Operand) -> Any:
    if not isinstance(x, Tensor):
        return x
    return np.empty([0 if length == "N" else length for length in x.shape], x.dtype)


def _lookup(x: np.ndarray, *, keys: np.ndarray, values: np.ndarray, default: Any) -> np.ndarray:
    position: dict[Any, int] = {}
    for i, key in enumerate(keys.tolist()):
        position.setdefault(_key(key), i)  # the first of equal keys, as in ONNX Runtime
    found = np.array([position.get(_key(v), -1) for v in x.ravel().tolist()], np.int64)
    padded = np.concatenate([values, np.asarray([default], values.dtype)])
    return padded[found.reshape(x.shape)]


def _key(value: Any) -> Any:
    return "nan" if isinstance(value, float) and math.isnan(value) else (type(value), value)


def _compared(compare: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """`compare`, whose result is boolean also for arrays of strings."""
    return lambda x, y: np.asarray(compare(x, y), dtype=np.bool_)


def _quietly(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """`function` without NumPy's warnings: infinities and NaN are values like others here."""

    @functools.wraps(function)
    def quiet(*operands: np.ndarray, **keywords: Any) -> np.ndarray:
        with np.errstate(all="ignore"):
            return function(*operands, **keywords)

    return quiet


def _lookup_attributes(keys: np.ndarray, values: np.ndarray, default: Any) -> dict[str, Any]:
    return {
        "keys_tensor": keys,
        "values_tensor": values,
        "default_tensor": np.asarray([default], values.dtype),
    }


def _axes(axis: int) -> tuple[np.ndarray, ...]:
    return (np.array([axis], np.int64),)


# fmt: off
add           = Op("Add",            _quietly(np.add),       promote=True)
sub           = Op("Sub",            _quietly(np.subtract),  promote=True)
mul           = Op("Mul",            _quietly(np.multiply),  promote=True)
div           = Op("Div",            _quietly(np.divide),    promote=True)
power         = Op("Pow",            _quietly(np.power),     promote=True)
_matmul       = Op("MatMul",         _quietly(np.matmul),    promote=True)
minimum       = Op("Min",            np.minimum,             promote=True)
maximum       = Op("Max",            np.maximum,             promote=True)
neg           = Op("Neg",            np.negative)
absolute      = Op("Abs",            np.abs)
sqrt          = Op("Sqrt",           _quietly(np.sqrt))
exp           = Op("Exp",            _quietly(np.exp))
log           = Op("Log",            _quietly(np.log))
tanh          = Op("Tanh",           np.tanh)
sin           = Op("Sin",            _quietly(np.sin))
_cos          = Op("Cos",            _quietly(np.cos))
floor         = Op("Floor",          np.floor)
ceil          = Op("Ceil",           np.ceil)
rint          = Op("Round",          np.rint)
sign          = Op("Sign",           np.sign)
less          = Op("Less",           np.less,                promote=True)
less_equal    = Op("LessOrEqual",    np.less_equal,          promote=True)
greater       = Op("Greater",        np.greater,             promote=True)
greater_equal = Op("GreaterOrEqual", np.greater_equal,       promote=True)
equal         = Op("Equal",          _compared(np.equal),    promote=True, version=19)
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
expand        = Op("Unsqueeze",      lambda x, *, axis: np.expand_dims(x, axis), extra=_axes)
reshape       = Op("Reshape",        lambda x, *, lengths: x.reshape(-1 if x.size else 0, *lengths),
                   extra=lambda lengths: (np.array([-1, *lengths], np.int64),))
concat        = Op("Concat",         lambda *xs, axis: np.concatenate(xs, axis), promote=True,
                   attributes=lambda axis: {"axis": axis})
# Of NaN: NumPy gives the place of the first, ONNX Runtime may not.
argmax        = Op("ArgMax",         lambda x, *, axis: np.asarray(np.argmax(x, axis)),
                   attributes=lambda axis: {"axis": axis, "keepdims": 0})
sum           = Op("ReduceSum",      _quietly(lambda x, *, axis: np.sum(x, axis, dtype=x.dtype)),
                   attributes=lambda **_: {"keepdims": 0}, extra=_axes)
_max          = Op("ReduceMax",      lambda x, *, axis: np.max(x, axis),
                   attributes=lambda **_: {"keepdims": 0}, extra=_axes)
_min          = Op("ReduceMin",      lambda x, *, axis: np.min(x, axis),
                   attributes=lambda **_: {"keepdims": 0}, extra=_axes)
cumsum        = Op("CumSum",         _quietly(lambda x, *, axis: np.cumsum(x, axis, dtype=x.dtype)),
                   extra=lambda axis: (np.array(axis, np.int64),))
lookup        = Op("LabelEncoder",   _lookup,
                   attributes=_lookup_attributes, domain=ML, version=4)
_cast         = Op("Cast",           lambda x, *, dtype: x.astype(dtype),
                   attributes=lambda dtype: {"to": element_type(dtype).onnx})
# fmt: on


def matmul(x: Operand, y: Operand) -> Array:
    """``x @ y``; no rows times a vector fail in ONNX Runtime 1.23: here it is a column."""
    if y.ndim == 1:
        return take(_matmul(x, expand(y, axis=1)), 0, axis=1)
    return _matmul(x, y)


def take(x: Operand, i: Operand, *, axis: int = 0) -> Array:
    """``numpy.take(x, i, axis)``: [M, *lengths] at [N] -> [N, *lengths].

    ONNX Runtime 1.21 to 1.32 gathers of a row of strings the first alone: here, one at a time.
    """
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


@_quietly
def log1p(x: Array) -> Array:
    """``log(1 + x)``, accurate also near 0.

    Source: Goldberg, "What every computer scientist should know about ...", theorem 4.
    """
    one = np.ones((), x.dtype)
    grown = x + one
    rounded_away = equal(grown, one)
    quotient = log(grown) * (x / (grown - one))
    # At infinity the correction is inf / inf; log alone is right there.
    return where(rounded_away, x, where(isinf(grown), log(grown), quotient))


@_quietly
def expm1(x: Array) -> Array:
    """``exp(x) - 1``, accurate also near 0.

    Source: Kahan; Higham, "Accuracy and stability of numerical algorithms", 1.14.1.
    """
    one = np.ones((), x.dtype)
    grown = exp(x)
    less_one = grown - one
    corrected = less_one * (x / log(grown))
    plain = equal(less_one, -one) | isinf(grown)
    return where(equal(grown, one), x, where(plain, less_one, corrected))


@_quietly
def sigmoid(x: Array) -> Array:
    """``1 / (1 + exp(-x))``, as scipy.special.expit gives it."""
    one = np.ones((), x.dtype)
    return one / (one + exp(-x))


@_quietly
def softmax(x: Array) -> Array:
    """Each row's exponentials as shares of their sum, [N, K] -> [N, K]."""
    shifted = exp(x - expand(_max(x, axis=1), axis=1))  # a NaN spoils the sum anyway
    return shifted / expand(sum(shifted, axis=1), axis=1)
