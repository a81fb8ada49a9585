"""Missing values from the nearest stored rows that have them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import KNNImputer

import sparkbird
from sparkbird.converters.sklearn.version import installed
from sparkbird.errors import InvalidValueError, UnsupportedOptionError
from tests.parity import Case, check, parameters, since
from tests.rows import gaussian, with_nan

#: The square of a huge value leaves nothing of the others.
TAME = (np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 0.5)


def many_missing():
    X, _ = gaussian()
    rng = np.random.default_rng(8)
    return np.where(rng.random(X.shape) < 0.4, np.nan, X), None


def empty_column():
    X, y = with_nan()
    X[:, 2] = np.nan
    return X, y


def few_donors():
    """One feature that two rows have, and rows that share no feature with either."""
    X, y = many_missing()
    X[2:, 1] = np.nan
    X[:2, 1] = [1.0, 2.0]
    X[:2, 0], X[:2, 2:] = 0.5, np.nan
    X[5] = np.nan
    return X, y


def minus_ones():
    X, y = with_nan()
    return np.where(np.isnan(X), -1.0, X), y


def named_missing():
    X, y = with_nan()
    return pd.DataFrame(X, columns=["width", "age", "height", "b", "a"]), y


CASES = [
    Case(KNNImputer(n_neighbors=3), with_nan, numbers=TAME),
    # float32 has seven digits, of distances from which a few are lost.
    Case(KNNImputer(weights="distance"), many_missing, numbers=TAME, dtypes=("float64",)),
    Case(KNNImputer(weights="distance"), many_missing, numbers=TAME, atol=1e-6,
         dtypes=("float32",)),
    Case(KNNImputer(weights="distance"), few_donors, numbers=TAME, dtypes=("float64",)),
    # Before 1.6 donors of unknown distance counted, those that argpartition left in front: see
    # test_a_row_with_too_few_donors_of_known_distance_is_refused.
    *since((1, 6), lambda: [Case(KNNImputer(), few_donors, numbers=TAME, atol=1e-7)]),
    Case(KNNImputer(n_neighbors=200), with_nan, numbers=TAME, note="all donors"),
    Case(KNNImputer(add_indicator=True), empty_column, numbers=TAME),
    Case(KNNImputer(keep_empty_features=True), empty_column, numbers=TAME, dtypes=("float64",)),
    Case(KNNImputer(missing_values=-1.0), minus_ones, numbers=(*TAME, -1.0)),
    # The distance of a row from itself is the root of a rounding error, or 0.
    Case(KNNImputer(n_neighbors=12, weights="distance"), named_missing, numbers=TAME, atol=1e-6),
]  # fmt: skip


@pytest.mark.parametrize(("case", "dtype"), parameters(CASES))
def test_parity(case, dtype):
    check(case, dtype)


TIED = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 1.0], [5.0, 3.0]])


def test_a_row_whose_value_hangs_on_the_processor_is_refused():
    compiled = sparkbird.compile(KNNImputer(n_neighbors=2).fit(TIED), TIED)
    with pytest.raises(InvalidValueError, match="hangs on the processor"):
        compiled.transform(np.array([[0.0, np.nan], [5.0, 1.0]]))


@pytest.mark.skipif(installed() >= (1, 6), reason="donors of unknown distance count for nothing")
def test_a_row_with_too_few_donors_of_known_distance_is_refused():
    X, _ = few_donors()
    model = KNNImputer().fit(X)
    compiled = sparkbird.compile(model, X)
    np.testing.assert_allclose(compiled.transform(X), model.transform(X), atol=1e-7)
    with pytest.raises(InvalidValueError, match="hangs on the processor"):
        compiled.transform(np.array([[np.nan, 1.0, np.nan, np.nan, np.nan]]))


def test_equally_near_donors_of_one_value_are_as_good_as_one_another():
    model = KNNImputer(n_neighbors=2).fit(TIED[[0, 2, 2, 3]])
    rows = np.array([[0.0, np.nan]])
    np.testing.assert_array_equal(sparkbird.compile(model, rows).transform(rows), [[0.0, 1.0]])


def test_weights_of_ones_own_function_are_refused():
    with pytest.raises(UnsupportedOptionError, match="own function"):
        sparkbird.compile(KNNImputer(weights=np.ones_like).fit(TIED), TIED)
