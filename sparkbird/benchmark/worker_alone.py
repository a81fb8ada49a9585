"""What models take in a process that scores rows: ``worker_alone.py WIDTH SMALL.onnx LARGE.onnx``.

Prints three numbers of bytes for the larger one: those that the process grew by, artefact
included, when it opened the model and scored a batch; those of the artefact; and those of the
arrays of its kernels. The smaller one comes first, so that libraries are there already.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import numpy as np
import psutil

from sparkbird import artifact
from sparkbird.runtime.memory import trim
from sparkbird.runtime.part import Result
from sparkbird.runtime.plan import Plan
from sparkbird.runtime.providers import ON_CPU
from sparkbird.schema import MATRIX

ROWS = 10_000


def main(width: str, small: str, large: str) -> None:
    """Open one model after the other."""
    rows = np.random.default_rng(0).standard_normal((ROWS, int(width))).astype(np.float32)
    first = _opened(Path(small).read_bytes(), rows)
    before = _resident()
    content = Path(large).read_bytes()
    plan = _opened(content, rows)
    grown = _resident() - before
    arrays = sum(step.forest.size for step in plan.steps)
    sys.stdout.write(f"{grown} {len(content)} {arrays}\n")
    del first


def _opened(content: bytes, rows: np.ndarray) -> Plan:
    (tensor,) = artifact.schema(content).output(_OUTPUT).tensors
    result = Result(tensor.name, np.dtype(tensor.dtype), tensor.lengths)
    plan = Plan(content, [result], ON_CPU)
    plan.run({MATRIX: rows})
    return plan


def _resident() -> int:
    gc.collect()
    trim()
    found: int = psutil.Process().memory_info().rss
    return found


_OUTPUT = "predict_proba"

if __name__ == "__main__":
    main(*sys.argv[1:])
