"""The ways to score a forest: sparkbird's, that of its own library, and those of other compilers.

All are given the same float32 rows [N, F], and so many threads. Each gives the probabilities of
the classes [N, C], or predictions [N].
"""

from __future__ import annotations

import hashlib
import math
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from sparkbird.benchmark.apart import Apart
from sparkbird.benchmark.measure import failure, installed, rounds
from sparkbird.compiler import compile as compile_model

#: Rows to results.
Call: TypeAlias = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Task:
    """A fitted forest to be scored.

    library   one of `shapes.LIBRARIES`
    depth     of its trees; 0 if nobody knows
    sample    some rows like those that it will score
    cache     where what takes long to compile is kept
    lleaves   the interpreter that has lleaves; this one, if any, if it is empty
    """

    model: Any
    library: str
    depth: int
    sample: np.ndarray
    threads: int = 1
    cache: Path | None = None
    lleaves: str = ""

    @property
    def method(self) -> str:
        """Which method is measured."""
        return "predict_proba" if hasattr(self.model, "predict_proba") else "predict"


@dataclass(frozen=True)
class Peer:
    """A way to score a forest.

    call    a task to a function of rows; an error of any kind means that it cannot
    needs   the modules that it takes, by library of the forest; those not there it does not score
    """

    call: Callable[[Task], Call]
    needs: Mapping[str, tuple[str, ...]]


def prepared(peers: Mapping[str, Peer], task: Task) -> tuple[dict[str, Call], dict[str, str]]:
    """What each way makes of a forest, or why it makes nothing of it. Ours must not fail."""
    calls: dict[str, Call] = {}
    notes: dict[str, str] = {}
    for way, peer in peers.items():
        if (needs := peer.needs.get(task.library)) is None:
            notes[way] = "not for it"
        elif not installed(*needs):
            notes[way] = "not installed"
        else:
            try:
                call = peer.call(task)
                call(task.sample[:1])
            except ModuleNotFoundError:
                notes[way] = "not installed"
            except Exception as error:  # of any kind: what it cannot do, it says so
                if way == OWN:
                    raise
                notes[way] = failure(error)
            else:
                calls[way] = call
    return calls, notes


def by_sparkbird(task: Task) -> Call:
    """The public methods of a compiled model."""
    compiled = compile_model(task.model, task.sample[:1], outputs=task.method)
    call: Call = getattr(compiled, task.method)
    return call


def by_library(task: Task) -> Call:
    """The model's own method."""
    method = getattr(task.model, task.method)
    if task.library == "LightGBM":
        return lambda rows: method(rows, num_threads=task.threads)
    task.model.set_params(n_jobs=task.threads)
    call: Call = method
    return call


def by_onnx(task: Task) -> Call:
    """The graph that the usual converter writes, in onnxruntime."""
    return in_onnxruntime(converted(task), task.threads, -1)  # behind the label


def by_graph(task: Task) -> Call:
    """The artefact that sparkbird writes, in onnxruntime as anybody has it."""
    compiled = compile_model(task.model, task.sample[:1], outputs=task.method)
    return in_onnxruntime(compiled.to_bytes(), task.threads, 0)


def by_hummingbird(task: Task) -> Call:
    """TorchScript, by the fastest of its strategies on the sample."""
    calls = {strategy: _hummingbird(task, strategy) for strategy in _strategies(task)}
    ways = {strategy: partial(call, task.sample) for strategy, call in calls.items()}
    rounds(ways, 2)  # TorchScript compiles in its first calls
    seconds = rounds(ways, 2)
    return calls[min(seconds, key=lambda strategy: min(seconds[strategy]))]


def by_lleaves(task: Task) -> Call:
    """LLVM code for this one model, whose compilation may take minutes, in a process of its own."""
    if not (python := task.lleaves or (sys.executable if installed("lleaves") else "")):
        raise ModuleNotFoundError("lleaves")
    text = task.model.booster_.model_to_string()
    name = f"lleaves-{hashlib.sha256(text.encode()).hexdigest()[:12]}.bin"
    return Apart(python, text, task.cache / name if task.cache else None, task.threads)


