"""Which columns of its inputs a graph depends on, held against what changing them changes."""

import lightgbm as lgb
import numpy as np
import onnxruntime as ort
import pandas as pd
import pyarrow as pa
import pytest
import xgboost as xgb
from sklearn.dummy import DummyRegressor
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

import sparkbird
from sparkbird.errors import ColumnCountError
from sparkbird.graph import op
from sparkbird.graph.build import build, serialized
from sparkbird.graph.reads import columns_read
from sparkbird.runtime.batches import feeds
from sparkbird.runtime.scoring import score_columns
from sparkbird.runtime.sessions import open_session
from sparkbird.schema import Schema

X = op.argument("x", np.float64, 4)
A, B, C = (op.argument(name, np.float64) for name in "abc")
TABLE = op.concat(*(op.expand(column, axis=1) for column in (A, B, C)), axis=1)
ROW = np.array([1.0, 2.0, 3.0, 4.0])

#: Graphs and which of the columns of x, or of a, b and c, they depend on.
GRAPHS = {
    "all": (X, {0, 1, 2, 3}),
    "some": (op.take(X, [2, 0], axis=1), {0, 2}),
    "one": (op.take(X, 3, axis=1), {3}),
    "some of what is computed": (op.take(op.isnan(X * ROW - 0.5), [1], axis=1), {1}),
    "column by column": (op.take(X * op.take(X, [3, 2, 1, 0], axis=1), [0], axis=1), {0, 3}),
    "one column for all": (op.take(X, [1, 2], axis=1) - op.take(X, [0], axis=1), {0, 1, 2}),
    "side by side": (op.take(op.concat(X, -X, axis=1), [1, 6], axis=1), {1, 2}),
    "their number, by a column": (op.rows_of(np.float64(1), X), {0}),
    "a sum": (op.take(op.expand(op.sum(X, axis=1), axis=1) * X, [0], axis=1), {0, 1, 2, 3}),
    "a product": (op.take(X, [0, 2], axis=1) @ np.ones((2, 1)), {0, 2}),
    "columns": (op.take(TABLE, [2, 0], axis=1), {"a", "c"}),
    "columns by themselves": (A + op.take(TABLE, 1, axis=1), {"a", "b"}),
    "all columns": (op.sum(TABLE, axis=1), {"a", "b", "c"}),
}  # fmt: skip


def computed(output, given):
    model = serialized(build({"x": X, "a": A, "b": B, "c": C}, {"y": output}))
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    taken = {info.name: given[info.name] for info in session.get_inputs()}
    return session.run(["y"], taken)[0]


@pytest.mark.parametrize("name", GRAPHS)
def test_what_is_not_read_makes_no_difference(name):
    output, expected = GRAPHS[name]
    found = columns_read({"y": output})
    assert {i if source == "x" else source for source, i in found} == expected
    given = {"x": np.arange(8.0).reshape(2, 4)} | {
        n: np.arange(2.0) + i for i, n in enumerate("abc")
    }
    before = computed(output, given)
    for i in {0, 1, 2, 3} - expected:
        given["x"][:, i] = np.nan
    for column in {*"abc"} - expected:
        given[column][:] = np.nan
    np.testing.assert_array_equal(computed(output, given), before)


RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((600, 8))
TARGET = ROWS[:, 2] + ROWS[:, 5] ** 2


def boosted(rows=ROWS):
    """Trees that ask for the third and the sixth column alone."""
    options = {"num_leaves": 7, "verbose": -1, "num_threads": 1, "min_gain_to_split": 60}
    return lgb.train(options, lgb.Dataset(rows, TARGET), 5)


def selected():
    return make_pipeline(SelectKBest(f_regression, k=1), xgb.XGBRegressor(n_estimators=3))


def read(compiled):
    return [column.name for column in compiled.schema.columns]


def test_features_that_no_tree_asks_for_are_not_read():
    compiled = sparkbird.compile(boosted(), outputs="predict")
    assert read(compiled) == ["x2", "x5"]
    assert "X: float64[N, 8], of which 2 columns are read" in str(compiled.schema)
    frame = pd.DataFrame(ROWS, columns=list("abcdefgh"))
    named = sparkbird.compile(boosted(frame), frame, outputs="predict")
    assert read(named) == ["c", "f"]
    expected = boosted().predict(ROWS)
    np.testing.assert_array_equal(compiled.predict(ROWS), expected)
    np.testing.assert_array_equal(named.predict(frame), expected)
    np.testing.assert_array_equal(named.predict(frame[["f", "c"]]), expected)


def test_columns_that_are_checked_are_read():
    assert len(read(sparkbird.compile(LinearRegression().fit(ROWS, TARGET)))) == 8
    booster = xgb.XGBRegressor(n_estimators=2).fit(ROWS, TARGET).get_booster()
    assert len(read(sparkbird.compile(booster))) == 8  # an infinite one is refused
    assert len(read(sparkbird.compile(selected().fit(ROWS, TARGET)))) == 8


def test_a_model_that_reads_nothing_has_one_column_to_count_rows_by():
    compiled = sparkbird.compile(DummyRegressor().fit(ROWS, TARGET))
    assert read(compiled) == ["x0"]
    assert compiled.predict(ROWS).shape == (600,)


@pytest.mark.parametrize("kernels", ["0", "1"])
def test_columns_that_are_read_suffice_wherever_a_forest_is_run(kernels, monkeypatch):
    monkeypatch.setenv("SPARKBIRD_KERNELS", kernels)
    compiled = sparkbird.compile(boosted(), outputs="predict")
    session = open_session(compiled.to_bytes(), ["predict"])
    for rows in (ROWS, ROWS[:5]):
        results, _ = score_columns(session, [pa.array(rows[:, 2]), pa.array(rows[:, 5])])
        np.testing.assert_array_equal(results["predict"], boosted().predict(rows))


def test_an_artefact_that_names_all_columns_takes_all():
    schema = sparkbird.compile(boosted(), ROWS, outputs="predict").schema
    columns = tuple(sparkbird.schema.Column(name, "float64") for name in schema.names)
    older = Schema("matrix", columns, schema.names, schema.outputs)
    assert older.places == (0, 1, 2, 3, 4, 5, 6, 7)
    matrix = feeds(older, [pa.array(column) for column in ROWS.T])["X"]
    np.testing.assert_array_equal(matrix, ROWS)
    assert Schema.from_json(schema.to_json()).places == (2, 5)


def test_rows_of_a_model_without_names_have_all_columns():
    compiled = sparkbird.compile(boosted(), outputs="predict")
    for rows in (ROWS[:, [2, 5]], pd.DataFrame(ROWS[:, [2, 5]])):
        with pytest.raises(ColumnCountError, match="takes 8 columns and was given 2"):
            compiled.predict(rows)
