"""How far vectors lie from centers, as Spark computes it: about, and to the last bit.

Which of two centers is the nearer one may hang on the last bit. So rows are told apart by
distances that are about right, and where these are too close to each other for that, by
Spark's own arithmetic, which is another one for sparse vectors.

N is the number of rows, M of those that are close, F of features, C of centers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from sparkbird.converters.sparkml.predictions import added
from sparkbird.errors import UnsupportedOptionError
from sparkbird.graph import op
from sparkbird.graph.reference import quietly

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Which
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

#: What is added to 1 and seen.
_EPSILON = 2.0**-52

#: Up to which relative error Spark takes the short way to a distance.
_PRECISION = 1e-6

#: So many differences of a row are held at a time.
_AT_ONCE = 1024

#: The squares of shorter vectors lack digits.
_SHORTEST = 1e-150


@dataclass(frozen=True, eq=False)
class Centers:
    """Centers as Spark keeps them.

    points  [C, F]
    sparse  which of them are sparse vectors [C]
    norms   their lengths [C]
    """

    points: np.ndarray
    sparse: np.ndarray
    norms: np.ndarray

    @property
    def distinct(self) -> np.ndarray:
        """The first of those that are equal, in order, [C']."""
        both = np.column_stack([self.points, self.sparse])
        return np.sort(np.unique(both, axis=0, return_index=True)[1])

    @property
    def rounding(self) -> float:
        """What a sum of F products may be off by, in parts of theirs, with room."""
        return 16.0 * (self.points.shape[1] + 8) * _EPSILON


class Measure(Protocol):
    """A way to measure distances.

    refused     what is said of vectors that Spark refuses
    uses_norms  whether Spark passes over centers whose length alone keeps them away
    """

    refused: ClassVar[str]
    uses_norms: ClassVar[bool]

    def refuses(self, size: Array) -> Array:
        """Whether Spark refuses vectors of that length, [N]."""
        ...

    def about(self, x: Array, centers: Centers) -> tuple[Array, Array]:
        """How far rows are from the centers [N, C], and what differences say nothing [N, 1]."""
        ...

    def exactly(self, x: Array, centers: Centers, sparse: Which) -> tuple[Array, Which]:
        """The same to the last bit [M, C], and where that hangs on the machine [M].

        `sparse` is which of the rows are sparse vectors to Spark.
        """
        ...

    def half(self, centers: Centers) -> tuple[np.ndarray, float]:
        """Half of the way between two centers [C, C], and what it may be off by."""
        ...


class _Euclidean:
    """The square of the distance."""

    refused: ClassVar[str] = "no NaN"
    uses_norms: ClassVar[bool] = True

    def refuses(self, size: Array) -> Array:
        return op.isnan(size)

    @quietly
    def about(self, x: Array, centers: Centers) -> tuple[Array, Array]:
        """``|x|^2 + |c|^2 - 2 x . c``."""
        size = op.expand(length(x), axis=1)
        together = size * size + centers.norms * centers.norms
        longest = size + centers.norms.max()
        product = op.matmul(x, centers.points.T)
        return together - 2.0 * product, centers.rounding * longest * longest

    @quietly
    def exactly(self, x: Array, centers: Centers, sparse: Which) -> tuple[Array, Which]:
        """The sum of the squares of the differences; of a sparse vector often the short way.

        That one may be wrong by 1e-6.

        Source: mllib/src/main/scala/org/apache/spark/mllib/util/MLUtils.scala,
        fastSquaredDistance; .../mllib/linalg/{Vectors,BLAS}.scala, sqdist, norm and dot (4.3).
        """
        long = _in_blocks(_differences, x, centers.points)
        is_sparse = _any_sparse(centers, sparse)
        if isinstance(is_sparse, np.ndarray) and not is_sparse.any():
            return long, False
        norm = op.expand(op.sqrt(added(x * x)), axis=1)
        together, apart = norm * norm + centers.norms * centers.norms, centers.norms - norm
        is_short = 2.0 * _EPSILON * together / (apart * apart + _EPSILON) < _PRECISION
        dot = _in_blocks(_products, x, centers.points, centers.sparse)
        short = together - 2.0 * dot
        positive = op.where(short < 0.0, np.float64(0.0), short)
        error = _EPSILON * (together + 2.0 * op.absolute(dot)) / (positive + _EPSILON)
        careful = op.where(error > _PRECISION, long, positive)
        return op.where(is_sparse, op.where(is_short, short, careful), long), False

    def half(self, centers: Centers) -> tuple[np.ndarray, float]:
        """``0.25 d^2``."""
        squares, _ = self.exactly(centers.points, centers, centers.sparse)
        apart = np.sqrt(squares)
        return 0.25 * apart * apart, 0.0


class _Cosine:
    """1 less the cosine of the angle.

    Of two dense vectors BLAS adds up the products, in an order that is the machine's.

    Source: mllib/src/main/scala/org/apache/spark/mllib/clustering/DistanceMeasure.scala,
    CosineDistanceMeasure (4.3).
    """

    refused: ClassVar[str] = "no zeros alone and no NaN: they have no angle"
    uses_norms: ClassVar[bool] = False

    def refuses(self, size: Array) -> Array:
        return ~(size > 0.0)

    @quietly
    def about(self, x: Array, centers: Centers) -> tuple[Array, Array]:
        """``1 - x . c / |c| / |x|``; nothing is said of vectors that are too short."""
        size = op.expand(length(x), axis=1)
        blur = op.where(size > _SHORTEST, np.float64(self.half(centers)[1]), np.float64(np.inf))
        return 1.0 - op.matmul(x, centers.points.T) / centers.norms / size, blur

    @quietly
    def exactly(self, x: Array, centers: Centers, sparse: Which) -> tuple[Array, Array]:
        """The same, added up from left to right: of one product alone any order will do."""
        dot = _in_blocks(_products, x, centers.points, centers.sparse)
        terms = _in_blocks(_are_products, x, centers.points, centers.sparse)
        unsure = (terms > 1.0) & ~_any_sparse(centers, sparse)
        apart = 1.0 - dot / centers.norms / op.expand(op.sqrt(added(x * x)), axis=1)
        return apart, op.max(op.cast(unsure, dtype=np.int32), axis=1) > np.int32(0)

    def half(self, centers: Centers) -> tuple[np.ndarray, float]:
        """``1 - sqrt(1 - d / 2)``, which is less exact the wider the angle is."""
        apart, _ = self.exactly(centers.points, centers, centers.sparse)
        narrow = np.maximum(1.0 - apart / 2.0, 0.0)
        widest = max(float(narrow.min()), centers.rounding)
        return 1.0 - np.sqrt(narrow), centers.rounding / float(np.sqrt(widest))


_MEASURES: dict[str, Measure] = {"euclidean": _Euclidean(), "cosine": _Cosine()}


def measure(stage: Stage, name: str) -> Measure:
    """The measure of that name.

    Raises
    ------
    UnsupportedOptionError
        There is none.
    """
    if name not in _MEASURES:
        raise UnsupportedOptionError(
            f"{stage.name}(distanceMeasure={name!r}) is not compiled",
            f"fit it with one of {', '.join(_MEASURES)}.",
        )
    return _MEASURES[name]


def length(x: Array) -> Array:
    """``|x|``, [N, F] -> [N]."""
    return op.sqrt(op.sum(x * x, axis=1))


def _any_sparse(centers: Centers, sparse: Which) -> Array:
    """Whether a row or a center is a sparse vector: [C], or [M, C]."""
    if isinstance(sparse, bool):
        return centers.sparse | sparse
    return op.expand(sparse, axis=1) | centers.sparse


def _differences(x: Array, points: np.ndarray) -> Array:
    apart = x - points
    return apart * apart


def _products(x: Array, points: np.ndarray, sparse: np.ndarray) -> Array:
    """What is 0 in a sparse vector is passed over, whatever it would be multiplied by."""
    passed = op.equal(x, np.float64(0.0)) | (sparse[:, None] & (points == 0.0))
    return op.where(passed, np.float64(0.0), x * points)


def _are_products(x: Array, points: np.ndarray, sparse: np.ndarray) -> Array:
    none = op.equal(_products(x, points, sparse), np.float64(0.0))
    return op.where(none, np.float64(0.0), np.float64(1.0))


def _in_blocks(terms: Callable[..., Array], x: Array, *of_centers: np.ndarray) -> Array:
    """The sums of the `terms` [M, C', F] of some centers at a time, from left to right: [M, C]."""
    centers, features = of_centers[0].shape[0], int(x.shape[1])
    step = max(1, _AT_ONCE // features)
    row = op.expand(x, axis=1)
    blocks = []
    for start in range(0, centers, step):
        several = terms(row, *(part[start : start + step] for part in of_centers))
        blocks.append(op.take(op.cumsum(several, axis=2), features - 1, axis=2))
    return blocks[0] if len(blocks) == 1 else op.concat(*blocks, axis=1)
