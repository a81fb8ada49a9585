"""lleaves in an interpreter of its own: it takes an older llvmlite than others do."""

from __future__ import annotations

import subprocess
import weakref
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

_SCRIPT = Path(__file__).with_name("lleaves_alone.py")


class Apart:
    """A function of rows that another process computes, which lasts as long as this object.

    Rows travel there, and predictions back, the first time that it is given an array; for what
    is computed anew it waits every time. The processor time of that is the time of `pid`.
    """

    def __init__(self, python: str, model: str, compiled: Path | None, threads: int) -> None:
        folder = TemporaryDirectory()
        self._folder = Path(folder.name)
        self._known: dict[int, tuple[np.ndarray, Path, Any]] = {}
        text = self._folder / "model.txt"
        text.write_text(model, encoding="utf-8")
        compiled = compiled or self._folder / "model.bin"
        self._process = subprocess.Popen(  # noqa: S603  the interpreter that was asked for
            [python, _SCRIPT, text, compiled, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        weakref.finalize(self, _end, self._process, folder)
        self._told()  # that it has compiled the model

    def __call__(self, rows: np.ndarray) -> Any:
        """What it predicts, for the very same array what it did the first time."""
        if id(rows) in self._known:
            _, file, predicted = self._known[id(rows)]
            self._tell(file)
            return predicted
        file = self._folder / f"{len(self._known)}.npy"
        np.save(file, rows)
        self._tell(file)
        predicted = np.load(file.with_suffix(".predicted.npy"))
        self._known[id(rows)] = rows, file, predicted  # with the array kept its id is no other's
        return predicted

    def _tell(self, file: Path) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{file}\n")
        self._process.stdin.flush()
        self._told()

    def _told(self) -> None:
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError(f"{_SCRIPT.name} ended with {self._process.wait()}")


def _end(process: subprocess.Popen[str], folder: TemporaryDirectory[str]) -> None:
    process.communicate()  # nothing more: it ends
    folder.cleanup()