def converted(task: Task) -> bytes:
    """What skl2onnx writes of scikit-learn's forests, and onnxmltools of others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph: bytes = CONVERTERS[task.library](task.model, task.sample).SerializeToString()
    return graph


def in_onnxruntime(graph: bytes, threads: int, place: int) -> Call:
    """One output of a session, by its place."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    fed, given = session.get_inputs()[0].name, session.get_outputs()[place].name
    return lambda rows: session.run([given], {fed: rows})[0]


def _of_sklearn(model: Any, sample: np.ndarray) -> Any:
    from skl2onnx import to_onnx

    options = {"zipmap": False} if hasattr(model, "predict_proba") else None
    return to_onnx(model, sample[:1], options=options)


def _of_lightgbm(model: Any, sample: np.ndarray) -> Any:
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    kind = [("input", FloatTensorType([None, sample.shape[1]]))]
    return convert_lightgbm(model, initial_types=kind, zipmap=False, target_opset=15)


def _of_xgboost(model: Any, sample: np.ndarray) -> Any:
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    kind = [("input", FloatTensorType([None, sample.shape[1]]))]
    return convert_xgboost(model, initial_types=kind, target_opset=15)


def _strategies(task: Task) -> list[str]:
    depth = task.depth or math.inf
    return [strategy for strategy, deepest in HUMMINGBIRD.items() if depth <= deepest]


def _hummingbird(task: Task, strategy: str) -> Call:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from hummingbird.ml import convert

        torch.set_num_threads(task.threads)
        extra = {"tree_implementation": strategy, "n_threads": task.threads}
        container = convert(task.model, "torch.jit", task.sample, extra_config=extra)
    call: Call = getattr(container, task.method)
    return call


#: Hummingbird's strategies, and the deepest trees that each is tried on: GEMM multiplies every
#: row with every node, and perfect trees have 2^depth leaves.
HUMMINGBIRD = {"gemm": 4, "perf_tree_trav": 10, "tree_trav": math.inf}

#: A fitted model and sample rows to an ONNX model.
CONVERTERS: dict[str, Callable[[Any, np.ndarray], Any]] = {
    "RandomForest": _of_sklearn,
    "LightGBM": _of_lightgbm,
    "XGBoost": _of_xgboost,
}

#: The way that is ours.
OWN = "sparkbird"

_ONNX = {"RandomForest": ("skl2onnx",), "LightGBM": ("onnxmltools",), "XGBoost": ("onnxmltools",)}
_ALL: dict[str, tuple[str, ...]] = {"RandomForest": (), "LightGBM": (), "XGBoost": ()}
_ALL_TORCH = dict.fromkeys(_ALL, ("hummingbird", "torch"))

#: Every way, ours first.
PEERS: dict[str, Peer] = {
    OWN: Peer(by_sparkbird, _ALL),
    "its own library": Peer(by_library, _ALL),
    "onnxmltools + onnxruntime": Peer(by_onnx, _ONNX),
    "Hummingbird": Peer(by_hummingbird, _ALL_TORCH),
    "lleaves": Peer(by_lleaves, {"LightGBM": ()}),
    "sparkbird's graph in onnxruntime": Peer(by_graph, _ALL),
}

#: Every way from a fitted model to what scores rows, ours first; each call compiles anew.
COMPILERS: dict[str, Peer] = {
    OWN: Peer(lambda task: lambda rows: compile_model(task.model, rows[:1]), _ALL),
    "onnxmltools": Peer(lambda task: lambda _: converted(task), _ONNX),
    "Hummingbird": Peer(
        lambda task: lambda _: _hummingbird(task, _strategies(task)[0]), _ALL_TORCH
    ),
}
