"""sklearn.preprocessing, encoders: categories to codes, and codes to numbers or indicators.

N is the number of rows, F the number of features, K the number of columns that come out.
What scikit-learn does to codes in several steps (infrequent ones grouped, one dropped,
unknown ones replaced) is done once, when the graph is built: one look-up per feature remains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters.registry import converts, qualified_name
from sparkbird.converters.sklearn.version import installed
from sparkbird.dtypes import COMPUTED_TYPES, MISSING, STRING, is_string
from sparkbird.errors import ColumnTypeError, UnsupportedOptionError
from sparkbird.graph import op
from sparkbird.graph.sparse import Coded, Sparse
from sparkbird.graph.table import Table, columns_of

if TYPE_CHECKING:
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    from sparkbird.graph.op import Array

#: The code of a category that lights no indicator, and that of a value that is an error.
_NONE, _ERROR = -1, -2


@dataclass(frozen=True)
class Categories:
    """The categories of one feature as a look-up takes them.

    kind
        ``string``, ``number``, or ``missing`` where no category but a missing one is known.
    keys
        As objects with `dtypes.MISSING`, or as numbers with NaN.
    anything
        Whether infinities are values like others: so it is in arrays of objects.
    """

    kind: str
    keys: np.ndarray
    anything: bool

    @classmethod
    def of(cls, values: np.ndarray) -> Categories:
        """The categories that scikit-learn keeps as `values`.

        Raises
        ------
        UnsupportedOptionError
            They are neither strings nor numbers, or None is told from NaN.
        """
        anything = values.dtype == object
        if values.dtype.kind in "biuf":
            return cls("number", values, anything)
        missing = [_is_missing(value) for value in values.tolist()]
        if sum(missing) > 1:
            raise _refused("both None and NaN", "make every missing value None before fit().")
        known = [v for v, gone in zip(values.tolist(), missing, strict=True) if not gone]
        if not known:
            return cls("missing", np.array([MISSING], STRING), anything)
        if all(isinstance(value, str) for value in known):
            return cls("string", _filled(values, missing, MISSING).astype(STRING), anything)
        if all(isinstance(value, (bool, int, float, np.number, np.bool_)) for value in known):
            return cls("number", _numeric(_filled(values, missing, np.nan)), anything)
        types = ", ".join(sorted({type(value).__name__ for value in known}))
        raise _refused(f"categories of type {types}", "make them all strings or all numbers.")


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))


def _filled(values: np.ndarray, missing: list[bool], filler: Any) -> np.ndarray:
    filled = values.astype(object)
    filled[np.array(missing)] = filler
    return filled


def _numeric(values: np.ndarray) -> np.ndarray:
    """Objects that are numbers, as int64 if all of them are whole numbers of Python's."""
    whole = all(isinstance(value, (bool, int, np.integer, np.bool_)) for value in values.tolist())
    return values.astype(np.int64 if whole else np.float64)


def _refused(what: str, way_out: str) -> UnsupportedOptionError:
    return UnsupportedOptionError(f"a column has {what} among its categories", way_out)


def _objections(model: Any) -> Iterator[UnsupportedOptionError]:
    name = qualified_name(type(model))
    if np.dtype(model.dtype) not in {row.numpy for row in COMPUTED_TYPES if row.name != "string"}:
        yield UnsupportedOptionError(
            f"{name}(dtype={model.dtype!r}) is not compiled",
            f"use one of {', '.join(row.name for row in COMPUTED_TYPES if row.name != 'string')}.",
        )
    yield from categories_refused(model)


def categories_refused(model: Any) -> Iterator[UnsupportedOptionError]:
    """The reasons why the categories of an encoder cannot be looked up."""
    name = qualified_name(type(model))
    for i, values in enumerate(getattr(model, "categories_", ())):
        if error := _objection(values):
            fact = error.fact.replace("a column", f"column {_name(model, None, i)!r} of {name}", 1)
            yield UnsupportedOptionError(fact, error.hint)


def _objection(values: np.ndarray) -> UnsupportedOptionError | None:
    try:
        Categories.of(values)
    except UnsupportedOptionError as error:
        return error
    return None


def column_types(model: Any) -> dict[int, str]:
    """The columns whose categories are strings."""
    kinds = enumerate(Categories.of(values).kind for values in model.categories_)
    return {i: "string" for i, kind in kinds if kind == "string"}


@converts(
    "sklearn.preprocessing.OneHotEncoder",
    consumes="categories drop dtype handle_unknown min_frequency max_categories "
    "feature_name_combiner",
    ignores="sparse_output",
    objections=_objections,
    column_types=column_types,
)
def one_hot_encoder(model: OneHotEncoder, x: Array | Table) -> Sparse:
    """An indicator for each category of each feature that is kept, [N, F] -> [N, K].

    Source: sklearn/preprocessing/_encoders.py, OneHotEncoder.transform (1.9).
    """
    blocks = []
    for i, column in enumerate(columns_of(x)):
        places, unknown = _places(model, i)
        code = looked_up(model, x, i, column, places, unknown)
        ones = np.ones(model._n_features_outs[i], model.dtype)  # noqa: SLF001
        lit = op.where(code < np.int64(0), np.int64(len(ones)), code)
        blocks.append(Coded(lit, ones))
    kept = [block for block in blocks if block.width] or blocks[:1]
    return Sparse(tuple(kept))


