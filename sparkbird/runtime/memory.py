"""Memory for large results, used again once nobody looks at them any more.

What the system hands out is zeroed page by page when it is first written: for a scaler of a
million rows that takes as long as the scaling. Smaller pieces the C library keeps by itself.
"""

from __future__ import annotations

import ctypes
import math
import weakref
from contextlib import suppress
from threading import RLock

import numpy as np

from sparkbird.dtypes import STRING

#: What is kept for later, together; and the least that is worth it, in bytes.
KEPT_BYTES = 256 * 2**20
LEAST_BYTES = 32 * 2**20


class Memory:
    """Pieces of memory that are taken by arrays, and come back when their last view goes."""

    def __init__(self, kept_bytes: int = KEPT_BYTES, least_bytes: int = LEAST_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._least_bytes = least_bytes
        self._idle: list[np.ndarray] = []
        self._lock = RLock()  # a view may go, and come back, at any allocation

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """An array of any content, as ``numpy.empty`` gives it."""
        size = math.prod(shape) * dtype.itemsize
        if dtype == STRING or not self._least_bytes <= size <= self._kept_bytes:
            return np.empty(shape, dtype)
        piece = self._taken(size)
        # Views of a view of foreign memory keep that first view: it goes with the last of them.
        first = np.frombuffer(memoryview(piece), np.uint8)  # type: ignore[arg-type]
        weakref.finalize(first, self._give_back, piece).atexit = False
        return first[:size].view(dtype).reshape(shape)

    @property
    def idle_bytes(self) -> int:
        """What is kept and not in use."""
        return sum(piece.nbytes for piece in self._idle)

    def _taken(self, size: int) -> np.ndarray:
        with self._lock:
            fitting = [i for i, one in enumerate(self._idle) if size <= one.nbytes <= 2 * size]
            if fitting:
                return self._idle.pop(fitting[-1])
        return np.empty(size, np.uint8)

    def _give_back(self, piece: np.ndarray) -> None:
        with self._lock:
            self._idle.append(piece)
            while self.idle_bytes > self._kept_bytes:
                del self._idle[0]


def trim() -> None:
    """Give memory back to the system that the C library keeps, where it is GNU's.

    What it takes to make a model ready is several times what is kept of it.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


#: The memory of this process.
RESULTS = Memory()
