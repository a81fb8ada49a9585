"""How far vectors lie from centers, as Spark computes it.

N is the number of rows, F of features, C of centers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.errors import UnsupportedOptionError
from sparkbird.graph import op
from sparkbird.graph.reference import quietly

if TYPE_CHECKING:
    from collections.abc import Callable

    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

#: What is added to 1 and seen.
_EPSILON = 2.0**-52

#: Up to which relative error Spark takes the short way to a distance.
_PRECISION = 1e-6

#: So many differences of a row are held at a time.
_AT_ONCE = 1024


def distances(stage: Stage, frame: Frame, measure: str, centers: np.ndarray) -> Array:
    """How far each row lies from each center [C, F], by the `measure` of that name: [N, C].

    Raises
    ------
    UnsupportedOptionError
        There is no such measure.
    """
    if measure not in _MEASURES:
        raise UnsupportedOptionError(
            f"{stage.name}(distanceMeasure={measure!r}) is not compiled",
            f"fit it with one of {', '.join(_MEASURES)}.",
        )
    x = frame.vector(stage.params["featuresCol"], centers.shape[1])
    return _MEASURES[measure](stage, frame, x, centers)


@quietly
def _euclidean(stage: Stage, frame: Frame, x: Array, centers: np.ndarray) -> Array:
    """The squares: ``|x|^2 + |c|^2 - 2 x . c``, or, where that loses digits, the long way.

    The short way may be wrong by 1e-6, and that decides which of two centers is the closer one.
    For sparse vectors Spark takes it a little more often; whether a row is sparse is not known
    here.

    Source: mllib/src/main/scala/org/apache/spark/mllib/util/MLUtils.scala,
    fastSquaredDistance; .../mllib/clustering/DistanceMeasure.scala (4.3).
    """
    size, sizes = _norm(x), np.sqrt((centers * centers).sum(axis=1))
    column = stage.params["featuresCol"]
    frame.check(op.isnan(size), f"{stage.uid} takes in column {column!r} no NaN")
    squares = op.expand(size * size, axis=1) + sizes * sizes
    apart = op.expand(size, axis=1) - sizes
    bound = 2.0 * _EPSILON * squares / (apart * apart + _EPSILON)
    short = squares - 2.0 * op.matmul(x, centers.T)
    return op.where(bound < _PRECISION, short, _long_way(x, centers))


def _long_way(x: Array, centers: np.ndarray) -> Array:
    """The sum of the squares of the differences, for some centers at a time: [N, C]."""
    step = max(1, _AT_ONCE // centers.shape[1])
    blocks = []
    for start in range(0, len(centers), step):
        apart = op.expand(x, axis=1) - centers[start : start + step]
        blocks.append(op.sum(apart * apart, axis=2))
    return blocks[0] if len(blocks) == 1 else op.concat(*blocks, axis=1)


@quietly
def _cosine(stage: Stage, frame: Frame, x: Array, centers: np.ndarray) -> Array:
    """``1 - x . c / |x| / |c|``, of vectors with a length.

    Source: .../mllib/clustering/DistanceMeasure.scala, CosineDistanceMeasure.distance (4.3).
    """
    size, sizes = _norm(x), np.sqrt((centers * centers).sum(axis=1))
    column = stage.params["featuresCol"]
    fact = f"{stage.uid} takes in column {column!r} no zeros alone and no NaN: they have no angle"
    frame.check(~(size > 0.0), fact)
    return 1.0 - op.matmul(x, centers.T) / op.expand(size, axis=1) / sizes


def _norm(x: Array) -> Array:
    return op.sqrt(op.sum(x * x, axis=1))


_MEASURES: dict[str, Callable[[Stage, Frame, Array, np.ndarray], Array]] = {
    "euclidean": _euclidean,
    "cosine": _cosine,
}
