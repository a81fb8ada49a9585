"""One forest of 500 trees: compiling it, and its strategies beside onnxmltools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sparkbird.benchmark.measure import Spread, installed, rounds, table
from sparkbird.compiler import compile as compile_model

TREES, DEPTH, FEATURES = 500, 8, 28
ROWS, BATCH = 10_000, 10_000
#: GEMM multiplies every row with every node: a tenth of the rows is patience enough.
STRATEGIES = {"ensemble": ROWS, "perfect": ROWS, "traversal": ROWS, "gemm": ROWS // 10}
_THREADS = 1


def trained() -> tuple[Any, Any]:
    """A LightGBM classifier of 500 trees of depth 8, and rows to score, float32."""
    import lightgbm
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.normal(size=(50_000, FEATURES)).astype(np.float32)
    late = x[:, 0] * x[:, 1] + np.sin(3 * x[:, 2]) + rng.normal(size=len(x)) > 0
    model = lightgbm.LGBMClassifier(
        n_estimators=TREES, max_depth=DEPTH, num_leaves=2**DEPTH, n_jobs=_THREADS, verbose=-1
    )
    return model.fit(x, late.astype(int)), x[:ROWS]  # onnxmltools knows no boolean labels


def compile_times(model: Any, rows: Any, repeats: int) -> str:
    """The time from the fitted model to the artefact, and what onnxmltools takes."""
    ways: dict[str, Callable[[], object]] = {"sparkbird": lambda: compile_model(model, rows)}
    if installed("onnxmltools"):
        ways["onnxmltools"] = lambda: _by_onnxmltools(model)
    found = rounds(ways, repeats)
    lines = [[name, str(spread)] for name, spread in found.items()]
    lines += [[name, "not installed"] for name in ("onnxmltools",) if name not in found]
    title = f"Compile a forest of {TREES} trees, depth {DEPTH} (LightGBM), seconds"
    return table(title, ["", "seconds"], lines)


def throughput(model: Any, rows: Any, repeats: int) -> str:
    """Rows a second of each strategy, of onnxmltools' graph and of LightGBM, on one thread."""
    counts = {name: min(count, len(rows)) for name, count in STRATEGIES.items()}
    ways: dict[str, Callable[[], object]] = {}
    for name, count in counts.items():
        compiled = compile_model(model, rows, outputs="predict_proba", strategy=name)
        ways[name] = _in_onnxruntime(compiled.to_bytes(), {"X": rows[:count]}, ["predict_proba"])
    if installed("onnxmltools"):
        graph = _by_onnxmltools(model).SerializeToString()
        ways["onnxmltools"] = _in_onnxruntime(graph, {"input": rows}, ["probabilities"])
    ways["LightGBM"] = lambda: model.predict_proba(rows, num_threads=_THREADS)
    for way in ways.values():
        way()  # once unmeasured: memory is taken, pages are touched
    found = rounds(ways, repeats)
    title = f"Score it, one thread, batches of {BATCH:,} rows of {FEATURES} float32"
    head = ["", "rows/s", "against onnxmltools + onnxruntime"]
    lines = [
        [name, spread.per_second(counts.get(name, len(rows))), _against(found, name, counts)]
        for name, spread in found.items()
    ]
    lines += [[name, "not installed", ""] for name in ("onnxmltools",) if name not in found]
    return table(title, head, lines)


def _against(found: dict[str, Spread], name: str, counts: dict[str, int]) -> str:
    if "onnxmltools" not in found:
        return ""
    scale = ROWS / counts.get(name, ROWS)  # as if it had scored as many rows
    return Spread(tuple(s * scale for s in found[name].seconds)).ratio(found["onnxmltools"])


def _by_onnxmltools(model: Any) -> Any:
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    kind = FloatTensorType([None, FEATURES])
    return convert_lightgbm(model, initial_types=[("input", kind)], zipmap=False, target_opset=15)


def _in_onnxruntime(
    graph: bytes, feeds: dict[str, Any], outputs: list[str]
) -> Callable[[], object]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = _THREADS
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(outputs, feeds)
