"""One number for all rows that is finite only if all of certain values are.

Where a model computes a few values of each row from many, and what is not finite stays so on
the way, the few tell as much and are added up sooner.

N is the number of rows.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from sparkbird.graph import op
from sparkbird.graph.tensor import Tensor, nodes

#: Operators that give NaN or an infinity for each row whose first operand holds one: 0 times
#: infinity is NaN, and so is infinity less infinity.
_SPREAD = {"Add", "Sub", "Mul", "Div", "MatMul", "Gemm", "Cast", "ReduceSum"}


def screen(values: Mapping[Tensor, bool], outputs: Iterable[Tensor]) -> Tensor:
    """The number, float64, for `values` [N, ...] on the way to `outputs`.

    Each of them comes with whether it may be NaN.

    It may be infinite for finite values, if these are large, and NaN for NaN that is fine.
    """
    best = {value: (takes_nan, _width(value), value) for value, takes_nan in values.items()}
    for tensor in _on_the_way(outputs):
        for origin, is_filled in _origins(tensor):
            if origin not in values or (is_filled and not values[origin]):
                continue
            found = (values[origin] and not is_filled, _width(tensor), tensor)
            known = best[origin]
            # Of those as narrow the one next to it, which comes last: it takes the fewest steps.
            if found[:2] < known[:2] or (found[:2] == known[:2] and known[2] is not origin):
                best[origin] = found
    # No infinity cancels out: of two that differ NaN becomes the sum.
    once = dict.fromkeys(tensor for _, _, tensor in best.values())
    return functools.reduce(op.add, [op.cast(op.total(x), dtype=np.float64) for x in once])


def _on_the_way(outputs: Iterable[Tensor]) -> Iterator[Tensor]:
    ends = [*outputs]
    yield from ends
    for node in nodes(ends):
        yield from node.operands


def _origins(tensor: Tensor) -> Iterator[tuple[Tensor, bool]]:
    """What `tensor` is not finite for if it is not, or is infinite, if NaN has been filled."""
    is_filled = False
    while tensor.has_rows and tensor.dtype.kind == "f":
        if tensor.node.op in _SPREAD:
            tensor = tensor.node.operands[0]
        elif tensor.node.op == "Where" and _fills(*tensor.node.operands):
            tensor, is_filled = tensor.node.operands[2], True
        else:
            return
        yield tensor, is_filled


def _fills(condition: Tensor, _: Tensor, otherwise: Tensor) -> bool:
    """Whether a choice gives something else for NaN, and what there is for all others."""
    return condition.node.op == "IsNaN" and condition.node.operands[0] == otherwise


def _width(tensor: Tensor) -> float:
    return math.prod(n if isinstance(n, int) else math.inf for n in tensor.shape[1:])
