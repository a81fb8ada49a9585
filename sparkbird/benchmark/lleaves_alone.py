"""A script for an interpreter that has lleaves, and need not have sparkbird.

    python lleaves_alone.py MODEL.txt COMPILED THREADS

It says when it has compiled the model, or found it compiled. Then it is told a file of rows (.npy)
a line, predicts them, writes what it predicts beside the file the first time, and says so.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def main(model_file: str, compiled: str, threads: str) -> None:
    """Answer until there are no more lines."""
    import lleaves

    model = lleaves.Model(model_file=model_file)
    model.compile(cache=compiled)
    _say()
    known: dict[str, np.ndarray] = {}
    for line in sys.stdin:
        name = line.strip()
        first = name not in known
        if first:
            known[name] = np.load(name)
        predicted = model.predict(known[name], n_jobs=int(threads))
        if first:
            np.save(Path(name).with_suffix(".predicted.npy"), predicted)
        _say()


def _say() -> None:
    sys.stdout.write("done\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
