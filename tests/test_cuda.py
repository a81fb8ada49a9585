"""Forests on a GPU: what can be known without one, and on one the CPU's results, bit for bit."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from sparkbird.errors import ProviderError
from sparkbird.kernels.columns import ColumnRows
from sparkbird.kernels.cuda import driver, layout, library, transfer, walks
from sparkbird.kernels.cuda.driver import DeviceMemoryError
from sparkbird.kernels.cuda.forest import Forest
from sparkbird.kernels.cuda.transfer import OnDevice
from sparkbird.kernels.forest import Matrix
from sparkbird.kernels.given import of_matrix
from sparkbird.kernels.trees import ranked
from tests import device
from tests.grown import SPECIAL, added, grown, many_thresholds, rows_for, walked

TYPES = [(np.float32, np.float32), (np.float32, np.float64), (np.float64, np.float64)]


def random_forest(seed, *, leaves, thresholds, features=7, dtype=np.float32, trees=5, missing=True):
    rng = np.random.default_rng(seed)
    values = np.append(rng.standard_normal(thresholds), SPECIAL).astype(dtype)
    forest = grown(
        rng, trees=trees, leaves=leaves, features=features, values=values, dtype=dtype, missing=missing
    )  # fmt: skip
    return forest, rows_for(rng, forest, 400, features, dtype)


# What the device reads, read here.


@pytest.mark.parametrize("form", ["full", "sparse"])
@pytest.mark.parametrize("leaves", [1, 2, 9, 60])
@pytest.mark.parametrize("thresholds", [2, 40, 2000])
def test_the_arrays_that_the_device_reads_hold_the_forest(form, leaves, thresholds):
    forest, x = random_forest(leaves, leaves=leaves, thresholds=thresholds, trees=30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "is_full", lambda *_: form == "full")
        found = device.Forest(forest, device=None).result(Matrix(x))
    np.testing.assert_array_equal(found, walked(forest, x))


def test_a_column_stands_twice_only_where_no_rank_of_nan_suits_its_nodes():
    forest, x = random_forest(1, leaves=60, thresholds=40, trees=30)
    for missing, count in ((forest.nan_left, 14), (forest.threshold >= 0, 7), (x[:1, 0] > 9, 7)):
        own = replace(forest, nan_left=np.broadcast_to(missing, forest.nan_left.shape))
        (part,) = ranked(own)
        assert len(layout.Columns.of(part, layout.nodes_of(own, part)).place) == count
        np.testing.assert_array_equal(
            device.Forest(own, device=None).result(Matrix(x)), walked(own, x)
        )


def test_groups_of_full_trees_have_room_in_shared_memory():
    forest, _ = random_forest(0, leaves=200, thresholds=30, trees=60)
    (part,) = ranked(forest)
    columns = layout.Columns.of(part, layout.nodes_of(forest, part))
    leaves = np.zeros((len(forest.left), 1))
    output = np.zeros(60, np.int64)
    made = layout.full(forest, part, columns, np.dtype(np.uint8), leaves, output)
    alone = made.groups["count"] == 1
    assert (made.groups["size"][~alone] <= layout.GROUP_BYTES).all()
    assert made.groups["count"].sum() == 60


@pytest.mark.parametrize(
    ("leaves", "levels", "full"),
    [(2, 8, True), (256, 8, True), (300, 9, True), (31, 9, False), (2**13, 12, False)],
)
def test_shallow_trees_are_filled_up_and_deep_ones_only_if_nearly_full(
    leaves, levels, full, monkeypatch
):
    forest, _ = random_forest(0, leaves=2, thresholds=3)
    (part,) = ranked(forest)
    monkeypatch.setattr(layout, "_levels", lambda *_: np.array([levels]))
    monkeypatch.setattr(layout, "nodes_of", lambda *_: np.zeros((leaves - 1) * len(forest.roots)))
    columns = layout.Columns(np.zeros(3), np.zeros(3), np.zeros(1))
    assert layout.is_full(forest, part, columns, np.dtype(np.uint8)) == full


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_say_where_their_values_are(order):
    x = np.asarray(np.arange(20.0).reshape(5, 4), order=order)
    given = of_matrix(x, np.array([1, 3]), [np.zeros(1)] * 2)
    for column, feature in zip(given.columns, (1, 3), strict=True):
        block = given.blocks[column["block"]].reshape(5, -1)
        np.testing.assert_array_equal(block[:, column["offset"] // 8], x[:, feature])
    assert len(given.blocks) == (1 if order == "C" else 2)


# Kernels are compiled where there is a compiler.

_BASE = {
    "RANK": "unsigned char", "STORES": 0, "NUMBERS": 0, "THREADS": 256, "ROWS": 2, "OUTPUTS": 3,
    "NEAR": 1,
}  # fmt: skip
_STORES = {**_BASE, "LEAF": "unsigned", "WIDTH": 1, "OUTPUTS": 1, "STORES": 1, "NUMBERS": 1}
_ADDS = {"WARPS": 16, "TREES": 256}
# fmt: off
KERNELS = [
    ("rank",   {"VALUE": "float", "RANK": "unsigned char"}),
    ("rank",   {"VALUE": "double", "RANK": "unsigned short"}),
    ("full",   {**_BASE, "LEAF": "float", "WIDTH": 1, "LEVELS": 8}),
    ("full",   {**_BASE, "LEAF": "double", "WIDTH": 3, "LEVELS": 0, "RANK": "unsigned short"}),
    ("full",   {**_STORES, "LEVELS": 3}),
    ("full",   {**_STORES, "LEVELS": 3, "LEAF": "double", "NUMBERS": 0}),
    ("sparse", {**_BASE, "LEAF": "double", "WIDTH": 3, "NEAR": 0}),
    ("sparse", _STORES),
    ("sparse", {**_STORES, "LEAF": "float", "NUMBERS": 0}),
    ("add",    {**_ADDS, "LEAF": "double", "ONE": 0, "NUMBERS": 1}),
    ("add",    {**_ADDS, "LEAF": "float", "ONE": 1, "NUMBERS": 0}),
]
# fmt: on


def has_compiler():
    try:
        library._nvrtc()
    except ProviderError:
        return False
    return True


@pytest.mark.skipif(not has_compiler(), reason="NVRTC is not installed")
@pytest.mark.parametrize(("name", "defined"), KERNELS)
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_every_kernel_compiles(name, defined, architecture, monkeypatch):
    monkeypatch.setenv("SPARKBIRD_KERNEL_CACHE", "")
    assert library.compiled(name, defined, architecture)[:4] == b"\x7fELF"


@pytest.mark.skipif(not has_compiler(), reason="NVRTC is not installed")
def test_what_does_not_compile_is_shown(monkeypatch):
    monkeypatch.setenv("SPARKBIRD_KERNEL_CACHE", "")
    with pytest.raises(ProviderError, match=r"(?s)cannot compile.*no_such_type"):
        library.compiled("add", {**_ADDS, "LEAF": "no_such_type"}, "sm_90")


def test_a_machine_without_the_packages_says_so(monkeypatch):
    forest, _ = random_forest(0, leaves=2, thresholds=2)
    monkeypatch.setattr(driver, "device", driver.Device)
    monkeypatch.setitem(importlib.sys.modules, "cuda.bindings", None)
    monkeypatch.setitem(importlib.sys.modules, "cuda", None)
    with pytest.raises(ProviderError, match=r"(?s)cannot run on a GPU.*sparkbird\[gpu\]"):
        Forest(forest, device=driver.Device(0))


# Chunks, on a device that is none.


class Host:
    """A device whose memory is the host's, and has room for so many bytes."""

    def __init__(self, room):
        self.room, self.sizes = room, []

    def memory(self, size):
        if size > self.room:
            raise DeviceMemoryError("no room")
        self.sizes.append(size)
        found = driver.Memory(0, size)
        found.content = np.zeros(size, np.uint8)
        found.address = found.content.ctypes.data
        return found

    def pinned(self, size):
        return np.zeros(max(1, size), np.uint8)

    def is_pinned(self, _):
        return False

    def stream(self):
        return self

    def put(self, place, array):
        at(place, array.nbytes)[:] = np.ascontiguousarray(array).view(np.uint8).ravel()

    def get(self, array, place):
        array[:] = at(place, array.nbytes)

    def wait(self):
        pass


