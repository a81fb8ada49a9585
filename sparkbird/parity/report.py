"""What a parity check found, and when two arrays of results differ.

N is the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: How many of the rows that differ are shown.
SHOWN = 5


@dataclass(frozen=True)
class Difference:
    """A row where the two disagree, by its position among the rows."""

    row: int
    original: object
    compiled: object


@dataclass(frozen=True)
class Comparison:
    """One method of both, over all rows.

    absolute    the largest difference of two numbers, 0 for labels
    relative    the largest difference by the size of the original's number
    differing   how many rows differ by more than the tolerance
    first       the first of these rows
    """

    method: str
    absolute: float
    relative: float
    differing: int
    first: tuple[Difference, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no row differs."""
        return self.differing == 0


@dataclass(frozen=True)
class Report:
    """What `check` found: one comparison for each method that both have.

    refused     how many of the rows both refuse; they are not compared further
    """

    rows: int
    refused: int
    digest: str
    rtol: float
    atol: float
    comparisons: tuple[Comparison, ...]

    @property
    def ok(self) -> bool:
        """Whether no row differs in any method."""
        return all(comparison.ok for comparison in self.comparisons)

    def __str__(self) -> str:
        head = (
            f"{'method':<20} {'rows that differ':>16} {'largest difference':>20} {'relative':>10}"
        )
        lines = [
            f"{c.method:<20} {c.differing:>16,} {c.absolute:>20.3g} {c.relative:>10.2g}"
            for c in self.comparisons
        ]
        examples = [
            f"  {c.method}, row {d.row}: original {d.original}, compiled {d.compiled}"
            for c in self.comparisons
            for d in c.first
        ]
        verdict = (
            f"model {self.digest[:12]} against its original on {self.rows:,} rows"
            + (f", {self.refused:,} of which both refuse" if self.refused else "")
            + (": equal" if self.ok else ": NOT EQUAL")
            + f" (within {self.rtol:g} relative or {self.atol:g} absolute)"
        )
        return "\n".join(
            [
                verdict,
                head,
                *lines,
                *(["first rows that differ:", *examples] if examples else []),
            ]
        )


def difference(
    expected: np.ndarray, actual: np.ndarray, rtol: float, atol: float
) -> tuple[np.ndarray, float, float]:
    """Which rows [N] differ, and the largest absolute and relative difference."""
    if expected.shape != actual.shape:
        return np.ones(len(expected), np.bool_), float("inf"), float("inf")
    if expected.dtype.kind != "f" or actual.dtype.kind != "f":
        unequal = (expected != actual) & ~(_is_missing(expected) & _is_missing(actual))
        return _by_row(np.asarray(unequal, np.bool_)), 0.0, 0.0
    if len(expected) == 0:
        return np.zeros(0, np.bool_), 0.0, 0.0
    with np.errstate(all="ignore"):
        same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
        gap = np.where(same, 0.0, np.abs(expected - actual))
        gap = np.where(np.isnan(gap), np.inf, gap)
        size = np.abs(expected)
        relative = np.where(same, 0.0, gap / np.where(size > 0, size, np.nan))
        wrong = ~same & ~(gap <= atol + rtol * size)
    return (
        _by_row(np.asarray(wrong)),
        float(gap.max(initial=0.0)),
        float(np.nanmax(relative, initial=0.0)),
    )


def _is_missing(values: np.ndarray) -> np.ndarray:
    """None and NaN, in an array of any type."""
    flat = [value is None or value != value for value in values.ravel().tolist()]  # noqa: PLR0124
    return np.array(flat, np.bool_).reshape(values.shape)


def _by_row(cells: np.ndarray) -> np.ndarray:
    """[N, ...] -> [N]: whether any cell of the row is set."""
    width = int(np.prod(cells.shape[1:]))
    return np.asarray(np.any(cells.reshape(len(cells), width), axis=1))
