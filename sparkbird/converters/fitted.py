"""Whether a model has been trained, asked in the way of the library that brought it."""

from __future__ import annotations

import sys
from typing import Any

from sparkbird.errors import NotFittedError

#: The classes that learn nothing, and say so since scikit-learn 1.7 only.
_STATELESS = {"sklearn.feature_extraction.text.HashingVectorizer"}


def require_fitted(model: Any, name: str) -> None:
    """Refuse an estimator called `name` that has not been trained.

    scikit-learn's own check decides, also for other libraries' estimators after its
    convention; it is loaded whenever such a model exists.

    Raises
    ------
    NotFittedError
        The estimator is not fitted.
    """
    if callable(own := getattr(model, "is_fitted", None)):  # CatBoost's, of summed models too
        if not own():
            raise NotFittedError(f"{name} is not fitted", "call fit() before compiling.")
        return
    validation: Any = sys.modules.get("sklearn.utils.validation")
    if validation is None or not (hasattr(model, "get_params") and hasattr(model, "fit")):
        return
    exceptions: Any = sys.modules["sklearn.exceptions"]
    if _needs_no_fit(model, name):
        return
    try:
        validation.check_is_fitted(model)
    except exceptions.NotFittedError as error:
        raise NotFittedError(f"{name} is not fitted", "call fit() before compiling.") from error
    except TypeError:  # of a pipeline that ends in "passthrough", before 1.5: its steps are asked
        return


def _needs_no_fit(model: Any, name: str) -> bool:
    """Whether `model` learns nothing; from 1.6 on scikit-learn's check asks that itself."""
    if name in _STATELESS or hasattr(sys.modules["sklearn.utils"], "get_tags"):
        return name in _STATELESS
    tags: Any = sys.modules["sklearn.utils._tags"]
    return not tags._safe_tags(model, key="requires_fit")  # noqa: SLF001
