"""Thirteen operators on Iris, the ones of the Hummingbird paper, beside three peers.

Iris is widened to 20 features, its four columns five times side by side, each copy with
normal noise of a tenth of its column's deviation. Models are fitted on these 150 flowers;
the rows scored are flowers drawn from them at random, with noise of their own.

skl2onnx's graphs and Hummingbird's modules compute in float32 and are given float32, converted
before the clock starts. scikit-learn and sparkbird are given float64, in which they compute, and
in a table of its own the same float32 as the others: then scalers compute in that, too, and what
multiplies by coefficients still in float64. Each has the same cores and as many threads as cores;
of one thread processor time is measured, which is the time it takes where nobody else wants the
core. Hummingbird's pins exclude sparkbird's own versions: ``pip install --no-deps hummingbird-ml
onnxconverter-common``, and ``pip install torch dill psutil``.

Source: Nakandala et al., "A Tensor Compiler for Unified Machine Learning Prediction
Serving", OSDI 2020, tables 11 and 12.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from sparkbird.benchmark.measure import clock_for, installed, pinned, rounds, threads_said
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.results import Group, Measurement
from sparkbird.compiler import compile as compile_model

ROWS, QUICK, FEATURES = 1_000_000, 50, 20
#: How many calls with one row are timed together.
CALLS = 200

#: Rows to results.
Call: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True)
class Peer:
    """Another way to score a model.

    needs  the modules that it takes
    dtype  of the rows that it is given
    call   a model, sample rows and a number of threads to a function of rows
    """

    needs: tuple[str, ...]
    dtype: Any
    call: Callable[[Any, Any, int], Call]


def measured(options: Options) -> Iterator[Group]:
    """Groups of a batch and of one row, for what is given float64 and float32."""
    rows = options.rows or (QUICK if options.quick else ROWS)
    calls = 1 if options.quick else CALLS
    x, batch = flowers(rows)
    given = {np.float64: batch, np.float32: batch.astype(np.float32)}
    first = {dtype: values[:1].copy() for dtype, values in given.items()}
    many: list[Measurement] = []
    one: list[Measurement] = []
    with pinned(options.threads):
        models = fitted(x)
        for name in options.each(models):
            ways = {peer: _way(peer, models[name], x, options.threads) for peer in _present()}
            facts = _apart(models[name], ways, given)
            many += _measured(name, _calls(ways, given, 1), rows, options, facts)
            one += _measured(name, _calls(ways, first, calls), calls, options, {})
    said = threads_said(options.threads)
    for kind in TABLES:
        title = f"Operators, {rows:,} x {FEATURES} rows of Iris, {kind}, {said}"
        yield _group(f"batch-{kind}", title, "ms", kind, many)
    for kind in TABLES:
        title = f"Operators, a call with 1 row, {kind}, {said}"
        yield _group(f"row-{kind}", title, "µs a row", kind, one)


def _measured(
    case: str,
    ways: Mapping[str, Callable[[], object]],
    rows: int,
    options: Options,
    facts: Mapping[str, Mapping[str, float]],
) -> list[Measurement]:
    """Each way, and those that are not installed."""
    found = rounds(ways, options.repeats, clock_for(options.threads))
    return [
        Measurement(case, peer, rows, found[peer], facts.get(peer, {}))
        if peer in found
        else Measurement(case, peer, rows, note="not installed")
        for peer in PEERS
    ]


def _group(name: str, title: str, unit: str, kind: str, found: list[Measurement]) -> Group:
    ways = TABLES[kind]
    ordered = sorted((m for m in found if m.way in ways), key=lambda m: ways.index(m.way))
    return Group("operators", name, title, ways[0], unit, tuple(ordered))


def flowers(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Iris with 20 features, [150, 20], and `rows` rows like it."""
    from sklearn.datasets import load_iris

    rng = np.random.default_rng(0)
    x = np.tile(load_iris().data, FEATURES // 4)
    noise = 0.1 * x.std(axis=0)
    fitted_on = x + rng.normal(size=x.shape) * noise
    scored = x[rng.integers(0, len(x), rows)]
    for start in range(0, rows, 100_000):
        part = scored[start : start + 100_000]
        part += rng.normal(size=part.shape) * noise
    return fitted_on, scored


def fitted(x: np.ndarray) -> dict[str, Any]:
    """The thirteen, with the parameters that they have by themselves, by name."""
    from sklearn import linear_model, naive_bayes, neural_network, preprocessing, svm, tree
    from sklearn.datasets import load_iris

    models = (
        linear_model.LogisticRegression(max_iter=1_000),
        linear_model.SGDClassifier(random_state=0),
        svm.LinearSVC(random_state=0),
        svm.NuSVC(),
        svm.SVC(),
        naive_bayes.BernoulliNB(),
        neural_network.MLPClassifier(max_iter=1_000, random_state=0),
        tree.DecisionTreeClassifier(random_state=0),
        preprocessing.Binarizer(),
        preprocessing.MinMaxScaler(),
        preprocessing.Normalizer(),
        preprocessing.PolynomialFeatures(),
        preprocessing.StandardScaler(),
    )
    return {type(model).__name__: model.fit(x, load_iris().target) for model in models}


def _method(model: Any) -> str:
    return "predict" if hasattr(model, "predict") else "transform"


def _by_sparkbird(model: Any, x: np.ndarray, _: int) -> Call:
    call: Call = getattr(compile_model(model, x), _method(model))
    return call


def _by_sparkbird_in_float32(model: Any, x: np.ndarray, _: int) -> Call:
    """The same for rows of float32, of which scalers give float32, as the original does."""
    return _by_sparkbird(model, x.astype(np.float32), _)


def _by_sklearn(model: Any, _: np.ndarray, __: int) -> Call:
    call: Call = getattr(model, _method(model))
    return call


def _by_skl2onnx(model: Any, x: np.ndarray, threads: int) -> Call:
    import onnxruntime as ort
    from skl2onnx import to_onnx

    options = {"zipmap": False} if hasattr(model, "predict_proba") else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = to_onnx(model, x[:1].astype(np.float32), options=options)
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.log_severity_level = 3
    session = ort.InferenceSession(
        graph.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    first = session.get_outputs()[0].name  # the label; probabilities come behind it
    return lambda rows: session.run([first], {"X": rows})[0]


def _by_hummingbird(model: Any, x: np.ndarray, threads: int) -> Call:
    """TorchScript as in the paper; PyTorch, call by call, where that fails or is wrong."""
    sample = x.astype(np.float32)
    few = sample[:7]  # a trace may have kept the number of rows it saw
    expected = getattr(model, _method(model))(few)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from hummingbird.ml import convert

        torch.set_num_threads(threads)
        for backend in ("torch.jit", "torch"):
            try:
                call: Call = getattr(convert(model, backend, sample), _method(model))
                if np.shape(call(few)) == np.shape(expected):
                    break
            except Exception:  # noqa: BLE001, S112  of any kind: what it cannot do, it says so
                continue
    return call


#: sparkbird, and what it is measured against.
PEERS = {
    "sparkbird": Peer((), np.float64, _by_sparkbird),
    "sparkbird, float32": Peer((), np.float32, _by_sparkbird_in_float32),
    "scikit-learn": Peer((), np.float64, _by_sklearn),
    "scikit-learn, float32": Peer((), np.float32, _by_sklearn),
    "skl2onnx + onnxruntime": Peer(("skl2onnx",), np.float32, _by_skl2onnx),
    "Hummingbird": Peer(("hummingbird", "torch"), np.float32, _by_hummingbird),
}


#: Who is beside whom, sparkbird first, by what the first two are given.
TABLES = {
    "float64": ("sparkbird", "scikit-learn", "skl2onnx + onnxruntime", "Hummingbird"),
    "float32": (
        "sparkbird, float32",
        "scikit-learn, float32",
        "skl2onnx + onnxruntime",
        "Hummingbird",
    ),
}


def _present() -> list[str]:
    return [name for name, peer in PEERS.items() if installed(*peer.needs)]


def _way(peer: str, model: Any, x: np.ndarray, threads: int) -> Call:
    return PEERS[peer].call(model, x, threads)


def _calls(
    ways: dict[str, Call], given: dict[Any, np.ndarray], times: int
) -> dict[str, Callable[[], object]]:
    """Each way, called so many times with its rows."""

    def calling(way: Call, rows: np.ndarray) -> Callable[[], object]:
        def run() -> None:
            for _ in range(times):
                way(rows)

        return run

    return {name: calling(way, given[PEERS[name].dtype]) for name, way in ways.items()}


def _apart(
    model: Any, ways: dict[str, Call], given: dict[Any, np.ndarray]
) -> dict[str, dict[str, float]]:
    """How far each is from scikit-learn on the same rows: those labelled otherwise, or values.

    It is also the call of each that is not timed: memory is taken, pages are touched.
    """
    original = getattr(model, _method(model))
    results = {dtype: original(rows) for dtype, rows in given.items()}
    found = {}
    for name, way in ways.items():
        expected = results[PEERS[name].dtype]
        result = np.asarray(way(given[PEERS[name].dtype]))
        if _method(model) == "predict":
            found[name] = {"rows labelled otherwise": float((result.ravel() != expected).sum())}
        else:
            chunks = range(0, len(expected), 50_000)
            parts = [np.abs(result[i : i + 50_000] - expected[i : i + 50_000]) for i in chunks]
            furthest = max((float(part.max()) for part in parts), default=0.0)
            found[name] = {"greatest difference": furthest}
    return found
