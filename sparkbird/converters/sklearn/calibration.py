"""sklearn.calibration: the scores of classifiers as probabilities.

N is the number of rows, F the number of features, K the number of classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters import labels
from sparkbird.converters.registry import Results, convert, converts
from sparkbird.converters.sklearn.isotonic import isotonic
from sparkbird.converters.sklearn.response import method, types_of, values
from sparkbird.converters.sklearn.sums import in_turn, pairwise
from sparkbird.converters.sklearn.validation import finite
from sparkbird.errors import UnsupportedOptionError
from sparkbird.graph import op, special
from sparkbird.graph.reference import quietly

if TYPE_CHECKING:
    from sklearn.calibration import CalibratedClassifierCV

    from sparkbird.graph.op import Array
    from sparkbird.graph.sparse import Sparse
    from sparkbird.graph.table import Table

#: What is more than 1 by less than this is rounding, and becomes 1.
_ROUNDING = 1e-5

#: What is added to a probability before its logarithm is taken.
_EPSILON = 1e-12


def _parts(model: CalibratedClassifierCV) -> Iterator[tuple[str, object]]:
    """The estimators, each once: a frozen one is shared by all calibrators."""
    seen = set()
    for i, calibrated in enumerate(model.calibrated_classifiers_):
        if id(calibrated.estimator) not in seen:
            seen.add(id(calibrated.estimator))
            yield f".calibrated_classifiers_[{i}].estimator", calibrated.estimator


def _types(model: CalibratedClassifierCV) -> Mapping[int, str]:
    return types_of(_parts(model))


def _objections(model: CalibratedClassifierCV) -> Iterator[UnsupportedOptionError]:
    yield from labels.refused(model.classes_)
    for calibrated in model.calibrated_classifiers_:
        own = calibrated.estimator.classes_
        if calibrated.method == "temperature" and len(own) != len(model.classes_):
            yield UnsupportedOptionError(
                f"CalibratedClassifierCV(method='temperature') of {len(model.classes_)} classes "
                f"has an estimator of {len(own)}",
                "use a cv= whose folds have all classes, and fit again.",
            )
            return


@converts(
    "sklearn.calibration.CalibratedClassifierCV",
    consumes="estimator method cv ensemble",
    ignores="n_jobs",
    objections=_objections,
    parts=_parts,
    column_types=_types,
)
def calibrated_classifier_cv(model: CalibratedClassifierCV, x: Array | Table | Sparse) -> Results:
    """The mean of the calibrated probabilities, and its greatest class, [N, F] -> [N, K], [N].

    Source: sklearn/calibration.py, CalibratedClassifierCV (1.9).
    """
    inner = {id(e): convert(e, x, part=part) for part, e in _parts(model)}
    probabilities = [
        op.cast(_calibrated(each, inner[id(each.estimator)]), dtype=np.float64)
        for each in model.calibrated_classifiers_
    ]
    mean = in_turn(probabilities) / float(len(probabilities))
    predicted = labels.label(model.classes_, special.place_of_greatest(mean))
    return {"predict": predicted, "predict_proba": mean}


def _calibrated(model: Any, results: Results) -> Array:
    """The probabilities of one estimator and its calibrators, [N, K].

    Source: sklearn/calibration.py, _CalibratedClassifier.predict_proba (1.9).
    """
    estimator = model.estimator
    name = method(estimator, results, ("decision_function", "predict_proba"))
    scores = values(estimator, results, name)
    scores = op.expand(scores, axis=1) if scores.ndim == 1 else scores
    if model.method == "temperature":
        return _below_one(_by_temperature(model, scores, name))
    classes = len(model.classes)
    columns: list[Any] = [None] * classes
    places = np.searchsorted(model.classes, estimator.classes_)
    # A calibrator for each score; estimators of fewer classes have fewer.
    for i, calibrator in enumerate(model.calibrators[: scores.shape[1]]):
        place = int(places[i]) + (classes == 2)
        columns[place] = _CALIBRATORS[model.method](calibrator, op.take(scores, i, axis=1))
    return _below_one(_shares(columns))


@quietly
def _sigmoid(calibrator: Any, score: Array) -> Array:
    """``1 / (1 + exp(a s + b))``, [N] -> [N].

    With NumPy before 2 float32 scores stay so, of which SciPy takes the exponential right to
    the last digit.

    Source: sklearn/calibration.py, _SigmoidCalibration.predict (1.4, 1.9).
    """
    line = op.mul(calibrator.a_, score) + calibrator.b_
    if line.dtype != np.float32:
        return special.sigmoid(-line)
    one = np.ones((), line.dtype)
    return one / (one + op.cast(op.exp(op.cast(line, dtype=np.float64)), dtype=line.dtype))


_CALIBRATORS = {"sigmoid": _sigmoid, "isotonic": isotonic}


def _shares(columns: list[Any]) -> Array:
    """The probabilities of all classes from those that are known: [N, K].

    Of two classes the second is known. Of more, each by their sum; if that is 0 they are equal.
    """
    known = next(column for column in columns if column is not None)
    zeros = op.rows_of(np.float64(0), known)
    filled = [zeros if c is None else op.cast(c, dtype=np.float64) for c in columns]
    if len(columns) == 2:
        filled[0] = 1.0 - filled[1]
    together = op.concat(*(op.expand(column, axis=1) for column in filled), axis=1)
    if len(columns) == 2:
        return together
    total = op.expand(pairwise(together), axis=1)
    nothing = op.equal(total, 0.0)
    return op.where(nothing, 1 / len(columns), together / op.where(nothing, 1.0, total))


def _by_temperature(model: Any, scores: Array, name: str) -> Array:
    """``softmax(beta * logits)``, [N, K] or [N, 1] -> [N, K].

    Probabilities become logarithms, decisions are logits as they are. The original tells
    which they are by looking whether all rows of the batch add up to 1: it may take a lone
    row of decisions for probabilities, never a batch.

    Source: sklearn/calibration.py, _TemperatureScaling.predict, _convert_to_logits (1.9).
    """
    one = np.ones((), scores.dtype)
    scores = op.floating(scores)
    is_probability = name == "predict_proba"
    if scores.shape[1] == 1 and len(model.classes) == 2:
        first = one - scores if is_probability else -scores
        scores = op.concat(first, scores, axis=1)
    scores = finite(model.calibrators[0], scores)
    if is_probability:
        scores = op.log(scores + np.asarray(_EPSILON, scores.dtype))
    return special.softmax(op.mul(model.calibrators[0].beta_, scores))


def _below_one(probability: Array) -> Array:
    """1 for what is above it by rounding alone."""
    one = np.ones((), probability.dtype)
    limit = np.asarray(1.0 + _ROUNDING, probability.dtype)
    return op.where((probability > one) & (probability <= limit), one, probability)
