"""The nearest stored points: metrics, weights, and the ties that integers are full of."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    NearestNeighbors,
)

import sparkbird
from sparkbird.converters.sklearn.version import installed
from sparkbird.errors import InvalidValueError, UnsupportedOptionError
from tests.parity import Case, check, parameters, since
from tests.rows import (
    boolean_labels,
    constant_column,
    continuous,
    far_from_zero,
    float_labels,
    gaussian,
    named_numbers,
    positive,
    string_labels,
    three_classes,
    two_label_targets,
    two_targets,
    with_nan,
)


def grid():
    """Whole numbers and many of each row: of equally near points there are always some."""
    rng = np.random.default_rng(4)
    X = rng.integers(0, 4, size=(150, 3)).astype(float)
    return X, rng.integers(0, 3, size=150)


def grid_values():
    X, y = grid()
    return X, y + X[:, 0] / 8


def grid_strings():
    X, y = grid()
    return X, np.array(["low", "mid", "très haut"])[y]


def wide():
    """More features than a search by trees takes of itself."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(90, 20))
    return X, np.digitize(X[:, 0] - X[:, 1], [-0.5, 0.5])


def places_on_earth():
    rng = np.random.default_rng(6)
    X = np.column_stack([rng.uniform(-1.5, 1.5, 80), rng.uniform(-3.1, 3.1, 80)])
    return X, rng.integers(0, 3, size=80)


def truths():
    rng = np.random.default_rng(7)
    X = (rng.random((100, 6)) < 0.4).astype(float)
    return X, rng.integers(0, 2, size=100)


WAYS = ("brute", "kd_tree", "ball_tree")
VARIANCES = {"V": np.array([0.5, 2.0, 1.0, 0.1, 3.0])}
INVERSE = {"VI": np.diag([0.5, 2.0, 1.0, 0.1, 3.0]) + 0.01}
WEIGHTS = {"w": np.array([0.5, 2.0, 1.0, 0.0, 3.0])}

SINGLE = ("float64",)


def of_way(way):
    """The types of rows that a search tells apart: a tree takes them all as float64."""
    return ("float64", "float32") if way == "brute" else SINGLE


#: Of huge values the product of rows and points leaves what its rounding makes of them, and a
#: power of 3 what the processor makes of it.
TAME = (np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 0.5)

CLASSIFIERS = [
    *(
        Case(KNeighborsClassifier(algorithm=way), string_labels, rtol=0, dtypes=of_way(way))
        for way in WAYS
    ),
    *(
        Case(KNeighborsClassifier(k, algorithm=way, leaf_size=4), grid, rtol=0, dtypes=SINGLE)
        for way in WAYS
        for k in (1, 4, 11)
    ),
    *(
        Case(
            KNeighborsClassifier(4, algorithm=way, p=1, weights=weights),
            # Up to 1.6 the original raises on strings where it searches by itself.
            grid if way == "brute" else grid_strings,
            dtypes=of_way(way),
        )
        for way in WAYS
        for weights in ("uniform", "distance")
    ),
    Case(KNeighborsClassifier(9, weights="distance"), grid, dtypes=("float64",)),
    Case(KNeighborsClassifier(weights="distance"), two_label_targets),
    Case(KNeighborsClassifier(algorithm="brute"), two_label_targets, rtol=0),
    Case(KNeighborsClassifier(weights=None), float_labels, rtol=0, dtypes=("float64",)),
    Case(KNeighborsClassifier(3), boolean_labels, rtol=0, dtypes=("float64",)),
    Case(KNeighborsClassifier(3, weights="distance"), named_numbers),
    Case(KNeighborsClassifier(96), three_classes, rtol=0, note="all points"),
    Case(KNeighborsClassifier(), far_from_zero, rtol=0, note="a tree"),
    Case(KNeighborsClassifier(), constant_column, rtol=0, dtypes=("float64",)),
    Case(KNeighborsClassifier(), wide, rtol=0, numbers=TAME),
    Case(KNeighborsClassifier(p=3), three_classes, numbers=TAME, dtypes=("float64",)),
    Case(KNeighborsClassifier(p=np.inf), grid, rtol=0),
]

REGRESSORS = [
    *(
        Case(
            KNeighborsRegressor(3, algorithm=way, leaf_size=2, weights=weights),
            grid_values,
            dtypes=SINGLE,
        )
        for way in WAYS
        for weights in ("uniform", "distance")
    ),
    Case(KNeighborsRegressor(), continuous, atol=1e-14),
    Case(KNeighborsRegressor(12, weights="distance"), two_targets, atol=1e-14),
    Case(KNeighborsRegressor(12), two_targets, atol=1e-14),
    Case(KNeighborsRegressor(), gaussian, note="whole numbers as targets"),
    Case(KNeighborsRegressor(weights="distance"), named_numbers),
]