def _places(model: OneHotEncoder, i: int) -> tuple[np.ndarray, int]:
    """The column that each category of feature `i` lights, and that of an unknown value."""
    places = _grouped(model, i)
    infrequent = _infrequent(model, i)
    unknown = _NONE
    if model.handle_unknown == "error":
        unknown = _ERROR
    elif model.handle_unknown in _groups_unknown() and infrequent is not None:
        unknown = int(places[infrequent[0]])
    dropped = None if model._drop_idx_after_grouping is None else model._drop_idx_after_grouping[i]  # noqa: SLF001
    if dropped is None:
        return places, unknown

    def moved(place: Any) -> Any:
        return np.where(place == dropped, _NONE, place - (place > dropped))

    return moved(places), int(moved(unknown))


def _groups_unknown() -> tuple[str, ...]:
    """Which `handle_unknown` takes unknown values for infrequent ones.

    Source: sklearn/preprocessing/_encoders.py, _map_infrequent_categories (1.7, 1.9).
    """
    return ("infrequent_if_exist", "warn")[: 1 if installed() < (1, 8) else 2]


@converts(
    "sklearn.preprocessing.OrdinalEncoder",
    consumes="categories dtype handle_unknown unknown_value encoded_missing_value "
    "min_frequency max_categories",
    objections=_objections,
    column_types=column_types,
)
def ordinal_encoder(model: OrdinalEncoder, x: Array | Table) -> Array:
    """The number of each value's category, [N, F] -> [N, F].

    Source: sklearn/preprocessing/_encoders.py, OrdinalEncoder.transform (1.9).
    """
    parts = []
    for i, column in enumerate(columns_of(x)):
        values = _grouped(model, i).astype(model.dtype)
        if i in model._missing_indices:  # noqa: SLF001
            values[model._missing_indices[i]] = model.encoded_missing_value  # noqa: SLF001
        if model.handle_unknown == "use_encoded_value":
            values = np.append(values, np.asarray(model.unknown_value, values.dtype))
            unknown = len(values) - 1
        else:
            unknown = _ERROR
        places = np.arange(len(model.categories_[i]))
        code = looked_up(model, x, i, column, places, unknown)
        # An unknown value fails its check; what it is encoded as does not matter.
        code = code if unknown != _ERROR else op.maximum(code, np.int64(0))
        parts.append(op.expand(op.take(values, code), axis=1))
    return op.concat(*parts, axis=1) if len(parts) > 1 else parts[0]


def _grouped(model: OneHotEncoder | OrdinalEncoder, i: int) -> np.ndarray:
    """The code of each category of feature `i`, the infrequent ones having one code together.

    A missing value that is left out of the grouping keeps its position.
    """
    codes = np.arange(len(model.categories_[i]))
    mapping = (
        model._default_to_infrequent_mappings[i]  # noqa: SLF001
        if getattr(model, "_infrequent_enabled", False)
        else None
    )
    if mapping is not None:
        codes[: len(mapping)] = mapping
    return codes


def _infrequent(model: OneHotEncoder, i: int) -> np.ndarray | None:
    enabled = getattr(model, "_infrequent_enabled", False)
    return model._infrequent_indices[i] if enabled else None  # noqa: SLF001


def looked_up(
    model: Any, x: Array | Table, i: int, column: Array, codes: np.ndarray, unknown: int
) -> Array:
    """The code of each value of a column, [N] -> [N]; an unknown one may be an error."""
    categories = Categories.of(model.categories_[i])
    name = _name(model, x, i)
    column, keys = _comparable(categories, column, name)
    if column.dtype.kind == "f" and not categories.anything:
        op.check(op.isinf(column), f"{type(model).__name__} takes no infinity in column {name!r}")
    code = op.lookup(column, keys=keys, values=codes.astype(np.int64), default=unknown)
    if unknown == _ERROR:
        op.check(op.equal(code, _ERROR), f"column {name!r} holds a category not seen in training")
    return code


def _comparable(categories: Categories, column: Array, name: str) -> tuple[Array, np.ndarray]:
    """The column and the keys in the one type in which NumPy would compare them.

    Raises
    ------
    ColumnTypeError
        One of them is of strings, the other of numbers.
    UnsupportedOptionError
        Whole numbers so large that not every one is a double are looked up among doubles.
    """
    strings = is_string(column.dtype)
    if categories.kind == "missing":
        column = column if strings else op.floating(column)
        return column, categories.keys if strings else np.array([np.nan], column.dtype)
    if strings != (categories.kind == "string"):
        given, fitted = ("string", "numbers") if strings else ("number", "strings")
        raise ColumnTypeError(
            f"column {name!r} is a {given}, and the encoder was fitted on {fitted}",
            f"declare it as {'a number' if strings else 'string'} in inputs=.",
        )
    if strings:
        return column, categories.keys
    common = np.result_type(column.dtype, categories.keys.dtype)
    kind = np.float64 if common.kind == "f" else np.int64
    keys = categories.keys.astype(kind)
    if len(np.unique(keys)) < len(keys):
        raise _refused("whole numbers beyond 2**53", "make them strings before fit().")
    return op.cast(column, dtype=kind), keys


def _name(model: Any, x: Array | Table | None, i: int) -> str:
    """What to call column `i` in a message."""
    names = x.names if isinstance(x, Table) else None
    if names is None:
        names = getattr(model, "feature_names_in_", None)
    return f"x{i}" if names is None else str(names[i])
