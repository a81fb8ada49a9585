"""A column of strings by its distinct values: few are the rule, and each is looked at once.

N is the number of rows, D of distinct values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from sparkbird.dtypes import STRING


@dataclass(frozen=True, eq=False)
class Encoded:
    """N strings, each one of D; it stands wherever an array of them would.

    distinct  [D]  objects; one may be there that no row has
    places    [N]  which of them each row has
    """

    distinct: np.ndarray
    places: np.ndarray

    dtype = STRING
    ndim = 1

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: Any) -> Encoded:
        """Some of the rows: a slice, or a mask."""
        return Encoded(self.distinct, self.places[rows])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:  # noqa: FBT001
        """All strings, as NumPy asks for them."""
        return self.strings.astype(dtype or STRING, copy=bool(copy))

    @cached_property
    def strings(self) -> np.ndarray:
        """All strings, [N]."""
        taken: np.ndarray = self.distinct[self.places]
        return taken

    def mapped(self, content: np.ndarray) -> np.ndarray:
        """What belongs to the rows, of what belongs to distinct values: [D, ...] -> [N, ...]."""
        taken: np.ndarray = content[self.places]
        return taken


def by_value(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct ones of N numbers, [D], and which of them each is, [N].

    They are distinct by their bits: 0.0 and -0.0 are two, and NaN is one if its bits are.
    """
    bits = np.ascontiguousarray(numbers).view(f"i{numbers.itemsize}")
    encoded = pa.array(bits).dictionary_encode()
    distinct = np.asarray(encoded.dictionary).view(numbers.dtype)
    return distinct, np.asarray(encoded.indices)
