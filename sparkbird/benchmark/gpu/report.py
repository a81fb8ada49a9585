"""What a GPU does, as one table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from sparkbird.benchmark.measure import Spread
from sparkbird.benchmark.results import Group, Machine, Measurement
from sparkbird.errors import ProviderError
from sparkbird.kernels.cuda import driver

#: The way that is ours, and the same on the processor beside the GPU.
OWN, CPU = "sparkbird on the GPU", "sparkbird on the CPU"
#: Ways that compute nothing, which bound those that do.
COPY, IDENTITY = "the copy alone, from pinned memory", "identity arrow_udf"
FLOORS = (COPY, IDENTITY)

#: Where the kernel module says its release.
_RELEASE = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class Gpu:
    """The device, the release of its driver, and the version of CUDA that this knows."""

    device: str
    driver: str
    cuda: str

    @classmethod
    def here(cls) -> Gpu:
        """That of this machine, if there is one."""
        try:
            found = driver.device()
        except ProviderError as error:
            return cls(error.fact, "none", "none")
        return cls(found.name, release(_RELEASE), found.driver_version)


def release(file: Path) -> str:
    """The first word of several numbers in what the kernel module says."""
    words = file.read_text(encoding="utf-8").split() if file.exists() else []
    return next((word for word in words if word[0].isdigit() and word.count(".") > 1), "unknown")


def grouped(found: Sequence[Measurement]) -> Group:
    """All measurements, ours to be compared with each other."""
    return Group("gpu", "gpu", "GPU", OWN, "ms", tuple(found))


def of_floor(group: Group, measurement: Measurement) -> Spread | None:
    """How fast it is where what computes nothing in its case is 1, round by round."""
    floor = next(filter(None, (group.at(measurement.case, way) for way in FLOORS)), None)
    return measurement.faster_than(floor) if floor else None


def table(gpu: Gpu, found: Sequence[Measurement]) -> Table:
    """Every way to do every work: its time, its speed, and how it compares."""
    group = grouped(found)
    title = f"{gpu.device}, driver {gpu.driver} (CUDA {gpu.cuda}); medians (least - most)"
    shown = Table(title=title, box=box.SIMPLE, title_justify="left")
    shown.add_column("")
    for name in ("rows", "ms", "M rows/s", "ours is faster", "of the floor"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("")
    for case in group.cases:
        shown.add_section()
        shown.add_row(Text(case, "bold"))
        for measurement in (m for m in found if m.case == case):
            shown.add_row(*map(Text, _cells(group, measurement)))  # what is in brackets stays
    return shown


def to_json(gpu: Gpu, machine: Machine, found: Sequence[Measurement]) -> str:
    """The device, the machine, and a line for every measurement with its ratios."""
    group = grouped(found)
    about = json.dumps({**asdict(gpu), "machine": asdict(machine)}, indent=1)
    lines = ",\n  ".join(json.dumps(_plain(group, one)) for one in found)
    return f'{about[:-2]},\n "found": [\n  {lines}\n ]\n}}\n'


def _cells(group: Group, measurement: Measurement) -> list[str]:
    own = measurement.way
    if not measurement.seconds:
        return [own, "", "", "", "", "", measurement.note]
    rows = measurement.rows
    milliseconds = Spread.of(tuple(1e3 * seconds for seconds in measurement.seconds))
    return [
        own,
        f"{rows:,}",
        _said(milliseconds, ",.3f"),
        f"{rows / milliseconds.median / 1e3:,.1f}",
        _said(group.ratio(measurement), ",.2f") if own != OWN else "",
        _said(of_floor(group, measurement), ".2f") if own not in FLOORS else "",
        "; ".join(f"{name}: {value:.3g}" for name, value in measurement.facts.items()),
    ]


def _said(spread: Spread | None, form: str) -> str:
    if spread is None:
        return ""
    return f"{spread.median:{form}} ({spread.least:{form}} - {spread.most:{form}})"


def _plain(group: Group, measurement: Measurement) -> dict[str, Any]:
    """A measurement to a tenth of a microsecond, which is more than a clock can tell."""
    seconds = [round(value, 7) for value in measurement.seconds]
    ratios = {"ratio": group.ratio(measurement), "of floor": of_floor(group, measurement)}
    kept = {name: asdict(spread) for name, spread in ratios.items() if spread}
    return {**asdict(measurement), "seconds": seconds, **kept}
