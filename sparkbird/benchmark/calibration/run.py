"""All prices of a machine, and the file that keeps them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import onnxruntime as ort

from sparkbird.benchmark.calibration import operators, own, strategies
from sparkbird.benchmark.calibration.timing import FULL, QUICK
from sparkbird.benchmark.measure import pinned
from sparkbird.benchmark.results import Machine
from sparkbird.kernels import machine
from sparkbird.prices import Measured, Prices, shipped
from sparkbird.runtime.providers import CUDA

_VERSIONS = ("Python", "sparkbird", "numpy", "pyarrow", "onnxruntime", "llvmlite")


def calibrated(*, quick: bool, progress: Callable[[str], None]) -> Prices:
    """The prices of this machine; `quick` ones show that it runs, and nothing else.

    Those of CUDA are measured where there is a device, and else are as they were; those of forests
    on a GPU always are.
    """
    effort, before = QUICK if quick else FULL, shipped()
    devices = dict(before.strategies)
    measured = ["cpu", *(["cuda"] if CUDA in ort.get_available_providers() else [])]
    with pinned(1):
        for device in measured:
            progress(f"strategies on {device}")
            devices[device] = strategies.prices(device, before.strategies[device], effort)
        progress("operators")
        graphs = operators.prices(effort)
        progress("kernels, columns and look-ups")
        ours = own.prices(before.own, effort)
    return Prices(
        machine=_here(quick=quick),
        gpu=before.gpu,
        strategies=devices,
        own=ours,
        operators=graphs,
    )


def file_of(prices: Prices, folder: Path) -> Path:
    """The file for the prices of a machine, named for its processor."""
    name = re.sub(r"[^a-z0-9]+", "-", prices.machine.processor.lower()).strip("-")
    return folder / f"{name}.yaml"


def _here(*, quick: bool) -> Measured:
    here, host = Machine.here(), machine.host()
    return Measured(
        processor=here.processor,
        kernels=host.name if host else "none",
        date=datetime.now(tz=timezone.utc).strftime("%Y-%m-%d"),
        quick=quick,
        versions={name: here.versions[name] for name in _VERSIONS if name in here.versions},
    )
