"""Vectors that are mostly zeros, as their entries. N is the number of rows, M of entries."""

from __future__ import annotations

import numpy as np

from sparkbird.dtypes import STRING

#: What matrices of long vectors may take in Python, where each of their zeros is a number, and
#: how long vectors are of which a batch of Spark, 10,000 rows, takes no more.
MOST_BYTES = 512 * 2**20
LONGEST = MOST_BYTES // (10_000 * 8)


def by_row(row: np.ndarray, column: np.ndarray, value: np.ndarray, rows: int) -> np.ndarray:
    """For each row its columns, in order, and its values, without zeros: [M] to pairs [N]."""
    kept = np.flatnonzero(value != 0.0)
    row, column, value = row[kept], column[kept], value[kept]
    order = np.lexsort((column, row))
    column, value = column[order].astype(np.int32), value[order]
    ends = np.cumsum(np.bincount(row, minlength=rows)).tolist()
    found = np.empty(rows, STRING)
    start = 0
    for i, end in enumerate(ends):
        found[i] = column[start:end], value[start:end]
        start = end
    return found


def matrix(pairs: np.ndarray, width: int) -> np.ndarray:
    """The matrix [N, `width`] of the vectors that `by_row` gives, [N]."""
    found = np.zeros((len(pairs), width))
    for row, (columns, values) in zip(found, pairs.tolist(), strict=True):
        row[columns] = values
    return found


def is_shorter(counts: np.ndarray, width: int) -> np.ndarray:
    """Whether vectors with so many values take fewer bytes as sparse ones, as Spark counts them.

    Source: mllib-local/src/main/scala/org/apache/spark/ml/linalg/Vectors.scala,
    Vector.compressedWithNNZ (4.3).
    """
    shorter: np.ndarray = 12 * counts + 16 < 8 * width
    return shorter
