"""The walks that the trees of a part need: those that store numbers or values, and that add up.

T is the number of trees, L of leaves, K of outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from sparkbird.kernels.cuda import layout, walks
from sparkbird.kernels.cuda.driver import Device, Memory
from sparkbird.kernels.cuda.walks import MOST_OUTPUTS, Walk
from sparkbird.kernels.trees import Ranked, Trees

_NUMBER = np.dtype(np.uint32)
_Kind: TypeAlias = dict[str, int]
_NUMBERS: _Kind = {"STORES": 1, "NUMBERS": 1, "OUTPUTS": 1, "WIDTH": 1}
_VALUES: _Kind = {**_NUMBERS, "NUMBERS": 0}


@dataclass(frozen=True, eq=False)
class Leaves:
    """The values [L, W] of leaves, here and on the device, and the first output of trees, [T]."""

    values: np.ndarray
    memory: Memory
    output: np.ndarray
    outputs: int

    @property
    def width(self) -> int:
        """How many outputs a leaf adds to."""
        return int(self.values.shape[1])


@dataclass(frozen=True)
class Walks:
    """Those of some trees.

    numbers  stores the numbers of leaves
    values   stores their values, where each is one number
    sums     adds values up at once, where the sums of a row find room in a thread
    """

    numbers: Walk
    values: Walk | None = None
    sums: Walk | None = None

    @classmethod
    def of(
        cls,
        device: Device,
        trees: Trees,
        part: Ranked,
        columns: layout.Columns,
        ranks: np.dtype,
        output: np.ndarray,
        leaves: Leaves | None,
    ) -> Walks:
        """The walks of full trees if these are to be full and find room, else of trees as is."""
        if layout.is_full(trees, part, columns, ranks):
            words = columns.words(ranks)
            numbered = trees.leaf[:, None].astype(_NUMBER)
            made = layout.full(trees, part, columns, ranks, numbered, output)
            if walks.fits(device, made.room, words):
                numbers = walks.full(device, made, ranks, _NUMBER, **_NUMBERS)
                if not leaves:
                    return cls(numbers)
                content = leaves.values[trees.leaf]
                made = layout.full(trees, part, columns, ranks, content, output)
                if not walks.fits(device, made.room, words):
                    return cls(numbers)
                valued = walks.full(device, made, ranks, content.dtype, **_VALUES)
                return cls(numbers, *_of_values(valued, leaves))
        bare = layout.sparse(trees, part, columns, output)
        nodes, roots = device.copy(bare.nodes), device.copy(bare.roots)
        count = part.last - part.first
        numbers = walks.sparse(nodes, roots, count, None, ranks, _NUMBER, **_NUMBERS)
        if not leaves:
            return cls(numbers)
        leaf = leaves.values.dtype
        valued = walks.sparse(nodes, roots, count, leaves.memory, ranks, leaf, **_VALUES)
        return cls(numbers, *_of_values(valued, leaves))

    @property
    def kept(self) -> set[Memory]:
        """The arrays on the device."""
        return {m for walk in (self.numbers, self.values, self.sums) if walk for m in walk.kept}


def _of_values(valued: Walk, leaves: Leaves) -> tuple[Walk | None, Walk | None]:
    """The walks of the same trees that store values, and that add them up, if there can be such."""
    adding = {"STORES": 0, "NUMBERS": 0, "OUTPUTS": leaves.outputs, "WIDTH": leaves.width}
    sums = replace(valued, stores=False, defined={**valued.defined, **adding})
    return valued if leaves.width == 1 else None, sums if leaves.outputs <= MOST_OUTPUTS else None
