"""lightgbm: what a booster says of itself, and which of its columns were categories of pandas."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.lightgbm.text import Header, header_of
from sparkbird.errors import UnsupportedOptionError

if TYPE_CHECKING:
    from lightgbm import Booster

#: The names that LightGBM gives to features that have none.
_NO_NAME = re.compile(r"Column_\d+")


@dataclass(frozen=True)
class Model:
    """A booster but for its trees.

    objective          its name, or "" for one of the user's own
    sigmoid            the steepness of the logistic link
    outputs            of an iteration, K
    n_features         F, as it was trained
    is_averaged        whether the trees are a random forest
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
    is_square_root: bool
    categorical: tuple[int, ...]
    pandas_categories: Sequence[Sequence[object]]
    feature_infos: Sequence[str]
    header: Header


def describe(booster: Booster) -> Model:
    """What the booster says of itself in the text of its first iteration.

    Source: src/boosting/gbdt_model_text.cpp, GBDT::SaveModelToString (4.6).
    """
    header = header_of(booster)
    fields, arguments = header.fields, header.arguments
    sigmoid = [float(a.removeprefix("sigmoid:")) for a in arguments if a.startswith("sigmoid:")]
    return Model(
        objective=header.objective,
        sigmoid=sigmoid[0] if sigmoid else 1.0,
        outputs=int(fields["num_tree_per_iteration"]),
        n_features=int(fields["max_feature_idx"]) + 1,
        is_averaged=header.is_averaged,
        is_square_root="sqrt" in arguments,
        categorical=header.categorical,
        pandas_categories=booster.pandas_categorical or (),
        feature_infos=fields["feature_infos"].split(" "),
        header=header,
    )


def names_of(booster: Booster) -> Sequence[str] | None:
    """The names of the columns, None if LightGBM made them up."""
    names: list[str] = booster.feature_name()
    return None if all(map(_NO_NAME.fullmatch, names)) else names


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
    numbers = (bool, int, float, np.bool_, np.number)
    return all(isinstance(name, numbers) for names in found for name in names)
