"""Categorical tests as numeric ones, on columns that are 0 in the set and 1 outside of it.

So no strategy has to know of sets. N is the number of rows, F of features, C of codes, D of
derived columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.graph import op
from sparkbird.trees.forest import Forest

if TYPE_CHECKING:
    from sparkbird.graph.op import Array

#: Derived columns that may stand side by side. More make rows so long that neither a walk
#: nor a batch of them fits a cache: the trees are then computed in several parts.
WIDEST = 1024


def lowered(forest: Forest, x: Array) -> tuple[Forest, Array]:
    """The same decisions as tests ``<= 0.5`` of further columns, [N, F] -> [N, F + D].

    A derived column is for a feature, a set, and whether unknown codes are in it.
    """
    if not forest.categorical.any():
        return forest, x
    cat, sets = forest.categorical, forest.sets
    pairs, inverse = np.unique(_questions(forest)[cat], return_inverse=True)
    of_feature, members = _decoded(pairs, sets)
    tables = [x]
    for feature in np.unique(of_feature):
        code = _code(op.take(x, int(feature), axis=1), sets.shape[1])
        outside = ~members[of_feature == feature].T  # [C + 1, D of this feature]
        tables.append(op.take(outside.astype(x.dtype), code))
    feature, threshold = forest.feature.copy(), forest.threshold.copy()
    feature[cat], threshold[cat] = x.shape[1] + inverse.ravel(), 0.5
    numeric = replace(
        forest,
        feature=feature,
        threshold=threshold,
        nan_left=forest.nan_left & ~cat,
        category_set=np.full(len(cat), -1),
        sets=np.zeros((0, 1), np.bool_),
    )
    return numeric, op.concat(*tables, axis=1)


def parts(forest: Forest) -> Iterator[Forest]:
    """`forest` itself, or consecutive trees of it with at most `WIDEST` derived columns."""
    cat = forest.categorical
    questions = _questions(forest)
    if np.unique(questions[cat]).size <= WIDEST:
        yield forest
        return
    first, asked = 0, np.empty(0, np.int64)
    ends = np.append(forest.starts, len(cat))
    for tree in range(forest.n_trees):
        nodes = slice(ends[tree], ends[tree + 1])
        own = questions[nodes][cat[nodes]]
        asked = np.union1d(asked, own)
        if asked.size > WIDEST and tree > first:
            yield forest.part(first, tree)
            first, asked = tree, np.unique(own)
    yield forest.part(first, forest.n_trees)


def columns(forest: Forest) -> int:
    """How many derived columns `lowered` adds."""
    return int(np.unique(_questions(forest)[forest.categorical]).size)


def _questions(forest: Forest) -> np.ndarray:
    """A number for what each node asks: its feature, set, and the way of unknown codes, [M]."""
    question: np.ndarray = forest.feature.astype(np.int64) * len(forest.sets) + forest.category_set
    return np.asarray(question * 2 + forest.nan_left)


def _decoded(questions: np.ndarray, sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The feature of each question [D], and the codes that go left, unknown last [D, C + 1]."""
    feature, number = np.divmod(questions // 2, len(sets))
    unknown = (questions % 2 == 1)[:, None]
    return feature, np.concatenate([sets[number], unknown], axis=1)


def _code(seen: Array, codes: int) -> Array:
    """The code of each value, `codes` for unknown ones: [N] -> [N]. -0.9 is code 0, as to C."""
    known = op.less(-1.0, seen) & op.less(seen, float(codes))
    return op.cast(op.where(known, seen, np.asarray(codes, seen.dtype)), dtype=np.int64)
