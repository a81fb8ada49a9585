"""Measure sparkbird on a GPU: ``python jobs/gpu_benchmark.py [FILE.json] [--only PART]``.

Forests beside nvForest (nvforest-cu13) and Hummingbird (hummingbird-ml, torch), if these are
installed; a whole pipeline; and Spark with as many task slots as cores.
Says what it does as it goes, prints one table at the end, and writes what it found to the file,
if one is named, as soon as it is there.
"""

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console

from sparkbird.benchmark.gpu.report import Gpu, table, to_json
from sparkbird.benchmark.gpu.run import PARTS, measured
from sparkbird.benchmark.results import Machine

#: Where the table goes to a file or a pipe, so many characters are a line.
WIDTH = 200


def arguments() -> argparse.Namespace:
    """What to measure, and where to write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", nargs="?", type=Path, help="for all measurements, as JSON")
    parser.add_argument(
        "--only", action="append", choices=[*PARTS], help="a part; all if left out; repeatable"
    )
    parser.add_argument("--repeats", type=int, help="the rounds; 9, and 5 in Spark, if left out")
    return parser.parse_args()


def main() -> None:
    """All there is to measure, part by part."""
    wanted = arguments()
    start = time.perf_counter()

    def progress(what: str) -> None:
        passed = time.perf_counter() - start
        print(f"{passed:5.0f} s  {what}", file=sys.stderr, flush=True)

    gpu, machine, found = Gpu.here(), Machine.here(), []
    for one in measured(wanted.only or [*PARTS], wanted.repeats, progress):
        found.append(one)
        if wanted.file:
            wanted.file.write_text(to_json(gpu, machine, found), encoding="utf-8")
    progress("done")
    console = Console()
    Console(width=console.width if console.is_terminal else WIDTH).print(table(gpu, found))


if __name__ == "__main__":
    main()