#: Metrics by the rows on which they mean something; `distance` shows the distances themselves.
METRICS = [
    *(
        Case(
            KNeighborsRegressor(
                4, weights="distance", metric=metric, algorithm=way, metric_params=given
            ),
            rows,
            numbers=TAME,
            rtol=1e-11,
            dtypes=of_way(way),
        )
        for rows, metric, given, ways in [
            (continuous, "chebyshev", None, WAYS),
            (continuous, "cityblock", None, WAYS),
            (continuous, "l2", None, WAYS),
            (continuous, "seuclidean", VARIANCES, ("brute", "ball_tree")),
            (continuous, "mahalanobis", INVERSE, ("ball_tree",)),
            (continuous, "minkowski", WEIGHTS, ("brute", "ball_tree")),
            (continuous, "canberra", None, ("brute", "ball_tree")),
            (positive, "braycurtis", None, ("brute", "ball_tree")),
            (places_on_earth, "haversine", None, ("brute", "ball_tree")),
        ]
        for way in ways
    ),
    *(
        Case(
            KNeighborsClassifier(metric=metric, algorithm="ball_tree"), rows, rtol=0, dtypes=SINGLE
        )
        for rows, metric in [
            (grid, "hamming"),
            (grid, "canberra"),
            (grid, "braycurtis"),
            (truths, "jaccard"),
            (truths, "rogerstanimoto"),
            (truths, "russellrao"),
        ]
    ),
    # A pair without a common feature that is not 0 has no such distance, but the original
    # divides by 0 all the same.
    *(
        Case(KNeighborsClassifier(metric=metric), truths, rtol=0, dtypes=("float64",))
        for metric in ("dice", "sokalsneath")
    ),
    *since(
        (1, 6),
        lambda: [
            Case(KNeighborsClassifier(3, metric="nan_euclidean"), with_nan, rtol=0, numbers=TAME)
        ],
    ),
    # The distance of a row from itself is what rounding leaves of 0: no weight for it.
    Case(KNeighborsRegressor(metric="cosine"), continuous, numbers=TAME),
    Case(KNeighborsRegressor(metric="sqeuclidean", algorithm="brute"), continuous),
    # Whether it is 0 hangs on the library of the matrix products: 1e-8 of its weight.
    Case(KNeighborsRegressor(weights="distance", algorithm="brute"), continuous, atol=1e-6),
]

TRANSFORMERS = [
    *(
        Case(KNeighborsTransformer(n_neighbors=3, algorithm=way), grid, rtol=0, dtypes=SINGLE)
        for way in WAYS
    ),
    Case(KNeighborsTransformer(mode="connectivity", n_neighbors=4), grid, rtol=0, dtypes=SINGLE),
    Case(KNeighborsTransformer(mode="distance", p=1), gaussian),
]


@pytest.mark.parametrize(
    ("case", "dtype"), parameters([*CLASSIFIERS, *REGRESSORS, *METRICS, *TRANSFORMERS])
)
def test_parity(case, dtype):
    check(case, dtype)


@pytest.mark.parametrize("rows", [grid, gaussian])
@pytest.mark.parametrize(
    "model",
    [
        NearestNeighbors(n_neighbors=k, algorithm=way, leaf_size=3)
        for way in WAYS
        for k in (1, 7, 15)
    ],
)
def test_neighbours_come_in_the_order_of_the_original(rows, model):
    X, _ = rows()
    model = clone(model).fit(X)
    compiled = sparkbird.compile(model, X)
    if model.n_neighbors > 3 and installed() < (1, 9) and rows is grid:
        # Before 1.9 more than three, equally near ones among them, were sorted out of order.
        with pytest.raises(InvalidValueError, match="order of equally near"):
            compiled.kneighbors(X)
        return
    distances, places = compiled.kneighbors(X)
    expected = model.kneighbors(X)
    np.testing.assert_array_equal(places, expected[1])
    np.testing.assert_allclose(
        distances, expected[0], 1e-12, 1e-7 if model.algorithm == "brute" else 0
    )


def test_rows_whose_ties_the_original_sorts_out_of_order_are_refused():
    X, _ = grid()
    compiled = sparkbird.compile(NearestNeighbors(n_neighbors=20).fit(X), X)
    with pytest.raises(InvalidValueError, match="order of equally near"):
        compiled.kneighbors(X)


def test_rows_whose_ties_hang_on_the_processor_are_refused():
    X, y = grid()
    model = KNeighborsClassifier(5, algorithm="brute").fit(X.astype(int), y)
    with pytest.raises(InvalidValueError, match="hangs on the processor"):
        sparkbird.compile(model, X.astype(int)).predict(X.astype(int))


X, Y = gaussian()
REFUSED = [
    (KNeighborsClassifier(weights=lambda d: d).fit(X, Y), "own function"),
    (KNeighborsClassifier(metric=lambda a, b: 0.0).fit(X, Y), "metric=<lambda>"),
    (KNeighborsClassifier(metric="precomputed").fit(np.abs(X @ X.T), Y), "precomputed"),
    (KNeighborsRegressor(metric="correlation").fit(X, Y), "'correlation'"),
    (KNeighborsRegressor(metric="hamming", algorithm="brute").fit(X, Y), "'hamming'"),
    (KNeighborsRegressor(97).fit(X, Y), "has only 96 points"),
]


@pytest.mark.parametrize(("model", "fact"), REFUSED)
def test_what_cannot_be_followed_is_refused_by_name(model, fact):
    with pytest.raises(UnsupportedOptionError, match=fact):
        sparkbird.compile(model, X)


def test_brute_force_over_points_of_another_type_is_refused():
    model = KNeighborsClassifier(algorithm="brute").fit(X.astype(np.float32), Y)
    with pytest.raises(UnsupportedOptionError, match="fitted on float32 and is given float64"):
        sparkbird.compile(model, X)
