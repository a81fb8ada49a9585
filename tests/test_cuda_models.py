"""Whole models with their forests on a GPU: on one, and where there is none, on NumPy as one."""

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

import sparkbird
from sparkbird import model
from sparkbird.errors import ProviderError
from sparkbird.kernels.cuda import driver
from sparkbird.kernels.cuda.driver import DeviceMemoryError
from sparkbird.runtime import plan, sessions as sessions_module
from sparkbird.runtime.providers import CUDA, Gpu
from sparkbird.runtime.sessions import Sessions, open_session
from sparkbird.runtime.worker import Inline, Model
from tests import device

RNG = np.random.default_rng(0)
ROWS = 700
X = RNG.standard_normal((ROWS, 5))
Y = X @ RNG.standard_normal(5) + np.abs(X[:, 0])
CLASSES = np.digitize(Y, [-1, 1])
FEW = RNG.integers(0, 9, (ROWS, 3)).astype(np.float64)
HOLES = np.where(RNG.random(X.shape) < 0.1, np.nan, X)

TABLE = pd.DataFrame(X, columns=[*"abcde"])
TABLE["town"] = RNG.choice(["Bern", "Oslo", "Rome", "Ålesund"], ROWS)
TABLE["month"] = RNG.integers(1, 13, ROWS).astype(np.float64)
TABLE.loc[::7, "b"] = np.nan


without_provider = pytest.mark.skipif(
    CUDA in ort.get_available_providers(), reason="this onnxruntime can use a GPU"
)


@pytest.fixture(params=["as NumPy", pytest.param("real", marks=pytest.mark.gpu)])
def gpu(request, monkeypatch):
    """A GPU, or what does the same."""
    if request.param == "as NumPy":
        monkeypatch.setattr(driver, "device", device.device)
        monkeypatch.setattr(plan, "DeviceForest", device.Forest)


def features():
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["town", "month"]),
        (numbers, [*"abcde"]),
    )


# fmt: off
MODELS = {
    "one tree":      (DecisionTreeRegressor(),                               X,     Y,         ["predict", "leaf"]),
    "deep":          (RandomForestRegressor(20, random_state=0),             X,     Y,         ["predict", "leaf"]),
    "vector leaves": (RandomForestClassifier(20, random_state=0),            X,     CLASSES,   ["predict", "predict_proba"]),
    "many outputs":  (ExtraTreesClassifier(5, max_depth=4, random_state=0),  X,     np.arange(ROWS) % 12, ["predict_proba"]),
    "shallow":       (GradientBoostingRegressor(n_estimators=30),            X,     Y,         ["predict"]),
    "classes":       (GradientBoostingClassifier(n_estimators=9),            X,     CLASSES,   ["predict", "predict_proba", "decision_function"]),
    "missing":       (HistGradientBoostingClassifier(max_iter=9),            HOLES, CLASSES,   ["predict", "predict_proba"]),
    "isolation":     (IsolationForest(n_estimators=10),                      X,     None,      ["score_samples"]),
    "rows computed": (make_pipeline(PCA(3), RandomForestRegressor(9)),       X,     Y,         ["predict"]),
    "stacked":       (StackingRegressor([("t", DecisionTreeRegressor(max_depth=3)), ("l", LinearRegression())],
                                        RandomForestRegressor(5)),           X,     Y,         ["predict"]),
    "folded":        (make_pipeline(StandardScaler(), GradientBoostingRegressor(n_estimators=9)), X, Y, ["predict"]),
    "few values":    (make_pipeline(OneHotEncoder(), RandomForestRegressor(9)), FEW, Y,        ["predict"]),
    "lone leaves":   (RandomForestRegressor(3),                              X,     np.ones(ROWS), ["predict", "leaf"]),
    "a table":       (make_pipeline(features(), GradientBoostingClassifier(n_estimators=9)), TABLE, CLASSES, ["predict", "predict_proba"]),
    "with holes":    (make_pipeline(features(), HistGradientBoostingClassifier(max_iter=9)), TABLE, CLASSES, ["predict_proba"]),
}
# fmt: on


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_on_a_gpu_gives_what_it_gives_on_the_cpu(name, dtype):
    model, rows, target, outputs = MODELS[name]
    numbers = isinstance(rows, np.ndarray)
    rows = rows.astype(dtype) if numbers else rows
    model.fit(rows, target)
    ours = sparkbird.compile(model, rows, outputs=outputs, device="cuda")
    theirs = sparkbird.compile(model, rows, outputs=outputs, strategy="ensemble")
    assert ours.digest == theirs.digest
    given = [rows, rows[:1], rows[:0]]
    given += [] if numbers else [pa.Table.from_pandas(rows), rows.assign(town="never seen")]
    for some in given:
        for output in outputs:
            found, want = getattr(ours, output)(some), getattr(theirs, output)(some)
            np.testing.assert_array_equal(found, want, f"{output} of {len(some)} rows")


@pytest.mark.usefixtures("gpu")
def test_explaining_says_which_part_runs_where():
    model, rows, target, _ = MODELS["a table"]
    compiled = sparkbird.compile(model.fit(rows, target), rows, device="cuda")
    said = compiled.explain()
    assert "on a GPU by kernels" in said
    assert "its columns, 5 from numbers and 16 from strings" in said or "folded into it" in said
    assert "on the CPU, beside forests: " in said
    assert "no time is predicted" in said


