"""Rows on every threshold of a forest and beside it, where a wrong comparison shows."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone

import sparkbird
from tests.parity import Case, quietly

#: Thresholds by feature.
Thresholds = Mapping[int, np.ndarray]

#: What lies near to 0, on both sides of LightGBM's limit of what is 0.
NEAR_ZERO = float(np.float32(1e-35))
SMALL = (0.0, -0.0, 1e-36, -1e-36, NEAR_ZERO, -NEAR_ZERO, 1e-34, -1e-34)
BESIDE = tuple(
    float(np.nextafter(value, side))
    for value in (NEAR_ZERO, -NEAR_ZERO)
    for side in (-np.inf, np.inf)
)
UNUSUAL = (np.nan, np.inf, -np.inf)


def in_float64(cases: Iterable[Case]) -> Iterator[Case]:
    """The cases, those that say nothing of types in float64 alone.

    That float32 rows reach the same leaves is seen on all of their boundaries at once, many
    times faster than trap by trap.
    """
    for case in cases:
        says_nothing = case.dtypes == ("float64", "float32")
        yield replace(case, dtypes=("float64",)) if says_nothing else case


def fitted(case: Case, dtype: str) -> tuple[Any, Any, Any]:
    """The rows of a case, its model fitted to them, and the compiled model."""
    X, y = case.rows()
    X = X.astype(dtype) if dtype and X.dtype.kind in "fiu" else X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = clone(case.model).fit(X, y)
    return X, model, sparkbird.compile(model, inputs=X)


def about(values: np.ndarray) -> np.ndarray:
    """The values, the nearest float32, and the neighbours of both among float64 and float32."""
    with np.errstate(all="ignore"):
        single = np.asarray(values, np.float64).astype(np.float32)
        sides = (np.float64(-np.inf), np.float64(np.inf))
        near = [np.nextafter(values, side) for side in sides]
        near += [np.nextafter(single.astype(np.float64), side) for side in sides]
        near += [np.nextafter(single, np.float32(side)) for side in sides]
    return np.unique(np.concatenate([values, single, *near]).astype(np.float64))


def rows_about(X: np.ndarray, thresholds: Thresholds, more: Iterable[float] = ()) -> np.ndarray:
    """The first rows of `X`, each with one value replaced by one on or about a threshold."""
    rows = []
    for feature in range(X.shape[1]):
        own = np.asarray(thresholds.get(feature, []), np.float64)
        values = about(own[np.isfinite(own)])
        for i, value in enumerate([*values[np.isfinite(values)], *more]):
            row = X[i % len(X)].copy()
            with np.errstate(all="ignore"):
                row[feature] = value
            rows.append(row)
    return np.array(rows, X.dtype).reshape(len(rows), X.shape[1])


def of_trees(trees: Iterable[Any]) -> Thresholds:
    """The thresholds of scikit-learn's trees."""
    found: dict[int, set[float]] = {}
    for tree in trees:
        for feature, threshold in zip(tree.feature, tree.threshold, strict=True):
            found.setdefault(int(feature), set()).add(float(threshold))
    return {feature: np.array(sorted(values)) for feature, values in found.items() if feature >= 0}


def assert_equal(compiled: Any, model: Any, rows: Any, methods: Mapping[str, Any]) -> None:
    """Each method of the compiled model gives exactly what the function beside it gives."""
    for name, original in methods.items():
        expected = np.asarray(quietly(original, rows))
        actual = np.asarray(getattr(compiled, name)(rows))
        assert actual.shape == expected.shape, name
        assert actual.dtype.kind == expected.dtype.kind, name
        np.testing.assert_array_equal(actual, expected, f"{type(model).__name__}.{name}")
