"""xgboost: the reader of what a booster writes of itself, as a `Forest` or as linear weights.

N is the number of rows, F of features, T of trees, M of nodes, K of outputs, S of category
sets and C of the codes that they speak of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters.xgboost.objectives import margin_of
from sparkbird.converters.xgboost.trees import Nodes
from sparkbird.converters.xgboost.ubjson import read
from sparkbird.errors import NotFittedError, UnsupportedOptionError
from sparkbird.trees import Forest, less_than

if TYPE_CHECKING:
    from xgboost import Booster


@dataclass(frozen=True)
class Model:
    """A booster as it describes itself; `raw` is its part that differs by the kind of booster.

    booster        "gbtree", "dart" or "gblinear"
    objective      its name
    base           [K] float32, the margin that every row starts from
    n_features     F
    feature_names  the names of the features, none if they have none
    codes          the positions of the features whose values are codes of categories
    categories     for each feature the categories of its dataframe column, none elsewhere;
                   empty if the model keeps none
    attributes     what users and callbacks have noted, the best iteration among it
    """

    booster: str
    objective: str
    base: np.ndarray
    n_features: int
    feature_names: Sequence[str]
    codes: Sequence[int]
    categories: Sequence[Sequence[Any]]
    attributes: Mapping[str, str]
    raw: Mapping[str, Any]

    @property
    def outputs(self) -> int:
        """K."""
        return len(self.base)

    @property
    def best_rounds(self) -> int | None:
        """How many rounds early stopping keeps, if it has been at work."""
        best = self.attributes.get("best_iteration")
        return None if best is None else int(best) + 1


def objective_of(booster: Booster) -> str:
    """The name of the objective of `booster`, without a look at its trees.

    Raises
    ------
    NotFittedError
        It has not been trained.
    """
    try:
        text = booster.save_config()
    except ValueError as error:  # XGBoostError: no features are known
        raise NotFittedError(
            f"{type(booster).__name__} is not fitted", "train it before compiling."
        ) from error
    name: str = json.loads(text)["learner"]["objective"]["name"]
    return name


def describe(booster: Booster) -> Model:
    """What `booster` says of itself.

    Source: doc/model.schema; src/learner.cc, LearnerIO::SaveModel (3.2).
    """
    document = read(booster.save_raw("ubj"))
    learner = document["learner"]
    raw, parameters = learner["gradient_booster"], learner["learner_model_param"]
    objective = learner["objective"]["name"]
    return Model(
        booster=raw["name"],
        objective=objective,
        base=_base(parameters, objective if _is_started(raw, parameters) else ""),
        n_features=int(parameters["num_feature"]),
        feature_names=learner["feature_names"],
        codes=[i for i, kind in enumerate(learner["feature_types"]) if kind == "c"],
        categories=[_categories(each) for each in _trained(raw).get("cats", {}).get("enc", ())],
        attributes=learner["attributes"],
        raw=raw,
    )


def _is_started(raw: Mapping[str, Any], parameters: Mapping[str, str]) -> bool:
    """Whether there was a round, or a base score of the user's own.

    Before that the base score is the margin, whatever the objective.

    Source: src/learner.cc, LearnerConfiguration::InitEstimation (3.2).
    """
    trained = _trained(raw)
    rounds = trained["boosted_rounds"] if "weights" in trained else len(trained["trees"])
    return bool(rounds) or parameters.get("boost_from_average") != "1"


def _base(parameters: Mapping[str, str], objective: str) -> np.ndarray:
    """The margin that rows start from, [K]: since 3.1 each output has one of its own.

    Source: src/learner.cc, LearnerModelParam::OutputLength and BaseScore (3.2).
    """
    score = np.array(json.loads(parameters["base_score"]), np.float32).reshape(-1)
    outputs = max(1, int(parameters["num_class"]), int(parameters.get("num_target", 1)))
    return np.broadcast_to(margin_of(objective, score), outputs)


def _categories(encoding: Mapping[str, Any]) -> list[Any]:
    """The categories of a dataframe column: numbers, or strings written one after the other.

    Of strings with letters beyond ASCII, XGBoost takes lengths in letters for lengths in bytes
    and cuts them in the wrong places; such ones are given as bytes.

    Source: xgboost/_data_utils.py, pd_cat_inf (3.2).
    """
    values = np.asarray(encoding["values"])
    if "offsets" not in encoding:
        return list(values.tolist())
    text, bounds = bytes(values.astype(np.uint8)), np.asarray(encoding["offsets"]).tolist()
    names = [text[start:end] for start, end in pairwise(bounds)]
    return [name.decode() if name.isascii() else name for name in names]


def _trained(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The trees or weights; those of dart lie a floor deeper."""
    model: Mapping[str, Any] = raw.get("gbtree", raw)["model"]
    return model


