"""Vectors multiplied and divided: by weights, by their length, by a matrix.

N is the number of rows, K of values of a vector, C of components.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.frame import DENSE, anywhere
from sparkbird.converters.sparkml.persisted import vector
from sparkbird.converters.sparkml.stages import reads_each, reads_vector, stage
from sparkbird.errors import UnsupportedError, UnsupportedOptionError
from sparkbird.graph import op
from sparkbird.graph.reference import quietly
from sparkbird.graph.sparse import Sparse, product

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array


def _weights(stage: Stage) -> np.ndarray:
    return vector(stage.params["scalingVec"])


def _infinite_weights(stage: Stage) -> Iterator[UnsupportedError]:
    if not np.isfinite(_weights(stage)).all():
        yield UnsupportedOptionError(
            "feature.ElementwiseProduct(scalingVec) with NaN or infinity is not compiled: "
            "what is 0 then becomes NaN in a dense vector and stays 0 in a sparse one",
            "give weights that are numbers.",
        )


@stage(
    "feature.ElementwiseProduct",
    reads=reads_vector(lambda stage: len(_weights(stage))),
    consumes="scalingVec",
    objections=_infinite_weights,
)
def elementwise_product(stage: Stage, frame: Frame) -> Frame:
    """``x * weights``, [N, K] -> [N, K].

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/ElementwiseProduct.scala,
    createTransformFunc (4.3).
    """
    weights = _weights(stage)
    name = stage.params["inputCol"]
    x = frame.sparse(name, len(weights))
    scaled = x.scaled(weights) if isinstance(x, Sparse) else x * weights
    return frame.with_column(stage.params["outputCol"], scaled, stored=frame[name].stored)


@stage("feature.Normalizer", reads=reads_each(""), consumes="p")
@quietly
def normalizer(stage: Stage, frame: Frame) -> Frame:
    """``x / norm(x, p)``, what has a norm of 0 as it is: [N, K] -> [N, K].

    Source: mllib/src/main/scala/org/apache/spark/mllib/feature/Normalizer.scala, transform;
    .../mllib/linalg/Vectors.scala, norm (4.3).
    """
    name = stage.params["inputCol"]
    x = frame.vector(name)
    norm = op.expand(_norm(x, float(stage.params["p"])), axis=1)
    zero = op.equal(x, np.float64(0.0))
    frame.check(
        anywhere(op.isnan(norm) & zero),
        f"{stage.uid} takes no vector with NaN and zeros: dense and sparse ones then differ",
    )
    divided = op.where(op.equal(norm, np.float64(0.0)), x, x / norm)
    return frame.with_column(stage.params["outputCol"], divided, stored=frame[name].stored)


def _norm(x: Array, p: float) -> Array:
    """The p-norm of each row, added up from left to right as Spark does; [N, K] -> [N].

    The greatest passes over NaN.
    """
    size = op.absolute(x)
    if np.isinf(p):
        return op.max(op.where(op.isnan(size), np.float64(0.0), size), axis=1)
    if p == 1:
        return _total(size)
    if p == 2:
        return op.sqrt(_total(x * x))
    return op.power(_total(op.power(size, np.float64(p))), np.float64(1.0 / p))


def _total(x: Array) -> Array:
    return op.take(op.cumsum(x, axis=1), int(x.shape[1]) - 1, axis=1)


@stage(
    "feature.PCAModel",
    reads=reads_vector(lambda stage: len(stage.row["pc"])),
    consumes="k",
)
def pca(stage: Stage, frame: Frame) -> Frame:
    """``x @ components``, without centring: [N, K] -> [N, C].

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/PCA.scala, PCAModel.transform (4.3).
    """
    components = stage.row["pc"]
    x = frame.sparse(stage.params["inputCol"], len(components))
    return frame.with_column(stage.params["outputCol"], product(x, components), stored=DENSE)


@stage("feature.DCT", reads=reads_each(""), consumes="inverse")
def dct(stage: Stage, frame: Frame) -> Frame:
    """The scaled cosine transform DCT-II, or its inverse: [N, K] -> [N, K].

    As one product with its matrix; jTransforms, which Spark calls, has the same numbers by
    way of a fast Fourier transform, up to 1e-9 of the vector's length. Infinities would give
    NaN in other places there.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/DCT.scala, createTransformFunc
    (4.3); jTransforms 3.1, DoubleDCT_1D.
    """
    x = frame.vector(stage.params["inputCol"])
    frame.check(anywhere(op.isinf(x)), f"{stage.uid} takes no infinities")
    cosines = _cosines(int(x.shape[1]))
    matrix = cosines.T if stage.params["inverse"] else cosines
    return frame.with_column(stage.params["outputCol"], x @ matrix, stored=DENSE)


def _cosines(length: int) -> np.ndarray:
    """The matrix [K, K] that a row of values is multiplied by."""
    # Of whole numbers, so that the angle is exact up to the one division.
    quarter_turns = np.outer(2 * np.arange(length) + 1, np.arange(length)) % (4 * length)
    scale = np.full(length, np.sqrt(2.0 / length))
    scale[:1] = np.sqrt(1.0 / length)
    found: np.ndarray = np.cos(np.pi * quarter_turns / (2 * length)) * scale
    return found
