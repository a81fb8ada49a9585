"""Where the values of rows are, for a device that has a memory of its own to copy and rank.

N is the number of rows, F of features, C of columns of a part, D of distinct values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

#: A column: its block, how many bytes into a row of that it is, whether it is a number of one byte
#: of a distinct value; the rank of what is below all its thresholds; and what a forest sees
#: where it is missing, which is NaN as a rule.
COLUMN = np.dtype(
    [
        ("block", np.int64),
        ("offset", np.int64),
        ("coded", np.bool_),
        ("start", np.int64),
        ("missing", np.float64),
    ]
)


@dataclass(frozen=True, eq=False)
class Given:
    """The values of N rows, and how the columns of a part of a forest come from them.

    blocks      arrays [N, ...], the rows of which lie in one piece
    columns     [C]  `COLUMN`
    thresholds  ascending, those that each column is ranked among, none of one that is coded
    dtype       of values
    distinct    [D, F] what the forest sees for distinct values, if a column is coded
    """

    blocks: Sequence[np.ndarray]
    columns: np.ndarray
    thresholds: Sequence[np.ndarray]
    dtype: np.dtype
    distinct: np.ndarray | None = None


class Asked(Protocol):
    """What a part of a forest asks for, wherever it runs; see `kernels.trees.Ranked`."""

    features: np.ndarray
    thresholds: list[np.ndarray]
    missing: np.ndarray
    ranks: np.dtype
    values: np.dtype


def of_matrix(values: np.ndarray, features: np.ndarray, thresholds: Sequence[np.ndarray]) -> Given:
    """The `features` [C] of a matrix [N, F]: the whole of it, or a column each as they lie."""
    columns = plain(len(features))
    if values.flags.c_contiguous:
        columns["offset"] = features * values.itemsize
        return Given([values], columns, thresholds, values.dtype)
    columns["block"] = np.arange(len(features))
    return Given([values[:, f] for f in features], columns, thresholds, values.dtype)


def plain(count: int) -> np.ndarray:
    """So many columns of numbers that may be missing, all of them the first of block 0."""
    columns = np.zeros(count, COLUMN)
    columns["missing"] = np.nan
    return columns