def linear_of(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """The weights [F, K] and the margin to start from [K]: of base scores, the first for all.

    Source: src/gbm/gblinear.cc, GBLinear::PredictBatchInternal (3.2).
    """
    weights = np.asarray(_trained(model.raw)["weights"]).astype(np.float32)
    if not weights.size:  # not one round
        weights = np.zeros((model.n_features + 1) * model.outputs, np.float32)
    *rows, bias = weights.reshape(-1, model.outputs)
    return np.array(rows), bias + model.base[0]


def forest_of(model: Model, rounds: int | None, *, in_place: bool) -> tuple[Forest | None, Any]:
    """The trees of the first `rounds`, None for all, and the features [Z] that sets ask for.

    Tests of the z-th of these ask for feature F + z of the forest, in which a code that is
    below 0 or in no set is C. `in_place` is whether the library does without a DMatrix: then
    it rounds otherwise what dart drops. There is no forest if there are no trees.

    Source: src/predictor/predict_fn.h, GetNextNode; src/common/categorical.h, Decision (3.2).
    """
    trained = _trained(model.raw)
    trees = trained["trees"][: _end(trained, rounds)]
    if not trees:
        return None, np.empty(0, np.int64)
    nodes = Nodes(trees)
    value = nodes.values(np.asarray(trained["tree_info"]), model.outputs)
    if model.booster == "dart":
        drop = np.asarray(model.raw["weight_drop"])[: len(trees)].astype(np.float32)
        value = _dropped(value, model.base, drop[nodes.tree], in_place=in_place)
    categorical = nodes.inner & (nodes.joined("split_type", np.uint8) == 1)
    category_set, sets = nodes.sets(categorical)
    feature = nodes.joined("split_indices", np.int64)
    asked = np.unique(feature[categorical])
    feature = np.where(categorical, model.n_features + np.searchsorted(asked, feature), feature)
    forest = Forest(
        roots=nodes.number[nodes.starts],
        feature=np.where(nodes.inner, feature, 0)[nodes.kept],
        threshold=_thresholds(nodes, categorical)[nodes.kept],
        nan_left=nodes.joined("default_left", np.bool_)[nodes.kept],
        left=nodes.number[nodes.left][nodes.kept],
        right=nodes.number[nodes.right][nodes.kept],
        value=value[nodes.kept],
        category_set=category_set[nodes.kept],
        sets=sets,
        leaf_id=(np.arange(len(nodes.left)) - nodes.starts[nodes.tree])[nodes.kept],
    )
    return forest, asked


def _end(trained: Mapping[str, Any], rounds: int | None) -> int:
    """How many trees the first `rounds` have: a round may be a forest of many for each output."""
    bounds = np.asarray(trained["iteration_indptr"])
    return int(bounds[-1 if rounds is None else rounds])


def _dropped(
    value: np.ndarray, base: np.ndarray, kept: np.ndarray, *, in_place: bool
) -> np.ndarray:
    """The leaf values [M, K] as dart adds them up, each times the weight `kept` [M] of its tree.

    In place, XGBoost adds each tree to the base and takes that off again.

    Source: src/gbm/gbtree.cc, Dart::PredictBatchImpl and InplacePredict (3.2).
    """
    if in_place:
        value = np.where(value != 0, (value + base) - base, value)
    return np.asarray(value * kept[:, None])


def _thresholds(nodes: Nodes, categorical: np.ndarray) -> np.ndarray:
    """What is not above these is below the thresholds of the model, [M] float32.

    Raises
    ------
    UnsupportedOptionError
        A test is whether a value is below minus infinity.
    """
    numeric = nodes.inner & ~categorical
    threshold = np.where(numeric, nodes.joined("split_conditions", np.float32), 0)
    if (threshold[numeric] == -np.inf).any():
        raise UnsupportedOptionError(
            "a tree asks whether a value is below minus infinity",
            "train on rows without infinities.",
        )
    return less_than(threshold.astype(np.float32))
