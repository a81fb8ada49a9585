"""A matrix whose columns lie apart, as those of Arrow do: a forest asks each for itself.

N is the number of rows, F of columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Apart:
    """A matrix [N, F] of F columns of one type; it stands wherever an array would.

    columns  [F] of them, each of all rows that there are
    rows     which of these the matrix has
    """

    columns: Sequence[np.ndarray]
    rows: slice

    ndim = 2

    @classmethod
    def of(cls, columns: Sequence[np.ndarray], places: Sequence[int], width: int) -> Apart:
        """The matrix of some columns, one at least, at their places; others hold zeros.

        These take no memory, as all their rows are the same one.
        """
        first = columns[0]
        zeros = np.broadcast_to(np.zeros((), first.dtype), first.shape)
        if len(columns) < width:
            known = dict(zip(places, columns, strict=True))
            columns = [known.get(i, zeros) for i in range(width)]
        return cls(columns, slice(0, len(first)))

    @property
    def dtype(self) -> np.dtype:
        """The type of its numbers."""
        return self.columns[0].dtype

    @property
    def shape(self) -> tuple[int, int]:
        """N and F."""
        return len(self), len(self.columns)

    def __len__(self) -> int:
        return int(self.rows.stop - self.rows.start)

    def __getitem__(self, rows: slice) -> Apart:
        """Some of the rows, one after the other."""
        start, stop, step = rows.indices(len(self))
        assert step == 1, "the rows of a run follow each other"
        first = self.rows.start
        return Apart(self.columns, slice(first + start, first + max(start, stop)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:  # noqa: FBT001
        """All numbers, as NumPy asks for them."""
        return self.matrix.astype(dtype or self.dtype, copy=bool(copy))

    def column(self, position: int) -> np.ndarray:
        """The column at a position, [N]."""
        return self.columns[position][self.rows]

    @cached_property
    def matrix(self) -> np.ndarray:
        """The numbers side by side, [N, F], as ONNX Runtime takes them."""
        return np.stack([column[self.rows] for column in self.columns], axis=1)


def column_of(values: np.ndarray | Apart, position: int | None) -> np.ndarray:
    """The column [N] at a `position` of a matrix, or `values` [N] themselves."""
    if position is None:
        return np.asarray(values)
    return values.column(position) if isinstance(values, Apart) else values[:, position]
