"""The greatest number for which something holds that holds for all numbers below it.

Numbers of every type are in the order of whole numbers, their keys: between two floating-point
numbers lie so many others as between their bits. E is the number of searches, side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: From here on float64 no longer tells neighbouring whole numbers apart.
_EXACT = 2**53


@dataclass(frozen=True)
class Ordered:
    """The numbers of a type by their keys, from `least` to `most`; NaN has none.

    >>> Ordered.of(np.dtype(np.float32)).values(np.array([0, 1, -1]))
    array([ 0.e+00,  1.e-45, -1.e-45], dtype=float32)
    """

    dtype: np.dtype
    least: int
    most: int

    @classmethod
    def of(cls, dtype: np.dtype) -> Ordered:
        """Those of a type of floating-point or whole numbers, or of booleans."""
        if dtype.kind == "f":
            bits = np.dtype(f"i{dtype.itemsize}")
            infinity = int(np.array(np.inf, dtype).view(bits))
            return cls(dtype, -infinity, infinity)
        if dtype.kind == "b":
            return cls(dtype, 0, 1)
        bounds = np.iinfo(dtype)
        return cls(dtype, max(bounds.min, -(2**63) + 1), min(bounds.max, 2**63 - 1))

    def values(self, keys: np.ndarray) -> np.ndarray:
        """The numbers of these keys."""
        if self.dtype.kind != "f":
            return keys.astype(self.dtype)
        positive = np.abs(keys).astype(f"i{self.dtype.itemsize}").view(self.dtype)
        return np.where(keys < 0, -positive, positive)

    def exact(self, keys: np.ndarray) -> bool:
        """Whether float64 tells all numbers next to these apart."""
        return self.dtype.kind == "f" or bool((np.abs(keys) < _EXACT).all())


def greatest(
    holds: Callable[[np.ndarray], np.ndarray], least: np.ndarray, most: np.ndarray
) -> np.ndarray:
    """The greatest keys [E] from `least` to `most` for which `holds`; ``least - 1`` is none.

    `holds` tells it for E keys at a time, and for each search for all keys up to one.
    """
    low, high = least.astype(np.int64) - 1, most.astype(np.int64)
    while (low < high).any():
        middle = (low >> 1) + (high >> 1) + (low & high & 1)  # rounded down, without overflow
        middle += (low ^ high) & 1
        fine = holds(np.maximum(middle, least)) & (middle >= least)
        low = np.where(fine, middle, low)
        high = np.where(fine | (low >= high), high, middle - 1)
    return low
