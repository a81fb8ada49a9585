"""Matrices that are mostly zeros: what encoders of categories and of text give.

A `Sparse` is blocks of columns side by side, each in a form of its own. What multiplies,
scales or selects columns works on the blocks; all else makes a matrix of them first. N is
the number of rows, F of columns, K of columns of a product, M of entries that may not be zero.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from sparkbird.graph import op
from sparkbird.graph.op import Array


@dataclass(frozen=True)
class Coded:
    """At most one value a row, ``values[place]`` in the column `place` [N]; none if that is F.

    It is what one-hot encoding makes of one feature. `values` [F] is a constant.
    """

    place: Array
    values: np.ndarray

    @property
    def width(self) -> int:
        """F."""
        return len(self.values)

    @property
    def dtype(self) -> np.dtype:
        """The type of the values."""
        return self.values.dtype

    def dense(self) -> Array:
        """The matrix [N, F]."""
        hit = op.equal(op.expand(self.place, axis=1), np.arange(self.width))
        if (self.values == 1).all():
            return op.cast(hit, dtype=self.values.dtype)
        return op.where(hit, self.values, np.zeros((), self.values.dtype))

    def entries(self) -> tuple[Array, Array, Array]:
        """The rows, the columns and the values of what is there, [M] each."""
        there = self.place < np.int64(self.width)
        column = op.compress(self.place, there)
        row = op.compress(op.row_numbers(self.place), there)
        return row, column, op.take(self.values, column)

    def nonzeros(self) -> Array:
        """How many values of each row are not 0, [N]."""
        counts = _padded((self.values != 0).astype(np.float64))
        return op.take(counts, self.place)

    def product(self, weights: np.ndarray) -> Array:
        """``dense() @ weights``, [N, K]: the row of weights that each row names."""
        return op.take(_padded(weights * self.values[:, None]), self.place)

    def scaled(self, factors: np.ndarray) -> Coded:
        """Each column multiplied by its factor [F]."""
        return replace(self, values=(self.values * factors).astype(self.values.dtype))

    def selected(self, positions: np.ndarray) -> Coded:
        """The columns at `positions`, each at most once."""
        moved = np.full(self.width + 1, len(positions), np.int64)
        moved[positions] = np.arange(len(positions))
        return Coded(op.take(moved, self.place), self.values[positions])

    def mapped(self, function: Callable[[Array], Array]) -> Coded:
        """`function`, which leaves 0 as it is, of each value."""
        return replace(self, values=function(self.values))

    def rows_divided(self, divisors: Array) -> Entries:
        """Each row divided by its divisor [N]."""
        column = op.minimum(self.place, np.int64(self.width - 1))
        value = op.take(_padded(self.values), self.place) / divisors
        return Entries(op.row_numbers(self.place), column, value, self.width, self.place)


@dataclass(frozen=True)
class Entries:
    """The M values that may not be zero, with their rows and columns; each cell at most once.

    They are in the order of the rows, and within a row of the columns, as in SciPy's CSR with
    sorted indices: so sums over a row add up as SciPy's do. `like` [N] has as many rows.
    """

    row: Array
    column: Array
    value: Array
    width: int
    like: Array

    @property
    def dtype(self) -> np.dtype:
        """The type of the values."""
        dtype: np.dtype = self.value.dtype
        return dtype

    def dense(self) -> Array:
        """The matrix [N, F]."""
        flat = op.reshape(self._zeros(self.width, self.value.dtype), lengths=())
        place = self.row * np.int64(self.width) + self.column
        return op.reshape(op.add_at(flat, place, self.value), lengths=(self.width,))

    def entries(self) -> tuple[Array, Array, Array]:
        """The rows, the columns and the values, [M] each."""
        return self.row, self.column, self.value

    def nonzeros(self) -> Array:
        """How many values of each row are not 0, [N]."""
        zeros = op.rows_of(np.float64(0.0), self.like)
        return op.add_at(zeros, self.row, _are_not_zero(self.value))

    def product(self, weights: np.ndarray) -> Array:
        """``dense() @ weights``, [N, K]."""
        terms = op.expand(self.value, axis=1) * op.take(weights, self.column)
        return op.add_at(self._zeros(weights.shape[1], terms.dtype), self.row, terms)

    def scaled(self, factors: np.ndarray) -> Entries:
        """Each column multiplied by its factor [F]."""
        factor = op.take(factors.astype(self.value.dtype), self.column)
        return replace(self, value=self.value * factor)

    def rows_divided(self, divisors: Array) -> Entries:
        """Each row divided by its divisor [N]."""
        return replace(self, value=self.value / op.take(divisors, self.row))

    def selected(self, positions: np.ndarray) -> Entries:
        """The columns at `positions`, each at most once."""
        moved = np.full(self.width, -1, np.int64)
        moved[positions] = np.arange(len(positions))
        column = op.take(moved, self.column)
        kept = column >= np.int64(0)
        row, column, value = (op.compress(x, kept) for x in (self.row, column, self.value))
        return Entries(row, column, value, len(positions), self.like)

    def mapped(self, function: Callable[[Array], Array]) -> Entries:
        """`function`, which leaves 0 as it is, of each value."""
        return replace(self, value=function(self.value))

    def _zeros(self, width: int, dtype: np.dtype) -> Array:
        return op.rows_of(np.zeros(width, dtype), self.like)


#: The forms of blocks that are mostly zeros, and all forms.
SPARSE = (Coded, Entries)
Block: TypeAlias = "Array | Coded | Entries"


def summed(row: Array, column: Array, value: Array, width: int, like: Array) -> Entries:
    """Entries in order from values [M] in any, those of one cell added up.

    By sorting: ONNX Runtime's Unique is several times slower.
    """
    last = np.full(1, np.iinfo(np.int64).max)
    keys, places = op.sort(op.concat(row * np.int64(width) + column, last, axis=0))
    numbers = op.row_numbers(keys)
    before = op.take(keys, op.maximum(numbers - np.int64(1), np.int64(0)))
    first = op.equal(numbers, np.int64(0)) | (keys > before)
    group = op.cumsum(op.cast(first, dtype=np.int64), axis=0) - np.int64(1)
    padded = op.concat(value, np.zeros(1, value.dtype), axis=0)
    cells = op.compress(keys, first)
    total = op.add_at(
        op.cast(cells * np.int64(0), dtype=value.dtype), group, op.take(padded, places)
    )
    real = cells < last[0]
    cells, total = op.compress(cells, real), op.compress(total, real)
    wide = np.int64(width)
    return Entries(op.quotient(cells, wide), op.mod(cells, wide), total, width, like)


@dataclass(frozen=True)
class Sparse:
    """F columns in blocks: matrices [N, F'] and what is mostly zeros.

    `scipy` is whether the original has a SciPy matrix here, in which no 0 is stored, and None
    if that cannot be told: XGBoost takes what is not stored for missing.
    """

    blocks: tuple[Block, ...]
    scipy: bool | None = False

    @property
    def shape(self) -> tuple[str, int]:
        """("N", F)."""
        return "N", sum(map(_width, self.blocks))

    @property
    def dtype(self) -> np.dtype:
        """The type that NumPy promotes the blocks to."""
        return np.result_type(*(block.dtype for block in self.blocks))

    @property
    def matrices(self) -> tuple[Array, ...]:
        """The blocks that are matrices."""
        return tuple(block for block in self.blocks if not isinstance(block, SPARSE))

    def dense(self) -> Array:
        """One matrix [N, F]."""
        return _beside(
            block.dense() if isinstance(block, SPARSE) else block for block in self.blocks
        )

    def entries(self) -> tuple[Array, ...]:
        """The rows, the columns and the values of what may not be 0, in any order, [M] each."""
        found = []
        for start, block in self._placed():
            own = block.entries() if isinstance(block, SPARSE) else _cells(block)
            found.append((own[0], own[1] + np.int64(start), own[2]))
        return tuple(
            parts[0] if len(parts) == 1 else op.concat(*parts, axis=0)
            for parts in zip(*found, strict=True)
        )

    def select(self, positions: Sequence[int]) -> Array | Sparse:
        """The columns at `positions`, in that order."""
        wanted = np.asarray(positions, np.int64)
        if (np.diff(wanted) <= 0).any():  # repeated, or in another order
            return op.take(self.dense(), wanted, axis=1)
        blocks = []
        for start, block in self._placed():
            inside = wanted[(wanted >= start) & (wanted < start + _width(block))] - start
            if len(inside) and isinstance(block, SPARSE):
                blocks.append(block.selected(inside))
            elif len(inside):
                blocks.append(op.take(block, inside, axis=1))
        return replace(self, blocks=tuple(blocks))

    def scaled(self, factors: np.ndarray) -> Sparse:
        """Each column multiplied by its factor [F], in the type of the column: see `floating`."""
        assert all(block.dtype.kind == "f" for block in self.blocks), self.dtype
        return replace(
            self,
            blocks=tuple(
                block.scaled(factor)
                if isinstance(block, SPARSE)
                else _scaled(block, factor.astype(block.dtype))
                for block, factor in self._with(factors)
            ),
        )

    def mapped(self, function: Callable[[Array], Array]) -> Sparse:
        """`function`, which leaves 0 as it is, of each value."""
        return replace(
            self,
            blocks=tuple(
                b.mapped(function) if isinstance(b, SPARSE) else function(b) for b in self.blocks
            ),
        )

    def floating(self) -> Sparse:
        """The same as floating-point numbers: whole numbers and booleans as float64."""
        return self.mapped(op.floating)

    def rows_divided(self, divisors: Array) -> Sparse:
        """Each row divided by its divisor [N]."""
        return replace(
            self,
            blocks=tuple(
                b.rows_divided(divisors)
                if isinstance(b, SPARSE)
                else b / op.expand(divisors, axis=1)
                for b in self.blocks
            ),
        )

    def product(self, weights: np.ndarray) -> Array:
        """``dense() @ weights``, [N, K] or, for weights [F], [N]."""
        if weights.ndim == 1:
            return op.take(self.product(weights[:, None]), 0, axis=1)
        coded = [(b, w) for b, w in self._with(weights) if isinstance(b, Coded)]
        total = _looked_up(coded) if coded else None
        for block, weight in self._with(weights):
            if not isinstance(block, Coded):
                part = block.product(weight) if isinstance(block, SPARSE) else block @ weight
                total = part if total is None else total + part
        return total

    def _placed(self) -> Iterator[tuple[int, Block]]:
        """The blocks, each with the number of its first column."""
        start = 0
        for block in self.blocks:
            yield start, block
            start += _width(block)

    def _with(self, values: np.ndarray) -> Iterator[tuple[Block, np.ndarray]]:
        """The blocks, each with the rows of `values` [F, ...] for its columns."""
        for start, block in self._placed():
            yield block, values[start : start + _width(block)]


@dataclass(frozen=True)
class Vectors:
    """A result [N, F] that stays entries, for those who can take it so: see `Sparse.entries`.

    `compressed` tells whether the original keeps those vectors dense that have many values.
    """

    entries: tuple[Array, ...]
    width: int
    compressed: bool


def dense(x: Array | Sparse) -> Array:
    """The matrix [N, F] that `x` stands for."""
    return x.dense() if isinstance(x, Sparse) else x


def nonzeros(x: Array | Sparse) -> Array:
    """How many values of each row are not 0, NaN among them: [N, F] -> [N]."""
    blocks = x.blocks if isinstance(x, Sparse) else (x,)
    counts = [
        block.nonzeros() if isinstance(block, SPARSE) else op.sum(_are_not_zero(block), axis=1)
        for block in blocks
    ]
    return functools.reduce(op.add, counts)


def product(x: Array | Sparse, weights: np.ndarray) -> Array:
    """``x @ weights``, [N, F] -> [N, K] or, for weights [F], [N]."""
    return x.product(weights) if isinstance(x, Sparse) else x @ weights


def affine(x: Array | Sparse, weights: np.ndarray, added: Any) -> Array:
    """``x @ weights + added``, [N, F] -> [N, K] or, for weights [F], [N]."""
    return x.product(weights) + added if isinstance(x, Sparse) else op.affine(x, weights, added)


def beside(parts: Iterable[Array | Sparse]) -> Sparse:
    """The columns of all parts side by side."""
    parts = [part if isinstance(part, Sparse) else Sparse((part,)) for part in parts]
    scipy = {part.scipy for part in parts}
    blocks = tuple(block for part in parts for block in part.blocks)
    return Sparse(blocks, None if None in scipy else True in scipy)


def _are_not_zero(values: Array) -> Array:
    return op.cast(~op.equal(values, np.zeros((), values.dtype)), dtype=np.float64)


def _cells(matrix: Array) -> tuple[Array, Array, Array]:
    """The rows, the columns and the values of all cells, [N * F] each."""
    width = int(matrix.shape[1])
    first = op.take(matrix, 0, axis=1)
    row = op.expand(op.row_numbers(first), axis=1) + np.zeros((1, width), np.int64)
    column = op.rows_of(np.arange(width), first)
    row, column, value = (op.reshape(x, lengths=()) for x in (row, column, matrix))
    return row, column, value


def _looked_up(coded: Sequence[tuple[Coded, np.ndarray]]) -> Array:
    """The sum of the products, by a look-up for each feature: [N, K].

    (One for all, [N, features, K], takes ONNX Runtime 70 ns a row and feature to add up.)
    """
    tables = [_padded(weights * block.values[:, None]) for block, weights in coded]
    places = [block.place for block, _ in coded]
    if tables[0].shape[1] == 1:
        found = [op.take(table[:, 0], place) for table, place in zip(tables, places, strict=True)]
        return op.expand(functools.reduce(op.add, found), axis=1)
    found = [op.take(table, place) for table, place in zip(tables, places, strict=True)]
    return functools.reduce(op.add, found)


def _padded(values: np.ndarray) -> np.ndarray:
    """`values` [F, ...] and zeros behind them, for the place that means no column."""
    return np.concatenate([values, np.zeros_like(values[:1])])


def _beside(matrices: Iterable[Array]) -> Array:
    matrices = tuple(matrices)
    return matrices[0] if len(matrices) == 1 else op.concat(*matrices, axis=1)


def _scaled(matrix: Array, factors: np.ndarray) -> Array:
    """Each column multiplied by its factor; what is 0 stays so, also times infinity."""
    zero = op.equal(matrix, np.zeros((), matrix.dtype))
    return op.where(zero, matrix, op.mul(matrix, factors))


def _width(block: Block) -> int:
    return block.width if isinstance(block, SPARSE) else int(block.shape[1])
