"""Models of sklearn.cluster against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import (
    AffinityPropagation,
    Birch,
    BisectingKMeans,
    FeatureAgglomeration,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sparkbird
from sparkbird.converters.sklearn import euclidean
from sparkbird.errors import UnsupportedOptionError
from tests.parity import Case, check, parameters
from tests.rows import constant_column, far_from_zero, gaussian, named_numbers, small_integers


def many_features():
    """More than the blocks in which sums are taken."""
    rng = np.random.default_rng(7)
    return rng.normal(size=(40, 150)), None


def grid():
    """Rows half way between centers: equal distances, and the first center wins."""
    X = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), axis=-1).reshape(-1, 2)
    return X, None


def one_feature():
    X, y = gaussian()
    return X[:, :1], y


CORNERS = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])

#: Squares near 0 are what rounding leaves of terms near 10.
NEAR = {"rtol": 1e-9}

#: The distance of a row from itself is the root of what rounding leaves of |x|^2, in an order
#: that is another for more than 128 features, and for dataframes, whose columns lie together.
ROOT = {"rtol": 1e-9, "atol": 1e-6}

#: scikit-learn orders the distances of dataframes by other sums than those of arrays, so for
#: huge values rounding decides, and not the same way for one row as for many.
MODERATE = (np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 0.5, -1e3)

#: Integers are taken as they are, or turned into float64, as the model has it.
ALL_TYPES = ("float64", "float32", "int64")

CASES = [
    Case(KMeans(3, random_state=0), gaussian, **NEAR),
    Case(KMeans(3, random_state=0), far_from_zero, rtol=0, rounding=True),
    Case(KMeans(4, init=CORNERS, n_init=1, max_iter=1), grid, **NEAR),
    Case(KMeans(3, random_state=0), many_features, **NEAR),
    Case(KMeans(2, algorithm="elkan", random_state=0), named_numbers, **NEAR),
    Case(KMeans(1), small_integers, **NEAR, dtypes=ALL_TYPES),
    Case(KMeans(4, random_state=1), one_feature, **NEAR),
    Case(MiniBatchKMeans(4, random_state=0), gaussian, **NEAR),
    Case(MiniBatchKMeans(3, random_state=0), far_from_zero, rtol=0, rounding=True),
    Case(MiniBatchKMeans(3, random_state=0), constant_column, **NEAR),
    Case(BisectingKMeans(5, random_state=0), gaussian, **NEAR),
    Case(BisectingKMeans(6, random_state=0), grid, **NEAR),
    Case(
        BisectingKMeans(9, bisecting_strategy="largest_cluster", random_state=3),
        constant_column,
        **NEAR,
    ),
    Case(BisectingKMeans(1), gaussian, **NEAR, note="a lone leaf"),
    Case(BisectingKMeans(3, random_state=0), named_numbers, **NEAR),
    Case(BisectingKMeans(3, random_state=0), far_from_zero, rtol=0, rounding=True),
    Case(Birch(threshold=0.8), gaussian, **NEAR),
    Case(Birch(threshold=0.5, n_clusters=None), far_from_zero, rtol=0, dtypes=("float64",)),
    Case(Birch(threshold=0.1, n_clusters=KMeans(3, random_state=0)), grid, **NEAR),
    Case(
        Birch(threshold=0.8, n_clusters=400),
        named_numbers,
        **ROOT,
        numbers=MODERATE,
        note="too few",
    ),
    Case(Birch(threshold=9.0), many_features, **ROOT),
    Case(MeanShift(bandwidth=1.5), gaussian),
    Case(MeanShift(bandwidth=1.5), far_from_zero),
    Case(MeanShift(bandwidth=0.7, cluster_all=False), named_numbers, numbers=MODERATE),
    Case(MeanShift(bandwidth=1.2, bin_seeding=True), grid),
    Case(AffinityPropagation(random_state=0), gaussian),
    Case(AffinityPropagation(random_state=0), far_from_zero, dtypes=("float64",)),
    Case(AffinityPropagation(damping=0.9, random_state=0), named_numbers, numbers=MODERATE),
    Case(AffinityPropagation(max_iter=1, random_state=0), gaussian, note="not converged"),
    Case(FeatureAgglomeration(2), gaussian, rtol=0),
    Case(FeatureAgglomeration(2), far_from_zero, rtol=0),
    Case(FeatureAgglomeration(3), many_features, rtol=0),
    Case(FeatureAgglomeration(2), small_integers, rtol=0, dtypes=ALL_TYPES),
    Case(FeatureAgglomeration(3, pooling_func=np.max), named_numbers, rtol=0),
    Case(FeatureAgglomeration(2, pooling_func=np.min), small_integers, rtol=0, dtypes=ALL_TYPES),
    Case(FeatureAgglomeration(2, pooling_func=np.median), many_features, rtol=0),
    Case(FeatureAgglomeration(1, pooling_func=np.median), gaussian, rtol=0),
    Case(FeatureAgglomeration(2, pooling_func=np.sum), many_features, rtol=0),
    Case(FeatureAgglomeration(1, pooling_func=np.sum), small_integers, rtol=0, dtypes=ALL_TYPES),
    Case(make_pipeline(StandardScaler(), KMeans(3, random_state=0)), gaussian, **NEAR),
    Case(
        make_pipeline(KMeans(4, random_state=0), FeatureAgglomeration(2)),
        named_numbers,
        **NEAR,
        note="distances go on",
    ),
    Case(
        FeatureAgglomeration(2).set_output(transform="pandas"), named_numbers, rtol=0, note="pandas"
    ),
]


@pytest.mark.parametrize(("case", "dtype"), parameters(CASES))
def test_parity(case, dtype):
    check(case, dtype)


REFUSED = [
    (FeatureAgglomeration(2, pooling_func=np.ptp), "pooling_func", "use one of np.mean, "),
    (FeatureAgglomeration(2, pooling_func=lambda x, axis: x.mean(axis)), "pooling_func", "use one"),
    (AffinityPropagation(affinity="precomputed", random_state=0), "precomputed", "euclidean"),
]


@pytest.mark.parametrize(("model", "fact", "hint"), REFUSED)
def test_what_is_not_exactly_right_is_refused(model, fact, hint):
    X = np.abs(gaussian()[0])
    model.fit(-X[:5, :5] if "affinity" in model.get_params() else X)
    with pytest.raises(UnsupportedOptionError, match=fact) as caught:
        sparkbird.compile(model)
    assert hint in caught.value.hint


@pytest.mark.parametrize("model", [KMeans(2), MiniBatchKMeans(2), BisectingKMeans(2)])
@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32")])
def test_rows_of_a_type_that_predict_refuses_are_refused(model, dtypes):
    fitted, given = (gaussian()[0].astype(dtype) for dtype in dtypes)
    model.fit(fitted)
    with pytest.raises(ValueError, match="dtype mismatch"):
        model.predict(given)
    with pytest.raises(UnsupportedOptionError, match=f"was fitted on {dtypes[0]}"):
        sparkbird.compile(model, inputs=given)


@pytest.mark.parametrize("model", [Birch(threshold=0.8), MeanShift(bandwidth=1.5)])
@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32")])
def test_rows_of_another_type_are_taken_where_the_original_takes_them(model, dtypes):
    fitted, given = (gaussian()[0].astype(dtype) for dtype in dtypes)
    model.fit(fitted)
    compiled = sparkbird.compile(model, inputs=given)
    np.testing.assert_array_equal(compiled.predict(given), model.predict(given))
    if hasattr(model, "transform"):
        actual, expected = compiled.transform(given), model.transform(given)
        assert actual.dtype == expected.dtype
        np.testing.assert_allclose(actual, expected, rtol=1e-9)


def test_what_overflows_is_nearest_to_what_the_original_finds():
    X = gaussian()[0]
    rows = np.full((4, 5), 1e308) * [[1], [-1], [0.5], [1]] * [1, -1, 1, -1, 1]
    for model in (KMeans(3, random_state=0), Birch(threshold=0.8), MeanShift(bandwidth=1.5)):
        model.fit(X * 1e3)
        compiled = sparkbird.compile(model, inputs=X)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(compiled.predict(rows), model.predict(rows))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("features", [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 33, 100, 300])
def test_squared_norms_are_those_of_einsum(features, dtype):
    x = (np.random.default_rng(features).normal(size=(50, features)) + 1e3).astype(dtype)
    expected = np.einsum("ij,ij->i", x, x)
    np.testing.assert_array_equal(euclidean.squared_norms(x), expected)
