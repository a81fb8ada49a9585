"""Rows of a forest whose columns lie apart: each is ranked where it is.

N is the number of rows, F of features, C of columns to rank.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.kernels.given import Asked, Given, plain

if TYPE_CHECKING:
    from sparkbird.kernels.forest import Part


@dataclass(frozen=True, eq=False)
class ColumnRows:
    """N rows by the columns [N], all of `dtype`, of the features that a forest asks for."""

    values: Mapping[int, np.ndarray]
    dtype: np.dtype
    count: int

    def rank(self, part: Part, span: range, tiles: int) -> None:
        """Write the ranks of a span of rows among the thresholds of `part`, at `tiles`."""
        assert self.dtype == part.values, "ranks are among thresholds of the same type"
        self.rank_by(part.columns, part.features, part, span, tiles)

    def rank_by(
        self, table: np.ndarray, features: np.ndarray, part: Part, span: range, tiles: int
    ) -> None:
        """The same for `features` [C] alone, among the thresholds in a `table` [C] of columns."""
        address, stride = (known[features] for known in self._places)
        table = table.copy()
        table["values"] = address + span.start * stride
        table["stride"] = stride
        rank = part.ranker(self.dtype)
        rank(table.ctypes.data, len(table), len(span), tiles, part.tile_bytes)

    def given(self, part: Asked) -> Given:
        """Where the values are, for a device that ranks them itself."""
        assert self.dtype == part.values, "ranks are among thresholds of the same type"
        blocks, block = self.blocks
        columns = plain(len(part.features))
        columns["block"] = block[part.features]
        return Given(blocks, columns, part.thresholds, self.dtype)

    @cached_property
    def blocks(self) -> tuple[list[np.ndarray], np.ndarray]:
        """The columns, each once, and which of them each feature is, [F]."""
        different = {id(column): column for column in self.values.values()}
        number = {own: i for i, own in enumerate(different)}
        block = np.zeros(max(self.values, default=-1) + 1, np.int64)
        for feature, column in self.values.items():
            block[feature] = number[id(column)]
        return [*different.values()], block

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the first value of each feature is, and how many bytes on the next one: [F]."""
        address, stride = np.zeros((2, max(self.values, default=-1) + 1), np.int64)
        for feature, column in self.values.items():
            assert column.dtype == self.dtype
            address[feature] = column.__array_interface__["data"][0]
            stride[feature] = column.strides[0]
        return address, stride
