"""The cluster of a row: the nearest center, a walk down a tree of them, the likeliest of a mixture.

N is the number of rows, F of features, K of clusters.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters.sparkml.distances import Centers
from sparkbird.converters.sparkml.frame import anywhere
from sparkbird.converters.sparkml.nearest import below, nearest
from sparkbird.converters.sparkml.persisted import vector
from sparkbird.converters.sparkml.predictions import added, greatest
from sparkbird.converters.sparkml.stages import TRAINING, reads_vector, stage
from sparkbird.errors import UnsupportedOptionError
from sparkbird.graph import op
from sparkbird.graph.reference import quietly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

#: What is added to 1 and seen: also what each density of a mixture has at least.
_EPSILON = 2.0**-52


@stage(
    "clustering.KMeansModel",
    reads=reads_vector(
        lambda stage: _centers(stage, "clusterIdx", "clusterCenter").points.shape[1]
    ),
    consumes="distanceMeasure",
    ignores=f"{TRAINING} k initMode initSteps intermediateStorageLevel",
)
def k_means(stage: Stage, frame: Frame) -> Frame:
    """The nearest center, the first of equals and where no distance is finite, [N, F] -> [N].

    Source: mllib/src/main/scala/org/apache/spark/ml/clustering/KMeans.scala,
    KMeansModel.predict; .../mllib/clustering/KMeansModel.scala, predict (4.3).
    """
    centers = _centers(stage, "clusterIdx", "clusterCenter")
    found = nearest(stage, frame, stage.params["distanceMeasure"], centers)
    return _predicted(stage, frame, found, len(centers.points))


@stage(
    "clustering.BisectingKMeansModel",
    reads=reads_vector(lambda stage: _centers(stage, "index", "center").points.shape[1]),
    consumes="distanceMeasure",
    ignores=f"{TRAINING} k minDivisibleClusterSize",
)
def bisecting_k_means(stage: Stage, frame: Frame) -> Frame:
    """Down a tree of centers, at each node to the nearest child, [N, F] -> [N].

    Source: mllib/src/main/scala/org/apache/spark/mllib/clustering/BisectingKMeansModel.scala,
    ClusteringTreeNode.predict (4.3).
    """
    columns = (stage.data[name].to_pylist() for name in ("index", "children"))
    tree = dict(zip(*columns, strict=True))
    centers = _centers(stage, "index", "center")
    described = stage.inner_metadata
    found = below(stage, frame, described["distanceMeasure"], centers, tree, described["rootId"])
    return _predicted(stage, frame, found, sum(not children for children in tree.values()))


def _centers(stage: Stage, index: str, center: str) -> Centers:
    """The centers by their numbers: they are saved in no order, some with their lengths."""
    rows = sorted(stage.data.to_pylist(), key=lambda row: int(row[index]))
    points = np.array([vector(row[center]) for row in rows])
    sparse = np.array([row[center]["type"] == 0 for row in rows])
    norms = np.sqrt(np.cumsum(points * points, axis=1)[:, -1])
    stored = [row.get("norm", norm) for row, norm in zip(rows, norms.tolist(), strict=True)]
    return Centers(points, sparse, np.array(stored))


def _predicted(stage: Stage, frame: Frame, place: Array, clusters: int) -> Frame:
    """The frame with the number of the cluster, which Spark gives as a 32-bit integer."""
    name = stage.params["predictionCol"]
    values = op.cast(place, dtype=np.int32)
    return frame.with_column(name, values, levels=clusters) if name else frame


def _constants(sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The eigenvalues of a covariance, its eigenvectors, and what counts as 0 among them."""
    values, vectors = np.linalg.eigh(sigma)
    return values, vectors, _EPSILON * values.max() * len(values)


def _nearly_flat(stage: Stage) -> Iterator[UnsupportedOptionError]:
    """Covariances of which it is rounding that decides whether they are flat."""
    for sigma in stage.row["sigmas"]:
        values, _, tolerance = _constants(sigma)
        if tolerance <= 0 or ((values > tolerance / 16) & (values < tolerance * 16)).any():
            yield UnsupportedOptionError(
                f"{stage.name} with a covariance that is singular but for rounding is not compiled",
                "leave out features that are sums of others, and fit again.",
            )
            return


@stage(
    "clustering.GaussianMixtureModel",
    reads=reads_vector(lambda stage: len(stage.row["mus"][0])),
    consumes="probabilityCol",
    ignores=f"{TRAINING} k",
    objections=_nearly_flat,
)
@quietly
def gaussian_mixture(stage: Stage, frame: Frame) -> Frame:
    """The share of each component's density, and the greatest, [N, F] -> [N, K] and [N].

    Source: mllib/src/main/scala/org/apache/spark/ml/clustering/GaussianMixture.scala,
    GaussianMixtureModel: transform, computeProbabilities (4.3).
    """
    weights = stage.row["weights"]
    x = frame.vector(stage.params["featuresCol"], len(stage.row["mus"][0]))
    parts = zip(stage.row["mus"], stage.row["sigmas"], weights, strict=True)
    densities = [_EPSILON + w * _density(stage, frame, x, mu, sigma) for mu, sigma, w in parts]
    together = op.concat(*(op.expand(each, axis=1) for each in densities), axis=1)
    shares = together / op.expand(added(together), axis=1)
    if name := stage.params["probabilityCol"]:
        frame = frame.with_column(name, shares)
    return _predicted(stage, frame, greatest(shares), len(weights))


def _density(stage: Stage, frame: Frame, x: Array, mu: np.ndarray, sigma: np.ndarray) -> Array:
    """The density of a normal distribution, along those directions in which it is not flat, [N].

    Source: mllib-local/src/main/scala/org/apache/spark/ml/stat/distribution/
    MultivariateGaussian.scala, logpdf and calculateCovarianceConstants (4.3).
    """
    values, vectors, tolerance = _constants(sigma)
    kept = values > tolerance
    root = np.where(kept, np.sqrt(1.0 / np.where(kept, values, 1.0)), 0.0)[:, None] * vectors.T
    constant = -0.5 * (len(mu) * math.log(2.0 * math.pi) + np.log(values[kept]).sum())
    apart = op.matmul(x, root.T) - root @ mu
    endless = anywhere(op.isinf(apart) | op.isnan(apart))
    failing = endless & ~anywhere(op.isnan(x))
    frame.check(failing, f"{stage.uid} takes no infinities, and no numbers near them")
    density: Any = op.exp(constant - 0.5 * op.sum(apart * apart, axis=1))
    return density
