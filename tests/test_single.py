"""Trees for one row at a time, held against a plain walk."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

pytest.importorskip("llvmlite")

from sparkbird.kernels import machine, single
from sparkbird.kernels.single import LANES, Single, TooLargeError
from tests.test_kernels import SPECIAL, added, grown, rows_for, walked

HOST = machine.host()


def one_by_one(forest, x):
    """The results of rows that come one at a time."""
    return np.concatenate([forest.result(x[i : i + 1]) for i in range(len(x))])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    trees=st.sampled_from([1, 2, LANES - 1, LANES, LANES + 1, 3 * LANES]),
    leaves=st.sampled_from([1, 2, 5, 64, 500]),
    features=st.integers(1, 70),
    outputs=st.integers(1, 3),
    types=st.sampled_from([(np.float32, np.float32), (np.float32, np.float64), (np.float64,) * 2]),
    missing=st.booleans(),
)
def test_sums_and_leaves_are_those_of_a_plain_walk(
    seed, trees, leaves, features, outputs, types, missing
):
    rng = np.random.default_rng(seed)
    dtype, summed = types
    values = np.append(rng.standard_normal(40), SPECIAL).astype(dtype)
    shape = {"trees": trees, "leaves": leaves, "features": features}
    forest = grown(rng, **shape, values=values, dtype=dtype, missing=missing)
    x = rows_for(rng, forest, 20, features, dtype)
    leaf = rng.standard_normal((len(forest.left), outputs)).astype(summed)
    want = walked(forest, x)
    sums = one_by_one(Single(HOST, forest, leaf, outputs=outputs), x)
    np.testing.assert_array_equal(sums, added(leaf, want), strict=True)
    numbers = one_by_one(Single(HOST, forest), x)
    np.testing.assert_array_equal(numbers, want.astype(np.int32), strict=True)


def test_each_tree_adds_to_the_output_that_is_its_own():
    rng = np.random.default_rng(2)
    forest = grown(rng, trees=6, leaves=20, features=4, values=SPECIAL, dtype=np.float32)
    x = rows_for(rng, forest, 50, 4, np.float32)
    values = rng.standard_normal((len(forest.left), 1))
    output = np.array([0, 2, 1, 0, 2, 2])
    want = np.zeros((50, 3))
    for number, tree in enumerate(walked(forest, x).T):
        want[:, output[number]] += values[tree, 0]
    sums = one_by_one(Single(HOST, forest, values, output, 3), x)
    np.testing.assert_array_equal(sums, want)


def test_a_row_may_lie_in_memory_as_it_likes():
    rng = np.random.default_rng(3)
    forest = grown(rng, trees=4, leaves=40, features=5, values=SPECIAL, dtype=np.float64)
    x = np.asfortranarray(rows_for(rng, forest, 50, 5, np.float64))
    x.flags.writeable = False
    np.testing.assert_array_equal(one_by_one(Single(HOST, forest), x), walked(forest, x))


def test_more_nodes_than_have_addresses_are_refused(monkeypatch):
    rng = np.random.default_rng(4)
    forest = grown(rng, trees=1, leaves=2, features=1, values=SPECIAL, dtype=np.float32)
    monkeypatch.setattr(single, "MOST_BYTES", 8)
    with pytest.raises(TooLargeError, match="more nodes than"):
        Single(HOST, forest)
