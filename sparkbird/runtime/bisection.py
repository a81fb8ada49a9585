"""The greatest number for which something holds that holds for all numbers below it.

Floating-point numbers are in the order of their bits, read as whole numbers: these are their
keys. Between two numbers lie so many others as between their keys. E is the number of
searches, side by side.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def greatest_key(dtype: np.dtype) -> int:
    """The key of infinity; that of its opposite is as far below 0, and NaN has none."""
    return int(np.array(np.inf, dtype).view(f"i{dtype.itemsize}"))


def of_keys(keys: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The numbers of these keys.

    >>> of_keys(np.array([0, 1, -1]), np.dtype(np.float32))
    array([ 0.e+00,  1.e-45, -1.e-45], dtype=float32)
    """
    positive = np.abs(keys).astype(f"i{dtype.itemsize}").view(dtype)
    return np.where(keys < 0, -positive, positive)


def greatest(holds: Callable[[np.ndarray], np.ndarray], most: np.ndarray) -> np.ndarray:
    """The greatest keys [E] from ``-most`` to `most` for which `holds`; ``-most - 1`` is none.

    `holds` tells it for E keys at a time, and for each search for all keys up to one.
    """
    low, high = -most - 1, most.copy()
    while (low < high).any():
        middle = (low >> 1) + (high >> 1) + (low & high & 1)  # rounded down, without overflow
        middle += (low ^ high) & 1
        fine = holds(np.maximum(middle, -most)) & (middle >= -most)
        low = np.where(fine, middle, low)
        high = np.where(fine | (low >= high), high, middle - 1)
    return low
