"""Memory as kernels want it."""

from __future__ import annotations

import numpy as np

from sparkbird.kernels.machine import REGISTER


def aligned(size: int) -> np.ndarray:
    """So many bytes, whatever they are, the first of them where a register may start."""
    content = np.empty(size + REGISTER, np.uint8)
    start = -content.ctypes.data % REGISTER
    return content[start : start + size]
