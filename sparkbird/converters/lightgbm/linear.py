"""lightgbm: leaves that hold a linear model each.

N is the number of rows, F of features, T of trees, L of leaves, K of outputs of an iteration,
P of the coefficients in all leaves, U of the features that have some.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.graph import op
from sparkbird.trees.options import current

if TYPE_CHECKING:
    from sparkbird.converters.lightgbm.text import Grown
    from sparkbird.graph.op import Array

#: include/LightGBM/meta.h, kZeroThreshold: what is this near to 0 is 0.
ZERO = float(np.float32(1e-35))


@dataclass(frozen=True)
class Linear:
    """The linear models of L leaves, as lists of terms; the last term of each list is 0.

    value        [L]      what a leaf gives where a feature of its model is NaN
    constant     [L]
    first, last  [L]      the terms of a leaf
    used         [U]      the features
    feature      [P + L]  the place in `used` of a term's feature; U for the last of a list
    coefficient  [P + L]
    """

    value: np.ndarray
    constant: np.ndarray
    first: np.ndarray
    last: np.ndarray
    used: np.ndarray
    feature: np.ndarray
    coefficient: np.ndarray


def linear_of(grown: Grown) -> Linear | None:
    """The linear models of the leaves, None if no tree has any.

    A tree without such models is one of constants.
    """
    if not grown.is_linear.any():
        return None
    linear = np.repeat(grown.is_linear, grown.leaves)
    terms = np.zeros(len(linear), np.int64)
    terms[linear] = grown.coefficients
    constant = grown.value.copy()
    constant[linear] = grown.constant
    last = np.cumsum(terms + 1) - 1
    used, place = np.unique(grown.linear_feature, return_inverse=True)
    feature = np.full(len(place) + len(last), len(used), np.int32)
    coefficient = np.zeros(len(feature))
    is_term = np.ones(len(feature), np.bool_)
    is_term[last] = False
    feature[is_term], coefficient[is_term] = place, grown.coefficient
    first = last - terms
    return Linear(
        grown.value,
        constant,
        first.astype(np.int32),
        last.astype(np.int32),
        used,
        feature,
        coefficient,
    )


def leaf_sum(linear: Linear, leaf: Array, x: Array, *, outputs: int) -> Array:
    """The models of the leaves that rows are in, added up: [N, T], [N, F] -> [N, K] float64.

    Each is ``((constant + c0 * x0) + c1 * x1) + ...``, one term of all trees at a time: so no
    value has more than T numbers a row, however many features a model has. `leaf` counts the
    leaves of all trees, whose outputs take turns.

    Source: include/LightGBM/tree.h, Tree::Predict; src/boosting/gbdt_prediction.cpp (4.6).
    """
    seen = _seen(linear, x)
    total = op.take(linear.constant, leaf)
    missing: Array = None
    place, last = op.take(linear.first, leaf), op.take(linear.last, leaf)
    for _ in range(int((linear.last - linear.first).max())):
        value = op.take_along(seen, op.take(linear.feature, place), axis=1)
        total = total + op.take(linear.coefficient, place) * value
        is_nan = op.isnan(value)
        missing = is_nan if missing is None else missing | is_nan
        place = op.minimum(place + np.int32(1), last)
    if missing is not None:
        total = op.where(missing, op.take(linear.value, leaf), total)
    return _added(total, outputs)


def _seen(linear: Linear, x: Array) -> Array:
    """The features used, as LightGBM takes them, and a 0 for the last terms: [N, U + 1].

    Source: src/c_api.cpp, RowPairFunctionFromDenseMatric (4.6).
    """
    nothing = op.rows_of(np.zeros(1), x)
    if not linear.used.size:
        return nothing
    values = op.cast(op.take(x, linear.used, axis=1), dtype=np.float64)
    values = op.where(op.absolute(values) <= np.float64(ZERO), np.float64(0.0), values)
    return op.concat(values, nothing, axis=1)


def _added(values: Array, outputs: int) -> Array:
    """The sums over trees in their order, [N, T] -> [N, K]; on CUDA in that of its reduction."""
    trees = int(values.shape[1])
    sums = []
    for output in range(outputs):
        own = op.take(values, np.arange(output, trees, outputs), axis=1)
        if current().device == "cuda":
            sums.append(op.sum(own, axis=1))
        else:
            sums.append(op.take(op.cumsum(own, axis=1), trees // outputs - 1, axis=1))
    return op.concat(*(op.expand(each, axis=1) for each in sums), axis=1)
