"""Code for one row without a loop: numbers in registers, an instruction for each.

An array is NumPy's, of objects: a `Value` for each of its numbers. So what moves numbers about
is NumPy's own, and costs nothing when the code runs. Constants are read from a table: models
that differ by them alone have the same code.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from sparkbird.kernels.emit import BIT, F32, F64, POINTER, U8, U32, U64, Function, Kind, Value
from sparkbird.kernels.library import Library
from sparkbird.kernels.machine import Machine

#: The kinds that numbers of a type have in registers.
KINDS: dict[np.dtype, Kind] = {
    np.dtype(np.float32): F32,
    np.dtype(np.float64): F64,
    np.dtype(np.int32): U32,
    np.dtype(np.int64): U64,
    np.dtype(np.bool_): BIT,
}

#: Results start where all of these types may.
_ALIGNED = 8

#: Values of one kind to a value.
Scalar: TypeAlias = Callable[..., Value]


class Code:
    """Code for one row under construction: arrays of floating-point numbers to others.

    `samples` look like the arrays that it takes.
    """

    def __init__(self, samples: Sequence[np.ndarray]) -> None:
        from llvmlite import binding, ir

        self._module = ir.Module("unrolled")
        self._module.triple = binding.get_default_triple()
        self._function = Function(self._module, "unrolled", [POINTER] * (len(samples) + 2))
        *inputs, self._constants, self._results = self._function.arguments
        self.inputs = [self._loaded(x, at, 0) for x, at in zip(samples, inputs, strict=True)]
        self._table: list[bytes] = []
        self._given: list[tuple[np.dtype, tuple[int, ...], int]] = []
        self._size = 0

    def constant(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers that are the same for all rows."""
        offset = sum(map(len, self._table))
        self._table.append(numbers.tobytes())
        return self._loaded(numbers, self._constants, offset)

    def give(self, array: np.ndarray) -> None:
        """Let `array` be the next result."""
        dtype = dtype_of(array)
        for i, value in enumerate(array.ravel()):
            stored = value.to(U8) if value.kind == BIT else value
            self._function.store(stored, self._results, self._size + i * dtype.itemsize)
        self._given.append((dtype, array.shape, self._size))
        self._size += -(-array.size * dtype.itemsize // _ALIGNED) * _ALIGNED

    def compiled(self, machine: Machine) -> Callable[..., list[np.ndarray]]:
        """The function from rows of inputs to the results."""
        self._function.finish()
        library = Library(str(self._module), machine)
        run = library.function("unrolled", len(self._function.arguments), ctypes.c_void_p)
        table, given, results = b"".join(self._table), self._given, ctypes.c_char * self._size

        def unrolled(*inputs: np.ndarray) -> list[np.ndarray]:
            found: Any = results()
            run(*[x.tobytes() for x in inputs], table, found)
            return [np.ndarray(shape, dtype, found, offset) for dtype, shape, offset in given]

        return unrolled

    def _loaded(self, numbers: np.ndarray, place: Value, offset: int) -> np.ndarray:
        kind, size = KINDS[numbers.dtype], numbers.itemsize
        values = np.empty(numbers.shape, object)
        for i in range(numbers.size):
            values.flat[i] = self._function.load(place, kind, offset + i * size)
        return values


def dtype_of(array: np.ndarray) -> np.dtype:
    """The type of an array's numbers."""
    kind = array.flat[0].kind
    return next(dtype for dtype, known in KINDS.items() if known == kind)


def cast(x: Value, kind: Kind) -> Value:
    """The same number as another kind, rounded as IEEE 754 does; of bits, 0 and 1."""
    builder = x.function.builder
    if x.kind == kind:
        return x
    if x.kind == BIT and not kind.floating:
        return x.to(kind)
    if x.kind == BIT:
        return _value(x, kind, builder.uitofp(x.llvm, kind.llvm))
    convert = builder.fpext if kind.bits > x.kind.bits else builder.fptrunc
    return _value(x, kind, convert(x.llvm, kind.llvm))


def total(numbers: Sequence[Value]) -> Value:
    """Their sum, one after the other."""
    first, *others = numbers
    for number in others:
        first = first + number
    return first


def first_of_greatest(numbers: Sequence[Value]) -> Value:
    """The place of the first of the greatest, as one finds it who takes what is greater."""
    best, *others = numbers
    place = best.function.constant(0, U64)
    for i, number in enumerate(others, start=1):
        greater = number > best
        best, place = greater.select(number, best), greater.select(i, place)
    return place


def _value(x: Value, kind: Kind, llvm: Any) -> Value:
    return Value(x.function, kind, llvm)


def _instruction(name: str) -> Scalar:
    """An instruction of LLVM that gives what it takes."""
    return lambda *values: _value(
        values[0],
        values[0].kind,
        getattr(values[0].function.builder, name)(*[value.llvm for value in values]),
    )


def _compared(how: str) -> Scalar:
    return lambda x, y: _value(x, BIT, x.function.builder.fcmp_ordered(how, x.llvm, y.llvm))


def _called(name: str) -> Scalar:
    """A function of LLVM's for each floating-point kind."""
    return lambda x: x.function.call(f"llvm.{name}.f{x.kind.bits}", x.kind, x)


def _infinite(x: Value) -> Value:
    return FLOATING["Abs"](x).equals(float("inf"))


#: Operators of ONNX on floating-point numbers; of two that are equal, Min and Max give the second.
# fmt: off
FLOATING: Mapping[str, Scalar] = {
    "Add": _instruction("fadd"), "Sub": _instruction("fsub"), "Mul": _instruction("fmul"),
    "Div": _instruction("fdiv"), "Neg": _instruction("fneg"),
    "Min": lambda x, y: ((x < y) | x.is_nan()).select(x, y),
    "Max": lambda x, y: ((x > y) | x.is_nan()).select(x, y),
    "Abs": _called("fabs"), "Sqrt": _called("sqrt"),
    "Floor": _called("floor"), "Ceil": _called("ceil"),
    "Less": _compared("<"), "LessOrEqual": _compared("<="), "Equal": _compared("=="),
    "Greater": _compared(">"), "GreaterOrEqual": _compared(">="),
    "IsNaN": Value.is_nan, "IsInf": _infinite,
}

#: And on booleans.
LOGICAL: Mapping[str, Scalar] = {
    "And": Value.__and__, "Or": Value.__or__, "Not": lambda x: x ^ 1,
}
# fmt: on


def exponential(x: Value) -> Value:
    """That of a float64, by the C library."""
    return x.function.call("exp", F64, x)
