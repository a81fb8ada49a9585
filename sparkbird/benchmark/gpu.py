"""Forests and a whole pipeline on a GPU, beside the kernels on all cores of the same machine.

Each work is a table of rows and the ways to score them, timed in turn: what else runs on the
machine hits all alike. Models are trained here, so that no file is needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from sparkbird.benchmark.measure import rounds
from sparkbird.benchmark.results import Measurement
from sparkbird.benchmark.shapes import SHAPES, Forest as Trained, made, trained
from sparkbird.compiler import compile as compile_model
from sparkbird.demo import flights
from sparkbird.kernels import machine
from sparkbird.kernels.cuda import driver
from sparkbird.kernels.cuda.driver import Device, Memory
from sparkbird.kernels.cuda.forest import Forest
from sparkbird.kernels.cuda.transfer import Lane
from sparkbird.kernels.forest import Forest as HostForest, Matrix
from sparkbird.kernels.memory import aligned
from sparkbird.model import CompiledModel
from sparkbird.runtime.batches import feeds
from sparkbird.runtime.forests import Found, forests
from sparkbird.runtime.graph import Graph
from sparkbird.runtime.scoring import score_columns
from sparkbird.runtime.sessions import open_session

#: Rows that stand for many and for few, and how many Spark may send at a time.
MANY, FEW, BATCH = 1_000_000, 10_000, 100_000
#: How often few rows are scored in a round.
CALLS = 20

#: What is scored, by the forest of the paper's experiment and others that are run in another way.
FORESTS = (
    Trained("LightGBM", "Higgs", 500, 8, 50_000),
    Trained("LightGBM", "Higgs", 100, 6, 50_000),
    Trained("LightGBM", "Covtype", 100, 8, 50_000),
    Trained("RandomForest", "Higgs", 100, 0, 50_000),
)


@dataclass(frozen=True)
class Rows:
    """A matrix [N, F] on a device."""

    memory: Memory
    shape: tuple[int, int]
    dtype: np.dtype

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        address = (self.memory.address, False)
        return {"shape": self.shape, "typestr": self.dtype.str, "data": address, "version": 3}


def measured(repeats: int, progress: Callable[[str], None]) -> Iterator[Measurement]:
    """All there is to measure."""
    device = driver.device()
    for forest in FORESTS:
        progress(forest.name)
        yield from _of_forest(device, forest, repeats)
    progress("flights")
    yield from _of_flights(repeats)


def _of_forest(device: Device, forest: Trained, repeats: int) -> Iterator[Measurement]:
    """A forest alone, in both types of sums, for rows that are there already and for others."""
    model = trained(forest, None)
    x, _ = made(SHAPES[forest.shape], MANY, seed=1)
    compiled = compile_model(model, x[:10], outputs=["predict_proba"], strategy="ensemble")
    (found,) = forests(Graph(compiled.to_bytes()))
    assert found.values is not None
    device.use()
    pinned = device.pinned(x.nbytes).view(x.dtype).reshape(x.shape)
    pinned[:] = x
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        case = f"{forest.name}, {dtype} sums"
        values = found.values.astype(dtype)
        ours = Forest(found.trees, values, found.output, found.outputs)
        ways = _ways(ours, _on_cpu(found, values), x, pinned)
        yield from _timed(case, ways, repeats)
    yield from _timed(forest.name, _copies(device, pinned), repeats)
    yield from _timed(forest.name, _ranking(found, x), repeats)


def _ways(
    ours: Forest, theirs: HostForest | None, x: np.ndarray, pinned: np.ndarray
) -> Mapping[str, tuple[int, Callable[[], object]]]:
    """The ways to score the rows of a forest, and how many rows each scores."""
    resident = Rows(ours.device.copy(x), (len(x), x.shape[1]), x.dtype)
    few = Rows(resident.memory, (FEW, x.shape[1]), x.dtype)
    times = CALLS * FEW
    lane = ours.lane()
    found: dict[str, tuple[int, Callable[[], object]]] = {
        "rows on the GPU": (MANY, partial(_resident, ours, resident, lane)),
        "rows on the GPU, 10,000 at a time": (times, partial(_resident, ours, few, lane, CALLS)),
        "rows in pinned memory": (MANY, partial(ours.sums, Matrix(pinned))),
        "rows in any memory": (MANY, partial(ours.sums, Matrix(x))),
    }
    if theirs is not None:
        some = Matrix(x[:BATCH])
        assert np.array_equal(theirs.sums(some), ours.sums(some)), "sums are the CPU's"
        found["one core"] = BATCH, partial(theirs.sums, some)
    return found


def _resident(ours: Forest, rows: Rows, lane: Lane, calls: int = 1) -> None:
    for _ in range(calls):  # each waits for its results
        ours.sums_on_device(rows, lane)
        lane.stream.wait()


def _on_cpu(found: Found, values: np.ndarray) -> HostForest | None:
    host = machine.host()
    return HostForest(host, found.trees, values, found.output, found.outputs) if host else None


def _copies(device: Device, pinned: np.ndarray) -> Mapping[str, tuple[int, Callable[[], object]]]:
    """The copy alone, which bounds rows that are not on the device."""
    place, stream = device.memory(pinned.nbytes), device.stream()

    def copy() -> None:
        stream.put(place.address, pinned)
        stream.wait()

    return {"the copy alone, from pinned memory": (MANY, copy)}


def _ranking(found: Found, x: np.ndarray) -> Mapping[str, tuple[int, Callable[[], object]]]:
    """Ranks found on the CPU, which would let bytes travel in place of numbers."""
    host = machine.host()
    if host is None:
        return {}
    part = HostForest(host, found.trees).parts[0]
    tiles = aligned(-(-BATCH // 64) * part.tile_bytes)
    rows = Matrix(x)
    return {
        "ranks alone, one core": (
            BATCH,
            lambda: rows.rank(part, range(BATCH), tiles.ctypes.data),
        )
    }


def _of_flights(repeats: int) -> Iterator[Measurement]:
    """The pipeline of the demo with LightGBM behind it, from an Arrow table."""
    from lightgbm import LGBMClassifier

    known = flights.table()
    booster = LGBMClassifier(n_estimators=300, num_leaves=63, verbose=-1, random_state=0)
    model, _ = flights.trained(known, booster)
    columns = known[flights.CATEGORIES + flights.NUMBERS]
    compiled = compile_model(model, columns, outputs=["predict_proba"], strategy="ensemble")
    table = pa.Table.from_pandas(columns, preserve_index=False)
    rows = pa.concat_tables([table] * -(-MANY // len(table))).slice(0, MANY).combine_chunks()
    on = {device: CompiledModel(compiled.to_bytes(), device=device) for device in ("cpu", "cuda")}
    some = rows.slice(0, BATCH)
    same = np.array_equal(*(one.predict_proba(some) for one in on.values()))
    assert same, "predictions are the CPU's"
    whole = {device: (MANY, partial(one.predict_proba, rows)) for device, one in on.items()}
    yield from _timed("flights, LightGBM 300 x 63 leaves, an Arrow table", whole, repeats)
    yield from _timed("flights, batches of 100,000 rows", _batches(on, rows), repeats)


def _batches(
    on: Mapping[str, CompiledModel], rows: pa.Table
) -> Mapping[str, tuple[int, Callable[[], object]]]:
    """Batches as tasks of one core each score them, one task alone and as many as cores."""
    names = on["cpu"].schema.names
    parts = [rows.slice(start, BATCH) for start in range(0, len(rows), BATCH)]
    batches = [[part[name].combine_chunks() for name in names] for part in parts]
    cores = len(os.sched_getaffinity(0))
    found: dict[str, tuple[int, Callable[[], object]]] = {}
    for device, one in on.items():
        session = open_session(one.to_bytes(), ["predict_proba"], device=device)
        score = partial(score_columns, session)
        many = (batches * cores)[: 2 * cores]
        found[f"{device}, one task"] = BATCH, partial(score, batches[0])
        found[f"{device}, {cores} tasks"] = len(many) * BATCH, partial(_at_once, score, many, cores)
    found["columns to arrays, one task"] = BATCH, partial(feeds, on["cpu"].schema, batches[0])
    return found


def _at_once(score: Callable[[Any], object], batches: Sequence[Any], tasks: int) -> None:
    with ThreadPoolExecutor(tasks) as pool:
        for _ in pool.map(score, batches):
            pass


def _timed(
    case: str, ways: Mapping[str, tuple[int, Callable[[], object]]], repeats: int
) -> Iterator[Measurement]:
    calls = {name: call for name, (_, call) in ways.items()}
    rounds(calls, 2)  # unmeasured: kernels are compiled, memory is taken
    seconds = rounds(calls, repeats)
    for name, (rows, _) in ways.items():
        yield Measurement(case, name, rows, seconds[name])
