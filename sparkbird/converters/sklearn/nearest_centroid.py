"""sklearn.neighbors.NearestCentroid: the class whose centre is nearest.

N is the number of rows, F the number of features, C the number of classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters import labels
from sparkbird.converters.registry import Results, converts
from sparkbird.converters.sklearn import euclidean
from sparkbird.converters.sklearn.distances import metric
from sparkbird.converters.sklearn.linear_model import classes_refused
from sparkbird.converters.sklearn.sums import pairwise
from sparkbird.converters.sklearn.validation import finite
from sparkbird.converters.sklearn.version import installed
from sparkbird.errors import UnsupportedError, UnsupportedOptionError
from sparkbird.graph import op
from sparkbird.graph.reference import quietly

if TYPE_CHECKING:
    from sklearn.neighbors import NearestCentroid

    from sparkbird.graph.op import Array
    from sparkbird.graph.table import Table


def _objections(model: Any) -> Iterator[UnsupportedError]:
    yield from classes_refused(model)
    if model.metric not in ("euclidean", "manhattan"):  # which 1.4 allows, with a warning
        yield UnsupportedOptionError(
            f"NearestCentroid(metric={model.metric!r}) is not compiled",
            'use "euclidean" or "manhattan", as scikit-learn 1.5 and later ask for.',
        )


@converts(
    "sklearn.neighbors.NearestCentroid",
    consumes="metric shrink_threshold priors",
    objections=_objections,
)
@quietly
def nearest_centroid(model: NearestCentroid, x: Array | Table) -> Results:
    """The class of the nearest centre, [N, F] -> [N], by scores if the classes are not alike.

    Before 1.6 all classes are alike, and there are no scores.

    Source: sklearn/neighbors/_nearest_centroid.py, NearestCentroid (1.4, 1.5, 1.7, 1.9).
    """
    x = finite(model, x)
    if installed() < (1, 6):
        return {"predict": labels.label(model.classes_, _nearest(model, x))}
    alike = np.isclose(model.class_prior_, 1 / len(model.classes_)).all()
    scores = None if alike and model.metric != "euclidean" else _scores(model, x)
    place = _nearest(model, x) if alike else op.argmax(scores, axis=1)
    results = {"predict": labels.label(model.classes_, place)}
    if model.metric != "euclidean":
        return results
    likelihood = scores - op.expand(op.max(scores, axis=1), axis=1)
    log_probability = likelihood - op.log(op.expand(pairwise(op.exp(likelihood)), axis=1))
    first, second = (op.take(scores, i, axis=1) for i in (0, 1))
    return results | {
        "predict_proba": op.exp(log_probability),
        "predict_log_proba": log_probability,
        "decision_function": second - first if len(model.classes_) == 2 else scores,
    }


def _nearest(model: Any, x: Array) -> Array:
    """The place of the nearest centre, the first of equals, [N, F] -> [N].

    Rows of float32 are not of the centres' type, and searched by another way.

    Source: sklearn/metrics/pairwise.py, pairwise_distances_argmin (1.9).
    """
    wide = op.cast(x, dtype=np.float64)
    if model.metric == "manhattan":
        return op.argmin(metric("manhattan").reduced(wide, model.centroids_), axis=1)
    if x.dtype == np.float64:
        return euclidean.nearest(x, model.centroids_)
    return op.argmin(euclidean.squared_distances(wide, model.centroids_), axis=1)


def _scores(model: Any, x: Array) -> Array:
    """``2 log(prior) - distance^2``, in deviations within the classes, [N, F] -> [N, C].

    Source: sklearn/neighbors/_nearest_centroid.py, NearestCentroid._decision_function (1.9).
    """
    deviation = model.within_class_std_dev_
    scale = np.where(deviation == 0, 1.0, deviation)
    x = op.cast(x, dtype=np.float64) / scale
    centres = model.centroids_ / scale
    if model.metric == "manhattan":
        distances = metric("manhattan").reduced(x, centres)
    else:
        distances = euclidean.euclidean_distances(x, centres)
    return -(distances * distances) + 2.0 * np.log(model.class_prior_)
