"""Forests on a GPU, for rows that are there already and for others, beside what else runs there.

Models are trained here, so that no file is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from sparkbird.benchmark.gpu.models import FORESTS, PAPER, forest_of
from sparkbird.benchmark.gpu.peers import Task, prepared
from sparkbird.benchmark.gpu.report import COPY, CPU, OWN
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.results import Measurement
from sparkbird.benchmark.shapes import SHAPES, Forest as Trained, made
from sparkbird.benchmark.ways import Way, timed
from sparkbird.compiler import compile as compile_model
from sparkbird.kernels import machine
from sparkbird.kernels.cuda import driver
from sparkbird.kernels.cuda.driver import Device
from sparkbird.kernels.cuda.forest import Forest
from sparkbird.kernels.cuda.transfer import Lane, OnDevice
from sparkbird.kernels.forest import Forest as HostForest, Matrix
from sparkbird.kernels.memory import aligned
from sparkbird.runtime.forests import Found, forests
from sparkbird.runtime.graph import Graph

#: Rows that stand for many and for few, and those that one core is given.
MANY, FEW, BATCH = 1_000_000, 10_000, 100_000
#: How often few rows are scored in a round.
CALLS = 20
#: The types of the sums, and what is said of those that are not the first.
SUMS: dict[str, np.dtype] = {"": np.dtype(np.float32), ", float64 sums": np.dtype(np.float64)}


def measured(options: Options) -> Iterator[Measurement]:
    """Every forest, with sums in float32 as peers have them, and in float64."""
    for forest in FORESTS:
        options.progress(f"{forest.name}: training")
        yield from _of_forest(forest, options)


def _of_forest(forest: Trained, options: Options) -> Iterator[Measurement]:
    model = forest_of(forest)
    x, _ = made(SHAPES[forest.shape], MANY, seed=1)
    compiled = compile_model(model, x[:10], outputs=["predict_proba"], strategy="ensemble")
    (found,) = forests(Graph(compiled.to_bytes()))
    assert found.values is not None
    device = driver.device()
    device.use()
    values = {said: found.values.astype(dtype) for said, dtype in SUMS.items()}
    ours = {said: _on_gpu(found, own) for said, own in values.items()}
    peers = prepared(Task(model)) if forest == PAPER else None
    for count, calls in ((MANY, 1), (FEW, CALLS)):
        options.progress(f"{forest.name}, {count:,} rows on the GPU")
        theirs, absent = peers.ways(x[:count], calls) if peers else ({}, {})
        ways = {**_resident(ours, x[:count], calls), **theirs}
        yield from timed(
            f"{forest.name}, {count:,} rows on the GPU", ways, options.repeats, absent=absent
        )
    cores = {said: _on_cpu(found, own) for said, own in values.items()}
    ways = {**_from_host(device, ours, x), **_one_core(ours, cores, x), **_ranking(found, x)}
    yield from timed(f"{forest.name}, {MANY:,} rows in the host's memory", ways, options.repeats)


def _on_gpu(found: Found, values: np.ndarray) -> Forest:
    return Forest(found.trees, values, found.output, found.outputs)


def _on_cpu(found: Found, values: np.ndarray) -> HostForest | None:
    host = machine.host()
    return HostForest(host, found.trees, values, found.output, found.outputs) if host else None


def _resident(ours: dict[str, Forest], x: np.ndarray, calls: int) -> dict[str, Way]:
    """Rows that are on the device, and sums that stay there."""
    found = {}
    for said, forest in ours.items():
        memory = forest.device.copy(x)
        rows = OnDevice(memory.address, (len(x), x.shape[1]), x.dtype, memory)
        call = partial(_sums_on_device, forest, rows, forest.lane())
        found[f"{OWN}{said}"] = Way(len(x), call, calls)
    return found


def _sums_on_device(forest: Forest, rows: OnDevice, lane: Lane) -> None:
    forest.sums_on_device(rows, lane)
    lane.stream.wait()


def _from_host(device: Device, ours: dict[str, Forest], x: np.ndarray) -> dict[str, Way]:
    """Rows that are copied there, and sums that come back; and the copy alone."""
    pinned = device.pinned(x.nbytes).view(x.dtype).reshape(x.shape)
    pinned[:] = x
    found = {}
    for said, forest in ours.items():
        found[f"{OWN}{said}"] = Way(len(x), partial(forest.sums, Matrix(pinned)))
        call = partial(forest.sums, Matrix(x))
        found[f"{OWN}{said}, memory that is not pinned"] = Way(len(x), call)
    place, stream = device.memory(pinned.nbytes), device.stream()

    def copy() -> None:
        stream.put(place.address, pinned)
        stream.wait()

    return {**found, COPY: Way(len(x), copy)}


def _one_core(
    ours: dict[str, Forest], theirs: dict[str, HostForest | None], x: np.ndarray
) -> dict[str, Way]:
    """The same sums on the CPU, where there are kernels for it."""
    some = Matrix(x[:BATCH])
    found = {}
    for said, forest in theirs.items():
        if forest is not None:
            same = np.array_equal(forest.sums(some), ours[said].sums(some))
            assert same, "sums are the CPU's"
            found[f"{CPU}{said}, one core"] = Way(some.count, partial(forest.sums, some))
    return found


def _ranking(found: Found, x: np.ndarray) -> dict[str, Way]:
    """Ranks found on the CPU, which would let bytes travel in place of numbers."""
    host = machine.host()
    if host is None:
        return {}
    part = HostForest(host, found.trees).parts[0]
    tiles = aligned(-(-BATCH // 64) * part.tile_bytes)
    rows = Matrix(x)

    def rank() -> None:
        rows.rank(part, range(BATCH), tiles.ctypes.data)  # an address alone would not keep them

    return {"ranks alone, one core": Way(BATCH, rank)}
