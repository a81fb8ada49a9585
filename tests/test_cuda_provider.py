"""Models on a GPU by ONNX Runtime's own provider, where there is one and a GPU for it."""

from dataclasses import replace
from unittest import mock

import numpy as np
import onnxruntime as ort
import pytest
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import sparkbird
from sparkbird.errors import ProviderError
from sparkbird.kernels.cuda import driver
from sparkbird.kernels.cuda.driver import DeviceMemoryError
from sparkbird.kernels.cuda.transfer import OnDevice
from sparkbird.runtime import part as part_module, providers
from sparkbird.runtime.graph import Graph
from sparkbird.runtime.providers import CPU, CUDA, Gpu, Placement
from sparkbird.runtime.scoring import score
from sparkbird.runtime.sessions import open_session

X, Y = make_classification(3_000, 100, n_informative=30, n_classes=3, random_state=0)
NARROW = X.astype(np.float32)

on_gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        CUDA not in ort.get_available_providers(), reason="it is onnxruntime without CUDA"
    ),
]


def fitted(model, x=X):
    with np.errstate(all="ignore"):
        return model.fit(x, Y)


# fmt: off
MODELS = {
    "linear":     (make_pipeline(StandardScaler(), LogisticRegression()),   "predict_proba"),
    "perceptron": (MLPClassifier([200, 100], max_iter=5, random_state=0),   "predict_proba"),
    "vectors":    (SVC(random_state=0),                                     "decision_function"),
    "process":    (GaussianProcessRegressor(random_state=0, optimizer=None), "predict"),
    "components": (PCA(50, random_state=0),                                 "transform"),
}
# fmt: on


@pytest.mark.parametrize("name", [pytest.param(name, marks=on_gpu) for name in MODELS])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_products_run_there_and_give_what_they_give_on_the_cpu(name, dtype):
    model, method = MODELS[name]
    x = X.astype(dtype)
    fitted(model, x)
    ours = sparkbird.compile(model, x, outputs=[method], device="cuda")
    assert f"on the GPU, by {CUDA}" in ours.explain()
    theirs = sparkbird.compile(model, x, outputs=[method], device="cpu")
    for rows in (x, x[:1], x[:0]):
        found, want = getattr(ours, method)(rows), getattr(theirs, method)(rows)
        scale = np.abs(want).max(initial=1.0)
        close = 1e-12 if want.dtype == np.float64 and dtype == np.float64 else 1e-5  # no tf32
        np.testing.assert_allclose(found, want, rtol=0, atol=close * scale)


@pytest.mark.parametrize("dtype", [pytest.param(np.float64, marks=on_gpu)])
def test_rows_that_are_computed_there_stay_there_for_the_forest_behind_them(dtype):
    wide = make_pipeline(PCA(60, random_state=0), RandomForestRegressor(20, random_state=0))
    compiled = sparkbird.compile(fitted(wide), X.astype(dtype), device="cuda")
    session = open_session(compiled.to_bytes(), ["predict"], device="cuda")
    (step,) = session.run.__self__.plan.steps
    assert step.before.on_gpu
    rows = step.before.run_on_gpu({"X": X})
    assert isinstance(rows, OnDevice)
    on_host = step.before.run({"X": X})[step.rows]
    assert rows.shape == on_host.shape
    again = sparkbird.compile(wide.named_steps["randomforestregressor"], on_host)
    found = compiled.predict(X)
    np.testing.assert_allclose(found, again.predict(on_host), rtol=1e-12)
    assert (np.abs(found - wide.predict(X)) < 1e-9).mean() > 0.99  # but for thresholds between


# What can be known without a GPU


def graph_of(model, x=X):
    return Graph(sparkbird.compile(fitted(model, x), x).to_bytes())


def test_large_products_are_told_from_small_ones():
    large = providers.large(graph_of(PCA(50, random_state=0)))
    assert {node.operator for node in large} == {"MatMul"}
    assert not providers.large(graph_of(LogisticRegression(max_iter=10_000), X[:, :5]))
    assert not providers.large(graph_of(StandardScaler()))


