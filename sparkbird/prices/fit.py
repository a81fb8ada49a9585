"""Prices from what samples took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

#: How many of each unit something comes to, and the nanoseconds that it took.
Sample: TypeAlias = tuple[Mapping[str, float], float]


def fitted(samples: Sequence[Sample], units: Sequence[str] = ()) -> dict[str, float]:
    """The prices >= 0 with the least squares of relative errors.

    `units` are those wanted, the ones of the samples if left out; what no sample has costs 0.

    Source: Lawson and Hanson, "Solving Least Squares Problems", 1974, chapter 23, simplified:
    of the prices that come out negative the least becomes 0, until there are none.

    >>> fitted([({"row": 1.0, "call": 1.0}, 3.0), ({"row": 3.0, "call": 1.0}, 7.0)])
    {'call': 1.0, 'row': 2.0}
    """
    known = sorted({unit for counts, _ in samples for unit, count in counts.items() if count})
    kept = known
    prices: dict[str, float] = {}
    while kept:
        table = [[counts.get(u, 0.0) / ns for u in kept] for counts, ns in samples]
        found = np.linalg.lstsq(np.array(table), np.ones(len(samples)), rcond=None)[0]
        if (found >= 0).all():
            prices = dict(zip(kept, (_rounded(price) for price in found.tolist()), strict=True))
            break
        kept = [u for u, price in zip(kept, found, strict=True) if price > found.min()]
    return {unit: prices.get(unit, 0.0) for unit in units or known}


def _rounded(price: float) -> float:
    """Three digits: more were not measured."""
    return float(f"{price:.3g}")


def cost(counts: Mapping[str, float], prices: Mapping[str, float]) -> float:
    """What something costs, in nanoseconds."""
    return sum(count * prices[unit] for unit, count in counts.items())
