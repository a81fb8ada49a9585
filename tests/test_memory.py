"""Memory for large results comes back, and never while somebody looks at it."""

import gc

import numpy as np
import pytest

import sparkbird
from sparkbird.dtypes import STRING
from sparkbird.runtime import memory as module
from sparkbird.runtime.memory import Memory


@pytest.fixture
def memory():
    return Memory(kept_bytes=4_000, least_bytes=100)


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_is_used_again(memory):
    first = memory.empty((20, 4), np.dtype(np.float64))
    place = address(first)
    assert memory.idle_bytes == 0
    del first
    assert memory.idle_bytes == 640
    again = memory.empty((80, 2), np.dtype(np.float32))
    assert address(again) == place
    assert again.shape == (80, 2)
    assert again.dtype == np.float32
    assert again.flags.writeable
    assert again.flags.c_contiguous


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[3:5],
        lambda x: x.T,
        lambda x: x.reshape(-1)[1:],
        lambda x: x.view(np.int64)[:, 0],
        memoryview,
        lambda x: [x],
    ],
)
def test_memory_that_a_view_looks_at_is_not_used_again(memory, view):
    first = memory.empty((20, 4), np.dtype(np.float64))
    kept = view(first)
    del first
    gc.collect()
    assert memory.idle_bytes == 0
    del kept
    assert memory.idle_bytes == 640


def test_arrow_keeps_memory_it_was_given(memory):
    pa = pytest.importorskip("pyarrow")
    buffer = pa.py_buffer(memory.empty((80,), np.dtype(np.float64)))
    assert memory.idle_bytes == 0
    del buffer
    assert memory.idle_bytes == 640


def test_little_and_much_and_strings_are_left_to_numpy(memory):
    for shape, dtype in (((4,), np.float64), ((600,), np.float64), ((60,), STRING)):
        array = memory.empty(shape, np.dtype(dtype))
        assert array.base is None
        del array
    assert memory.idle_bytes == 0


def test_what_is_kept_is_bounded(memory):
    arrays = [memory.empty((250,), np.dtype(np.float64)) for _ in range(5)]
    assert len({address(array) for array in arrays}) == 5
    del arrays
    assert memory.idle_bytes == 4_000


def test_a_piece_much_larger_than_asked_for_stays(memory):
    memory.empty((250,), np.dtype(np.float64))
    small = memory.empty((20,), np.dtype(np.float64))
    assert memory.idle_bytes == 2_000
    assert small.nbytes == 160


def test_results_of_a_model_outlive_the_next_call(monkeypatch):
    """Large results are written into memory that came back, and only then."""
    from sklearn.preprocessing import StandardScaler

    pool = Memory(kept_bytes=2**30, least_bytes=1)
    monkeypatch.setattr(module.RESULTS, "empty", pool.empty)
    x = np.random.default_rng(0).normal(size=(40_000, 3))
    compiled = sparkbird.compile(StandardScaler().fit(x), x)
    expected, other = compiled.transform(x).copy(), compiled.transform(x + 1.0)
    kept = compiled.transform(x)
    compiled.transform(x + 2.0)
    np.testing.assert_array_equal(kept, expected)
    np.testing.assert_array_equal(other, compiled.transform(x + 1.0))
    assert pool.idle_bytes > 0
