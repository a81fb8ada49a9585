"""Matrices whose columns lie apart: forests take these as they are, all else takes a matrix."""

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest
import xgboost as xgb
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytest.importorskip("llvmlite")

import sparkbird
from sparkbird.frames import inputs_of
from sparkbird.runtime import folding
from sparkbird.runtime.apart import Apart
from sparkbird.runtime.batches import LEAST_APART
from sparkbird.runtime.plan import KERNELS
from sparkbird.runtime.scoring import score_columns
from sparkbird.runtime.sessions import open_session

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40_000, 6))
Y = X[:, 0] + X[:, 1] * X[:, 2] + np.abs(X[:, 3])
FEW = slice(0, 600)
EXTREMES = [np.nan, np.inf, -np.inf, 1e300, -0.0, 5e-324]


def boosted():
    options = {"objective": "binary", "num_leaves": 15, "verbose": -1, "num_threads": 1}
    return lgb.train(options, lgb.Dataset(X[FEW], Y[FEW] > 1), 10)


def xgboosted(rows=X[FEW]):
    options = {"n_estimators": 10, "max_depth": 4, "n_jobs": 1}
    return xgb.XGBClassifier(**options).fit(rows, Y[FEW] > 1)


def forest():
    return RandomForestClassifier(n_estimators=5, random_state=0).fit(X[FEW], Y[FEW] > 1)


# Each with the types of its matrix: the forest's own, cast to it, folded or not, and screened.
FORESTS = {
    "as it is": (boosted, "float64"),
    "cast": (xgboosted, "float64"),
    "cast and screened": (lambda: xgboosted().get_booster(), "float64"),
    "cast twice and screened": (forest, "float64"),
    "of float32": (xgboosted, "float32"),
    "of whole numbers": (lambda: xgboosted(numbers("int64")[FEW]), "int64"),
}


def numbers(dtype):
    """The rows in a type, each trap in some of them if it has it."""
    rows = X.copy() if dtype != "int64" else X * 10
    if dtype != "int64":
        rows[RNG.random(X.shape) < 0.1] = 0
    return rows.astype(dtype)


def opened(model, rows, monkeypatch, *, kernels=True):
    compiled = sparkbird.compile(model, rows[:5], outputs="predict", strategy="ensemble")
    with monkeypatch.context() as patch:
        patch.setenv(KERNELS, "1" if kernels else "0")
        return open_session(compiled.to_bytes(), ["predict"])


def scored(session, rows, *, threads=1):
    columns = [pa.array(column) for column in rows.T]
    return score_columns(session, columns, on_invalid="null", threads=threads)


@pytest.fixture
def built(monkeypatch):
    """The matrices that are built of columns."""
    matrices = []
    build = Apart.matrix.func
    spied = property(lambda apart: matrices.append(len(apart)) or build(apart))
    monkeypatch.setattr(Apart, "matrix", spied)
    return matrices


@pytest.mark.parametrize("most", [folding._MOST, 0])
@pytest.mark.parametrize("name", FORESTS)
def test_no_matrix_is_built_where_a_forest_takes_columns(name, most, built, monkeypatch):
    monkeypatch.setattr(folding, "_MOST", most)
    model, dtype = FORESTS[name]
    rows = numbers(dtype)
    session = opened(model(), rows, monkeypatch)
    plain = opened(model(), rows, monkeypatch, kernels=False)
    for part in (rows, rows[:LEAST_APART]):
        found = [scored(session, part), scored(session, part, threads=2)]
        assert built == []
        expected = scored(plain, part)
        built.clear()
        for results, invalid in found:
            np.testing.assert_array_equal(results["predict"], expected[0]["predict"])
            np.testing.assert_array_equal(invalid, expected[1])


@pytest.mark.parametrize("name", [name for name in FORESTS if name != "of whole numbers"])
def test_extremes_in_columns_decide_as_in_a_matrix(name, monkeypatch):
    model, dtype = FORESTS[name]
    rows = numbers(dtype)[:1000]
    with np.errstate(over="ignore"):
        for i, extreme in enumerate(EXTREMES):
            rows[i * 20 :: 300, i % 6] = extreme
    plain = opened(model(), rows, monkeypatch, kernels=False)
    expected, refused = scored(plain, rows)
    results, invalid = scored(opened(model(), rows, monkeypatch), rows)
    np.testing.assert_array_equal(invalid, refused)
    np.testing.assert_array_equal(results["predict"], expected["predict"])
    assert invalid.any() == ("screened" in name)


def test_few_rows_are_put_side_by_side(built, monkeypatch):
    session = opened(boosted(), X, monkeypatch)
    plain = opened(boosted(), X, monkeypatch, kernels=False)
    for count in (LEAST_APART - 1, 1, 0):
        found = scored(session, X[:count])[0]["predict"]
        assert built == [count]
        np.testing.assert_array_equal(found, scored(plain, X[:count])[0]["predict"])
        built.clear()


def test_a_matrix_is_built_once_for_what_onnxruntime_computes(built, monkeypatch):
    model = LinearRegression().fit(X[FEW], Y[FEW])
    session = opened(model, X, monkeypatch)
    found = scored(session, X[:LEAST_APART])[0]["predict"]
    assert built == [LEAST_APART]
    np.testing.assert_array_equal(found, session.run({"X": X[:LEAST_APART]})["predict"])


def test_steps_before_a_forest_see_a_matrix(monkeypatch):
    model = make_pipeline(StandardScaler(), GradientBoostingRegressor(n_estimators=5))
    session = opened(model.fit(X[FEW], Y[FEW]), X, monkeypatch)
    plain = opened(model, X, monkeypatch, kernels=False)
    found, expected = (scored(one, X)[0]["predict"] for one in (session, plain))
    np.testing.assert_array_equal(found, expected)


def test_frames_and_tables_are_not_made_matrices_either(built):
    pd = pytest.importorskip("pandas")
    compiled = sparkbird.compile(boosted(), outputs="predict")
    expected = compiled.predict(X)
    frame = pd.DataFrame(X)
    for rows in (frame, pa.Table.from_pandas(frame)):
        np.testing.assert_array_equal(compiled.predict(rows), expected)
    assert built == []


def test_an_array_in_the_order_of_its_columns_is_taken_as_it_is():
    compiled = sparkbird.compile(boosted(), outputs="predict")
    columns = np.asfortranarray(X)
    assert inputs_of(compiled.schema, columns)["X"] is columns
    np.testing.assert_array_equal(compiled.predict(columns), compiled.predict(X))
    backwards = X[::-1]
    np.testing.assert_array_equal(compiled.predict(backwards)[::-1], compiled.predict(X))
