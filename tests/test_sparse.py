"""Matrices that are mostly zeros are what their dense form is, in NumPy and ONNX Runtime."""

import numpy as np
import pytest

from sparkbird.graph import op
from sparkbird.graph.sparse import Coded, Entries, Sparse, nonzeros
from tests.runs import run

WIDTH = 4
W = np.random.default_rng(0).normal(size=(3 * WIDTH + 1, 2))
#: A place in three columns, 4 for none, a number, and a row's divisor.
ROWS = np.array([[0, 3, 1.5, 2.0], [4, 4, -2.0, 1.0], [1, 0, 0.0, 4.0], [2, 2, 1e6, 0.5]])


def matrix_of(x):
    """One-hot columns, entries of two columns a row where there are any, and a number."""
    first = op.cast(op.take(x, 0, axis=1), dtype=np.int64)
    second = op.cast(op.take(x, 1, axis=1), dtype=np.int64)
    lit = second < WIDTH
    rows = op.compress(op.row_numbers(x), lit)
    places = op.compress(second, lit)
    entries = Entries(rows, places, op.cast(places, dtype=np.float64) + 0.5, WIDTH, first)
    ones, numbers = np.ones(WIDTH), np.array([0.5, 2.0, -1.0, 3.0])
    return Sparse(
        (Coded(first, ones), entries, op.take(x, np.array([2]), axis=1), Coded(second, numbers))
    )


def divisors(x):
    return op.take(x, 3, axis=1)


def as_numpy(x):
    """The dense matrix, cell by cell."""
    matrix = np.zeros((len(x), 3 * WIDTH + 1))
    for row, (first, second, number, _) in zip(matrix, x, strict=True):
        row[8] = number
        if first < WIDTH:
            row[int(first)] = 1
        if second < WIDTH:
            row[4 + int(second)] = second + 0.5
            row[9 + int(second)] = [0.5, 2.0, -1.0, 3.0][int(second)]
    return matrix


def of_entries(matrix, x):
    """The dense matrix, by the rows and columns of all entries."""
    row, column, value = matrix.entries()
    (width,) = matrix.shape[1:]
    flat = op.reshape(op.rows_of(np.zeros(width), x), lengths=())
    return op.reshape(op.add_at(flat, row * np.int64(width) + column, value), lengths=(width,))


ODD = np.arange(1, 13, 2)
USES = {
    "dense": (lambda x: matrix_of(x).dense(), as_numpy),
    "entries": (lambda x: of_entries(matrix_of(x), x), as_numpy),
    "how many are not 0": (
        lambda x: nonzeros(matrix_of(x)),
        lambda x: (as_numpy(x) != 0).sum(axis=1),
    ),
    "product": (lambda x: matrix_of(x).product(W), lambda x: as_numpy(x) @ W),
    "with a vector": (lambda x: matrix_of(x).product(W[:, 0]), lambda x: as_numpy(x) @ W[:, 0]),
    "scaled": (
        lambda x: matrix_of(x).scaled(W[:, 1]).dense(),
        lambda x: as_numpy(x) * W[:, 1],
    ),
    "rows divided": (
        lambda x: matrix_of(x).rows_divided(divisors(x)).dense(),
        lambda x: as_numpy(x) / x[:, 3:],
    ),
    "squared": (
        lambda x: matrix_of(x).mapped(lambda v: v * v).dense(),
        lambda x: as_numpy(x) ** 2,
    ),
    "some columns": (
        lambda x: matrix_of(x).select(ODD.tolist()).dense(),
        lambda x: as_numpy(x)[:, ODD],
    ),
    "columns in another order": (
        lambda x: matrix_of(x).select([12, 0, 0]),
        lambda x: as_numpy(x)[:, [12, 0, 0]],
    ),
    "a product of some columns": (
        lambda x: matrix_of(x).select(ODD.tolist()).product(W[ODD]),
        lambda x: as_numpy(x)[:, ODD] @ W[ODD],
    ),
}


@pytest.mark.parametrize("rows", [4, 1, 0])
@pytest.mark.parametrize("use", USES)
def test_a_sparse_matrix_is_its_dense_form(use, rows):
    ours, known = USES[use]
    x = ROWS[:rows]
    for actual in (ours(x), run(ours, x)):
        np.testing.assert_allclose(actual, known(x), rtol=1e-15)


def test_it_has_the_shape_and_the_type_of_its_blocks():
    assert matrix_of(ROWS).shape == ("N", 13)
    assert matrix_of(ROWS).dtype == np.float64
