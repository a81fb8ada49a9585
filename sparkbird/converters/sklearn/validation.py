"""What scikit-learn checks of its input before it predicts, as checks of the graph.

Source: sklearn/utils/validation.py, check_array (1.9).
"""

from __future__ import annotations

import numpy as np

from sparkbird.graph import op
from sparkbird.graph.op import Array
from sparkbird.graph.sparse import Sparse
from sparkbird.graph.table import Table, numbers


def finite(model: object, x: Array | Table | Sparse) -> Array:
    """`x` as floating-point numbers [N, F], in which NaN and infinities are refused."""
    return op.floating(numbers(finite_or_sparse(model, x)))


def finite_or_sparse(model: object, x: Array | Table | Sparse) -> Array | Sparse:
    """`finite`, but what is mostly zeros stays so: for models that are products with `x`."""
    kept = x.floating() if isinstance(x, Sparse) else op.floating(numbers(x))
    for values in kept.matrices if isinstance(kept, Sparse) else (kept,):
        # Either of them turns the row's sum of zeros into NaN.
        zeros = op.sum(values - values, axis=1)
        fact = f"{type(model).__name__} takes no NaN or infinity"
        op.check(op.isnan(zeros), fact, screen=values)
    return kept


def finite_numbers(model: object, x: Array | Table) -> Array:
    """`x` as numbers [N, F] of its own type, in which NaN and infinities are refused."""
    values = numbers(x)
    return finite(model, values) if values.dtype.kind == "f" else values


def not_infinite(model: object, x: Array | Table) -> Array:
    """`x` as floating-point numbers [N, F], in which infinities are refused and NaN is not."""
    values = op.floating(numbers(x))
    refuse_infinity(model, values)
    return values


def refuse_infinity(model: object, values: Array) -> None:
    """A check that no row of `values` [N, F] holds an infinity."""
    infinite = op.cast(op.isinf(values), dtype=np.int32)
    fact = f"{type(model).__name__} takes no infinity"
    op.check(op.sum(infinite, axis=1) > 0, fact, screen=values, nan_fine=True)