def at(place, size):
    import ctypes

    return np.frombuffer((ctypes.c_uint8 * size).from_address(place), np.uint8)


def first_column_plus_row(lane, chunk):
    values = [
        at(chunk.address + start, chunk.count * stride).view(np.float64).reshape(chunk.count, -1)
        for start, stride in zip(chunk.starts, chunk.strides, strict=True)
    ]
    place = lane.memory("out", chunk.count * 8)
    at(place, chunk.count * 8).view(np.float64)[:] = values[0][:, 0] + values[1][:, -1]
    return place


@pytest.mark.parametrize("rows", [1, 5, 4_000, 5_000])
@pytest.mark.parametrize("room", [10**9, 50_000])
def test_chunks_come_back_in_order_however_little_memory_there_is(rows, room, monkeypatch):
    monkeypatch.setattr(transfer, "CHUNK_ROWS", 2_000)
    monkeypatch.setattr(transfer, "LEAST_ROWS", 100)
    host = Host(room)
    blocks = [np.arange(rows, dtype=np.float64), np.arange(3.0 * rows).reshape(rows, 3)[:, ::-1]]
    results = np.empty((rows, 1))
    lanes = [transfer.Lane(host), transfer.Lane(host)]
    transfer.in_chunks(lanes, blocks, results, first_column_plus_row, 8)
    np.testing.assert_array_equal(results[:, 0], blocks[0] + blocks[1][:, -1])


