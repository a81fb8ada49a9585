"""One row at a time: forests walked, the rest as code of its own, and all as ONNX Runtime has it."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    StandardScaler,
)

pytest.importorskip("llvmlite")

import sparkbird
from sparkbird.errors import InvalidValueError
from sparkbird.runtime import unrolled
from sparkbird.runtime.plan import FEW_CALLS
from sparkbird.runtime.sessions import open_session

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 5))
Y = X @ RNG.standard_normal(5) + np.abs(X[:, 0])
CLASSES = np.digitize(Y, [-1, 1])
#: Rows with all that a step may treat in a way of its own.
ODD = RNG.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-310, 1e300, 0.5], (100, 5))


def opened(model, outputs, inputs=None):
    compiled = sparkbird.compile(model, inputs, outputs=outputs, strategy="ensemble")
    return open_session(compiled.to_bytes(), [*compiled.outputs])


def plan_of(session):
    return session.run.__self__.plan


def stages_of(session):
    single = plan_of(session)._single
    return [type(stage).__name__ for stage in single._stages] if single else []


def two(model):
    return model.fit(X, CLASSES > 0)


def three(model):
    return model.fit(X, CLASSES)


WALK, CODE, PART = "Walk", "Unrolled", "Part"
# A model, an output, and what a row goes through.
MODELS = [
    (two(GradientBoostingClassifier(n_estimators=9)), "margin", [WALK, CODE]),
    (two(GradientBoostingClassifier(n_estimators=9)), "predict_proba", [WALK, CODE]),
    (two(HistGradientBoostingClassifier(max_iter=9)), "predict_proba", [WALK, CODE]),
    (three(GradientBoostingClassifier(n_estimators=9)), "predict_proba", [WALK, PART]),
    (two(RandomForestClassifier(9)), "predict_proba", [WALK, CODE]),
    (RandomForestRegressor(9).fit(X, Y), "predict", [WALK, CODE]),
    (RandomForestRegressor(9).fit(X, Y), "leaf", [WALK, PART]),
    (
        make_pipeline(MinMaxScaler(), RandomForestRegressor(9)).fit(X, Y),
        "predict",
        [CODE, WALK, CODE],
    ),
    (make_pipeline(PCA(3), RandomForestRegressor(9)).fit(X, Y), "predict", []),  # called twice
    (StandardScaler().fit(X), "transform", [CODE]),
    (MaxAbsScaler().fit(X), "transform", [CODE]),
    (FunctionTransformer().fit(X), "transform", [CODE]),
    (two(LogisticRegression()), "predict_proba", []),
]


@pytest.mark.parametrize(("model", "output", "stages"), MODELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_has_the_results_of_the_whole_graph_in_onnxruntime(model, output, stages, dtype):
    with np.errstate(all="ignore"):
        rows = np.concatenate([X, ODD]).astype(dtype)
    session = opened(model, output, rows[:1])
    plan = plan_of(session)
    if dtype == np.float32:
        assert stages_of(session) == stages
    if plan._single is None:
        return
    whole = plan._whole_graph()
    for row in rows[:, None]:
        ours, theirs = plan._single.run({"X": row}), whole.run({"X": row})
        np.testing.assert_array_equal(ours[output], theirs[output], strict=True)
        assert ours[output].flags.writeable
        assert not np.shares_memory(ours[output], row)


@pytest.mark.parametrize("rows", [1, 2])
def test_what_runs_one_row_is_made_once_single_rows_keep_coming(rows):
    session = opened(StandardScaler().fit(X), "transform")
    plan = plan_of(session)
    first = session.run({"X": X[:rows]})["transform"]
    for _ in range(FEW_CALLS):
        assert "_single" not in vars(plan)
        session.run({"X": X[:rows]})
    assert ("_single" in vars(plan)) == (rows == 1)
    np.testing.assert_array_equal(session.run({"X": X[:rows]})["transform"], first)


def test_a_row_that_fails_a_check_is_refused_as_before():
    model = RandomForestClassifier(9).fit(X, CLASSES)
    compiled = sparkbird.compile(model, X[:1].astype(np.float32), outputs="predict")
    row = X[:1].astype(np.float32)
    for _ in range(FEW_CALLS + 2):
        assert compiled.predict(row) == model.predict(row)
    row[0, 3] = np.inf
    for _ in range(FEW_CALLS + 2):
        with pytest.raises(InvalidValueError, match=r"1 of 1 rows .*column 'x3'"):
            compiled.predict(row)


def test_a_row_of_too_many_numbers_is_left_to_onnxruntime(monkeypatch):
    scaler = StandardScaler().fit(X)
    assert stages_of(opened(scaler, "transform")) == [CODE]
    monkeypatch.setattr(unrolled, "MOST", 9)
    assert stages_of(opened(scaler, "transform")) == []
