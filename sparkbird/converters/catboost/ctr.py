"""catboost: statistics of the target over rows that share a combination of categories.

N is the number of combinations seen in training, S of statistics that share a table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sparkbird.converters.catboost.reader import Counts, Ctr


def table_of(seen: Counts, statistics: Sequence[Ctr]) -> tuple[np.ndarray, np.ndarray]:
    """The hashes of combinations [N], and the statistics of each, [N + 1, S] float32.

    The last row is of combinations that training has not seen.

    Source: catboost/libs/model/static_ctr_provider.cpp, CalcCtrs (1.2).
    """
    counts = np.concatenate([seen.counts, np.zeros((1, seen.counts.shape[1]))])
    values = [_value(ctr, counts, seen.denominator) for ctr in statistics]
    return seen.hashes.view(np.int64), np.stack(values, axis=1)


def _value(ctr: Ctr, counts: np.ndarray, denominator: int) -> np.ndarray:
    """The statistic for each row of counts, [N, G] -> [N] float32, rounded at every step.

    Source: catboost/libs/model/online_ctr.h, TModelCtr::Calc (1.2).
    """
    good, total = _SHARES[ctr.key.kind](counts, ctr.target_border, denominator)
    with np.errstate(all="ignore"):
        share = (good.astype(np.float32) + ctr.prior[0]) / (total.astype(np.float32) + ctr.prior[1])
        return np.asarray((share + ctr.shift) * ctr.scale)


_Shares = tuple[np.ndarray, np.ndarray]


def _above(counts: np.ndarray, border: int, _: int) -> _Shares:
    return counts[:, border + 1 :].sum(axis=1), counts.sum(axis=1)


def _within(counts: np.ndarray, bucket: int, _: int) -> _Shares:
    return counts[:, bucket], counts.sum(axis=1)


def _mean(counts: np.ndarray, _: int, __: int) -> _Shares:
    return counts[:, 0], counts[:, 1]


def _frequency(counts: np.ndarray, _: int, denominator: int) -> _Shares:
    return counts[:, 0], np.full(len(counts), float(denominator))


#: For each type of statistic, from counts [N, G], the number of its border and the denominator
#: of its table: how many rows count, or how much their target is in all, and of how many.
_SHARES: dict[str, Callable[[np.ndarray, int, int], _Shares]] = {
    "Borders": _above,
    "Buckets": _within,
    "BinarizedTargetMeanValue": _mean,
    "FloatTargetMeanValue": _mean,
    "Counter": _frequency,
    "FeatureFreq": _frequency,
}
