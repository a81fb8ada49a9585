import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.preprocessing import (
    Binarizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)

import sparkbird
from sparkbird.errors import ColumnTypeError, InvalidValueError
from tests.parity import Case, check, parameters
from tests.rows import (
    constant_column,
    far_from_zero,
    gaussian,
    named_numbers,
    positive,
    small_integers,
    with_nan,
)


def empty_rows():
    """Rows of nothing, and of almost nothing."""
    X, y = gaussian()
    X[::5] = 0.0
    X[1::5] = 1e-17
    return X, y


def booleans():
    X, y = gaussian()
    return X > 0, y


SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    StandardScaler(with_mean=False, with_std=False),
    MinMaxScaler(),
    MinMaxScaler(feature_range=(-3, 0.1)),
    MinMaxScaler(clip=True),
    MinMaxScaler(clip=True, feature_range=(-1, 2)),
    MaxAbsScaler(),
    *([MaxAbsScaler(clip=True)] if "clip" in MaxAbsScaler().get_params() else []),  # since 1.8
    RobustScaler(),
    RobustScaler(with_centering=False),
    RobustScaler(with_scaling=False),
    RobustScaler(with_centering=False, with_scaling=False),
    RobustScaler(quantile_range=(10, 80), unit_variance=True),
]
OF_FINITE_ROWS = [
    Normalizer(),
    Normalizer("l1"),
    Normalizer("max"),
    Binarizer(),
    Binarizer(threshold=0.3),
    Binarizer(threshold=np.float64(0.3)),
    Binarizer(threshold=-1),
]
#: Sums are taken in another order; all else is equal to the last digit.
SUMS = {Normalizer: 1e-14}
OF_NUMBERS = ("float64", "float32", "int64")

CASES = [
    *[Case(model, rows, rtol=0) for model in SCALERS for rows in (far_from_zero, with_nan)],
    *[
        Case(model, rows, rtol=0, dtypes=OF_NUMBERS)
        for model in (StandardScaler(), MinMaxScaler(clip=True), MaxAbsScaler(), RobustScaler())
        for rows in (positive, constant_column, small_integers, named_numbers)
    ],
    *[
        Case(model, rows, rtol=SUMS.get(type(model), 0), dtypes=OF_NUMBERS)
        for model in OF_FINITE_ROWS
        for rows in (gaussian, empty_rows, small_integers, named_numbers)
    ],
    *[
        Case(model, booleans, rtol=1e-14, dtypes=("bool",))
        for model in (StandardScaler(), MinMaxScaler(), Normalizer(), Binarizer())
    ],
]


@pytest.mark.parametrize(("case", "dtype"), parameters(CASES))
def test_parity(case, dtype):
    check(case, dtype)


def test_the_type_of_the_rows_is_that_of_the_result():
    for model in [*SCALERS, *OF_FINITE_ROWS]:
        X = gaussian()[0].astype(np.float32)
        assert sparkbird.compile(model.fit(X), inputs=X).transform(X).dtype == np.float32


def test_a_scaler_fitted_on_float64_rounds_each_step_on_float32():
    X = far_from_zero()[0]
    for model in [MinMaxScaler(), RobustScaler(), MaxAbsScaler(), StandardScaler()]:
        rows = X.astype(np.float32)
        expected = model.fit(X).transform(rows)
        np.testing.assert_array_equal(
            sparkbird.compile(model, inputs=rows).transform(rows), expected
        )


def test_a_model_that_may_write_into_its_rows_is_compiled_to_one_that_does_not():
    for original in [*SCALERS, *OF_FINITE_ROWS]:
        X = gaussian()[0]
        model = clone(original).set_params(copy=False).fit(X.copy())
        kept = X.copy()
        actual = sparkbird.compile(model).transform(X)
        np.testing.assert_array_equal(X, kept)
        np.testing.assert_allclose(actual, model.transform(X), 1e-14)


def test_infinity_is_refused_as_the_original_refuses_it():
    X = gaussian()[0]
    compiled = sparkbird.compile(MinMaxScaler().fit(X))
    X[3, 1] = np.inf
    with pytest.raises(InvalidValueError, match="MinMaxScaler takes no infinity"):
        compiled.transform(X)


def test_a_string_where_a_number_belongs_is_refused_by_name():
    X = pd.DataFrame({"age": [1.0, 2.0], "city": [3.0, 5.0]})
    model = StandardScaler().fit(X)
    with pytest.raises(ColumnTypeError, match="column 'city' is a string"):
        sparkbird.compile(model, inputs={"city": str})
