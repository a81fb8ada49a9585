"""Where in a model the work is, and which conditions on rows were met on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparkbird.graph.op import Tensor
    from sparkbird.schema import Check


@dataclass
class Trace:
    """What a tracing collects beside the tensors: the checks with their masks, and remarks.

    checks   a `Check` and its mask [N], true where a row fails it
    screens  values for the mask of a check, one of which is NaN or infinite if a row fails it
    nan_fine masks that no row has because of NaN, but because of infinities alone
    remarks  lines for `explain`: choices made while the graph was built
    whole    whether a row's result depends on the rows beside it
    adds     the columns that the model adds to a dataframe, in order, if it is one of Spark ML
    readers  for each column the stage that takes it, where the model has stages
    declared the types of the columns as `inputs=` gives them: what is float64 may be "bool"
    inside   values within forests, which are not computed where a kernel runs these
    forests  what forests give, which a kernel may give without what is in front of them
    """

    checks: list[tuple[Check, Tensor]] = field(default_factory=list)
    screens: dict[Tensor, Tensor] = field(default_factory=dict)
    nan_fine: set[Tensor] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)
    whole: bool = False
    adds: tuple[str, ...] = ()
    readers: Mapping[str, str] = field(default_factory=dict)
    declared: Mapping[str, str] = field(default_factory=dict)
    inside: set[Tensor] = field(default_factory=set)
    forests: set[Tensor] = field(default_factory=set)


_place: ContextVar[str] = ContextVar("place", default="")
_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


def place() -> str:
    """The part of the model at work now, as a Python path: ``model.named_steps['scale']``."""
    return _place.get()


@contextmanager
def at(part: str) -> Iterator[None]:
    """Within, the place is longer by `part`."""
    token = _place.set(_place.get() + part)
    try:
        yield
    finally:
        _place.reset(token)


@contextmanager
def tracing() -> Iterator[Trace]:
    """Within, checks and remarks are collected in the `Trace` given."""
    trace = Trace()
    token = _trace.set(trace)
    try:
        yield trace
    finally:
        _trace.reset(token)


def inside(*values: Any) -> None:
    """Tell that these are values within a forest; arrays are none."""
    current().inside.update(value for value in values if hasattr(value, "node"))


def forest(value: Any) -> Any:
    """`value`, of which it is told that a forest gives it."""
    if hasattr(value, "node"):
        current().forests.add(value)
    return value


def current() -> Trace:
    """The `Trace` of the innermost `tracing`, or one that nobody reads."""
    return _trace.get() or Trace()
