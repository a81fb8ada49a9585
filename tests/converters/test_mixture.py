"""Models of sklearn.mixture against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

from sparkbird.converters.sklearn import sums
from tests.converters.rounding import rounded
from tests.parity import check, parameters
from tests.rows import constant_column, far_from_zero, gaussian, named_numbers, small_integers
from tests.runs import run

TYPES = ("full", "tied", "diag", "spherical")


def one_feature():
    X, y = gaussian()
    return X[:, 2:3], y


def many_features():
    rng = np.random.default_rng(7)
    return rng.normal(size=(60, 19)) + 2.0 * (np.arange(60) % 2)[:, None], None


def of(covariance_type):
    return GaussianMixture(3, covariance_type=covariance_type, random_state=0, max_iter=20)


def bayesian(covariance_type):
    return BayesianGaussianMixture(
        n_components=4, covariance_type=covariance_type, random_state=0, max_iter=20
    )


def dirichlet(covariance_type):
    return BayesianGaussianMixture(
        n_components=2,
        covariance_type=covariance_type,
        weight_concentration_prior_type="dirichlet_distribution",
        random_state=0,
    )


#: Values near 1e6, whose squares cancel: float32 leaves noise of them, or training fails.
FAR = {"size": 1e9, "dtypes": ("float64",)}

#: Of 19 columns, libraries sum the last three in another order than the others; beside huge
#: values the means of components of one covariance are told apart by nothing else.
WIDE = {"numbers": (np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 0.5, -1e3)}

#: Of values that repeat, training in float32 makes no covariance; and of 2**53 among them nothing
#: but rounding is left.
REPEATED = {"dtypes": ("float64", "int64"), "rounding": True}

ROWS = [
    (of, gaussian, {}),
    (of, constant_column, {"dtypes": ("float64",)}),
    (of, far_from_zero, FAR),
    (of, small_integers, REPEATED),
    (of, one_feature, {}),
    (of, many_features, WIDE),
    (of, named_numbers, {}),
    (bayesian, gaussian, {}),
    (bayesian, far_from_zero, FAR),
    (bayesian, small_integers, REPEATED),
    (dirichlet, named_numbers, {}),
    (dirichlet, one_feature, {}),
]

CASES = [
    case
    for kind, rows, options in ROWS
    for covariance_type in TYPES
    for case in rounded(kind(covariance_type), rows, **options)
] + [*rounded(GaussianMixture(1), gaussian), *rounded(GaussianMixture(1), one_feature)]


@pytest.mark.parametrize(("case", "dtype"), parameters(CASES))
def test_parity(case, dtype):
    check(case, dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("features", [1, 2, 7, 8, 9, 16, 23, 127, 128, 129, 300])
def test_sums_of_rows_are_those_of_numpy(features, dtype):
    x = np.random.default_rng(features).normal(size=(30, features)).astype(dtype)
    for actual in (sums.pairwise(x), run(sums.pairwise, x)):
        np.testing.assert_array_equal(actual, np.sum(x, axis=1))
