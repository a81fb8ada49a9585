"""Forests: random forests, LightGBM and XGBoost beside every other way to score them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sparkbird.benchmark.apart import Apart
from sparkbird.benchmark.measure import clock_for, installed, pinned, rounds, threads_said
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.peers import OWN, PEERS, Call, Task, prepared
from sparkbird.benchmark.results import Group, Measurement
from sparkbird.benchmark.shapes import LIBRARIES, SHAPES, Forest, made, trained

#: Rows that are scored, at most a fifth of those of a shape, and how many at a time.
ROWS, BATCH = 20_000, 10_000
#: How often one row is scored.
CALLS = 200
_QUICK_ROWS, _QUICK_CALLS = 100, 3


#: The name of the fact.
DIFFERENCE = "difference from the original"


@dataclass(frozen=True)
class Work:
    """Forests that are measured alike.

    batch   the rows that are scored at a time
    rows    how many are scored in a round
    unit    in which tables show it
    """

    title: str
    forests: tuple[Forest, ...]
    batch: int = BATCH
    rows: int = ROWS
    unit: str = "rows/s"


def measured(options: Options) -> Iterator[Group]:
    """A group for each work."""
    for name, work in WORKS.items():
        if any(options.wants(forest.name) for forest in work.forests):
            yield _scored(name, work, options)


def _scored(name: str, work: Work, options: Options) -> Group:
    cases = {forest.name: forest for forest in work.forests}
    found: list[Measurement] = []
    for case in options.each(cases):
        found += _of_forest(cases[case], work, options)
    batch = "1 row at a time" if work.batch == 1 else f"batches of {work.batch:,} rows"
    title = f"{work.title}, {batch}, {threads_said(options.threads)}"
    note = f"{DIFFERENCE.capitalize()} is the greatest of a probability or a prediction."
    return Group("forests", name, title, OWN, work.unit, tuple(found), notes=(note,))


def _of_forest(forest: Forest, work: Work, options: Options) -> list[Measurement]:
    """The rows of one forest, scored by every way that there is."""
    module, _ = LIBRARIES[forest.library]
    if not installed(module):
        return [Measurement(forest.name, OWN, 0, note=f"{module} is not installed")]
    sized = forest.quick() if options.quick else forest
    model = trained(sized, options.cache)
    rows, batch = _rows(forest, work, options)
    with pinned(options.threads):
        sample = rows[: min(1_000, len(rows))]
        task = Task(
            *(model, forest.library, sized.depth, sample),
            *(options.threads, options.cache, options.lleaves),
        )
        calls, notes = prepared(PEERS, task)
        facts = _differences(calls, rows[:batch])
        ways = {way: _in_batches(call, rows, batch) for way, call in calls.items()}
        pids = [call.pid for call in calls.values() if isinstance(call, Apart)]
        rounds(ways, 1)  # unmeasured: pages are touched, rows travel to who is apart
        seconds = rounds(ways, options.repeats, clock_for(options.threads, pids))
    return [
        Measurement(forest.name, way, len(rows), seconds[way], facts[way])
        if way in seconds
        else Measurement(forest.name, way, len(rows), note=notes[way])
        for way in PEERS
    ]


def _rows(forest: Forest, work: Work, options: Options) -> tuple[np.ndarray, int]:
    """What is scored in a round, and how much of it at a time."""
    few = _QUICK_CALLS if work.batch == 1 else _QUICK_ROWS
    wanted = few if options.quick else work.rows
    if options.rows and work.batch > 1:
        wanted = options.rows
    shape = SHAPES[forest.shape]
    x, _ = made(shape, min(wanted, shape.rows // 5), seed=1)
    return x, min(work.batch, len(x))


def _differences(calls: Mapping[str, Call], rows: np.ndarray) -> dict[str, dict[str, float]]:
    """How far each is from the library itself; it is also the call of each that is not timed."""
    # Of two classes some give the second alone, and of one row some a number alone: [N, C].
    found = {
        way: np.asarray(call(rows), np.float64).reshape(len(rows), -1)
        for way, call in calls.items()
    }
    expected = found["its own library"]
    return {
        way: {DIFFERENCE: float(np.abs(values - expected[:, -values.shape[1] :]).max())}
        for way, values in found.items()
    }


def _in_batches(call: Call, rows: np.ndarray, batch: int) -> Callable[[], object]:
    parts = [rows[start : start + batch] for start in range(0, len(rows), batch)]

    def run() -> None:
        for part in parts:
            call(part)

    return run


def _paper(library: str) -> tuple[Forest, ...]:
    return tuple(Forest(library, shape, 500, 8, 50_000) for shape in SHAPES)


_SMALL = tuple(Forest(library, "Higgs", 100, 6, 50_000) for library in LIBRARIES)
_PAPER = tuple(Forest(library, "Higgs", 500, 8, 50_000) for library in LIBRARIES)
DEEP = (Forest("RandomForest", "Higgs", 100, 0, 100_000),)

#: Every group, by name.
WORKS: dict[str, Work] = {
    **{
        library.lower(): Work(f"{library}, 500 trees of depth 8", _paper(library))
        for library in LIBRARIES
    },
    "deep": Work("Random forest, 100 trees of any depth, trained on 100,000 rows", DEEP),
    "small": Work("100 trees of depth 6", _SMALL),
    "single": Work("Forests", (*_SMALL, *_PAPER), 1, CALLS, "µs a row"),
}
