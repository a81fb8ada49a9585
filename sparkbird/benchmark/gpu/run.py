"""The whole benchmark of a GPU, part by part; of one that fails there is a line that says so."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module

from sparkbird.benchmark.gpu.report import OWN
from sparkbird.benchmark.measure import failure
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.results import Measurement

#: Each part, a module ``gpu_...`` with a `measured`, and how many rounds it takes.
PARTS = {"forests": 9, "flights": 9, "spark": 5}


def measured(
    parts: Sequence[str], repeats: int | None, progress: Callable[[str], None]
) -> Iterator[Measurement]:
    """What these parts find, in so many rounds, or in their own."""
    for part in parts:
        options = Options(repeats or PARTS[part], progress=progress)
        try:
            yield from import_module(f"sparkbird.benchmark.gpu.{part}").measured(options)
        except Exception as error:  # noqa: BLE001  of any kind: time on a GPU is dear
            progress(traceback.format_exc())
            yield Measurement(part, OWN, 0, note=failure(error))
