"""A function on arrays, run as a graph in ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort

from sparkbird.graph import op
from sparkbird.graph.build import build
from sparkbird.runtime.part import INEXACT
from sparkbird.runtime.providers import CPU


def run(function, *arrays: np.ndarray, providers=(CPU,)) -> np.ndarray:
    """What `function` gives for `arrays` when it is traced, built and run on one thread."""
    names = [f"x{i}" for i in range(len(arrays))]
    arguments = {
        name: op.argument(name, array.dtype, *array.shape[1:])
        for name, array in zip(names, arrays, strict=True)
    }
    proto = build(arguments, {"y": function(*arguments.values())})
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        proto.SerializeToString(), options, providers=providers, disabled_optimizers=INEXACT
    )
    used = {info.name for info in session.get_inputs()}
    feeds = {n: a for n, a in zip(names, arrays, strict=True) if n in used}
    return session.run(["y"], feeds)[0]
