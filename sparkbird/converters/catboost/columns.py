"""catboost: the columns that the trees ask for, from the rows as a user has them.

N is the number of rows, F of features, C of categorical features, D of columns for the trees,
V of categories that tests name, S of statistics that share a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sparkbird.converters.catboost import cityhash
from sparkbird.converters.catboost.ctr import table_of
from sparkbird.converters.catboost.reader import Combination, Model
from sparkbird.converters.catboost.trees import decided_as_float32
from sparkbird.dtypes import MISSING, STRING, is_string
from sparkbird.errors import ColumnTypeError
from sparkbird.graph import op
from sparkbird.graph.op import Array
from sparkbird.graph.sparse import Sparse, dense
from sparkbird.graph.table import Table, columns_of, numbers, select

#: Up to here a float64 tells each whole number from its neighbours.
_WHOLE = 2.0**53


def columns(model: Model, x: Array | Table | Sparse) -> Array:
    """The columns that the trees ask for: [N, F] -> [N, D].

    Raises
    ------
    ColumnTypeError
        A numeric feature holds strings, or a categorical one floats.
    """
    x = x if isinstance(x, Table) else dense(x)
    position = [number.position for number in model.numbers.values()]
    hashes = dict(zip(model.categorical, _hashes(x, [*model.categorical.values()]), strict=True))
    parts = [_as_floats(numbers(select(x, position)))] if position else []
    dtype = parts[0].dtype if parts else np.dtype(np.float32)
    own = dict(zip(model.numbers, columns_of(parts[0]), strict=True)) if position else {}
    for feature, values in model.one_hot.items():
        same = op.equal(op.expand(hashes[feature], axis=1), values)
        parts.append(op.cast(same, dtype=dtype))
    parts += [op.cast(part, dtype=dtype) for part in _statistics(model, own, hashes)]
    return parts[0] if len(parts) == 1 else op.concat(*parts, axis=1)


def _as_floats(x: Array) -> Array:
    """CatBoost rounds whole numbers to float32 at once, not by way of float64."""
    return x if x.dtype.kind == "f" else op.cast(x, dtype=np.float32)


def _hashes(x: Array | Table, positions: Sequence[int]) -> list[Array]:
    """The hash of each categorical feature: [N, F] -> C of [N].

    What CatBoost refuses of a column fails a check also where no tree asks for it.

    Source: _catboost.pyx, get_id_object_bytes_string_representation (1.2).
    """
    if not positions:
        return []
    if not isinstance(x, Table) and x.dtype.kind == "f":
        raise ColumnTypeError(
            "categorical features cannot be columns of an array of floats",
            "give whole numbers or strings, or a dataframe with columns of several types.",
        )
    given = columns_of(x)
    found: dict[int, Array] = {}
    texts = [i for i in positions if is_string(given[i].dtype)]
    whole = [i for i in positions if i not in texts]
    found |= _together(cityhash.of_strings, {i: _text(given[i]) for i in texts})
    found |= _together(cityhash.of_integers, {i: _whole(given[i]) for i in whole})
    return [found[i] for i in positions]


def _together(hashed: Any, given: Mapping[int, Array]) -> dict[int, Array]:
    """The hashes of columns [N] of one type, all computed at once."""
    if not given:
        return {}
    side_by_side = op.concat(*(op.expand(x, axis=1) for x in given.values()), axis=1)
    found = op.reshape(hashed(op.reshape(side_by_side, lengths=())), lengths=(len(given),))
    return {i: op.take(found, place, axis=1) for place, i in enumerate(given)}


def _text(x: Array) -> Array:
    op.check(op.equal(x, np.asarray(MISSING, STRING)), "a category is missing")
    return x


def _whole(x: Array) -> Array:
    """Whole numbers as int64.

    A dataframe's whole numbers enter a graph as float64, so that floats that are whole pass
    for them; CatBoost would refuse the column for its type.

    Raises
    ------
    ColumnTypeError
        They are float32, which whole numbers never enter a graph as.
    """
    if x.dtype == np.float32:
        raise ColumnTypeError(
            "a categorical feature is a column of float32",
            "declare it as a whole number or a string in inputs=.",
        )
    if x.dtype.kind == "f":
        fits = op.equal(x, op.rint(x)) & (op.absolute(x) <= _WHOLE)
        op.check(~fits, "a category is neither a string nor a whole number up to 2**53")
        x = op.where(fits, x, 0.0)
    return op.cast(x, dtype=np.int64)


def _statistics(
    model: Model, own: Mapping[int, Array], hashes: Mapping[int, Array]
) -> Iterator[Array]:
    """The statistics in their order, consecutive ones of one table at once: [N, S] float32.

    Source: catboost/libs/model/static_ctr_provider.cpp, CalcCtrs (1.2).
    """
    start = 0
    while start < len(model.ctrs):
        key = model.ctrs[start].key
        end = start
        while end < len(model.ctrs) and model.ctrs[end].key == key:
            end += 1
        group = model.ctrs[start:end]
        combined = cityhash.combined([*_answers(model, key, own, hashes)])
        keys, values = table_of(model.tables[key], group)
        places = np.arange(len(keys))
        place = op.lookup(combined, keys=keys, values=places, default=len(keys))
        yield op.take(values, place)
        start = end


def _answers(
    model: Model, key: Combination, own: Mapping[int, Array], hashes: Mapping[int, Array]
) -> Iterator[Array]:
    """What a row adds to its combination: the hash of a category, or 1 for yes, [N] int64.

    Source: catboost/libs/model/static_ctr_provider.cpp, CalcHashes (1.2).
    """
    yield from (hashes[feature] for feature in key.categories)
    for feature, border in key.above:
        x = own[feature]
        limit = decided_as_float32(np.array([border]))[0]
        passes = op.greater(x, np.float32(border) if x.dtype == np.float32 else limit)
        if model.numbers[feature].nan_passes and border < np.inf:
            passes = passes | op.isnan(x)
        yield op.cast(passes, dtype=np.int64)
    for feature, value in key.equal:
        yield op.cast(op.equal(hashes[feature], np.int64(value)), dtype=np.int64)
