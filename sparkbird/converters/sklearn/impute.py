"""sklearn.impute: SimpleImputer and MissingIndicator.

N is the number of rows, F the number of features, K the number of columns that come out.
A graph does not tell None, NaN and pandas.NA apart among strings: each is a missing string.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters.registry import converts
from sparkbird.converters.sklearn.validation import finite, refuse_infinity
from sparkbird.dtypes import MISSING, STRING, is_string
from sparkbird.errors import ColumnTypeError
from sparkbird.graph import op
from sparkbird.graph.table import Table, columns_of, matrix, select, stack, width

if TYPE_CHECKING:
    from sklearn.impute import MissingIndicator, SimpleImputer

    from sparkbird.graph.op import Array


def _column_types(model: SimpleImputer) -> dict[int, str]:
    values = enumerate(model.statistics_.tolist())
    return {i: "string" for i, value in values if isinstance(value, str)}


@converts(
    "sklearn.impute.SimpleImputer",
    consumes="missing_values strategy fill_value add_indicator keep_empty_features",
    ignores="copy",
    column_types=_column_types,
)
def simple_imputer(model: SimpleImputer, x: Array | Table) -> Array | Table:
    """`x` with `statistics_` where a value is missing, [N, F] -> [N, K].

    A feature of which training saw no value is left out, unless `keep_empty_features`;
    indicators of the missing values follow, if `add_indicator`.

    Raises
    ------
    ColumnTypeError
        Strings and numbers would meet in one column.

    Source: sklearn/impute/_base.py, SimpleImputer.transform (1.9).
    """
    x = _validated(model, x, model._fit_dtype)  # noqa: SLF001
    kept = [
        i for i in range(width(x)) if model.keep_empty_features or not _is_nan(model.statistics_[i])
    ]
    parts = [_imputed(model, select(x, kept), model.statistics_[kept])] if kept else []
    if model.add_indicator and len(model.indicator_.features_):
        parts.append(_mask(select(x, model.indicator_.features_.tolist()), model.missing_values))
    return stack(parts)


@converts(
    "sklearn.impute.MissingIndicator",
    consumes="missing_values features error_on_new",
    ignores="sparse",
)
def missing_indicator(model: MissingIndicator, x: Array | Table) -> Array:
    """Whether each value of the features in `features_` is missing, [N, F] -> [N, K].

    Raises
    ------
    ColumnTypeError
        There are no such features.

    Source: sklearn/impute/_base.py, MissingIndicator.transform (1.9).
    """
    strings = any(is_string(column.dtype) for column in _samples(x))
    x = _validated(model, x, STRING if strings else np.dtype(np.float64))
    kept = model.features_.tolist()
    new = [i for i in range(width(x)) if i not in kept]
    if model.error_on_new and new:
        missing = op.cast(_mask(select(x, new), model.missing_values), dtype=np.int32)
        fact = "MissingIndicator met a missing value in a column that had none in training"
        op.check(op.sum(missing, axis=1) > 0, fact)
    if not kept:
        raise ColumnTypeError(
            "MissingIndicator saw no missing value in training, and gives no column",
            'fit it with features="all", or leave it out.',
        )
    return _mask(select(x, kept), model.missing_values)


def _validated(model: Any, x: Array | Table, fitted: np.dtype) -> Array | Table:
    """`x` as scikit-learn checks it: numbers as one matrix, columns where there are strings.

    fitted
        The type of the array that the model was fitted on.
    """
    name = type(model).__name__
    if not any(is_string(column.dtype) for column in _samples(x)):
        x = matrix(x)
        floats = getattr(model, "strategy", "constant") not in ("most_frequent", "constant")
        x = op.floating(x) if floats else x
        _refuse_type(model, x.dtype, fitted)
    elif fitted.kind != "O":
        raise ColumnTypeError(
            f"a column is a string, and {name} was fitted on numbers",
            "declare it as a number in inputs=.",
        )
    if isinstance(x, Table) or fitted.kind == "O":
        _refuse_other_missing(model, x)
    elif x.dtype.kind == "f" and _allows_nan(model):
        refuse_infinity(model, x)
    elif x.dtype.kind == "f":
        finite(model, x)
    return x


def _refuse_other_missing(model: Any, x: Array | Table) -> None:
    """A check of objects: if None and NaN are not what is missing, no row may have them.

    (scikit-learn lets None pass, which a graph does not tell from NaN.)
    """
    if not _stands_for_missing(model.missing_values):
        gone = op.cast(_mask(x, None), dtype=np.int32)
        fact = f"(missing_values={model.missing_values!r}) takes no NaN or None"
        op.check(op.sum(gone, axis=1) > 0, type(model).__name__ + fact)


def _allows_nan(model: Any) -> bool:
    """MissingIndicator lets NaN pass only where NaN itself is what is missing."""
    missing = model.missing_values
    return _is_nan(missing) or (hasattr(model, "strategy") and _is_pandas_na(missing))


def _refuse_type(model: Any, given: np.dtype, fitted: np.dtype) -> None:
    """scikit-learn refuses booleans, and a constant that the type of the rows cannot hold."""
    constant = getattr(model, "strategy", "") == "constant" and fitted.kind != "O"
    if given.kind == "b" or (constant and not np.can_cast(fitted, given, "same_kind")):
        raise ColumnTypeError(
            f"{type(model).__name__} fitted on {fitted} takes no array of {given}",
            f"cast it to {fitted}.",
        )


def _imputed(model: SimpleImputer, x: Array | Table, statistics: np.ndarray) -> Array | Table:
    """`x` [N, K] with a value of `statistics` [K] wherever it is missing."""
    if not isinstance(x, Table):
        return op.where(_mask(x, model.missing_values), _fills(model, x.dtype, statistics), x)
    columns = []
    for i, column in enumerate(columns_of(x)):
        fill = _fills(model, column.dtype, statistics[i : i + 1]).reshape(())
        columns.append(op.where(_mask(column, model.missing_values), fill, column))
    return Table(tuple(columns))


def _fills(model: SimpleImputer, dtype: np.dtype, statistics: np.ndarray) -> np.ndarray:
    """The values that fill columns of type `dtype`, rounded as scikit-learn rounds them."""
    strings = is_string(dtype)
    for value in statistics.tolist():
        if isinstance(value, str) != strings and not (strings and _is_nan(value)):
            raise ColumnTypeError(
                f"SimpleImputer fills a column of {'strings' if strings else 'numbers'} "
                f"with {value!r}",
                "use one imputer for the columns of strings, another for those of numbers, and "
                "declare in inputs= which are which.",
            )
    if strings:
        return np.array([MISSING if _is_nan(v) else v for v in statistics.tolist()], STRING)
    # Before scikit-learn 1.8 the values are put into the rows as they are.
    fitted = getattr(model, "_fill_dtype", dtype)
    return statistics.astype(dtype if fitted.kind == "O" else fitted).astype(dtype)


def _mask(x: Array | Table, missing: Any) -> Array:
    """Whether each value is the one called `missing`, in the shape of `x`."""
    if isinstance(x, Table):
        masks = [op.expand(_mask(column, missing), axis=1) for column in columns_of(x)]
        return op.concat(*masks, axis=1) if len(masks) > 1 else masks[0]
    if _stands_for_missing(missing):
        if is_string(x.dtype):
            return op.equal(x, np.asarray(MISSING, STRING))
        return op.isnan(op.floating(x))
    if is_string(x.dtype) and isinstance(missing, str):
        return op.equal(x, np.asarray(missing, STRING))
    if is_string(x.dtype) or isinstance(missing, str):
        return ~op.equal(x, x)  # a number is no string
    common = np.result_type(x.dtype, missing)
    return op.equal(op.cast(x, dtype=common), np.asarray(missing, common))


def _samples(x: Array | Table) -> tuple[Array, ...]:
    """One array of each type among the columns; a matrix is of one type."""
    return x.columns if isinstance(x, Table) else (x,)


def _stands_for_missing(value: Any) -> bool:
    return value is None or _is_nan(value) or _is_pandas_na(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def _is_pandas_na(value: Any) -> bool:
    return type(value).__name__ == "NAType"
