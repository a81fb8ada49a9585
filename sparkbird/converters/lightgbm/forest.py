"""lightgbm: the trees of a booster as a `Forest`, and the columns that it asks for.

N is the number of rows, F of features, T of trees, M of nodes, I of tests, L of leaves, S of
category sets, C of codes, Z of features whose zeros are missing, D of features whose codes are
numbered anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.lightgbm.linear import ZERO, Linear, linear_of
from sparkbird.graph import op
from sparkbird.trees import Forest

if TYPE_CHECKING:
    from sparkbird.converters.lightgbm.text import Grown
    from sparkbird.graph.op import Array

#: include/LightGBM/tree.h: the bits of decision_type; above them, the kind of missing values.
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_NONE, _ZERO, _NAN = range(3)

#: Sets may speak of so many codes as they are; where they speak of more, the codes are numbered
#: anew, since a table of a set has a row for each.
_CODES = 1024


@dataclass(frozen=True)
class Trees:
    """A forest over F + Z + D columns, see `columns`, and the linear models of its leaves.

    leaf          [M]  the number of a leaf among those of all trees
    zero_missing  [Z]  the features that tests take for missing where they are 0
    coded              features, and for each the codes that are in its sets
    """

    forest: Forest
    leaf: np.ndarray
    zero_missing: np.ndarray
    coded: tuple[tuple[int, np.ndarray], ...]
    linear: Linear | None


@dataclass(frozen=True)
class _Sets:
    """Category sets: the set and the code of each member, one after the other.

    of_test  [S]  the test that asks for each set
    """

    of_test: np.ndarray
    number: np.ndarray
    code: np.ndarray


def trees_of(grown: Grown, *, features: int, outputs: int) -> Trees:
    """The trees of a booster of `features` F, each of which adds to one of the `outputs`.

    Source: include/LightGBM/tree.h, Tree::Decision (4.6).
    """
    categorical = grown.decision & _CATEGORICAL > 0
    sees_zero = ~categorical & (grown.decision >> 2 & 3 == _ZERO)
    zero_missing = np.unique(grown.feature[sees_zero])
    sets, coded = _numbered(grown, _sets(grown, categorical))
    feature = grown.feature.astype(np.int64)
    place = np.searchsorted(zero_missing, feature)
    feature[sees_zero] = features + place[sees_zero]
    for i, (own, _) in enumerate(coded):
        feature[categorical & (grown.feature == own)] = features + len(zero_missing) + i
    nodes = _Nodes.of(grown)
    forest = _forest(grown, nodes, feature, sets, outputs=outputs)
    number = nodes.at(nodes.leaves, np.arange(len(nodes.leaves), dtype=np.int32))
    return Trees(forest, number, zero_missing, coded, linear_of(grown))


def columns(trees: Trees, x: Array) -> Array:
    """The rows as the forest takes them, [N, F] -> [N, F + Z + D].

    Behind the features stand those whose zeros are missing, with NaN for what is 0 or near to
    it, and the places of codes among those of `coded`, -1 for others.

    Source: include/LightGBM/tree.h, Tree::NumericalDecision (4.6).
    """
    parts = [x]
    if trees.zero_missing.size:
        zeros = op.take(x, trees.zero_missing, axis=1)
        near = op.absolute(zeros) <= np.asarray(ZERO, x.dtype)
        parts.append(op.where(near, np.asarray(np.nan, x.dtype), zeros))
    for feature, codes in trees.coded:
        parts.append(op.expand(_place(op.take(x, feature, axis=1), codes), axis=1))
    return x if len(parts) == 1 else op.concat(*parts, axis=1)


def _place(seen: Array, codes: np.ndarray) -> Array:
    """The place of each value among `codes`, -1 if it is none: [N] -> [N]. -0.9 is code 0."""
    whole = op.floor(op.maximum(op.cast(seen, dtype=np.float64), np.float64(0.0)))
    place = op.lookup(
        whole,
        keys=codes.astype(np.float64),
        values=np.arange(len(codes), dtype=float),
        default=-1.0,
    )
    known = op.less(np.asarray(-1.0, seen.dtype), seen)
    return op.cast(op.where(known, place, np.float64(-1.0)), dtype=seen.dtype)


@dataclass(frozen=True)
class _Nodes:
    """Where the tests [I] and leaves [L] are among the nodes: a tree's tests, then its leaves.

    roots  [T]
    """

    roots: np.ndarray
    tests: np.ndarray
    leaves: np.ndarray

    @classmethod
    def of(cls, grown: Grown) -> _Nodes:
        inner = grown.leaves - 1
        roots = _starts(inner + grown.leaves)
        tests = np.arange(inner.sum()) + np.repeat(roots - _starts(inner), inner)
        before = roots + inner - _starts(grown.leaves)
        return cls(roots, tests, np.arange(grown.leaves.sum()) + np.repeat(before, grown.leaves))

    def at(self, places: np.ndarray, values: np.ndarray, *, other: float = 0) -> np.ndarray:
        """The `values` at these nodes, and `other` at other nodes: [M]."""
        whole = np.full(len(self.tests) + len(self.leaves), other, values.dtype)
        whole[places] = values
        return whole

    def children(self, child: np.ndarray, grown: Grown) -> np.ndarray:
        """The child of each node on one side, itself for a leaf, [M].

        `child` [I] counts the tests of a tree from 0, and its leaves from -1 downwards.
        """
        inner = grown.leaves - 1
        tests, leaves = (np.repeat(_starts(n), inner) for n in (inner, grown.leaves))
        to_leaf = child < 0
        whole = np.arange(len(self.tests) + len(self.leaves))
        whole[self.tests[to_leaf]] = self.leaves[(leaves + ~child)[to_leaf]]
        whole[self.tests[~to_leaf]] = self.tests[(tests + child)[~to_leaf]]
        return whole


def _starts(lengths: np.ndarray) -> np.ndarray:
    """Where each of some runs starts that follow each other."""
    return np.asarray(np.cumsum(lengths) - lengths)


def _forest(
    grown: Grown, nodes: _Nodes, feature: np.ndarray, sets: _Sets, *, outputs: int
) -> Forest:
    """The forest whose tests ask for `feature` [I]; trees take turns with the outputs."""
    members, set_of = _members(sets, len(nodes.tests))
    target = np.repeat(np.arange(len(grown.leaves)) % outputs, grown.leaves)
    value = np.zeros((len(nodes.tests) + len(nodes.leaves), outputs))
    value[nodes.leaves, target] = grown.value
    number = np.arange(len(nodes.leaves)) - np.repeat(_starts(grown.leaves), grown.leaves)
    return Forest(
        roots=nodes.roots,
        feature=nodes.at(nodes.tests, feature),
        threshold=nodes.at(nodes.tests, _past_zero(grown.threshold)),
        nan_left=nodes.at(nodes.tests, _nan_left(grown.decision, grown.threshold)),
        left=nodes.children(grown.left, grown),
        right=nodes.children(grown.right, grown),
        value=value,
        category_set=nodes.at(nodes.tests, set_of, other=-1),
        sets=members,
        leaf_id=nodes.at(nodes.leaves, number),
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


def _sets(grown: Grown, categorical: np.ndarray) -> _Sets:
    """The members of all sets, from words of 32 bits."""
    # A test names its set by its number in its tree.
    tree = np.repeat(np.arange(len(grown.leaves)), grown.leaves - 1)[categorical]
    asked = _starts(grown.sets)[tree] + grown.threshold[categorical].astype(np.int64)
    of_test = np.zeros(len(grown.words_in_set), np.int64)
    of_test[asked] = np.flatnonzero(categorical)
    filled = np.flatnonzero(grown.words)
    bits = np.unpackbits(grown.words[filled].astype("<u4").view(np.uint8), bitorder="little")
    word, bit = np.nonzero(bits.reshape(-1, 32))
    number = np.repeat(np.arange(len(of_test)), grown.words_in_set)
    start, in_set = _starts(grown.words_in_set), filled[word]
    return _Sets(of_test, number[in_set], 32 * (in_set - start[number[in_set]]) + bit)


def _numbered(grown: Grown, sets: _Sets) -> tuple[_Sets, tuple[tuple[int, np.ndarray], ...]]:
    """The sets, the codes of some features numbered anew: these features, and their codes."""
    of_member = grown.feature[sets.of_test[sets.number]]
    coded, code = [], sets.code.copy()
    for feature in np.unique(of_member[sets.code >= _CODES]):
        own = of_member == feature
        codes, place = np.unique(sets.code[own], return_inverse=True)
        code[own] = place
        coded.append((int(feature), codes))
    return _Sets(sets.of_test, sets.number, code), tuple(coded)


def _members(sets: _Sets, tests: int) -> tuple[np.ndarray, np.ndarray]:
    """The sets that differ, [S, C] bool, and the number of the set of each test, [I]."""
    set_of = np.full(tests, -1)
    if not sets.of_test.size:
        return np.zeros((0, 1), np.bool_), set_of
    members = np.zeros((len(sets.of_test), int(sets.code.max(initial=0)) + 1), np.bool_)
    members[sets.number, sets.code] = True
    different, number = np.unique(np.packbits(members, axis=1), axis=0, return_inverse=True)
    set_of[sets.of_test] = number.ravel()
    whole = np.unpackbits(different, axis=1, count=members.shape[1]).astype(np.bool_)
    return whole, set_of