def test_chunks_keep_to_the_room_that_is_theirs():
    host, results = Host(10**9), np.empty((5_000, 1))
    blocks = [np.arange(5_000.0), np.arange(5_000.0)]
    lanes = [transfer.Lane(host), transfer.Lane(host)]
    transfer.in_chunks(lanes, blocks, results, first_column_plus_row, 8, room=2 * 24 * 1_000)
    np.testing.assert_array_equal(results[:, 0], blocks[0] + blocks[1])
    assert max(host.sizes) < 2 * 8 * 1_000 + 1_024


def test_a_gpu_is_looked_for_once_however_often_batches_ask(monkeypatch):
    looked = []

    def bindings():
        looked.append(1)
        raise ProviderError("there is none", "do without.")

    driver._found.cache_clear()
    monkeypatch.setattr(driver, "bindings", bindings)
    assert [driver.seen() for _ in range(5)] == [False] * 5
    assert driver.lacking() == "there is none"
    assert len(looked) == 1
    driver._found.cache_clear()


def test_a_copy_of_a_process_with_a_gpu_is_refused_one(monkeypatch):
    monkeypatch.setattr(driver, "bindings", object)
    monkeypatch.setattr(driver, "_started", {1})
    with pytest.raises(ProviderError, match=r"(?s)forked.*'spawn'"):
        driver.Device(0)
    assert "forked" in driver.lacking()
    assert driver.count() == 0
    assert driver.seen()  # which is said when the CPU is used instead


def test_too_little_memory_is_an_error_with_a_name(monkeypatch):
    monkeypatch.setattr(transfer, "LEAST_ROWS", 100)
    lanes = [transfer.Lane(Host(100))]
    with pytest.raises(ProviderError, match="too little memory for 63 rows"):
        transfer.in_chunks(lanes, [np.zeros(500)] * 2, np.zeros((500, 1)), first_column_plus_row, 8)


# On a GPU.