def test_what_a_gpu_computes_otherwise_is_refused():
    neighbours = KNeighborsClassifier(7, algorithm="brute")
    with pytest.raises(ProviderError, match=r"(?s)TopK finds places.*device='cpu'"):
        providers.refuse_unlike(graph_of(neighbours))
    providers.refuse_unlike(graph_of(PCA(50, random_state=0)))


def test_options_of_the_provider_keep_to_the_share_and_to_whole_products(monkeypatch):
    monkeypatch.setattr(driver, "device", lambda _: mock.Mock(total_bytes=8 * 2**30))
    placement = Placement(Gpu(1, 0.25), products=True)
    (name, options), (last, _) = placement.providers(b"")
    assert (name, last) == (CUDA, CPU)
    assert options["device_id"] == "1"
    assert options["gpu_mem_limit"] == str(2 * 2**30)
    assert options["use_tf32"] == "0"


@pytest.mark.parametrize(("room", "sizes"), [(3_000, [3_000]), (800, [3_000, 1_500, 750, 750])])
def test_rows_that_do_not_fit_on_the_device_are_done_in_halves(room, sizes):
    compiled = sparkbird.compile(fitted(PCA(50, random_state=0)), X)
    session = open_session(compiled.to_bytes(), ["transform"])
    tried = []

    def limited(feeds, places):
        tried.append(len(feeds["X"]))
        if tried[-1] > room:
            raise DeviceMemoryError("too little")
        session.run_into(feeds, places)

    found, _ = score(replace(session, run_into=limited, gpu=Gpu()), {"X": X})
    np.testing.assert_array_equal(*found.values(), compiled.transform(X))
    assert tried[: len(sizes)] == sizes


def test_what_does_not_fit_by_the_row_is_an_error():
    compiled = sparkbird.compile(fitted(PCA(50, random_state=0)), X)
    session = open_session(compiled.to_bytes(), ["transform"])

    def full(feeds, places):
        raise DeviceMemoryError("too little")

    with pytest.raises(ProviderError, match=r"too little memory for \d+ rows of the model"):
        score(replace(session, run_into=full, gpu=Gpu()), {"X": X})


class Session:
    """A session that says where its nodes are."""

    def __init__(self, **placed):
        self.placed = placed

    def get_providers(self):
        return [CUDA, CPU] if self.placed else [CPU]

    def get_provider_graph_assignment_info(self):
        for provider, operators in self.placed.items():
            nodes = [mock.Mock(op_type=operator) for operator in operators]
            yield mock.Mock(ep_name=provider, get_nodes=lambda nodes=nodes: nodes)


def test_a_product_that_lands_on_the_cpu_is_an_error():
    found = part_module._placed(Session(**{CUDA: ["MatMul", "Add"], CPU: ["LabelEncoder"]}))
    assert found == {CUDA: {"MatMul": 1, "Add": 1}, CPU: {"LabelEncoder": 1}}
    with pytest.raises(ProviderError, match=r"(?s)Gemm would run by CPU.*device='cpu'"):
        part_module._placed(Session(**{CUDA: ["MatMul"], CPU: ["Gemm"]}))


def test_a_provider_that_cannot_be_loaded_is_an_error():
    with pytest.raises(ProviderError, match=r"(?s)cannot load.*onnxruntime-gpu\[cuda,cudnn\]"):
        part_module._placed(Session())


def test_memory_that_is_lacking_has_an_error_of_its_own():
    part = object.__new__(part_module.Part)
    part.on_gpu = True

    def fails():
        raise RuntimeError("Failed to allocate memory for requested buffer of size 1")

    with pytest.raises(DeviceMemoryError):
        part._run(fails)


def test_what_else_fails_on_a_gpu_says_how_to_do_without():
    part = object.__new__(part_module.Part)
    part.on_gpu = True

    def fails():
        raise RuntimeError("Can't reduce on dim with value of 0")

    with pytest.raises(ProviderError, match=r"(?s)Can't reduce.*device='cpu'"):
        part._run(fails)
    part.on_gpu = False
    with pytest.raises(RuntimeError, match="on dim"):
        part._run(fails)
