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

import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from sparkbird.benchmark.measure import Spread, installed, rounds, table
from sparkbird.compiler import compile as compile_model

ROWS, FEATURES = 1_000_000, 20
#: How many calls with one row are timed together.
CALLS = 200

#: Rows to results.
Call: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True)
class Peer:
    """Another way to score a model.

    needs  the distributions that it takes
    dtype  of the rows that it is given
    call   a model, sample rows and a number of threads to a function of rows
    """

    needs: tuple[str, ...]
    dtype: Any
    call: Callable[[Any, Any, int], Call]


def measured(repeats: int, rows: int | None = None, threads: int = 1) -> Iterator[str]:
    """Tables of a batch and of one row, and how far the results are from scikit-learn's."""
    x, batch = flowers(ROWS if rows is None else rows)
    given = {np.float64: batch, np.float32: batch.astype(np.float32)}
    many: dict[str, dict[str, Spread]] = {}
    one: dict[str, dict[str, Spread]] = {}
    clock = time.process_time if threads == 1 else time.perf_counter
    apart: dict[str, dict[str, str]] = {}
    with limited(threads):
        for name, model in fitted(x).items():
            ways = {peer: _way(peer, model, x, threads) for peer in _present()}
            apart[name] = _apart(model, ways, given)
            many[name] = rounds(_calls(ways, given, 1), repeats, clock)
            first = {dtype: values[:1].copy() for dtype, values in given.items()}
            one[name] = rounds(_calls(ways, first, CALLS), repeats, clock)
    cores = f"{threads} thread{'s' if threads > 1 else ''}"
    cores += ", processor time" if threads == 1 else ""
    for kind, names in TABLES.items():
        title = f"Operators, {len(batch):,} x {FEATURES} rows of Iris, {kind}, {cores}, ms"
        yield _shown(title, names, many, 1e3)
    for kind, names in TABLES.items():
        title = f"Operators, 1 row, {kind}, {cores}, microseconds a call"
        yield _shown(title, names, one, 1e6 / CALLS)
    yield _differences(len(batch), apart)


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


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Within, the process has so many cores, and NumPy's and scikit-learn's pools as many."""
    from threadpoolctl import threadpool_limits

    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if cores:
        os.sched_setaffinity(0, sorted(cores)[-threads:])
    try:
        with threadpool_limits(threads):
            yield
    finally:
        if cores:
            os.sched_setaffinity(0, cores)


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
    "Hummingbird": Peer(("hummingbird-ml", "torch"), np.float32, _by_hummingbird),
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


def _apart(model: Any, ways: dict[str, Call], given: dict[Any, np.ndarray]) -> dict[str, str]:
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
            found[name] = f"{int((result.ravel() != expected).sum()):,} rows"
        else:
            chunks = range(0, len(expected), 50_000)
            parts = [np.abs(result[i : i + 50_000] - expected[i : i + 50_000]) for i in chunks]
            found[name] = f"{max((part.max() for part in parts), default=0.0):.1g}"
    return found


def _shown(
    title: str, names: Sequence[str], found: dict[str, dict[str, Spread]], scale: float
) -> str:
    """A line for each operator: the time of each, and how many times faster the first one is."""
    present = [name for name in names if name in _present()]
    own, *others = present
    head = ["", *present, *(f"faster than {name}" for name in others)]
    lines = []
    for operator, spreads in found.items():
        times = [spreads[name].times(scale) for name in present]
        ratios = [spreads[own].ratio(spreads[name]) for name in others]
        lines.append([operator, *times, *ratios])
    missing = [f"{name} is not installed.\n" for name in names if name not in present]
    return "\n".join([table(title, head, lines), *missing])


def _differences(rows: int, apart: dict[str, dict[str, str]]) -> str:
    present = _present()
    lines = [[name, *(found[peer] for peer in present)] for name, found in apart.items()]
    title = f"Of {rows:,} rows, those labelled otherwise than by scikit-learn, or the greatest"
    return table(f"{title} difference from it", ["", *present], lines)