@pytest.mark.gpu
@pytest.mark.parametrize("few", [0, 10**6], ids=["at once", "tree by tree"])
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    trees=st.integers(1, 9),
    leaves=st.sampled_from([1, 2, 5, 31, 64, 129, 256, 257, 1500]),
    features=st.integers(1, 70),
    thresholds=st.sampled_from([2, 40, 300, 5000]),
    outputs=st.sampled_from([1, 2, 3, 9]),
    rows=st.sampled_from([0, 1, 31, 32, 33, 300, 1100]),
    types=st.sampled_from(TYPES),
    missing=st.booleans(),
)
def test_sums_and_leaves_are_those_of_a_plain_walk(
    few, seed, trees, leaves, features, thresholds, outputs, rows, types, missing
):
    from sparkbird.kernels.cuda import forest as module

    rng = np.random.default_rng(seed)
    dtype, summed = types
    values = np.append(rng.standard_normal(thresholds), SPECIAL).astype(dtype)
    forest = grown(
        rng, trees=trees, leaves=leaves, features=features, values=values, dtype=dtype,
        missing=missing,
    )  # fmt: skip
    x = rows_for(rng, forest, rows, features, dtype)
    leaf = rng.standard_normal((len(forest.left), outputs)).astype(summed)
    want = walked(forest, x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROWS_OF_A_PROCESSOR", few)
        sums = Forest(forest, leaf, outputs=outputs).sums(Matrix(x))
    np.testing.assert_array_equal(sums, added(leaf, want))
    np.testing.assert_array_equal(Forest(forest).numbers(Matrix(x)), want)


@pytest.mark.gpu
@pytest.mark.parametrize("few", [0, 10**6], ids=["at once", "tree by tree"])
@pytest.mark.parametrize("leaves", [20, 2_000])
def test_each_tree_adds_to_the_output_that_is_its_own(few, leaves, monkeypatch):
    from sparkbird.kernels.cuda import forest as module

    monkeypatch.setattr(module, "ROWS_OF_A_PROCESSOR", few)
    rng = np.random.default_rng(2)
    forest = grown(rng, trees=6, leaves=leaves, features=4, values=SPECIAL, dtype=np.float32)
    x = rows_for(rng, forest, 100, 4, np.float32)
    values = rng.standard_normal((len(forest.left), 1))
    output = np.array([0, 2, 1, 0, 2, 2])
    want = np.zeros((100, 3))
    for number, tree in enumerate(walked(forest, x).T):
        want[:, output[number]] += values[tree, 0]
    np.testing.assert_array_equal(Forest(forest, values, output, 3).sums(Matrix(x)), want)


@pytest.mark.gpu
@pytest.mark.parametrize("columns", [1, 255, 256, 300, 3_000])
def test_a_tree_may_ask_for_many_columns(columns):
    rng = np.random.default_rng(columns)
    forest = grown(rng, trees=9, leaves=900, features=columns, values=np.zeros(1), dtype=np.float32)
    x = rows_for(rng, forest, 500, columns, np.float32)
    np.testing.assert_array_equal(Forest(forest).numbers(Matrix(x)), walked(forest, x))


@pytest.mark.gpu
def test_trees_are_parted_where_a_column_has_more_thresholds_than_there_are_ranks():
    forest = many_thresholds(4)
    rng = np.random.default_rng(0)
    x = rng.integers(-5, 120_005, (50, 1)) * 1.0
    leaf = rng.standard_normal((len(forest.left), 2))
    kernel = Forest(forest, leaf, outputs=2)
    assert len(kernel.parts) == 2
    np.testing.assert_array_equal(kernel.sums(Matrix(x)), added(leaf, walked(forest, x)))
    np.testing.assert_array_equal(Forest(forest).numbers(Matrix(x)), walked(forest, x))


@pytest.mark.gpu
@pytest.mark.parametrize("layout_of", ["C", "F", "columns", "pinned"])
@pytest.mark.parametrize("types", TYPES)
def test_many_rows_come_in_chunks_from_wherever_they_are(layout_of, types, monkeypatch):
    monkeypatch.setattr(transfer, "CHUNK_ROWS", 300)
    dtype, summed = types
    forest, x = random_forest(3, leaves=200, thresholds=100, features=5, dtype=dtype, trees=40)
    leaf = np.random.default_rng(0).standard_normal((len(forest.left), 1)).astype(summed)
    kernel = Forest(forest, leaf)
    x = np.concatenate([x] * 5)
    rows = Matrix(np.asarray(x, order="F" if layout_of == "F" else "C"))
    if layout_of == "columns":
        columns = {i: x[:, i].copy() for i in range(5)}
        rows = ColumnRows({**columns, 4: columns[4][::-1]}, x.dtype, len(x))
        x[:, 4] = x[::-1, 4]
    if layout_of == "pinned":
        pinned = kernel.device.pinned(x.nbytes).view(dtype).reshape(x.shape)
        pinned[:] = x
        assert kernel.device.is_pinned(pinned)
        rows = Matrix(pinned)
    np.testing.assert_array_equal(kernel.sums(rows), added(leaf, walked(forest, x)))


@pytest.mark.gpu
def test_threads_share_a_forest():
    from concurrent.futures import ThreadPoolExecutor

    forest, x = random_forest(4, leaves=50, thresholds=100)
    leaf = np.random.default_rng(0).standard_normal((len(forest.left), 1))
    kernel, want = Forest(forest, leaf), added(leaf, walked(forest, x))
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: kernel.sums(Matrix(x)), range(64)):
            np.testing.assert_array_equal(found, want)


@pytest.mark.gpu
def test_rows_of_another_library_are_added_up_where_they_are():
    torch = pytest.importorskip("torch")
    forest, x = random_forest(5, leaves=50, thresholds=100)
    leaf = np.random.default_rng(0).standard_normal((len(forest.left), 1))
    kernel = Forest(forest, leaf)
    lane, found = kernel.lane(), np.empty((len(x), 1))
    rows = OnDevice.of(torch.from_numpy(x).cuda())
    lane.stream.get(found, kernel.sums_on_device(rows, lane))
    lane.stream.wait()
    want = added(leaf, walked(forest, x))
    np.testing.assert_array_equal(found, want)
    np.testing.assert_array_equal(kernel.result(rows), want)
    np.testing.assert_array_equal(Forest(forest).result(rows), walked(forest, x))


def test_the_walks_that_add_up_and_those_that_store_have_blocks_of_whole_warps():
    for shape in (*walks.ADDING, *walks.STORING):
        assert shape.threads % layout.LANES == 0
