"""Random numbers as Spark draws them, where a model starts from some: the seed makes them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np


def hash_of(name: str) -> int:
    """``String.hashCode`` of a name: the seed of a class by default."""
    value = 0
    for character in name:
        value = (31 * value + ord(character)) % 2**32
    return value - 2**32 if value >= 2**31 else value


def gammas(seed: int, shape: float, count: int) -> np.ndarray:
    """`count` numbers of a gamma distribution of a mean of 1 and of `shape` above 1.

    Source: breeze/stats/distributions/Gamma.scala, draw (2.1), after Marsaglia and Tsang, "A
    simple method for generating gamma variables", 2000.
    """
    assert shape > 1, shape
    twister = _Twister(seed)
    return np.array([_gamma(twister, shape) for _ in range(count)])


def _gamma(twister: _Twister, shape: float) -> float:
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = next(twister.gaussians)
        v = 1.0 + c * x
        if v <= 0:
            continue
        v = v * v * v
        u, square = twister.uniform(), x * x
        near = u < 1.0 - 0.0331 * (square * square)
        if near or math.log(u) < 0.5 * square + d * (1.0 - v + math.log(v)):
            return 1.0 / shape * d * v


class _Twister:
    """The Mersenne Twister of Apache Commons Math 3.6, seeded with 64 bits.

    Source: org/apache/commons/math3/random/{MersenneTwister,BitsStreamGenerator}.java (3.6.1).
    """

    def __init__(self, seed: int) -> None:
        words = np.array([seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF], np.uint32)
        self._state = np.random.RandomState(words)
        self.gaussians = self._gaussians()

    def uniform(self) -> float:
        """A number from 0 up to 1, of 52 bits."""
        high, low = np.frombuffer(self._state.bytes(8), "<u4").tolist()
        return float(((high >> 6) << 26 | low >> 6) * 2.0**-52)

    def _gaussians(self) -> Iterator[float]:
        """Numbers of the normal distribution, which are made in pairs."""
        while True:
            angle = 2 * math.pi * self.uniform()
            radius = math.sqrt(-2 * math.log(self.uniform()))
            yield radius * math.cos(angle)
            yield radius * math.sin(angle)
