"""sklearn.isotonic: the monotonous line through the training rows.

N is the number of rows, T the number of thresholds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters.container import container
from sparkbird.converters.registry import Results, converts
from sparkbird.converters.sklearn.validation import finite
from sparkbird.converters.sklearn.version import installed
from sparkbird.errors import ColumnCountError
from sparkbird.graph import op
from sparkbird.graph.table import Table, numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sklearn.isotonic import IsotonicRegression

    from sparkbird.graph.op import Array
    from sparkbird.graph.sparse import Sparse

#: The version of SciPy from which on lines are weighted means of two points.
_BY_WEIGHTS = (1, 18)


@converts(
    "sklearn.isotonic.IsotonicRegression",
    consumes="y_min y_max increasing out_of_bounds",
    series=lambda _: True,
    column_types=lambda model: {0: str(model.X_thresholds_.dtype)},
)
def isotonic_regression(model: IsotonicRegression, x: Array | Table | Sparse) -> Results:
    """The line at each value, [N] or [N, 1] -> [N]; ``transform`` is the same.

    Source: sklearn/isotonic.py, IsotonicRegression (1.9).
    """
    line = isotonic(model, x)
    transformed = line if container(model) == "default" else op.expand(line, axis=1)
    return {"predict": line, "transform": transformed}


def isotonic(model: IsotonicRegression, x: Array | Table | Sparse) -> Array:
    """What ``model.predict`` gives, [N] or [N, 1] -> [N].

    Raises
    ------
    ColumnCountError
        `x` has more than one column.

    Source: sklearn/isotonic.py, IsotonicRegression._transform (1.9).
    """
    points: np.ndarray = model.X_thresholds_
    column = numbers(x)
    if column.ndim == 2 and column.shape[1] != 1:
        raise ColumnCountError(
            f"an IsotonicRegression is given {column.shape[1]} columns", "give it one."
        )
    column = column if column.ndim == 2 else op.expand(column, axis=1)
    column = finite(model, op.cast(column, dtype=points.dtype))
    value = op.take(column, 0, axis=1)
    if model.out_of_bounds == "clip":
        value = op.clip(value, model.X_min_, model.X_max_)
    if len(points) == 1:
        return op.rows_of(model.y_thresholds_[0], value)
    outside = (value < points[0]) | (value > points[-1])
    if model.out_of_bounds == "raise":
        op.check(outside, "IsotonicRegression takes no value beyond its thresholds")
    line = _in_float64 if points.dtype == np.float64 else _in_float32
    on_line = line(value, points, model.y_thresholds_)
    if model.out_of_bounds != "nan":
        return on_line
    return op.where(outside, np.full((), np.nan, points.dtype), on_line)


def _in_float64(x: Array, points: np.ndarray, values: np.ndarray) -> Array:
    """``numpy.interp``, for `x` between the first of the points and the last: [N] -> [N].

    Source: numpy/_core/src/multiarray/compiled_base.c, arr_interp (2.4).
    """
    # The slope behind each point. Rounding of slopes that overflow is NumPy's own.
    with np.errstate(all="ignore"):
        slopes = np.append(np.diff(values) / np.diff(points), 0.0)
    place = op.maximum(reached(points, x) - np.int64(1), np.int64(0))
    start, value = op.take(points, place), op.take(values, place)
    between = op.take(slopes, place) * (x - start) + value
    return op.where(op.equal(x, start), value, between)


def _in_float32(x: Array, points: np.ndarray, values: np.ndarray) -> Array:
    """SciPy's own line, which it takes for all but float64: [N] -> [N].

    Source: scipy/interpolate/_interpolate.py, interp1d._call_linear (1.17, 1.18).
    """
    below = op.maximum(reached(points, x, op.greater) - np.int64(1), np.int64(0))
    place = op.minimum(below, np.int64(len(points) - 2))
    line = _by_slope if installed("scipy") < _BY_WEIGHTS else _by_weights
    return line(x, place, points, values)


def _by_slope(x: Array, place: Array, points: np.ndarray, values: np.ndarray) -> Array:
    with np.errstate(all="ignore"):
        slopes = np.diff(values) / np.diff(points)
    return op.take(slopes, place) * (x - op.take(points, place)) + op.take(values, place)


def _by_weights(x: Array, place: Array, points: np.ndarray, values: np.ndarray) -> Array:
    start, end = op.take(points, place), op.take(points[1:], place)
    width = op.take(np.diff(points), place)
    of_end, of_start = (x - start) / width, (end - x) / width
    return of_end * op.take(values[1:], place) + of_start * op.take(values, place)


def reached(
    points: np.ndarray, x: Array, passes: Callable[[Any, Any], Array] = op.greater_equal
) -> Array:
    """How many of the points [T], which are in order, each value has reached: [N] -> [N].

    By halves, as many steps as T has bits. `passes` tells whether a value has reached a point.
    """
    step = 1 << (len(points).bit_length() - 1)
    # As many points as bits can count; NaN is never reached.
    padded = np.full(2 * step - 1, np.nan, points.dtype)
    padded[: len(points)] = points
    count = op.cast(passes(x, padded[step - 1]), dtype=np.int64) * np.int64(step)
    while step := step // 2:
        beyond = passes(x, op.take(padded, count + np.int64(step - 1)))
        count = count + op.cast(beyond, dtype=np.int64) * np.int64(step)
    return count
