"""LLVM's intermediate representation, written as arithmetic.

A `Function` is under construction; a `Value` is what its code will have computed at this point.
Whole numbers have no sign. Vectors have so many lanes as their `Kind` says; what a processor
has no registers for, LLVM cuts into pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias


def _ir() -> Any:
    """LLVM's representation in llvmlite, which may be missing where no code is made."""
    from llvmlite import ir

    return ir


@dataclass(frozen=True)
class Kind:
    """The type of a value: that of its elements, and how many lanes it has, 0 for a scalar.

    The elements are whole numbers of so many `bits`, or floating-point ones, or pointers.
    """

    bits: int
    floating: bool = False
    lanes: int = 0
    pointer: bool = False

    def of(self, lanes: int) -> Kind:
        """Vectors of this kind."""
        return replace(self, lanes=lanes)

    @property
    def size(self) -> int:
        """In bytes."""
        return self.bits // 8 * max(self.lanes, 1)

    @property
    def llvm(self) -> Any:
        """As LLVM has it."""
        if self.pointer:
            return _ir().PointerType()
        if self.floating:
            element = _ir().FloatType() if self.bits == 32 else _ir().DoubleType()
        else:
            element = _ir().IntType(self.bits)
        return _ir().VectorType(element, self.lanes) if self.lanes else element


BIT, U8, U16, U32, U64 = Kind(1), Kind(8), Kind(16), Kind(32), Kind(64)
F32, F64 = Kind(32, floating=True), Kind(64, floating=True)
POINTER = Kind(64, pointer=True)

#: What stands beside a value in arithmetic: another one, or a number that all lanes get.
Operand: TypeAlias = Any


@dataclass(frozen=True)
class Value:
    """A value of `kind` in the code of a function."""

    function: Function
    kind: Kind
    llvm: Any

    def _with(self, other: Operand, whole: str, floating: str) -> Value:
        name = floating if self.kind.floating else whole
        operands = self.llvm, self.function.like(self, other).llvm
        return replace(self, llvm=getattr(self.function.builder, name)(*operands))

    def _compared(self, how: str, other: Operand) -> Value:
        builder = self.function.builder
        compare = builder.fcmp_ordered if self.kind.floating else builder.icmp_unsigned
        return Value(
            self.function,
            BIT.of(self.kind.lanes),
            compare(how, self.llvm, self.function.like(self, other).llvm),
        )

    # fmt: off
    def __sub__(self, other: Operand) -> Value: return self._with(other, "sub", "fsub")
    def __mul__(self, other: Operand) -> Value: return self._with(other, "mul", "fmul")
    def __and__(self, other: Operand) -> Value: return self._with(other, "and_", "")
    def __or__(self, other: Operand) -> Value: return self._with(other, "or_", "")
    def __xor__(self, other: Operand) -> Value: return self._with(other, "xor", "")
    def __lshift__(self, other: Operand) -> Value: return self._with(other, "shl", "")
    def __rshift__(self, other: Operand) -> Value: return self._with(other, "lshr", "")
    def __lt__(self, other: Operand) -> Value: return self._compared("<", other)
    def __gt__(self, other: Operand) -> Value: return self._compared(">", other)
    # fmt: on

    def __add__(self, other: Operand) -> Value:
        """The sum; of a pointer, so many bytes further on."""
        if self.kind.pointer:
            return self.function.further(self, other)
        return self._with(other, "add", "fadd")

    def equals(self, other: Operand) -> Value:
        """Whether each lane is that of `other`; no NaN is."""
        return self._compared("==", other)

    def is_nan(self) -> Value:
        """Whether each lane is NaN."""
        found = self.function.builder.fcmp_unordered("uno", self.llvm, self.llvm)
        return Value(self.function, BIT.of(self.kind.lanes), found)

    def to(self, kind: Kind) -> Value:
        """The same whole numbers in elements of another width, without those beyond it."""
        kind = kind.of(self.kind.lanes)
        builder = self.function.builder
        if kind == self.kind:
            return self
        convert = builder.zext if kind.bits > self.kind.bits else builder.trunc
        return Value(self.function, kind, convert(self.llvm, kind.llvm))

    def bits_as(self, kind: Kind) -> Value:
        """The same bits as a value of another kind of the same size."""
        return Value(self.function, kind, self.function.builder.bitcast(self.llvm, kind.llvm))

    def shuffled(self, lanes: Sequence[int], other: Value | None = None) -> Value:
        """The lanes of these numbers, those of `other` counted on."""
        second = (other or self).llvm
        mask = _ir().Constant(_ir().VectorType(_ir().IntType(32), len(lanes)), [*lanes])
        found = self.function.builder.shuffle_vector(self.llvm, second, mask)
        return Value(self.function, self.kind.of(len(lanes)), found)

    def select(self, yes: Operand, no: Operand) -> Value:
        """`yes` where this bit is set, else `no`; one of them at least is a value."""
        first, second = (
            (yes, self.function.like(yes, no))
            if isinstance(yes, Value)
            else (self.function.like(no, yes), no)
        )
        found = self.function.builder.select(self.llvm, first.llvm, second.llvm)
        return replace(first, llvm=found)


class Variable:
    """A place that holds a value of one kind, which a loop may change."""

    def __init__(self, function: Function, initial: Value) -> None:
        self._function, self._kind = function, initial.kind
        self._place = function.allocated(initial.kind)
        self.set(initial)

    def get(self) -> Value:
        """What it holds now."""
        builder = self._function.builder
        return Value(self._function, self._kind, builder.load(self._place, typ=self._kind.llvm))

    def set(self, value: Value) -> None:
        """Let it hold `value`."""
        self._function.builder.store(value.llvm, self._place)


