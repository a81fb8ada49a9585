"""Compiling a forest: from the fitted model to what scores rows, by each compiler."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sparkbird.benchmark.measure import clock_for, installed, pinned, rounds, threads_said
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.peers import COMPILERS, OWN, Task, prepared
from sparkbird.benchmark.results import Group, Measurement
from sparkbird.benchmark.shapes import LIBRARIES, SHAPES, Forest, made, trained

#: The paper's forests on a table of 28 features, and a deep one.
FORESTS = (
    *(Forest(library, "Higgs", 500, 8, 50_000) for library in LIBRARIES),
    Forest("RandomForest", "Higgs", 100, 0, 100_000),
)


def measured(options: Options) -> Iterator[Group]:
    """The seconds of each compiler."""
    cases = {forest.name: forest for forest in FORESTS}
    found: list[Measurement] = []
    for case in options.each(cases):
        found += _of_forest(cases[case], options)
    title = f"Compile a forest, {threads_said(options.threads)}"
    yield Group("compile", "forests", title, OWN, "seconds", tuple(found))


def _of_forest(forest: Forest, options: Options) -> list[Measurement]:
    module, _ = LIBRARIES[forest.library]
    if not installed(module):
        return [Measurement(forest.name, OWN, 1, note=f"{module} is not installed")]
    sized = forest.quick() if options.quick else forest
    model = trained(sized, options.cache)
    sample, _ = made(SHAPES[forest.shape], 100, seed=1)
    with pinned(options.threads):
        calls, notes = prepared(
            COMPILERS, Task(model, forest.library, sized.depth, sample, options.threads)
        )
        ways = {way: partial(call, sample) for way, call in calls.items()}
        seconds = rounds(ways, options.repeats, clock_for(options.threads))
    return [
        Measurement(forest.name, way, 1, seconds.get(way, ()), note=notes.get(way, ""))
        for way in COMPILERS
    ]
