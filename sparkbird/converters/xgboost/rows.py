"""xgboost: rows as a booster sees them, float32 with NaN for what is missing.

N is the number of rows, F of features, Z of features that sets ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.dtypes import MISSING, is_string
from sparkbird.errors import (
    ColumnCountError,
    ColumnNameError,
    ColumnTypeError,
    UnsupportedOptionError,
)
from sparkbird.graph import op
from sparkbird.graph.sparse import Sparse
from sparkbird.graph.table import Table, numbers, width

if TYPE_CHECKING:
    from sparkbird.converters.xgboost.reader import Model
    from sparkbird.graph.op import Array


def seen(found: Model, x: Array | Table | Sparse, *, missing: float, in_place: bool) -> Array:
    """The rows in float32, what equals `missing` as NaN: [N, F] -> [N, F].

    Unless it predicts `in_place`, XGBoost puts rows into a DMatrix, which takes no infinity
    but for a `missing` that is one. What float32 cannot hold is infinite too.

    Raises
    ------
    ColumnCountError, ColumnNameError, ColumnTypeError
        The columns are not those of the model.
    UnsupportedOptionError
        It cannot be told what XGBoost would see.

    Source: src/predictor/cpu_predictor.cc, AdapterView; src/data/data.cc, SparsePage::Push (3.2).
    """
    _check_columns(found, x)
    if isinstance(x, Table) and x.names is not None and found.categories:
        x = _coded(found, x, missing)
    stored = numbers(x)
    values = op.cast(stored, dtype=np.float32)
    if _is_scipy(x):  # what is 0 in float32 alone is stored
        zero = op.equal(stored, np.zeros((), stored.dtype))
        values = op.where(zero, np.float32(np.nan), values)
    absent = op.cast(missing, dtype=np.float32)
    if not in_place and not np.isinf(absent):
        infinite = op.cast(op.isinf(values), dtype=np.int32)
        op.check(
            op.sum(infinite, axis=1) > 0, "a DMatrix takes no value beyond float32", screen=values
        )
    if np.isnan(absent):
        return values
    return op.where(op.equal(values, absent), np.float32(np.nan), values)


def _is_scipy(x: Array | Table | Sparse) -> bool:
    """Whether there is a SciPy matrix, what is 0 in which is not stored, and so missing.

    Raises
    ------
    UnsupportedOptionError
        It cannot be told.
    """
    scipy = x.scipy if isinstance(x, Sparse) else False
    if scipy is None:
        raise UnsupportedOptionError(
            "XGBoost takes what a SciPy matrix does not store for missing, and it cannot be told "
            "what the one stores that a step before it gives",
            "let the steps give arrays: sparse_output=False for encoders, sparse_threshold=0 for "
            "a ColumnTransformer; and fit again.",
        )
    return scipy


def with_codes(x: Array, features: np.ndarray, codes: int) -> Array:
    """`x`, and once more the `features` [Z], `codes` for one that no set holds: [N, F + Z].

    That is one below 0, though truncated it would be 0, or not below `codes`.
    """
    if not features.size:
        return x
    code = op.take(x, features, axis=1)
    limit = np.float32(codes)
    unknown = (code < np.float32(0)) | (code >= limit)
    return op.concat(x, op.where(unknown, limit, code), axis=1)


def _check_columns(found: Model, x: Array | Table | Sparse) -> None:
    if width(x) != found.n_features:
        raise ColumnCountError(
            f"the model takes {found.n_features} columns and was given {width(x)}",
            "give it the columns that it was trained on, in that order.",
        )
    names = x.names if isinstance(x, Table) else None
    if names is None or not found.feature_names:
        return
    if [*map(str, names)] != [*found.feature_names]:
        raise ColumnNameError(
            f"the model takes columns called {', '.join(found.feature_names)}, "
            f"and is given {', '.join(map(str, names))}",
            "give them these names, in this order.",
        )
    if found.codes and not found.categories:
        raise UnsupportedOptionError(
            f"the model keeps no categories for column {found.feature_names[found.codes[0]]!r}",
            "train it again with XGBoost 3.1 or later, which keeps them; or, if the column holds "
            "codes, set feature_names of the booster to None and compile that.",
        )


def _coded(found: Model, x: Table, missing: float) -> Table:
    """Columns of categories as the codes that these had in training, in a table of numbers.

    Source: src/encoder/ordinal.h, Recode (3.2).
    """
    if not np.isnan(missing):
        raise UnsupportedOptionError(
            f"missing={missing!r} among categories is not compiled",
            "leave it NaN: XGBoost compares it with the codes of each dataframe.",
        )
    columns = [
        _code(column, categories, name) if categories else column
        for column, categories, name in zip(x.columns, found.categories, x.names or (), strict=True)
    ]
    return Table(tuple(columns), x.names)


def _code(column: Array, categories: Sequence[Any], name: object) -> Array:
    """The place of each value among `categories`, NaN for a missing one, [N] -> [N].

    An unseen category is one that no row may have. XGBoost itself refuses it only if it sorts
    behind all others, and takes it for the next one if not.
    """
    keys = _keys(column, categories, name)
    if not is_string(keys.dtype):
        column = op.cast(column, dtype=np.float64)
    codes = np.append(np.arange(len(categories), dtype=np.float64), np.nan)
    code = op.lookup(column, keys=keys, values=codes, default=-1.0)
    op.check(code < 0.0, f"a category of column {name!r} that was not in training")
    return code


def _keys(column: Array, categories: Sequence[Any], name: object) -> np.ndarray:
    """The categories, and behind them what is missing, as keys to look up values of `column`.

    Raises
    ------
    ColumnTypeError
        The one are strings, the other numbers.
    UnsupportedOptionError
        XGBoost has cut the strings in the wrong places.
    """
    texts = not isinstance(categories[0], (int, float))
    if texts != is_string(column.dtype):
        kinds = ("numbers", "strings")
        raise ColumnTypeError(
            f"column {name!r} has {kinds[not texts]} where the model was trained on {kinds[texts]}",
            "give it the categories themselves.",
        )
    if not texts:
        return np.array([*categories, np.nan])
    if not all(isinstance(category, str) for category in categories):
        raise UnsupportedOptionError(
            f"the categories of column {name!r} have letters beyond ASCII, which XGBoost confuses",
            "write them in ASCII, and train again.",
        )
    return np.array([*categories, MISSING], object)
