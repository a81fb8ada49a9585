"""One number for all rows that is finite only if all of certain values are.

Where a model computes a few values of each row from many, and what is not finite stays so on
the way, the few tell as much and are added up sooner.

N is the number of rows.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from sparkbird.graph import op
from sparkbird.graph.tensor import Tensor, nodes

#: Operators that give NaN or an infinity for each row whose first operand holds one: 0 times
#: infinity is NaN, and so is infinity less infinity.
_SPREAD = {"Add", "Sub", "Mul", "Div", "MatMul", "Gemm", "Cast", "ReduceSum"}


def screen(values: Sequence[Tensor], outputs: Iterable[Tensor]) -> Tensor:
    """The number, float64, for `values` [N, ...] on the way to `outputs`.

    It may be infinite for finite values, if these are large.
    """
    narrowest = dict(zip(values, values, strict=True))
    for tensor in _on_the_way(outputs):
        for origin in _origins(tensor):
            if origin in narrowest and _width(tensor) < _width(narrowest[origin]):
                narrowest[origin] = tensor
    # No infinity cancels out: of two that differ NaN becomes the sum.
    once = dict.fromkeys(narrowest.values())
    return functools.reduce(op.add, [op.cast(op.total(x), dtype=np.float64) for x in once])


def _on_the_way(outputs: Iterable[Tensor]) -> Iterator[Tensor]:
    ends = [*outputs]
    yield from ends
    for node in nodes(ends):
        yield from node.operands


def _origins(tensor: Tensor) -> Iterator[Tensor]:
    """What `tensor` is not finite for if it is not."""
    while tensor.node.op in _SPREAD and tensor.has_rows and tensor.dtype.kind == "f":
        tensor = tensor.node.operands[0]
        yield tensor


def _width(tensor: Tensor) -> float:
    return math.prod(n if isinstance(n, int) else math.inf for n in tensor.shape[1:])
