"""Measure forests on a GPU: ``python jobs/gpu_benchmark.py [FILE.json]``, in a few minutes.

Prints one table, and writes what it found to the file if one is named.
"""

import json
import statistics
import sys
from dataclasses import asdict
from pathlib import Path

from sparkbird.benchmark.gpu import measured
from sparkbird.benchmark.results import Machine, Measurement
from sparkbird.kernels.cuda import driver

REPEATS = 9


def line(found: Measurement) -> str:
    """One way to do one work: its median in ms, the least and the most, and rows a second."""
    times = [1e3 * value for value in found.seconds]
    middle = statistics.median(times)
    spread = f"{middle:10.3f} ms ({min(times):.3f} to {max(times):.3f})"
    return f"{found.way:36} {found.rows:>9,} rows {spread:34} {found.rows / middle / 1e3:8.1f} M/s"


def main() -> None:
    """All there is to measure, work by work."""
    device = driver.device()
    gpu = {"device": device.name, "driver": driver_release(), "cuda": device.driver_version}
    about = {**gpu, "machine": asdict(Machine.here())}
    print(f"{gpu['device']}, driver {gpu['driver']} (CUDA {gpu['cuda']})")
    found, case = [], ""
    for one in measured(REPEATS, lambda what: print(f"... {what}", file=sys.stderr, flush=True)):
        if one.case != case:
            print(f"\n{one.case}")
        case = one.case
        print(line(one), flush=True)
        found.append(asdict(one))
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(json.dumps({**about, "found": found}, indent=1) + "\n")


def driver_release() -> str:
    """The release of the driver, as the kernel module says it."""
    path = Path("/proc/driver/nvidia/version")
    words = path.read_text().split() if path.exists() else []
    return next((word for word in words if word[0].isdigit() and word.count(".") > 1), "unknown")


if __name__ == "__main__":
    main()
