"""Forests as machine code, held against a plain walk, on every machine that this one can be."""

import ctypes
import stat
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

pytest.importorskip("llvmlite")
from llvmlite import binding

from sparkbird.kernels import blocks, forms, machine, ranks
from sparkbird.kernels.cache import CACHE
from sparkbird.kernels.forest import Forest, Matrix
from sparkbird.kernels.functions import function
from sparkbird.kernels.library import Library
from sparkbird.kernels.trees import WORD, ranked
from tests.grown import SPECIAL, added, grown, many_thresholds, rows_for, walked

HOST = machine.host()
FEATURES = dict(binding.get_host_cpu_features())


def older() -> machine.Machine | None:
    """This processor as if it had no registers of 512 bits."""
    return machine.machine("haswell", {k: v and "avx512" not in k for k, v in FEATURES.items()})


MACHINES = {"host": HOST, "older": older()}

#: From how many nodes to a condition on trees of few leaves are run by planes: always, or never.
FORMS = {"planes": 0, "levels": np.inf}


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("shared", FORMS.values(), ids=FORMS)
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    trees=st.integers(1, 9),
    leaves=st.sampled_from([1, 2, 5, 31, 64, 129, 256, 257, 1500]),
    features=st.integers(1, 70),
    thresholds=st.sampled_from([2, 40, 300, 5000]),
    outputs=st.integers(1, 3),
    rows=st.sampled_from([1, 63, 64, 65, 300, 1100]),
    types=st.sampled_from([(np.float32, np.float32), (np.float32, np.float64), (np.float64,) * 2]),
    missing=st.booleans(),
)
def test_sums_and_leaves_are_those_of_a_plain_walk(
    name, shared, seed, trees, leaves, features, thresholds, outputs, rows, types, missing
):
    rng = np.random.default_rng(seed)
    dtype, summed = types
    values = np.append(rng.standard_normal(thresholds), SPECIAL).astype(dtype)
    forest = grown(
        rng,
        trees=trees,
        leaves=leaves,
        features=features,
        values=values,
        dtype=dtype,
        missing=missing,
    )
    x = rows_for(rng, forest, rows, features, dtype)
    leaf = rng.standard_normal((len(forest.left), outputs)).astype(summed)
    want = walked(forest, x)
    with mock.patch.object(forms, "NODES_OF_A_CONDITION", shared):
        sums = Forest(MACHINES[name], forest, leaf, outputs=outputs).sums(Matrix(x))
        numbers = Forest(MACHINES[name], forest).numbers(Matrix(x))
    np.testing.assert_array_equal(sums, added(leaf, want))
    np.testing.assert_array_equal(numbers, want)


def test_trees_are_run_in_blocks_that_find_their_own_conditions(monkeypatch):
    monkeypatch.setattr(forms, "NODES_OF_A_CONDITION", 0)
    rng = np.random.default_rng(5)
    values = rng.standard_normal(100)
    forest = grown(rng, trees=12, leaves=30, features=4, values=values, dtype=np.float64)
    leaf = rng.standard_normal((len(forest.left), 1))
    x = rows_for(rng, forest, 700, 4, np.float64)
    whole = Forest(HOST, forest, leaf).sums(Matrix(x))
    monkeypatch.setattr(blocks, "TREES_BYTES", 1)
    parted = Forest(HOST, forest, leaf)
    assert len(parted.parts[0]._form._blocks.blocks) == 12
    np.testing.assert_array_equal(parted.sums(Matrix(x)), whole)
    np.testing.assert_array_equal(whole, added(leaf, walked(forest, x)))


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("columns", [1, 255, 256, 300])
def test_a_tree_may_ask_for_more_columns_than_a_byte_numbers(name, columns):
    rng = np.random.default_rng(columns)
    forest = grown(rng, trees=3, leaves=256, features=columns, values=np.zeros(1), dtype=np.float32)
    x = rows_for(rng, forest, 500, columns, np.float32)
    np.testing.assert_array_equal(
        Forest(MACHINES[name], forest).numbers(Matrix(x)), walked(forest, x)
    )


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_may_be_laid_out_either_way_and_be_none(order):
    rng = np.random.default_rng(1)
    forest = grown(rng, trees=4, leaves=40, features=5, values=SPECIAL, dtype=np.float64)
    x = np.asarray(rows_for(rng, forest, 1000, 5, np.float64), order=order)
    kernel = Forest(HOST, forest)
    np.testing.assert_array_equal(kernel.numbers(Matrix(x)), walked(forest, x))
    np.testing.assert_array_equal(kernel.numbers(Matrix(x[::3])), walked(forest, x[::3]))
    assert kernel.numbers(Matrix(x[:0])).shape == (0, 4)


