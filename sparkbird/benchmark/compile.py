"""Compiling a forest: from the fitted model to what scores rows, by each compiler.

And what the compiled one takes in the memory of a worker.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sparkbird.benchmark.measure import clock_for, installed, pinned, rounds, threads_said
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.peers import COMPILERS, OWN, Task, prepared
from sparkbird.benchmark.results import Group, Measurement
from sparkbird.benchmark.shapes import LIBRARIES, SHAPES, Forest, made, trained
from sparkbird.compiler import compile as compile_model

if TYPE_CHECKING:
    import numpy as np

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
    facts = {OWN: _in_worker(model, forest, sample)}
    return [
        Measurement(
            forest.name, way, 1, seconds.get(way, ()), facts.get(way, {}), notes.get(way, "")
        )
        for way in COMPILERS
    ]


def _in_worker(model: Any, forest: Forest, sample: np.ndarray) -> Mapping[str, float]:
    """The MiB that a worker grows by for the model, and of what it is made."""
    if not installed("psutil"):
        return {}
    small = trained(replace(forest, trees=1, trained=1_000), None)
    with TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("small.onnx", "large.onnx")]
        for file, own in zip(files, (small, model), strict=True):
            compile_model(own, sample[:1], outputs="predict_proba").save(file)
        command = [sys.executable, str(_ALONE), str(sample.shape[1]), *files]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    return {name: int(size) / 2**20 for name, size in zip(_FACTS, printed.split(), strict=True)}


_ALONE = Path(__file__).with_name("worker_alone.py")
_FACTS = ("MiB that a worker grows by", "MiB of the artefact", "MiB of the kernel's arrays")
