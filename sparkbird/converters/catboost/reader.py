"""catboost: the reader of the JSON that a model writes of itself, as a `Forest`.

K is the number of outputs, D of the columns that the trees ask for: those of numbers, then one
for each category that a test names, then one for each statistic of categories.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters.catboost.trees import Tests, forest_of
from sparkbird.errors import UnsupportedOptionError

if TYPE_CHECKING:
    from catboost import CatBoost

    from sparkbird.trees import Forest


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
class Ctr:
    """A statistic of the target over the rows that agree in a combination of features.

    key       names the table of the combination, which several statistics share
    elements  what the combination is made of, in order, as the model describes it
    """

    key: str
    kind: str
    elements: Sequence[Mapping[str, Any]]
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
    tables: Mapping[str, Mapping[str, Any]]
    scale: float
    bias: np.ndarray
    labels: Sequence[int]
    forest: Forest


def read(model: CatBoost) -> Model:
    """What the model writes of itself.

    Raises
    ------
    UnsupportedOptionError
        There is no tree, or the JSON is not the whole model.

    Source: catboost/libs/model/model_export/json_model_helpers.cpp (1.2).
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        model.save_model(str(path), format="json")
        written = json.loads(path.read_bytes())
    features, about = written["features_info"], written["model_info"]
    numbers = {f["feature_index"]: _number(f) for f in features.get("float_features") or ()}
    categorical = features.get("categorical_features") or ()
    asked = {f["feature_index"]: f["values"] for f in categorical if f.get("values")}
    one_hot = {feature: np.array(hashes, np.int64) for feature, hashes in asked.items()}
    ctrs = [*map(_ctr, features.get("ctrs") or ())]
    _refuse_lost_tables(ctrs, about.get("params") or {})
    scale, bias = written["scale_and_bias"]
    classes = about.get("class_params") or about.get("multiclass_params") or {}
    return Model(
        numbers=numbers,
        categorical={f["feature_index"]: f["flat_feature_index"] for f in categorical},
        one_hot=one_hot,
        ctrs=ctrs,
        tables=written.get("ctr_data") or {},
        scale=float(scale),
        bias=np.array(bias, np.float64).reshape(-1),
        labels=tuple(classes.get("class_to_label") or ()),
        forest=_forest(written, numbers, one_hot, ctrs),
    )


def _forest(
    written: Mapping[str, Any],
    numbers: Mapping[int, Number],
    one_hot: Mapping[int, np.ndarray],
    ctrs: Sequence[Ctr],
) -> Forest:
    """The trees, over the columns of numbers, of single categories and of statistics."""
    single = [np.array([0.5])] * sum(map(len, one_hot.values()))
    borders = [*(n.borders for n in numbers.values()), *single, *(c.borders for c in ctrs)]
    nan_passes = [n.nan_passes for n in numbers.values()] + [False] * (len(single) + len(ctrs))
    forest = forest_of(
        written, Tests.of(borders, nan_passes), np.size(written["scale_and_bias"][1])
    )
    if forest is None:
        raise UnsupportedOptionError("the model has no trees", "fit it with one tree at least.")
    return forest


def _number(written: Mapping[str, Any]) -> Number:
    """Of a feature without NaN in training, NaN passes no test, whatever it would else be.

    Source: catboost/libs/model/cpu/quantization.h, BinarizeFeatures (1.2).
    """
    return Number(
        position=written["flat_feature_index"],
        borders=np.array(written["borders"], np.float64),
        nan_passes=written["has_nans"] and written["nan_value_treatment"] == "AsTrue",
    )


def _ctr(written: Mapping[str, Any]) -> Ctr:
    return Ctr(
        key=written["identifier"],
        kind=written["ctr_type"],
        elements=written["elements"],
        target_border=written["target_border_idx"],
        prior=np.array([written["prior_numerator"], written["prior_denomerator"]], np.float32),
        shift=np.float32(written["shift"]),
        scale=np.float32(written["scale"]),
        borders=np.array(written["borders"], np.float64),
    )


def _refuse_lost_tables(ctrs: Sequence[Ctr], params: Mapping[str, Any]) -> None:
    """Two statistics of one type whose targets are cut differently have two tables.

    The JSON names both tables by their type, and keeps the last of them.
    """
    options = params.get("cat_feature_params")
    known = [*map(_cuts, _lists(options))] if options else []
    if ctrs and not (known and all(len(cuts) == len(dict(cuts)) for cuts in known)):
        raise UnsupportedOptionError(
            "statistics of one type that cut the target in several ways are not compiled: "
            "CatBoost's JSON keeps the table of one of them",
            "give simple_ctr, combinations_ctr and per_feature_ctr one TargetBorderCount "
            "for each type, and fit again.",
        )


def _lists(options: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
    """The lists of statistics that training could choose from."""
    per_feature = [*options.get("per_feature_ctrs", {}).values()]
    return [options["simple_ctrs"], options["combinations_ctrs"], *per_feature]


def _cuts(statistics: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """The types, each with how the target is cut."""
    return {(s["ctr_type"], str(s.get("target_binarization"))) for s in statistics}
