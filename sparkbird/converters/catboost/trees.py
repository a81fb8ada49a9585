"""catboost: trees as a model writes them, as a `Forest`.

N is the number of rows, T of trees, M of nodes, K of outputs, B of the tests that the trees
choose from, D of the columns that these ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sparkbird.converters.catboost.flat import Table
from sparkbird.trees import Forest


@dataclass(frozen=True)
class Tests:
    """The tests, by the number that trees give for them: whether ``column > border``.

    column     [B]  which of the D columns
    threshold  [B]  the border for rows of any type, as `decided_as_float32` has it
    nan_left   [B]  whether NaN does not pass
    """

    column: np.ndarray
    threshold: np.ndarray
    nan_left: np.ndarray

    @classmethod
    def of(cls, borders: Sequence[np.ndarray], nan_passes: Sequence[bool]) -> Tests:
        """All tests of D columns, one column after the other, by increasing border."""
        counts, joined = [*map(len, borders)], np.concatenate([*borders, np.empty(0)])
        passes = np.repeat(np.array(nan_passes, np.bool_), counts)
        return cls(
            column=np.repeat(np.arange(len(counts)), counts),
            threshold=decided_as_float32(joined),
            nan_left=~(passes & (joined < np.inf)),  # NaN is taken for infinity then
        )


def decided_as_float32(border: np.ndarray) -> np.ndarray:
    """The greatest float64 that as float32 is not above `border`.

    So ``x <= result`` says of a float64, and of a float32, whether ``float32(x) <= border``.

    >>> 1 + 2**-24 == decided_as_float32(np.ones(1))
    array([ True])
    """
    single = np.asarray(border, np.float32)
    with np.errstate(over="ignore", under="ignore"):
        above = np.nextafter(single, np.float32(np.inf)).astype(np.float64)
    # Past the greatest float32 what is halfway to the next power of 2 becomes infinite.
    above = np.where(np.isposinf(above), 2.0**128, above)
    own = np.where(np.isneginf(single), -(2.0**128), np.minimum(single, above))
    middle = own + (above - own) / 2
    is_even = single.view(np.int32) % 2 == 0  # the middle is rounded to even
    limit = np.where(is_even | np.isinf(single), middle, np.nextafter(middle, -np.inf))
    return np.where(np.isposinf(single), np.inf, limit)


def forest_of(found: Table, tests: Tests) -> Forest | None:
    """The trees of a model, or nothing if there are none.

    Source: catboost/libs/model/flatbuffers/model.fbs (1.2).
    """
    asked, sizes = (found.array(field, "<i4").astype(np.int64) for field in (1, 2))
    if not sizes.size:
        return None
    values = found.array(8, "<f8").reshape(-1, found.number(0, "i"))
    steps = found.array(10, "<u4")
    if steps.size:
        return _grown(tests, asked, sizes, steps, found.array(11, "<u4"), values)
    return _oblivious(tests, asked, sizes, values)


def _starts(lengths: np.ndarray) -> np.ndarray:
    """Where each of some runs starts that follow each other."""
    return np.asarray(np.cumsum(lengths) - lengths)


def _oblivious(tests: Tests, asked: np.ndarray, depth: np.ndarray, values: np.ndarray) -> Forest:
    """Trees that ask one question on each level, all trees of one `depth` [T] at once.

    Test number j of a tree gives bit j of the leaf's number: the last test is the root, and
    leaves stand in order. A tree is numbered level by level.

    Source: catboost/libs/model/cpu/evaluator_impl.cpp, CalcTreesSingleDocImpl (1.2).
    """
    size = 2 ** (depth + 1) - 1
    start, first, own = _starts(size), _starts(2**depth), _starts(depth)
    nodes = int(size.sum())
    test, leaf_id = np.zeros((2, nodes), np.int64)
    left = np.arange(nodes)
    right = left.copy()
    value = np.zeros((nodes, values.shape[1]))
    for d in np.unique(depth):
        trees = np.flatnonzero(depth == d)[:, None]
        inner = start[trees] + np.arange(2**d - 1)
        leaves = start[trees] + np.arange(2**d - 1, 2 ** (d + 1) - 1)
        level = np.repeat(np.arange(d), 2 ** np.arange(d))
        test[inner] = asked[own[trees] + d - 1 - level]
        left[inner] = start[trees] + 2 * np.arange(2**d - 1) + 1
        right[inner] = left[inner] + 1
        leaf_id[leaves] = np.arange(2**d)
        value[leaves] = values[first[trees] + np.arange(2**d)]
    return _forest(tests, test, start, left, right, value, leaf_id)


def _grown(
    tests: Tests,
    asked: np.ndarray,
    sizes: np.ndarray,
    steps: np.ndarray,
    places: np.ndarray,
    values: np.ndarray,
) -> Forest:
    """Trees of `sizes` [T] nodes that were grown node by node.

    The `steps` [M] say how many nodes ahead the children are, the left one in the lower half of
    a word. 0 is to stay: a node of which only one side is 0 is a leaf for the other rows, and
    is followed by that leaf here. `places` [M] say where the values of leaves stand.

    Source: catboost/libs/model/cpu/evaluator_impl.cpp, CalcNonSymmetricTrees (1.2).
    """
    ahead = np.stack([steps & 0xFFFF, steps >> 16], axis=1).astype(np.int64)
    is_leaf = (ahead == 0).all(axis=1)
    is_half = (ahead == 0).any(axis=1) & ~is_leaf
    number = np.arange(len(steps)) + np.cumsum(is_half) - is_half
    children = np.where(
        ahead > 0, number[np.arange(len(steps))[:, None] + ahead], (number + is_half)[:, None]
    )
    below = np.repeat(np.arange(len(steps) + is_half.sum())[:, None], 2, axis=1)
    below[number] = children
    roots = _starts(sizes)
    ends = is_leaf | is_half
    leaves = (number + is_half)[ends]
    place = places[ends].astype(np.int64) // values.shape[1]
    first = np.minimum.reduceat(places, roots).astype(np.int64) // values.shape[1]
    value = np.zeros((len(below), values.shape[1]))
    value[leaves] = values[place]
    leaf_id, test = np.zeros((2, len(below)), np.int64)
    leaf_id[leaves] = place - np.repeat(first, sizes)[ends]
    test[number[~is_leaf]] = asked[~is_leaf]
    return _forest(tests, test, number[roots], below[:, 0], below[:, 1], value, leaf_id)


def _forest(
    tests: Tests,
    test: np.ndarray,
    roots: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    value: np.ndarray,
    leaf_id: np.ndarray,
) -> Forest:
    """Nodes whose tests are known by number; a leaf has test 0, if there is one at all."""
    if not len(tests.column):
        tests = Tests(np.zeros(1, np.int64), np.zeros(1), np.zeros(1, np.bool_))
    return Forest(
        roots=roots,
        feature=tests.column[test],
        threshold=tests.threshold[test],
        nan_left=tests.nan_left[test],
        left=left,
        right=right,
        value=value,
        leaf_id=leaf_id,
    )