@pytest.mark.usefixtures("gpu")
def test_one_row_stays_on_the_gpu_however_often_it_comes():
    model, rows, target, _ = MODELS["shallow"]
    compiled = sparkbird.compile(model.fit(rows, target), device="cuda")
    session = open_session(compiled.to_bytes(), ["predict"], device="cuda")
    own = session.run.__self__.plan
    for _ in range(plan.FEW_CALLS + 2):
        session.run({"X": rows[:1]})
    assert session.gpu == Gpu()
    assert own._whole is None
    assert own._host is None


@without_provider
@pytest.mark.usefixtures("gpu")
def test_a_model_without_forests_asks_for_an_onnxruntime_that_can_use_a_gpu():
    model = LogisticRegression().fit(X, CLASSES)
    with pytest.raises(ProviderError, match="no CUDAExecutionProvider"):
        sparkbird.compile(model, device="cuda").predict(X)


@pytest.mark.skipif(not driver.lacking(), reason="there is a GPU")
def test_a_forest_without_a_gpu_is_refused():
    model = RandomForestRegressor(3).fit(X, Y)
    with pytest.raises(ProviderError, match=r"(?s)GPU.*sparkbird\[gpu\].*device='cpu'"):
        sparkbird.compile(model, device="cuda").predict(X)


# What "auto" is


@pytest.fixture
def boosted():
    model = GradientBoostingRegressor(n_estimators=200, max_depth=6).fit(X, Y)
    return sparkbird.compile(model)


def test_auto_is_the_cpu_where_there_is_no_gpu(boosted):
    assert open_session(boosted.to_bytes(), ["predict"], device="auto").gpu is None


@pytest.mark.usefixtures("gpu")
def test_auto_takes_a_gpu_for_many_rows_of_many_trees(boosted, monkeypatch):
    monkeypatch.setattr(driver, "seen", lambda: True)
    used = []
    monkeypatch.setattr(model.SESSIONS, "apply", lambda *_, gpu, **__: used.append(gpu) or 1 / 0)
    least = boosted.choice(["predict"]).rows(model._cores(2))
    for rows in (1, int(least) - 1, int(least) + 1):
        with pytest.raises(ZeroDivisionError):
            boosted.predict(np.zeros((rows, 5)))
    assert used == [None, None, Gpu()]


@pytest.mark.usefixtures("gpu")
def test_auto_is_the_cpu_for_what_has_no_forest(monkeypatch):
    monkeypatch.setattr(driver, "seen", lambda: True)
    compiled = sparkbird.compile(LogisticRegression().fit(X, CLASSES))
    assert compiled.choice(["predict"]) is None
    assert compiled.predict(np.repeat(X, 100, axis=0)).shape == (100 * ROWS,)
    assert "CPUExecutionProvider" in compiled.explain()
    session = open_session(compiled.to_bytes(), ["predict"], device="auto", gpu=Gpu())
    assert session.gpu is None


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize(
    ("does", "what"), [("__init__", "the model"), ("result", "43 rows of the model")]
)
def test_auto_falls_back_to_the_cpu_with_one_line(boosted, does, what, monkeypatch, caplog):
    def fails(*_, **__):
        raise DeviceMemoryError("the GPU is out of memory")

    monkeypatch.setattr(driver, "seen", lambda: True)
    monkeypatch.setattr(device.Forest, does, fails)
    monkeypatch.setattr(plan, "DeviceForest", device.Forest)
    handle = Model(boosted.digest, Inline(boosted.to_bytes()), ("predict",), tuple(range(5)),
                   gpu_share=1.0)  # fmt: skip
    columns = [pa.array(column) for column in X.T.copy()]
    want = boosted.predict(X)
    for _ in range(3):
        np.testing.assert_array_equal(handle(*columns).to_numpy(), want)
    assert [r.getMessage() for r in caplog.records] == [
        f"sparkbird runs predict on the CPU: the GPU has too little memory for {what}"
    ]
    asked = replace(handle, device="cuda")
    with pytest.raises(ProviderError, match=f"for {what}"):
        asked(*columns)


@pytest.mark.usefixtures("gpu")
def test_sessions_leave_room_on_a_gpu_for_rows(boosted, monkeypatch):
    sessions = Sessions()
    names = [*map(str, range(3))]
    for name in names:
        sessions.get(name, boosted.to_bytes, ["predict"], device="cuda")
    assert sessions.loads == len(sessions._kept) == 3
    (one, *_) = sessions._kept.values()
    assert 0 < one.on_device < one.room
    monkeypatch.setattr(sessions_module, "KEPT_SHARE", 2.5 * one.on_device / (2 * one.room))
    sessions = Sessions()
    for name in names:
        sessions.get(name, boosted.to_bytes, ["predict"], device="cuda")
    assert len(sessions._kept) == 2


@without_provider
@pytest.mark.usefixtures("gpu")
def test_large_products_beside_forests_ask_for_an_onnxruntime_that_can_use_a_gpu():
    rows = RNG.standard_normal((200, 100))
    wide = make_pipeline(PCA(60), RandomForestRegressor(3)).fit(rows, rows[:, 0])
    with pytest.raises(ProviderError, match=r"MatMul.*no CUDAExecutionProvider"):
        sparkbird.compile(wide, device="cuda").predict(rows)
