"""Rows are screened by the least and the greatest value of each column, where steps are monotone."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import sparkbird
from sparkbird.frames import inputs_of
from sparkbird.kernels import machine
from sparkbird.runtime.extremes import Extremes
from sparkbird.runtime.plan import KERNELS
from sparkbird.runtime.scoring import score
from sparkbird.runtime.sessions import open_session

pytestmark = pytest.mark.skipif(machine.host() is None, reason="forests run in onnxruntime")

RNG = np.random.default_rng(0)
ROWS = 900
X = RNG.standard_normal((ROWS, 3))
HOLES = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
Y = X.sum(axis=1)
TABLE = pd.DataFrame(HOLES, columns=[*"abc"]).assign(town=RNG.choice(["Bern", "Oslo"], ROWS))
SCALED = make_pipeline(SimpleImputer(), StandardScaler())
FEATURES = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["town"]), (SCALED, [*"abc"])
)
NUMBERS = make_column_transformer((SCALED, [*"abc"]))

# fmt: off
MODELS = {
    "a table":       (make_pipeline(NUMBERS, GradientBoostingClassifier(n_estimators=3)),  TABLE, Y > 0, True),
    "with strings":  (make_pipeline(FEATURES, GradientBoostingClassifier(n_estimators=3)), TABLE, Y > 0, False),
    "an imputer":    (make_pipeline(SimpleImputer(), RandomForestRegressor(3)),            HOLES, Y,     True),
    "of float32":    (make_pipeline(SimpleImputer(), RandomForestRegressor(3)), HOLES.astype(np.float32), Y, True),
    "a scaler":      (make_pipeline(MinMaxScaler(clip=True), RandomForestRegressor(3)),    X,     Y,     False),
    "not monotone":  (make_pipeline(SimpleImputer(), PCA(2), RandomForestRegressor(3)),    HOLES, Y,     False),
}
VALUES = [np.nan, np.inf, -np.inf, 1e300, -1e300, 3.5e38, -0.0]
# fmt: on


def opened(model, rows):
    compiled = sparkbird.compile(model, rows, outputs=["predict"], strategy="ensemble")
    return open_session(compiled.to_bytes(), ["predict"])


def screens(session):
    return [one for one in session.run.__self__.plan._first if isinstance(one, Extremes)]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("value", VALUES)
def test_what_is_refused_and_what_is_predicted_is_as_onnxruntime_has_it(name, value, monkeypatch):
    model, rows, target, by_extremes = MODELS[name]
    session = opened(model.fit(rows, target), rows)
    assert bool(screens(session)) is by_extremes
    monkeypatch.setenv(KERNELS, "0")
    plain = opened(model, rows)
    columns = range(3)
    for column in columns:
        trap = rows.copy()
        with np.errstate(over="ignore"):
            if isinstance(rows, pd.DataFrame):
                trap.iloc[7, column] = value
            else:
                trap[7, column] = value
        for some in (trap, trap[7:8], trap[:7], trap[:0]):
            inputs = inputs_of(session.schema, some)
            found = [score(one, inputs, on_invalid="null") for one in (session, plain)]
            (ours, refused), (theirs, expected) = found
            np.testing.assert_array_equal(refused, expected)
            for tensor, values in ours.items():
                np.testing.assert_array_equal(values[~refused], theirs[tensor][~refused])


def test_fine_rows_are_screened_without_the_graph():
    model, rows, target, _ = MODELS["a table"]
    session = opened(model.fit(rows, target), rows)
    inputs = inputs_of(session.schema, rows)
    (screen,) = screens(session)
    values = dict(inputs)
    screen.run(values)
    assert np.isfinite(values[screen.result])
    inputs["b"] = np.where(np.arange(ROWS) == 500, np.inf, inputs["b"])
    values = dict(inputs)
    screen.run(values)
    assert not np.isfinite(values[screen.result])
