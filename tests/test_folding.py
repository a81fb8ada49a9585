"""Steps in front of a forest, folded into its thresholds, held against the steps themselves."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

pytest.importorskip("llvmlite")

import sparkbird
from sparkbird.graph import op
from sparkbird.graph.build import build, serialized
from sparkbird.runtime.bisection import greatest, greatest_key, of_keys
from sparkbird.runtime.encoded import Encoded
from sparkbird.runtime.part import Result
from sparkbird.runtime.plan import KERNELS, Plan
from sparkbird.runtime.providers import ON_CPU
from sparkbird.runtime.scoring import score_columns
from sparkbird.runtime.sessions import open_session
from sparkbird.trees import leaf_sum
from tests.forests import random_forest, rows_for, walked_sum

ROWS = 300
NUMBERS = ["a", "b", "c"]


def table(rows=ROWS, seed=0, cities=7):
    rng = np.random.default_rng(seed)
    known = [f"city {i}" for i in range(cities)]
    return pd.DataFrame(
        {
            "a": rng.standard_normal(rows) * 1e3,
            "b": np.where(rng.random(rows) < 0.2, np.nan, rng.exponential(size=rows)),
            "c": rng.integers(-5, 5, rows),
            "city": rng.choice([*known, "nowhere"] if seed else known, rows),
        }
    )


TARGET = np.random.default_rng(5).standard_normal(ROWS)

NUMERIC = {
    "scaled": make_pipeline(SimpleImputer(), StandardScaler()),
    "between": make_pipeline(SimpleImputer(strategy="median"), MinMaxScaler(clip=True)),
    "robust": make_pipeline(SimpleImputer(fill_value=-1e9, strategy="constant"), RobustScaler()),
    "indicated": SimpleImputer(add_indicator=True),
    "as they are": "passthrough",
}
STRINGS = {
    "one hot": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "ordinal": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    "target": TargetEncoder(cv=2, target_type="continuous"),
    "left out": "drop",
}
FORESTS = {
    "boosted": GradientBoostingRegressor(n_estimators=30, random_state=0),
    "random": RandomForestRegressor(n_estimators=10, random_state=0),
}


def fitted(numbers, strings, forest):
    steps = [("numbers", numbers, NUMBERS), ("strings", strings, ["city"])]
    return make_pipeline(ColumnTransformer(steps), forest).fit(table(), TARGET)


def opened(model, monkeypatch, *, kernels, inputs=None):
    compiled = sparkbird.compile(model, table() if inputs is None else inputs, outputs="predict")
    monkeypatch.setenv(KERNELS, "1" if kernels else "0")
    return open_session(compiled.to_bytes(), ["predict"])


def fold_of(session):
    (step,) = session.run.__self__.plan.steps
    return step.fold


def scored(session, frame):
    arrays = [pa.Array.from_pandas(frame[column.name]) for column in session.schema.columns]
    return score_columns(session, arrays, on_invalid="null")[0]["predict"]


def near_thresholds(session, frame):
    """Rows in which each number is next to a threshold that was found for its column."""
    fold = fold_of(session)
    rng = np.random.default_rng(3)
    found = {name: [0.0, np.nan] for name in NUMBERS}
    for columns in fold._columns.values():
        for origin, row in zip(columns.origins, columns.kept, strict=True):
            own = row[np.isfinite(row)]
            found[origin.source] += [*own, *np.nextafter(own, -np.inf), *np.nextafter(own, np.inf)]
    near = frame.copy()
    near["c"] = near["c"].astype(float)
    for name in {origin.source for origin in fold.origins.values() if not origin.by_value}:
        near[name] = rng.choice(found[name], len(frame))
    return near.astype({"c": float})


@pytest.mark.parametrize("forest", FORESTS)
@pytest.mark.parametrize("strings", STRINGS)
@pytest.mark.parametrize("numbers", NUMERIC)
def test_folded_steps_decide_as_the_steps_do(numbers, strings, forest, monkeypatch):
    if numbers in ("indicated", "as they are") and forest == "boosted":
        pytest.skip("the boosted trees of scikit-learn take no missing values")
    model = fitted(NUMERIC[numbers], STRINGS[strings], FORESTS[forest])
    floats = dict.fromkeys(NUMBERS, "float64") | {"city": "string"}
    folded = opened(model, monkeypatch, kernels=True, inputs=floats)
    plain = opened(model, monkeypatch, kernels=False, inputs=floats)
    near = near_thresholds(folded, table(rows=1000, seed=4))
    for frame in (table(seed=1), table(rows=1, seed=2), table(seed=3)[:0], near):
        given = frame.astype({"c": float})
        np.testing.assert_array_equal(scored(folded, given), scored(plain, given))


def test_columns_of_float32_are_folded(monkeypatch):
    frame = table()[NUMBERS].fillna(0.0).astype("float32")
    model = make_pipeline(StandardScaler(), FORESTS["boosted"]).fit(frame, TARGET)
    folded = opened(model, monkeypatch, kernels=True, inputs=frame)
    assert fold_of(folded).dtype == np.float32
    plain = opened(model, monkeypatch, kernels=False, inputs=frame)
    near = near_thresholds(folded, frame).astype("float32")
    np.testing.assert_array_equal(scored(folded, near), scored(plain, near))


def by_values(session, values):
    """Whether the rows of a batch were computed for distinct values alone."""
    return fold_of(session).rows(values) is not None


def test_whole_numbers_are_taken_by_value(monkeypatch):
    rows = table()[["a", "c"]].to_numpy().astype("int64")
    model = make_pipeline(StandardScaler(), FORESTS["boosted"]).fit(rows, TARGET)
    folded = opened(model, monkeypatch, kernels=True, inputs=rows)
    plain = opened(model, monkeypatch, kernels=False, inputs=rows)
    assert fold_of(folded).by_value == [("X", 0), ("X", 1)]
    assert by_values(folded, {"X": rows[:200]})
    assert not by_values(folded, {"X": np.arange(600).reshape(300, 2)})
    assert not by_values(folded, {"X": rows[:200]})  # others will have as many
    for session in (folded, opened(model, monkeypatch, kernels=True, inputs=rows)):
        arrays = [pa.array(column) for column in rows[:200].T]
        found, want = (score_columns(s, arrays)[0]["predict"] for s in (session, plain))
        np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("layout", ["columns", "matrix"])
@pytest.mark.parametrize("kind", ["float32", "float64", "int64"])
def test_sets_of_categories_are_asked_for_by_value(layout, kind, monkeypatch):
    lightgbm = pytest.importorskip("lightgbm")
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"a": rng.integers(0, 50, 3000), "b": rng.integers(0, 300, 3000)})
    x["x"] = rng.integers(-9, 9, 3000)
    y = np.sin(x["a"] * 7) + np.cos(x["b"] * 3.0) + x["x"] / 9
    given = x.astype(kind) if layout == "columns" else x.to_numpy().astype(kind)
    model = lightgbm.LGBMRegressor(n_estimators=20, verbose=-1, min_child_samples=5)
    model.fit(given, y, categorical_feature=[0, 1])
    folded = opened(model, monkeypatch, kernels=True, inputs=given)
    plain = opened(model, monkeypatch, kernels=False, inputs=given)
    rows = pd.concat([x[:250]] * 3, ignore_index=True).astype(kind)
    if kind != "int64":
        traps = [np.nan, np.inf, -np.inf, -0.0, -0.5, -1.0, 3.7, 49.0, 50.0, 1e30, 299.5]
        for name in x:
            rows.loc[rng.choice(len(rows), 200), name] = rng.choice(traps, 200).astype(kind)
    sources = {"a", "b"} if layout == "columns" else {"X"}
    assert {name for name, _ in fold_of(folded).by_value} >= sources
    for frame in (rows, rows[:1], rows[:0], x.astype(kind)):
        arrays = [pa.array(frame[name].to_numpy()) for name in frame]
        found, want = (score_columns(s, arrays)[0]["predict"] for s in (folded, plain))
        np.testing.assert_array_equal(found, want)


def test_more_strings_than_a_byte_numbers_go_the_other_way(monkeypatch):
    model = fitted(NUMERIC["scaled"], STRINGS["one hot"], FORESTS["boosted"])
    folded = opened(model, monkeypatch, kernels=True)
    plain = opened(model, monkeypatch, kernels=False)
    fold = fold_of(folded)
    for cities in (200, 2000):
        frame = table(rows=3000, seed=1, cities=cities)
        np.testing.assert_array_equal(scored(folded, frame), scored(plain, frame))
        strings = frame["city"].to_numpy(object)
        distinct, places = np.unique(strings, return_inverse=True)
        values = {name: frame[name].to_numpy() for name in NUMBERS}
        rows = fold.rows(values | {"city": Encoded(distinct, places)})
        assert (rows is None) == (len(distinct) > 256)


def test_steps_that_mix_columns_or_that_fall_for_many_values_are_not_folded(monkeypatch):
    frame = table()[NUMBERS].fillna(0.0)
    falling = FunctionTransformer(np.negative, feature_names_out="one-to-one")
    for step in (PCA(2), falling):
        model = make_pipeline(make_column_transformer((step, NUMBERS)), FORESTS["boosted"])
        model.fit(frame, TARGET)
        session = opened(model, monkeypatch, kernels=True, inputs=frame)
        values = {name: frame[name].to_numpy() for name in frame}
        assert (fold_of(session) is None) == (step is not falling)
        assert step is not falling or not by_values(session, values)
        plain = opened(model, monkeypatch, kernels=False, inputs=frame)
        np.testing.assert_array_equal(scored(session, frame), scored(plain, frame))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    features=st.integers(1, 70),
    depth=st.integers(0, 30),
    categories=st.sampled_from([0, 1, 9, 70]),
    outputs=st.integers(1, 3),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_forest_with_sets_of_categories_is_that_of_a_walk(
    seed, features, depth, categories, outputs, dtype
):
    forest = random_forest(
        seed,
        trees=5,
        depth=depth,
        features=features,
        outputs=outputs,
        categories=categories,
        branching=0.9 if depth < 8 else 0.55,
    )
    x = op.argument("X", dtype, features)
    content = serialized(build({"X": x}, {"sums": leaf_sum(forest, x, strategy="ensemble")}))
    rows = rows_for(forest, features, dtype, seed=seed % 1000)
    plan = Plan(content, [Result("sums", np.dtype(np.float64), (outputs,))], ON_CPU)
    assert plan.steps or depth == 0
    for some in (rows[:200], rows, rows[:1], rows[:0]):
        found = plan.run({"X": np.ascontiguousarray(some)})["sums"]
        np.testing.assert_array_equal(found, walked_sum(forest, some))


@given(limit=st.floats(allow_nan=False), kind=st.sampled_from([np.float32, np.float64]))
def test_the_greatest_number_at_or_below_a_limit_is_found(limit, kind):
    dtype = np.dtype(kind)
    most = np.array([greatest_key(dtype)])

    def holds(keys):
        return of_keys(keys, dtype).astype(np.float64) <= limit

    key = greatest(holds, most)
    assert key < -most or holds(key)[0]
    assert key == most or not holds(key + 1)[0]


@given(st.floats(allow_nan=False, width=32), st.floats(allow_nan=False, width=32))
def test_keys_are_in_the_order_of_the_numbers(one, other):
    bits = np.array([one, other], np.float32).view(np.int32).astype(np.int64)
    keys = np.where(bits < 0, -(bits + 2**31), bits)
    found = of_keys(keys, np.dtype(np.float32))
    np.testing.assert_array_equal(found, np.array([one, other], np.float32))
    assert (one < other) == (keys[0] < keys[1])