class Function:
    """A function called `name`, under construction, that takes `arguments` and gives nothing."""

    def __init__(self, module: Any, name: str, arguments: Sequence[Kind]) -> None:
        kinds = [kind.llvm for kind in arguments]
        self._module = module
        self._function = _ir().Function(module, _ir().FunctionType(_ir().VoidType(), kinds), name)
        self._entry = self._function.append_basic_block("entry")
        self._places = _ir().IRBuilder(self._entry)
        self.builder = _ir().IRBuilder(self._function.append_basic_block("start"))
        self.arguments = tuple(
            Value(self, kind, llvm)
            for kind, llvm in zip(arguments, self._function.args, strict=True)
        )

    def finish(self) -> None:
        """Return, and write no more."""
        self._places.branch(self._function.basic_blocks[1])
        self.builder.ret_void()

    def constant(self, number: float, kind: Kind) -> Value:
        """A number, in each lane."""
        content = [number] * kind.lanes if kind.lanes else number
        return Value(self, kind, _ir().Constant(kind.llvm, content))

    def like(self, value: Value, other: Operand) -> Value:
        """`other` as an operand beside `value`: itself, or a number in each lane."""
        return other if isinstance(other, Value) else self.constant(other, value.kind)

    def splat(self, scalar: Value, lanes: int) -> Value:
        """A scalar in each of so many lanes."""
        kind = scalar.kind.of(lanes)
        undefined = _ir().Constant(kind.llvm, _ir().Undefined)
        first = self.builder.insert_element(
            undefined, scalar.llvm, _ir().Constant(_ir().IntType(32), 0)
        )
        return Value(self, kind, first).shuffled([0] * lanes)

    def further(self, pointer: Value, offset: Operand) -> Value:
        """The place so many bytes further on."""
        by = offset if isinstance(offset, Value) else self.constant(offset, U64)
        found = self.builder.gep(pointer.llvm, [by.to(U64).llvm], source_etype=U8.llvm)
        return replace(pointer, llvm=found)

    def load(self, pointer: Value, kind: Kind, offset: Operand = 0) -> Value:
        """The value at so many bytes behind `pointer`, aligned as it may be."""
        place = pointer + offset
        return Value(self, kind, self.builder.load(place.llvm, align=1, typ=kind.llvm))

    def field(self, record: Value, kind: Any, name: str, number: int = 0) -> Value:
        """A whole number of a record, whose fields a NumPy `kind` tells, in 64 bits."""
        element, offset = kind.fields[name][0].base, kind.fields[name][1]
        width = Kind(8 * element.itemsize)
        return self.load(record, width, offset + number * element.itemsize).to(U64)

    def address(self, record: Value, kind: Any, name: str) -> Value:
        """An address in a record."""
        return self.load(record, POINTER, kind.fields[name][1])

    def store(self, value: Value, pointer: Value, offset: Operand = 0) -> None:
        """Write `value` so many bytes behind `pointer`."""
        self.builder.store(value.llvm, (pointer + offset).llvm, align=1)

    def allocated(self, kind: Kind) -> Any:
        """A place on the stack, one for all iterations of a loop."""
        place = self._places.alloca(kind.llvm)
        place.type = POINTER.llvm  # LLVM's pointers have no type of what is there
        return place

    def buffer(self, kind: Kind) -> Value:
        """A place on the stack by its address."""
        return Value(self, POINTER, self.allocated(kind))

    def variable(self, initial: Value) -> Variable:
        """A place for values that change, `initial` at first."""
        return Variable(self, initial)

    def call(self, intrinsic: str, result: Kind, *operands: Value) -> Value:
        """What one of LLVM's own functions gives."""
        kinds = [operand.kind.llvm for operand in operands]
        declared = self._module.globals.get(intrinsic) or _ir().Function(
            self._module, _ir().FunctionType(result.llvm, kinds), intrinsic
        )
        found = self.builder.call(declared, [operand.llvm for operand in operands])
        return Value(self, result, found)

    @contextmanager
    def loop(self, count: Operand, step: int = 1) -> Iterator[Value]:
        """What is written within is done for 0, `step`, ... below `count`."""
        number = self.variable(self.constant(0, U64))
        test, body, behind = (self._function.append_basic_block() for _ in range(3))
        self.builder.branch(test)
        self.builder.position_at_end(test)
        i = number.get()
        self.builder.cbranch((i < count).llvm, body, behind)
        self.builder.position_at_end(body)
        yield i
        number.set(i + step)
        self.builder.branch(test)
        self.builder.position_at_end(behind)

    @contextmanager
    def repeat(self) -> Iterator[Variable]:
        """What is written within is done once, and again while the variable given is not 0."""
        again = self.variable(self.constant(0, U64))
        body, behind = (self._function.append_basic_block() for _ in range(2))
        self.builder.branch(body)
        self.builder.position_at_end(body)
        yield again
        self.builder.cbranch((again.get() > 0).llvm, body, behind)
        self.builder.position_at_end(behind)

    @contextmanager
    def otherwise(self, condition: Value, then: Callable[[], None]) -> Iterator[None]:
        """`then` is done if `condition` holds, else what is written within."""
        with self.builder.if_else(condition.llvm) as (yes, no):
            with yes:
                then()
            with no:
                yield

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """What is written within is done if `condition` holds."""
        with self.builder.if_then(condition.llvm):
            yield
