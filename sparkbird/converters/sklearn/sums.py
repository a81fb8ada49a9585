"""Sums of rows in the order in which NumPy adds, where the last bits count.

N is the number of rows, F the number of features.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from sparkbird.graph import op
from sparkbird.graph.op import Array

#: How many features ONNX Runtime's matrix products take at a time (onnxruntime/core/mlas/lib).
_AT_A_TIME = 128

#: How many lanes NumPy adds side by side, and up to how many features it does not halve them.
_LANES, _UNHALVED = 8, 128


def in_order(x: Array) -> Array:
    """The sum of each row from the first to the last, [N, F] -> [N].

    A product with ones adds so as long as it takes all features at a time, and does in a tenth
    of the time that a running sum takes; of columns of ones it likes eight.
    """
    features = x.shape[1]
    if x.dtype == np.float64 and features <= _AT_A_TIME:
        return op.take(x @ np.ones((features, 8), x.dtype), 0, axis=1)
    return op.take(op.cumsum(x, axis=1), features - 1, axis=1)


def in_turn(terms: Sequence[Array]) -> Array:
    """The sum of the terms from the first to the last."""
    return functools.reduce(op.add, terms)


def pairwise(x: Array) -> Array:
    """``numpy.sum(x, axis=1)`` of rows that lie one behind the other, [N, F] -> [N].

    Source: numpy/_core/src/umath/loops_utils.h.src, pairwise_sum (NumPy 2.4).
    """
    features = x.shape[1]
    if features < _LANES:
        return in_order(x)
    if features > _UNHALVED:
        half = features // 2 // _LANES * _LANES
        return pairwise(op.between(x, stop=half)) + pairwise(op.between(x, start=half))
    whole = features // _LANES * _LANES
    lanes = in_turn([op.between(x, start=i, stop=i + _LANES) for i in range(0, whole, _LANES)])
    while lanes.shape[1] > 1:
        left = np.arange(0, lanes.shape[1], 2)
        lanes = op.take(lanes, left, axis=1) + op.take(lanes, left + 1, axis=1)
    rest = [op.take(x, i, axis=1) for i in range(whole, features)]
    return in_turn([op.take(lanes, 0, axis=1), *rest])
