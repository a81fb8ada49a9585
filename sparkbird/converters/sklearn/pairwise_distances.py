"""Metrics of sklearn.metrics.pairwise that are no DistanceMetric: matrices of distances.

N is the number of rows, S the number of stored points, F the number of features.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sparkbird.converters.sklearn.euclidean import squared_distances
from sparkbird.converters.sklearn.pairwise import cosine, of_one_type
from sparkbird.graph import op
from sparkbird.graph.op import Array


def cosine_distances(x: Array, points: np.ndarray) -> Array:
    """``1 - x.y / (|x| |y|)``, held between 0 and 2, [N, F] -> [N, S].

    Source: sklearn/metrics/pairwise.py, cosine_distances (1.9).
    """
    similar = cosine(*of_one_type(x, points))
    return op.clip(np.ones((), similar.dtype) - similar, 0.0, 2.0)


def nan_euclidean(x: Array, points: np.ndarray, missing: Array, gone: np.ndarray) -> Array:
    """The distance over the features that both have, scaled up to all F, [N, F] -> [N, S].

    It is NaN where a row and a point have no feature in common. `missing` [N, F] and `gone`
    [S, F] say which values are not there.

    Source: sklearn/metrics/pairwise.py, nan_euclidean_distances (1.9).
    """
    x, points = of_one_type(x, points)
    dtype = x.dtype
    zero = np.zeros((), dtype)
    x, points = op.where(missing, zero, x), np.where(gone, zero, points)
    lacks, wants = op.cast(missing, dtype=dtype), gone.astype(dtype)
    squares = op.cast(squared_distances(x, points), dtype=dtype)
    squares = squares - (x * x) @ np.ascontiguousarray(wants.T)
    squares = squares - lacks @ np.ascontiguousarray((points * points).T)
    squares = op.maximum(squares, zero)
    common = (np.ones((), dtype) - lacks) @ np.ascontiguousarray((~gone).T.astype(dtype))
    one = np.ones((), dtype)
    share = squares / op.maximum(one, common) * np.asarray(points.shape[1], dtype)
    return op.sqrt(op.where(op.equal(common, zero), np.full((), np.nan, dtype), share))


def _with_nan(x: Array, points: np.ndarray) -> Array:
    distances = nan_euclidean(x, points, op.isnan(x), np.isnan(points))
    # Behind all others, where argpartition puts NaN.
    return op.where(op.isnan(distances), np.full((), np.inf, distances.dtype), distances)


def _as_it_is(distances: Array) -> Array:
    return op.cast(distances, dtype=np.float64)


#: By name the reduced distances, the distances of them, and a radius as it is compared.
PAIRWISE: dict[
    str,
    tuple[Callable[[Array, np.ndarray], Array], Callable[[Array], Array], Callable[[float], float]],
] = {
    "euclidean": (squared_distances, op.sqrt, lambda radius: radius * radius),
    "sqeuclidean": (squared_distances, _as_it_is, float),
    "cosine": (cosine_distances, _as_it_is, float),
    "nan_euclidean": (_with_nan, _as_it_is, float),
}
