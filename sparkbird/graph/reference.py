"""What operators mean where NumPy has no one function for it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from sparkbird.dtypes import is_string
from sparkbird.errors import UnsupportedOptionError

_Function = TypeVar("_Function", bound=Callable[..., Any])


def lookup(x: np.ndarray, *, keys: np.ndarray, values: np.ndarray, default: Any) -> np.ndarray:
    """The value of each key, `default` for what is no key; NaN is found like any other."""
    position: dict[Any, int] = {}
    for i, key in enumerate(keys.tolist()):
        position.setdefault(_key(key), i)  # the first of equal keys, as in ONNX Runtime
    found = np.array([position.get(_key(v), -1) for v in x.ravel().tolist()], np.int64)
    padded = np.concatenate([values, np.asarray([default], values.dtype)])
    return padded[found.reshape(x.shape)]


def _key(value: Any) -> Any:
    return "nan" if isinstance(value, float) and math.isnan(value) else (type(value), value)


def compared(compare: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """`compare`, whose result is boolean also for arrays of strings."""
    return lambda x, y: np.asarray(compare(x, y), dtype=np.bool_)


def quietly(function: _Function) -> _Function:
    """`function` without NumPy's warnings: infinities and NaN are values like others here."""

    @functools.wraps(function)
    def quiet(*operands: Any, **keywords: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*operands, **keywords)

    return cast("_Function", quiet)


def lookup_attributes(keys: np.ndarray, values: np.ndarray, default: Any) -> dict[str, Any]:
    """The attributes that LabelEncoder takes instead.

    Raises
    ------
    UnsupportedOptionError
        A key holds a NUL: ONNX Runtime (1.32) does not find such keys.
    """
    if is_string(keys.dtype) and any("\0" in key for key in keys.tolist()):
        raise UnsupportedOptionError(
            "a category or a term holds the character NUL",
            "remove it from the column before fit().",
        )
    return {
        "keys_tensor": keys,
        "values_tensor": values,
        "default_tensor": np.asarray([default], values.dtype),
    }


def top(x: np.ndarray, *, k: int, largest: bool) -> tuple[np.ndarray, np.ndarray]:
    """The `k` least or greatest values along the last axis, in order, and their places."""
    places = np.argsort(-x if largest else x, axis=-1, kind="stable")[..., :k]
    return np.take_along_axis(x, places, -1), places


def sort(x: np.ndarray, _size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values in order, and their places."""
    places = np.argsort(x, kind="stable")
    return x[places], places


def add_at(x: np.ndarray, places: np.ndarray, updates: np.ndarray) -> np.ndarray:
    """`x` with `updates` added, one after the other, at `places` [M, D]."""
    result = x.copy()
    with np.errstate(all="ignore"):
        np.add.at(result, tuple(places.T), updates)
    return result


#: The end of a row, however long it is.
LAST = np.iinfo(np.int64).max


def between(x: np.ndarray, *, start: int = 0, stop: int = LAST, step: int = 1) -> np.ndarray:
    """``x[:, start:stop:step]``."""
    return x[:, start:stop:step]
