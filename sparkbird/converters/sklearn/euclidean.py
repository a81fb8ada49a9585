"""Euclidean distances as scikit-learn takes them: ``|x|^2 - 2 x.y + |y|^2``, rounding included.

Far from zero the three terms cancel, and what is left are their rounding errors; so each is
summed in the order of the library. N is the number of rows, F of features, K of points.
"""

from __future__ import annotations

import numpy as np

from sparkbird.converters.sklearn.sums import in_order
from sparkbird.graph import op
from sparkbird.graph.op import Array

#: Bytes in a vector of the processors that NumPy's einsum is compiled for, vectors in a block.
_VECTOR, _BLOCK = 16, 4


def squared_norms(x: Array) -> Array:
    """``einsum("ij,ij->i", x, x)``, [N, F] -> [N], in the order in which einsum adds.

    It adds vectors of 16 bytes, of each block of four vectors the last one first.

    Source: numpy/_core/src/multiarray/einsum_sumprod.c.src,
    sum_of_products_contig_contig_outstride0_two (NumPy 2.4); sklearn/utils/extmath.py,
    row_norms (1.9).
    """
    squares = x * x
    if x.dtype.kind != "f":
        return op.sum(squares, axis=1)
    lanes = _VECTOR // x.dtype.itemsize
    sums = [in_order(op.take(squares, of_lane, axis=1)) for of_lane in _lanes(x.shape[1], lanes)]
    while len(sums) > 1:
        pairs = [sums[i : i + 2] for i in range(0, len(sums), 2)]
        sums = [pair[0] + pair[1] if len(pair) == 2 else pair[0] for pair in pairs]
    return sums[0]


def euclidean_distances(x: Array, points: np.ndarray) -> Array:
    """The distance of each row from each point, [N, F] -> [N, K].

    In float64; if rows and points are float32, the squares are rounded to that.

    Source: sklearn/metrics/pairwise.py, _euclidean_distances and
    _euclidean_distances_upcast (1.4, 1.9).
    """
    given = np.result_type(op.floating(x).dtype, points.dtype)
    return op.sqrt(op.cast(squared_distances(x, points), dtype=given))


def squared_distances(x: Array, points: np.ndarray) -> Array:
    """``max(|x|^2 - 2 x.y + |y|^2, 0)`` in float64, [N, F] -> [N, K].

    Source: sklearn/metrics/pairwise.py, _euclidean_distances (1.9).
    """
    x, points = op.cast(x, dtype=np.float64), points.astype(np.float64)
    norms = op.expand(squared_norms(x), axis=1)
    squares = minus_twice(x, points) + norms + squared_norms(points)
    return op.maximum(squares, np.float64(0.0))


def nearest(x: Array, points: np.ndarray, norms: np.ndarray | None = None) -> Array:
    """The place of the nearest point, the first of equals, [N, F] -> [N].

    `norms` are the squared norms of the points, if the model has stored them.

    Source: sklearn/metrics/_pairwise_distances_reduction/_argkmin.pyx.tp,
    EuclideanArgKmin64._compute_and_reduce_distances_on_chunks (1.4, 1.9).
    """
    x, points = op.cast(x, dtype=np.float64), points.astype(np.float64)
    if norms is None:
        norms = np.array([np.dot(point, point) for point in points])
    own = op.take(op.expand(x, axis=1) @ op.expand(x, axis=2), 0, axis=2)
    squares = own + minus_twice(x, points) + norms.astype(np.float64)
    # NaN, what infinities may leave, is 0 there.
    return op.argmin(op.where(squares > 0.0, squares, np.zeros(())), axis=1)


def minus_twice(x: Array, points: np.ndarray) -> Array:
    """``-2 x.y``, [N, F] -> [N, K]; a power of two, so the factor rounds nothing."""
    return x @ np.ascontiguousarray((-2 * points).astype(points.dtype).T)


def _lanes(features: int, lanes: int) -> list[np.ndarray]:
    """The features that each lane of the vectors adds, in order."""
    vectors = np.arange(-(-features // lanes))
    whole = features // (lanes * _BLOCK) * _BLOCK
    vectors[:whole] = vectors[:whole].reshape(-1, _BLOCK)[:, ::-1].ravel()
    places = [vectors * lanes + lane for lane in range(min(lanes, features))]
    return [lane[lane < features] for lane in places]
