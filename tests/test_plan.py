"""How a graph is run: what is found in it, what takes it over, and what is left."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

pytest.importorskip("llvmlite")

import sparkbird
from sparkbird.runtime import plan as planning
from sparkbird.runtime.encoded import Encoded
from sparkbird.runtime.plan import FEW_CALLS, FEW_ROWS, KERNELS
from sparkbird.runtime.sessions import open_session

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 5))
Y = X @ RNG.standard_normal(5) + np.abs(X[:, 0])
CLASSES = np.digitize(Y, [-1, 1])
#: Small forests that no other strategy is cheaper for.
ENSEMBLE = {"strategy": "ensemble"}


def opened(model, outputs, **options):
    compiled = sparkbird.compile(model, outputs=outputs, **(ENSEMBLE | options))
    return open_session(compiled.to_bytes(), [*compiled.outputs])


def plan_of(session):
    return session.run.__self__.plan


def without_kernels(model, outputs, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv(KERNELS, "0")
        session = opened(model, outputs)
    assert not plan_of(session).steps
    return session


# Each with how many forests a plan has for it.
FORESTS = [
    (GradientBoostingClassifier(n_estimators=5), "predict_proba", 1),
    (RandomForestClassifier(n_estimators=5), "predict_proba", 1),
    (RandomForestClassifier(n_estimators=5), ("predict", "predict_proba"), 1),
    (RandomForestClassifier(n_estimators=5), ("predict_proba", "leaf"), 2),
    (RandomForestRegressor(n_estimators=5), "predict", 1),
    (GradientBoostingClassifier(init=RandomForestClassifier(3), n_estimators=3), "predict", 2),
    (DecisionTreeRegressor(), "predict", 1),
    (make_pipeline(PCA(2), RandomForestRegressor(n_estimators=5)), "predict", 1),
    (
        StackingRegressor(
            [
                ("boosted", make_pipeline(StandardScaler(), RandomForestRegressor(3))),
                ("linear", LinearRegression()),
            ],
            RandomForestRegressor(n_estimators=4),
        ),
        "predict",
        2,
    ),
]


@pytest.mark.parametrize(("model", "outputs", "forests"), FORESTS)
def test_every_forest_of_a_graph_is_taken_over(model, outputs, forests, monkeypatch):
    target = CLASSES if hasattr(model, "predict_proba") else Y
    model = model.fit(X, target)
    session = opened(model, outputs)
    assert len(plan_of(session).steps) == forests
    assert "by a kernel" in session.plan
    plain = without_kernels(model, outputs, monkeypatch)
    for rows in (X, X[:1], X[:0]):
        ours, theirs = session.run({"X": rows}), plain.run({"X": rows})
        assert ours.keys() == theirs.keys()
        for name, values in ours.items():
            np.testing.assert_array_equal(values, theirs[name], name)
            assert values.dtype == theirs[name].dtype


def test_few_rows_at_a_time_are_given_to_onnxruntime_once_they_keep_coming():
    session = opened(RandomForestRegressor(n_estimators=5).fit(X, Y), "predict")
    plan = plan_of(session)
    first = session.run({"X": X[:FEW_ROWS]})["predict"]
    for _ in range(FEW_CALLS):
        assert plan._whole is None
        session.run({"X": X[: FEW_ROWS + 1]})
        session.run({"X": X[:FEW_ROWS]})
    assert plan._whole is not None
    np.testing.assert_array_equal(session.run({"X": X[:FEW_ROWS]})["predict"], first)


def test_a_forest_that_no_ranks_suffice_for_stays_in_onnxruntime(monkeypatch):
    def refuses(*_):
        raise ValueError("too many thresholds")

    monkeypatch.setattr(planning, "Forest", refuses)
    session = opened(RandomForestRegressor(n_estimators=5).fit(X, Y), "predict")
    assert not plan_of(session).steps
    assert session.run({"X": X})["predict"].shape == (300,)


def test_strings_are_looked_up_once_for_each_distinct_one():
    frame = pd.DataFrame({"city": ["Bern", "Chur"] * 150, "x": X[:, 0]})
    features = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]), ("passthrough", ["x"])
    )
    model = make_pipeline(features, LogisticRegression()).fit(frame, CLASSES > 0)
    session = opened(model, "predict_proba", inputs=frame)
    (lookup,) = plan_of(session)._lookups
    seen = []
    run = lookup.part.run
    object.__setattr__(lookup.part, "run", lambda feeds: seen.append(feeds) or run(feeds))
    distinct = np.array(["Bern", "Chur", "Genf"], object)
    session.run({"city": Encoded(distinct, np.arange(300) % 3), "x": X[:, 0]})
    assert seen[0]["city"].tolist() == distinct.tolist()


WITHOUT = """
import sys
sys.modules["llvmlite"] = None
import sparkbird
model = sparkbird.load(sys.argv[1])
print(model.explain())
"""


def test_without_llvmlite_onnxruntime_runs_forests_and_explain_says_so(tmp_path):
    compiled = sparkbird.compile(RandomForestRegressor(5).fit(X, Y), outputs="predict", **ENSEMBLE)
    assert "5 trees of at most" in compiled.explain()
    compiled.save(tmp_path / "m.onnx")
    command = [sys.executable, "-c", WITHOUT, str(tmp_path / "m.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "forests run in ONNX Runtime: llvmlite is not installed" in done.stdout
