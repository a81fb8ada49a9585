"""catboost: the reader of the file that a model writes of itself, as a `Forest`.

K is the number of outputs, D of the columns that the trees ask for: those of numbers, then one
for each category that a test names, then one for each statistic of categories; N of the
combinations of categories that training has seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.catboost.flat import Table, written
from sparkbird.converters.catboost.trees import Tests, forest_of
from sparkbird.errors import UnsupportedOptionError

if TYPE_CHECKING:
    from catboost import CatBoost

    from sparkbird.trees import Forest

#: The types of statistics by number, and whether NaN passes by the number of its treatment.
#: Source: catboost/libs/model/flatbuffers/ctr_data.fbs and features.fbs (1.2).
_KINDS = (
    "Borders",
    "Buckets",
    "BinarizedTargetMeanValue",
    "FloatTargetMeanValue",
    "Counter",
    "FeatureFreq",
)
_AS_TRUE = 2

#: A hash and the row of counts, if there is one: the hash of an empty place is all ones.
_BUCKET = np.dtype("<u8, <u4")
_EMPTY = np.uint64(2**64 - 1)


@dataclass(frozen=True)
class Number:
    """A column of numbers: where it is in a row, and what of it the trees ask.

    A row passes a test if its value, as float32, is greater than the border; NaN passes all of
    them if `nan_passes`, else none.
    """

    position: int
    borders: np.ndarray
    nan_passes: bool


@dataclass(frozen=True)
class Combination:
    """Features whose answers together name a row of a table of counts.

    categories  the numbers of categorical features, by their hash
    above       numeric features, and the border that each is asked to be above
    equal       categorical features, and the hash that each is asked to have
    kind        of the statistics that the table serves
    cut         the number of the way in which training has cut the target into classes, or of
                the target where there are several
    """

    categories: tuple[int, ...]
    above: tuple[tuple[int, float], ...]
    equal: tuple[tuple[int, int], ...]
    kind: str
    cut: int


@dataclass(frozen=True)
class Counts:
    """What training has seen of each combination.

    hashes       [N]     uint64
    counts       [N, G]  of the rows of G classes, or the sum of the target and their number
    denominator          the number of all rows, for some kinds
    """

    hashes: np.ndarray
    counts: np.ndarray
    denominator: int


@dataclass(frozen=True)
class Ctr:
    """A statistic of the target over the rows that agree in a combination of features.

    key  the combination, which several statistics share
    """

    key: Combination
    target_border: int
    prior: np.ndarray
    shift: np.float32
    scale: np.float32
    borders: np.ndarray


@dataclass(frozen=True)
class Model:
    """A model as it writes itself.

    numbers      by the number that CatBoost gives to numeric features
    categorical  the position of each categorical feature, by CatBoost's number of it
    one_hot      the hashes that are asked for, by number of the categorical feature
    tables       of each combination, what `ctr` reads
    scale, bias  what the sum of the trees is multiplied by, and what is added then, [K]
    labels       for each output the number of its class, or nothing
    forest       over the D columns
    """

    numbers: Mapping[int, Number]
    categorical: Mapping[int, int]
    one_hot: Mapping[int, np.ndarray]
    ctrs: Sequence[Ctr]
    tables: Mapping[Combination, Counts]
    scale: float
    bias: np.ndarray
    labels: Sequence[int]
    forest: Forest


def read(model: CatBoost) -> Model:
    """What the model writes of itself.

    Raises
    ------
    UnsupportedOptionError
        There is no tree, or the file is not the whole model.

    Source: catboost/libs/model/flatbuffers/model.fbs (1.2).
    """
    core, parts = written(model)
    about = {each.text(0): each.text(1) for each in core.tables(2)}
    classes = json.loads(about.get("class_params") or about.get("multiclass_params") or "{}")
    found = core.table(1)
    numbers = {each.number(1, "i", -1): _number(each) for each in found.tables(5)}
    one_hot = {
        each.number(0, "i", -1): each.array(1, "<i4").astype(np.int64) for each in found.tables(6)
    }
    ctrs = [*map(_ctr, found.tables(7))]
    tables = {_combination(each.table(0)): _counts(each) for each in parts}
    if not {ctr.key for ctr in ctrs} <= {*tables}:
        raise UnsupportedOptionError(
            "the model does not keep the statistics of its categories",
            'fit it with final_ctr_computation_mode="Default".',
        )
    scale, bias = model.get_scale_and_bias()
    return Model(
        numbers=numbers,
        categorical={e.number(0, "i", -1): e.number(1, "i", -1) for e in found.tables(4)},
        one_hot=one_hot,
        ctrs=ctrs,
        tables=tables,
        scale=float(scale),
        bias=np.array(bias, np.float64).reshape(-1),
        labels=tuple(classes.get("class_to_label") or ()),
        forest=_forest(found, numbers, one_hot, ctrs),
    )


def _forest(
    found: Table,
    numbers: Mapping[int, Number],
    one_hot: Mapping[int, np.ndarray],
    ctrs: Sequence[Ctr],
) -> Forest:
    """The trees, over the columns of numbers, of single categories and of statistics."""
    single = [np.array([0.5])] * sum(map(len, one_hot.values()))
    borders = [*(n.borders for n in numbers.values()), *single, *(c.borders for c in ctrs)]
    nan_passes = [n.nan_passes for n in numbers.values()] + [False] * (len(single) + len(ctrs))
    forest = forest_of(found, Tests.of(borders, nan_passes))
    if forest is None:
        raise UnsupportedOptionError("the model has no trees", "fit it with one tree at least.")
    return forest


def _number(found: Table) -> Number:
    """Of a feature without NaN in training, NaN passes no test, whatever it would else be.

    Source: catboost/libs/model/cpu/quantization.h, BinarizeFeatures (1.2).
    """
    return Number(
        position=found.number(2, "i", -1),
        borders=found.array(3, "<f4").astype(np.float64),
        nan_passes=found.number(0, "?", default=False) and found.number(5, "b") == _AS_TRUE,
    )


def _ctr(found: Table) -> Ctr:
    own = found.table(0)
    return Ctr(
        key=_combination(own.table(0)),
        target_border=own.number(1, "i"),
        prior=np.array([own.number(2, "f"), own.number(3, "f", 1)], np.float32),
        shift=np.float32(own.number(4, "f")),
        scale=np.float32(own.number(5, "f", 1)),
        borders=found.array(1, "<f4").astype(np.float64),
    )


def _combination(found: Table) -> Combination:
    own = found.table(0)
    above = own.array(1, np.dtype("<i4, <f4"))
    equal = own.array(2, np.dtype("<i4, <i4"))
    return Combination(
        categories=tuple(own.array(0, "<i4").tolist()),
        above=tuple(above.tolist()),
        equal=tuple(equal.tolist()),
        kind=_KINDS[found.number(1, "b")],
        cut=found.number(2, "i"),
    )


def _counts(found: Table) -> Counts:
    """The rows of counts, each behind the hash that leads to it.

    Source: catboost/libs/model/ctr_value_table.cpp (1.2).
    """
    places = np.frombuffer(found.array(1, np.uint8), _BUCKET)
    places = places[places["f0"] != _EMPTY]
    kind = _combination(found.table(0)).kind
    flat = found.array(2, np.uint8)
    if kind.endswith("MeanValue"):
        pairs = np.frombuffer(flat, "<f4, <i4")
        counts = np.stack([pairs["f0"], pairs["f1"]], axis=1, dtype=np.float64)
    else:
        classes = found.number(4, "i") if kind in ("Borders", "Buckets") else 1
        counts = np.frombuffer(flat, "<i4").reshape(-1, classes).astype(np.float64)
    return Counts(places["f0"], counts[places["f1"]], found.number(3, "i"))
