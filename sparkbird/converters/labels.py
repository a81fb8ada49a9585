"""Class labels of any type, looked up by index, by the greatest score or by its sign.

A classifier says which of its classes it means by an index into ``classes_``; the label is
what it returns. Integers are widened to a width that graphs know, strings keep NumPy's own
type, arrays of objects become the one type that all their values have.

N is the number of rows, K the number of classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sparkbird.dtypes import COMPUTED_TYPES, STRING
from sparkbird.errors import UnsupportedOptionError
from sparkbird.graph import op
from sparkbird.graph.op import Array

_HINT = "encode the labels as integers or strings, and fit again."

#: The type to try, by kind, for labels of a type that graphs do not have.
_WIDER: dict[str, DTypeLike] = {"i": np.int64, "u": np.int64, "f": np.float64, "T": STRING}


def refused(classes: Any) -> Iterator[UnsupportedOptionError]:
    """The reason why labels cannot be given back as they are, if there is one."""
    try:
        elements(classes)
    except UnsupportedOptionError as error:
        yield error


def elements(classes: Any) -> np.ndarray:
    """The labels [K] in a type that graphs know.

    >>> elements(np.array(["no", "yes"], object)), elements(np.array([-1, 1], np.int8))
    (array(['no', 'yes'], dtype=object), array([-1,  1]))

    Raises
    ------
    UnsupportedOptionError
        The labels are of several types, or of one that no graph has.
    """
    labels: np.ndarray = np.asarray(classes)
    if labels.ndim != 1:
        raise UnsupportedOptionError(f"class labels of shape {labels.shape}", _HINT)
    if labels.dtype == STRING:
        return _of_objects(labels)
    if labels.dtype.kind == "U" or any(labels.dtype == row.numpy for row in COMPUTED_TYPES):
        return labels
    widened: np.ndarray = labels.astype(_WIDER.get(labels.dtype.kind, labels.dtype))
    if labels.dtype.kind not in _WIDER or not np.array_equal(widened, labels):
        raise UnsupportedOptionError(
            f"class labels of NumPy's type {labels.dtype} are not compiled", _HINT
        )
    return widened


def label(classes: Any, index: Array) -> Array:
    """``classes[index]``, the label of each row, [N] -> [N]."""
    labels = elements(classes)
    if labels.dtype == np.int64 and np.array_equal(labels, np.arange(len(labels))):
        return op.cast(index, dtype=np.int64)  # which says what label it is
    return op.take(labels, index)


def of_greatest(classes: Any, scores: Array) -> Array:
    """The label of the greatest score, the first of equals, [N, K] -> [N]."""
    return label(classes, op.argmax(scores, axis=1))


def of_sign(classes: Any, score: Array) -> Array:
    """The second of two labels where the score is above 0, else the first, [N] -> [N].

    Raises
    ------
    UnsupportedOptionError
        There are not two classes.
    """
    if len(classes) != 2:
        raise UnsupportedOptionError(
            f"a classifier of {len(classes)} classes decides by the sign of one score",
            "fit it on rows of two classes.",
        )
    return label(classes, op.cast(score > 0, dtype=np.int64))


def of_decision(classes: Any, decision: Array) -> Array:
    """The label that scikit-learn gives for a decision, [N] or [N, K] -> [N].

    Source: sklearn/linear_model/_base.py, LinearClassifierMixin.predict (1.9).
    """
    return (of_sign if decision.ndim == 1 else of_greatest)(classes, decision)


def _of_objects(labels: np.ndarray) -> np.ndarray:
    """Labels that are Python objects, all of one type, as an array of that type."""
    values = labels.tolist()
    if all(isinstance(value, str) for value in values):
        return labels
    kinds = {type(value) for value in values}
    if kinds in ({bool}, {int}, {float}) and (kinds != {int} or _fit_64_bits(values)):
        return np.array(values)
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise UnsupportedOptionError(f"class labels that are objects of type {names}", _HINT)


def _fit_64_bits(values: list[int]) -> bool:
    return all(-(2**63) <= value < 2**63 for value in values)
