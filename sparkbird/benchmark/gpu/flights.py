"""The pipeline of the demo on a GPU, strings included, beside all cores of the same machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from sparkbird.benchmark.gpu.models import LEAVES, TREES, late_flights, repeated
from sparkbird.benchmark.gpu.report import CPU, OWN
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.results import Measurement
from sparkbird.benchmark.ways import Way, timed
from sparkbird.compiler import compile as compile_model
from sparkbird.model import CompiledModel
from sparkbird.runtime.batches import feeds
from sparkbird.runtime.scoring import score_columns
from sparkbird.runtime.sessions import open_session

#: The rows of the table, and those that Spark may send at a time.
ROWS, BATCH = 1_000_000, 100_000
#: Where it is scored.
DEVICES = {OWN: "cuda", CPU: "cpu"}
_METHOD = "predict_proba"


def measured(options: Options) -> Iterator[Measurement]:
    """A table in one call, and batches as tasks of one core each score them."""
    options.progress("flights")
    model, columns = late_flights()
    compiled = compile_model(model, columns, outputs=[_METHOD], strategy="ensemble")
    rows = repeated(columns, ROWS).combine_chunks()
    content = compiled.to_bytes()
    on = {said: CompiledModel(content, device=device) for said, device in DEVICES.items()}
    some = rows.slice(0, BATCH)
    same = np.array_equal(*(one.predict_proba(some) for one in on.values()))
    assert same, "predictions are the CPU's"
    ways = {said: Way(ROWS, partial(one.predict_proba, rows)) for said, one in on.items()}
    ways |= _batches(on, rows)
    case = f"flights, LightGBM {TREES} x {LEAVES} leaves, Arrow, {ROWS:,} rows in one call"
    yield from timed(f"{case} or batches of {BATCH:,}", ways, options.repeats)


def _batches(on: Mapping[str, CompiledModel], rows: pa.Table) -> dict[str, Way]:
    """One task alone, and as many as cores."""
    names = [column.name for column in on[CPU].schema.columns]
    parts = [rows.slice(start, BATCH) for start in range(0, len(rows), BATCH)]
    batches = [[part[name].combine_chunks() for name in names] for part in parts]
    cores = len(os.sched_getaffinity(0))
    many = (batches * cores)[: 2 * cores]
    found = {}
    for said, one in on.items():
        session = open_session(one.to_bytes(), [_METHOD], device=one.device)
        score = partial(score_columns, session)
        found[f"{said}, one task"] = Way(BATCH, partial(score, batches[0]))
        at_once = partial(_at_once, score, many, cores)
        found[f"{said}, {cores} tasks"] = Way(len(many) * BATCH, at_once)
    to_arrays = partial(feeds, on[CPU].schema, batches[0])
    found["columns to arrays, one task"] = Way(BATCH, to_arrays)
    return found


def _at_once(score: Callable[[Any], object], batches: Sequence[Any], tasks: int) -> None:
    with ThreadPoolExecutor(tasks) as pool:
        for _ in pool.map(score, batches):
            pass
