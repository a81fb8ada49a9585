"""lightgbm: the reader of the text that a booster writes of itself, as a `Forest`.

T is the number of trees, M of nodes, K of outputs of an iteration, S of category sets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.errors import UnsupportedOptionError
from sparkbird.trees import Forest

if TYPE_CHECKING:
    from lightgbm import Booster

#: include/LightGBM/meta.h, kZeroThreshold: what is this near to 0 is 0.
ZERO = float(np.float32(1e-35))

#: include/LightGBM/tree.h: the bits of decision_type; above them, the kind of missing values.
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_NONE, _ZERO, _NAN = range(3)


@dataclass(frozen=True)
class Model:
    """A booster but for its trees.

    objective          its name, or "" for one of the user's own
    sigmoid            the steepness of the logistic link
    outputs            K
    n_features         F, as it was trained
    is_averaged        whether the trees are a random forest
    is_linear          whether leaves hold linear models
    is_square_root     whether the target's square root was learnt
    categorical        the positions of the categorical features
    pandas_categories  the categories of each pandas column that had some, in order
    feature_infos      for each feature, what was seen of it in training
    """

    objective: str
    sigmoid: float
    outputs: int
    n_features: int
    is_averaged: bool
    is_linear: bool
    is_square_root: bool
    categorical: tuple[int, ...]
    pandas_categories: Sequence[Sequence[object]]
    feature_infos: Sequence[str]


def describe(booster: Booster) -> Model:
    """What the booster says of itself in the text of its first iteration.

    Source: src/boosting/gbdt_model_text.cpp, GBDT::SaveModelToString (4.6).
    """
    text: str = booster.model_to_string(num_iteration=1)
    head, _, rest = text.partition("\nTree=")
    header = _fields(head)
    objective, *arguments = header.get("objective", "").split(" ")
    sigmoid = [float(a.removeprefix("sigmoid:")) for a in arguments if a.startswith("sigmoid:")]
    categorical = re.search(r"^\[categorical_feature: ([\d,]+)\]$", rest, re.MULTILINE)
    return Model(
        objective=objective,
        sigmoid=sigmoid[0] if sigmoid else 1.0,
        outputs=int(header["num_tree_per_iteration"]),
        n_features=int(header["max_feature_idx"]) + 1,
        is_averaged="average_output" in head.splitlines(),
        is_linear="\nis_linear=1\n" in rest,
        is_square_root="sqrt" in arguments,
        categorical=tuple(map(int, categorical[1].split(","))) if categorical else (),
        pandas_categories=booster.pandas_categorical or (),
        feature_infos=header["feature_infos"].split(" "),
    )


def forest_of(booster: Booster, model: Model) -> tuple[Forest, np.ndarray]:
    """The trees up to the best iteration, and the features [Z] whose zeros are missing.

    Tests of such a feature, the z-th, ask for feature F + z of the forest: NaN stands there
    for what is 0 or near to it.
    """
    body, _, _ = booster.model_to_string().partition("\nend of trees")
    grown = [_fields(block) for block in body.split("\nTree=")[1:]]
    zero_missing = np.unique(np.concatenate([_zero_missing(tree) for tree in grown]))
    found = [_tree(tree, model, i % model.outputs, zero_missing) for i, tree in enumerate(grown)]
    return Forest.join(found), zero_missing


def pandas_columns(model: Model, strings: Sequence[int]) -> Mapping[int, Sequence[object]]:
    """The columns that were categories of pandas in training, and the categories of each.

    LightGBM keeps the categories in order, but not of which columns they are: it takes what
    is categorical when it predicts. Here columns of strings, at the positions `strings`, can
    be nothing else. The other categories can only be of columns that held codes of theirs in
    training; if there are more such columns than are needed, nobody can tell.

    Raises
    ------
    UnsupportedOptionError
        It cannot be told which columns they were.
    """
    found = model.pandas_categories
    if not found:
        return {}
    texts = [names for names in found if names and all(isinstance(n, str) for n in names)]
    other = [names for names in found if names not in texts]
    most = max(map(len, other), default=0)
    coded = [
        i
        for i, seen in enumerate(model.feature_infos)
        if other and i not in strings and _may_be(seen, most)
    ]
    if len(strings) != len(texts) or len(coded) != len(other) or not _are_numbers(other):
        raise UnsupportedOptionError(
            "it cannot be told which columns were categories of pandas in training",
            "turn categories that are no strings into strings before training, "
            "and give inputs= with these columns as strings.",
        )
    return dict(zip(strings, texts, strict=True)) | dict(zip(coded, other, strict=True))


def _may_be(seen: str, codes: int) -> bool:
    """Whether a feature of these values may hold so many codes: "-1:2:0", "[0:2]" or "none"."""
    values = [] if seen == "none" else [float(v) for v in seen.strip("[]").split(":")]
    return all(-1 <= value < codes and value.is_integer() for value in values)


def _are_numbers(found: Sequence[Sequence[object]]) -> bool:
    return all(isinstance(name, (bool, int, float)) for names in found for name in names)


def _fields(block: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in block.splitlines())
    return {name: value for name, separator, value in pairs if separator}


def _integers(tree: Mapping[str, str], name: str) -> np.ndarray:
    return np.array(tree.get(name, "").split(), np.int64)


def _floats(tree: Mapping[str, str], name: str) -> np.ndarray:
    return np.array(tree.get(name, "").split(), np.float64)


def _zero_missing(tree: Mapping[str, str]) -> np.ndarray:
    """The features that numeric tests of the tree take for missing where they are 0."""
    sees_nan = _sees_nan_for_zero(_integers(tree, "decision_type"))
    return np.asarray(_integers(tree, "split_feature")[sees_nan])


def _sees_nan_for_zero(decision: np.ndarray) -> np.ndarray:
    return np.asarray((decision & _CATEGORICAL == 0) & (decision >> 2 & 3 == _ZERO))


def _tree(tree: Mapping[str, str], model: Model, target: int, zero_missing: np.ndarray) -> Forest:
    """One tree, whose value adds to output `target`: its tests first, then its leaves.

    Source: include/LightGBM/tree.h, Tree::Decision (4.6).
    """
    leaves = int(tree["num_leaves"])
    inner = leaves - 1
    itself = np.arange(inner, inner + leaves)
    decision = _integers(tree, "decision_type")[:inner]
    threshold = _floats(tree, "threshold")[:inner]
    feature = _integers(tree, "split_feature")[:inner]
    moved = model.n_features + np.searchsorted(zero_missing, feature)
    value = np.zeros((inner + leaves, model.outputs))
    value[inner:, target] = _floats(tree, "leaf_value")
    categorical = decision & _CATEGORICAL > 0

    def whole(tests: np.ndarray, at_leaves: int = 0) -> np.ndarray:
        return np.concatenate([tests, np.full(leaves, at_leaves, tests.dtype)])

    def children(name: str) -> np.ndarray:
        child = _integers(tree, name)[:inner]
        return np.concatenate([np.where(child >= 0, child, inner + ~child), itself])

    return Forest(
        roots=np.array([0]),
        feature=whole(np.where(_sees_nan_for_zero(decision), moved, feature)),
        threshold=whole(_past_zero(threshold)),
        nan_left=whole(_nan_left(decision, threshold)),
        left=children("left_child"),
        right=children("right_child"),
        value=value,
        category_set=whole(np.where(categorical, threshold, -1).astype(np.int64), -1),
        sets=_sets(tree),
        leaf_id=np.concatenate([np.zeros(inner, np.int64), np.arange(leaves)]),
    )


def _past_zero(threshold: np.ndarray) -> np.ndarray:
    """The thresholds for rows in which what is near 0 has not been made 0.

    LightGBM drops such values when it takes a row in, and reads 0 instead.

    Source: src/c_api.cpp, RowPairFunctionFromDenseMatric (4.6).
    """
    near = np.abs(threshold) <= ZERO
    return np.where(near, np.where(threshold < 0, np.nextafter(-ZERO, -1.0), ZERO), threshold)


def _nan_left(decision: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """Whether NaN goes left: a missing value where the feature had some, else 0.

    At a categorical test NaN goes right, as does every code that is not in the set.
    """
    as_zero = decision >> 2 & 3 == _NONE
    goes_left = np.where(as_zero, threshold >= 0, decision & _DEFAULT_LEFT > 0)
    return np.asarray(goes_left & (decision & _CATEGORICAL == 0))


def _sets(tree: Mapping[str, str]) -> np.ndarray:
    """Which codes each set holds, [S, C] bool: sets of words of 32 bits, of unequal length."""
    if tree["num_cat"] == "0":
        return np.zeros((0, 1), np.bool_)
    words = np.array(tree["cat_threshold"].split(), np.uint32).astype("<u4")
    bounds = _integers(tree, "cat_boundaries")
    bits = np.unpackbits(words.view(np.uint8), bitorder="little").astype(np.bool_)
    sets = np.zeros((len(bounds) - 1, 32 * int(np.diff(bounds).max())), np.bool_)
    for row, first, last in zip(sets, bounds[:-1], bounds[1:], strict=True):
        row[: 32 * (last - first)] = bits[32 * first : 32 * last]
    return sets
