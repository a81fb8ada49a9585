"""lightgbm: the text that a booster writes of itself, as arrays.

All numbers of the text are whole: each reads back as the number that was written. It is asked
for a few trees at a time, since that of a large model is many times larger than its arrays.
T is the number of trees, I of their tests, L of leaves, S of category sets, W of words in
these, P of the coefficients of linear models.

Source: src/boosting/gbdt_model_text.cpp, GBDT::SaveModelToString, and src/io/tree.cpp,
Tree::ToString (4.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.errors import NotFittedError

if TYPE_CHECKING:
    from lightgbm import Booster

#: The letters of the text that is asked for at once: lightgbm writes what needs more than
#: 2**20 twice, the first time to see how long it is.
_LETTERS = 2**19
_MOST_ITERATIONS = 256

#: The fields of a tree that are read, and their types.
_FIELDS: Mapping[str, type[np.generic]] = {
    "split_feature": np.int32,
    "decision_type": np.int8,
    "threshold": np.float64,
    "left_child": np.int32,
    "right_child": np.int32,
    "leaf_value": np.float64,
    "cat_boundaries": np.int64,
    "cat_threshold": np.uint32,
    "leaf_const": np.float64,
    "num_features": np.int32,
    "leaf_features": np.int32,
    "leaf_coeff": np.float64,
}


@dataclass(frozen=True)
class Header:
    """What stands before and behind the trees.

    fields       name to value
    arguments    of the objective: ``sigmoid:1``, ``sqrt`` ...
    is_averaged  whether the prediction is the mean of the trees
    categorical  the positions of the categorical features
    letters      the length of all this
    iteration    the length of the text of the first iteration
    """

    fields: Mapping[str, str]
    objective: str
    arguments: Sequence[str]
    is_averaged: bool
    categorical: tuple[int, ...]
    letters: int
    iteration: int


@dataclass(frozen=True)
class Grown:
    """T trees, one after the other; numbers of nodes and sets count from 0 in each tree.

    leaves          [T]   how many each tree has; it has one test less
    sets            [T]   how many each tree has
    is_linear       [T]   whether its leaves hold linear models
    feature         [I]
    decision        [I]   the bits of decision_type
    threshold       [I]   of a categorical test, the number of its set
    left, right     [I]   a test, or the complement of a leaf's number
    value           [L]
    words_in_set    [S]
    words           [W]   32 codes each, the least in the lowest bit
    constant        of each leaf of linear trees
    coefficients    of each leaf of linear trees, how many
    linear_feature  [P]
    coefficient     [P]
    """

    leaves: np.ndarray
    sets: np.ndarray
    is_linear: np.ndarray
    feature: np.ndarray
    decision: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    words_in_set: np.ndarray
    words: np.ndarray
    constant: np.ndarray
    coefficients: np.ndarray
    linear_feature: np.ndarray
    coefficient: np.ndarray


def header_of(booster: Booster) -> Header:
    """What the booster says of itself beside its trees."""
    text: str = booster.model_to_string(num_iteration=1)
    head, _, rest = text.partition("\nTree=")
    trees, _, tail = rest.partition("\nend of trees")
    fields = _pairs(head)
    objective, *arguments = fields.get("objective", "").split(" ")
    categorical = re.search(r"^\[categorical_feature: ([\d,]+)\]$", tail, re.MULTILINE)
    return Header(
        fields=fields,
        objective=objective,
        arguments=arguments,
        is_averaged="average_output" in head.splitlines(),
        categorical=tuple(map(int, categorical[1].split(","))) if categorical else (),
        letters=len(text) - len(trees),
        iteration=len(trees),
    )


def grown(booster: Booster, header: Header) -> Grown:
    """The trees up to the best iteration.

    Raises
    ------
    NotFittedError
        There are none.
    """
    pieces = [_arrays(_trees(text)) for text in _pieces(booster, header)]
    if not pieces:
        raise NotFittedError("the booster has no trees", "train it before compiling.")
    joined = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    return Grown(
        leaves=joined["num_leaves"],
        sets=joined["num_cat"],
        is_linear=joined["is_linear"],
        feature=joined["split_feature"],
        decision=joined["decision_type"],
        threshold=joined["threshold"],
        left=joined["left_child"],
        right=joined["right_child"],
        value=joined["leaf_value"],
        words_in_set=joined["words_in_set"],
        words=joined["cat_threshold"],
        constant=joined["leaf_const"],
        coefficients=joined["num_features"],
        linear_feature=joined["leaf_features"],
        coefficient=joined["leaf_coeff"],
    )


def _pieces(booster: Booster, header: Header) -> Iterator[str]:
    """The text of consecutive iterations; each time the header is written too."""
    best, last = booster.best_iteration, booster.current_iteration()
    last = min(best, last) if best > 0 else last
    letters = max(_LETTERS, 4 * header.letters)
    step = min(1 + letters // max(header.iteration, 1), _MOST_ITERATIONS)
    for first in range(0, last, step):
        yield booster.model_to_string(num_iteration=min(step, last - first), start_iteration=first)


def _pairs(block: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in block.splitlines())
    return {name: value for name, separator, value in pairs if separator}


def _trees(text: str) -> list[dict[str, str]]:
    body, _, _ = text.partition("\nend of trees")
    return [_pairs(block) for block in body.split("\nTree=")[1:]]


def _arrays(trees: Sequence[Mapping[str, str]]) -> dict[str, np.ndarray]:
    """The fields of all `trees`, one tree after the other."""
    linear = [tree.get("is_linear", "0") == "1" for tree in trees]
    read = {
        name: _numbers(" ".join([tree.get(name, "") for tree in trees]), dtype)
        for name, dtype in _FIELDS.items()
    }
    sets = np.array([int(tree["num_cat"]) for tree in trees])
    return read | {
        "num_leaves": np.array([int(tree["num_leaves"]) for tree in trees]),
        "num_cat": sets,
        "is_linear": np.array(linear),
        "words_in_set": _within(read["cat_boundaries"], sets),
    }


def _numbers(text: str, dtype: type[np.generic]) -> np.ndarray:
    return np.fromstring(text, dtype, sep=" ") if text.strip() else np.zeros(0, dtype)


def _within(bounds: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """The lengths of the sets, from their bounds, which start anew with each tree: [S]."""
    ends = np.cumsum(sets[sets > 0] + 1)
    return np.delete(np.diff(bounds), ends[:-1] - 1) if bounds.size else bounds