def test_each_tree_adds_to_the_output_that_is_its_own():
    rng = np.random.default_rng(2)
    forest = grown(rng, trees=6, leaves=20, features=4, values=SPECIAL, dtype=np.float32)
    x = rows_for(rng, forest, 100, 4, np.float32)
    values = rng.standard_normal((len(forest.left), 1))
    output = np.array([0, 2, 1, 0, 2, 2])
    want = np.zeros((100, 3))
    for number, tree in enumerate(walked(forest, x).T):
        want[:, output[number]] += values[tree, 0]
    sums = Forest(HOST, forest, values, output, 3).sums(Matrix(x))
    np.testing.assert_array_equal(sums, want)


def test_trees_are_parted_where_a_column_has_more_thresholds_than_there_are_ranks():
    forest = many_thresholds(4)
    parts = [*ranked(forest)]
    assert [(part.first, part.last) for part in parts] == [(0, 2), (2, 4)]
    assert max(part.most for part in parts) <= WORD
    x = np.random.default_rng(0).integers(-5, 120_005, (50, 1)) * 1.0
    np.testing.assert_array_equal(Forest(HOST, forest).numbers(Matrix(x)), walked(forest, x))


def test_leaves_of_equal_values_share_them():
    forest = many_thresholds(3)
    rng = np.random.default_rng(0)
    classes = np.eye(2)[rng.integers(0, 2, len(forest.left))]
    kernel = Forest(HOST, forest, classes, np.zeros(3, np.int64), 2)
    assert kernel.size < Forest(HOST, forest, rng.random(classes.shape), None, 2).size
    x = rng.integers(-5, 120_005, (50, 1)) * 1.0
    np.testing.assert_array_equal(kernel.sums(Matrix(x)), added(classes, walked(forest, x)))


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("values", [np.float32, np.float64])
@pytest.mark.parametrize("thresholds", [0, 1, 31, 32, 127, 254, 255, 3000])
def test_a_rank_is_the_number_of_thresholds_below_a_value(name, values, thresholds):
    rng = np.random.default_rng(thresholds)
    known = np.unique(rng.standard_normal(thresholds).astype(values))
    kind = np.dtype(np.uint8 if thresholds < 255 else np.uint16)
    searched, steps = ranks.searched(known, ranks.least_steps(np.dtype(values)))
    x = np.concatenate([rng.standard_normal(500), known, SPECIAL, [np.nan]]).astype(values)
    column = np.zeros(1, ranks.COLUMN)
    column[0] = (x.ctypes.data, x.itemsize, searched.ctypes.data, steps, 3, 77, 0)
    tiles = -(-len(x) // 64)
    found = np.zeros(tiles * 64, kind)
    made = forest_function(name, ranks.VALUES[np.dtype(values)], ranks.RANKS[kind])
    made(column.ctypes.data, 1, len(x), found.ctypes.data, 64 * kind.itemsize)
    want = np.where(np.isnan(x), 77, 3 + np.searchsorted(known, x)).astype(kind)
    np.testing.assert_array_equal(found[: len(x)], want)


def forest_function(name, *kinds):
    return function(MACHINES[name], "ranks", *kinds)


ANSWER = """
define void @answer(i64 %place) {
  %p = inttoptr i64 %place to ptr
  store i64 42, ptr %p
  ret void
}
"""


def answer(library):
    found = ctypes.c_uint64()
    library.function("answer", 1)(ctypes.addressof(found))
    return found.value


def test_what_was_compiled_is_kept_on_disk_and_used_again(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path / "new"))
    assert answer(Library(ANSWER, HOST)) == 42
    (kept,) = (tmp_path / "new").iterdir()
    written = kept.stat().st_mtime_ns
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert answer(Library(ANSWER, HOST)) == 42
    assert kept.stat().st_mtime_ns == written


@pytest.mark.parametrize("folder", ["", "/proc/nowhere"])
def test_a_cache_that_cannot_be_written_is_done_without(folder, monkeypatch):
    monkeypatch.setenv(CACHE, folder)
    assert answer(Library(ANSWER, HOST)) == 42


def test_a_processor_without_the_instructions_has_no_kernels():
    assert machine.machine("generic", {"sse2": True}) is None
