"""Operators of ONNX Runtime, each alone in a graph, on tensors of several sizes.

First what it costs to run a graph and to start an operator; what remains of the time of a graph
with one operator is that operator's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import helper, numpy_helper

from sparkbird.benchmark.calibration.timing import Effort, nanoseconds
from sparkbird.costs import graphs
from sparkbird.costs.families import counted
from sparkbird.dtypes import STRING
from sparkbird.graph.build import IR_VERSION, OPSET
from sparkbird.prices.fit import Sample, fitted
from sparkbird.prices.units import UNITS
from sparkbird.runtime.part import Part, Result
from sparkbird.runtime.providers import ON_CPU

#: A family and a sample of it.
Family: TypeAlias = tuple[str, Sample]

#: How many booleans are true: conditions are rarely met, and processors count on it.
_RARE = 0.02
#: The rows and columns of matrices.
WIDE = ((10_000, 20), (10_000, 4), (512, 20), (512, 400), (2_000, 100))
NARROW = ((10_000, 3), (10_000, 20), (2_000, 100), (512, 150))
_F64, _F32, _BOOL, _INT = np.float64, np.float32, np.bool_, np.int64


@dataclass(frozen=True)
class Single:
    """A graph of one operator on matrices [N, F].

    inputs     their types
    constants  those behind them: "row" [F], "scalar", "column" [F, 1], "square" [F, 8], "large"
               [F, 100], "huge" [F, 500], or an array
    gives      the type of its result, that of the first input if left out
    sizes      N and F
    """

    operator: str
    inputs: tuple[Any, ...] = (_F64,)
    constants: tuple[Any, ...] = ()
    gives: Any = None
    sizes: Sequence[tuple[int, int]] = WIDE
    attributes: Mapping[str, Any] = field(default_factory=dict)


def _axis(axis: int, **more: int) -> dict[str, int]:
    return {"axis": axis, **more}


_ONE, _LAST = np.array([1], _INT), np.array([1], _INT)
# fmt: off
SINGLES = (
    *(Single("Add", (t, t)) for t in (_F64, _F32)), Single("Mul", (_F64,), ("scalar",)),
    Single("Sub", (_F64,), ("row",)), Single("Sub", (_F32,), ("row",)), Single("Max", (_F64, _F64)),
    Single("Neg"), Single("Relu"), Single("Abs"),
    Single("Div", (_F64, _F64)), Single("Div", (_F64,), ("row",)), Single("Sqrt"),
    Single("Div", (_F32, _F32)), *(Single(name, (_F32,)) for name in ("Exp", "Log", "Sin")),
    Single("Exp"), Single("Log"), Single("Tanh"), Single("Sin"),
    Single("Pow", (_F64,), ("scalar",)), Single("Pow", (_F64,), ("row",)),
    Single("Pow", (_F32,), ("scalar",)),
    Single("Greater", (_F64,), ("scalar",), _BOOL), Single("LessOrEqual", (_F64,), ("row",), _BOOL),
    Single("Equal", (_F64, _F64), (), _BOOL), Single("IsNaN", (_F64,), (), _BOOL),
    Single("And", (_BOOL, _BOOL)), Single("Not", (_BOOL,)),
    Single("Where", (_BOOL, _F64, _F64), (), _F64),
    Single("Where", (_BOOL, _F64), ("scalar",), _F64),
    Single("Where", (_BOOL,), ("row", "scalar"), _F64),
    *(Single("Cast", (f,), (), t) for f, t in ((_F32, _F64), (_F64, _F32), (_BOOL, _F64),
                                               (_INT, _F64), (_F64, _INT), (_F64, _BOOL))),
    Single("Gather", (_F64,), (np.arange(3),), attributes=_axis(1)),
    Single("Gather", (_F64,), (np.array(0),), attributes=_axis(1)),
    Single("Gather", (_F64,), (np.arange(400) % 16,), attributes=_axis(0)),
    Single("Slice", (_F64,), (_ONE, np.array([3]), _LAST)),
    Single("Slice", (_F64,), (_ONE, np.array([2]), _LAST)),
    Single("Concat", (_F64, _F64), attributes=_axis(1)),
    Single("Transpose", sizes=((10_000, 20), (10_000, 4), (2_000, 100))),
    Single("Concat", (_F64,) * 8, attributes=_axis(1), sizes=((10_000, 1), (512, 1), (10_000, 4))),
    Single("GatherElements", (_F64, _INT), (), _F64, attributes=_axis(1)),
    *(Single("MatMul", (t,), (right,), sizes=((10_000, 4), (10_000, 20), (512, 100), (2_000, 400)))
      for t in (_F64, _F32) for right in ("column", "square", "large")),
    Single("MatMul", (_F64,), ("huge",), sizes=((512, 30), (512, 100))),
    Single("Gemm", (_F64,), ("square", np.ones(8)),
           sizes=((10_000, 4), (10_000, 20), (2_000, 100))),
    Single("ReduceSum", (_F64,), (_LAST,), attributes={"keepdims": 0}, sizes=NARROW),
    Single("ReduceMax", (_F64,), (_LAST,), attributes={"keepdims": 0}, sizes=NARROW),
    Single("ReduceSum", (_F32,), (_LAST,), attributes={"keepdims": 1}, sizes=NARROW),
    Single("ArgMax", (_F64,), (), _INT, attributes=_axis(1, keepdims=0), sizes=NARROW),
    Single("CumSum", (_F64,), (np.array(1),), sizes=NARROW),
    Single("TopK", (_F64,), (np.array([5]),), attributes=_axis(1, largest=0),
           sizes=((512, 150), (10_000, 20), (512, 500), (512, 2_000))),
)
# fmt: on


def prices(effort: Effort) -> dict[str, dict[str, float]]:
    """Those of every family, in nanoseconds."""
    units = UNITS["operators"]
    run = fitted([*_runs(effort)], units["run"])
    samples: dict[str, list[Sample]] = {family: [] for family in units}
    for single in SINGLES:
        for rows, width in single.sizes:
            family, found = _sample(single, effort.rows(rows), width, effort)
            samples[family].append(found)
    for family, found in _texts(effort):
        samples[family].append(found)
    return {"run": run} | {
        family: fitted(samples[family], units[family]) for family in units if family != "run"
    }


def _runs(effort: Effort) -> Iterator[Sample]:
    """Graphs of few and of many operators on one row, of few and of many values, and of strings."""
    for chained in (1, 4, 16, 48):
        for inputs in (1, 16):
            x = [(f"x{i}", np.ones(16)) for i in range(inputs)]
            names = [name for name, _ in x]
            nodes = [helper.make_node("Sum", names, ["y0"])]
            nodes += [helper.make_node("Neg", [f"y{i}"], [f"y{i + 1}"]) for i in range(chained)]
            content = _model(nodes, x, [(f"y{chained}", _F64, 1)])
            run = _running(content, dict(x), f"y{chained}", np.empty(16))
            counts = {"call": 1, "value": inputs + 1, "launch": chained + 1}
            yield counts, nanoseconds(run, effort)
    rows = effort.rows(10_000)
    strings = np.array([f"text {i % 100}" for i in range(rows)], STRING)
    nodes = [helper.make_node("Shape", ["x0"], ["y"])]
    run = _running(_model(nodes, [("x0", strings)], [("y", _INT, 1)]), {"x0": strings}, "y", None)
    yield {"call": 1, "value": 2, "launch": 1, "string": rows}, nanoseconds(run, effort)


def _sample(single: Single, rows: int, width: int, effort: Effort) -> Family:
    """The family of an operator, and what it alone counts and takes."""
    x = _inputs(single, rows, width)
    constants = [(f"c{i}", _constant(c, width, single)) for i, c in enumerate(single.constants)]
    given = [name for name, _ in (*x, *constants)]
    gives = np.dtype(single.gives or single.inputs[0])
    outputs = ["y", "places"] if single.operator == "TopK" else ["y"]
    extra = {"to": helper.np_dtype_to_tensor_dtype(gives)} if single.operator == "Cast" else {}
    node = helper.make_node(single.operator, given, outputs, **single.attributes, **extra)
    content = _model([node], x, [("y", gives, None)], constants)
    return _timed(content, dict(x), rows, effort)


def _timed(content: bytes, x: Mapping[str, np.ndarray], rows: int, effort: Effort) -> Family:
    """The family of the one operator of a graph, and what it counts and takes.

    Taken off is what a graph takes that does nothing with the same values; a tenth is left.
    """
    work = graphs.work(content, rows)
    (node,) = work.applied
    out = node.outputs[0]
    place = None if out.dtype == STRING or work.strings else np.empty(out.shape, out.dtype)
    shape = helper.make_node("Shape", [next(iter(x))], ["y"])
    idle = _model([shape], [*x.items()], [("y", _INT, 1)])
    axes = None if place is None else np.empty(next(iter(x.values())).ndim, _INT)
    around = nanoseconds(_running(idle, x, "y", axes), effort)
    taken = nanoseconds(_running(content, x, "y", place), effort)
    family, counts = counted(node)
    return family, (counts, max(taken - around, 0.1 * taken))


def _inputs(single: Single, rows: int, width: int) -> list[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    made = {
        np.bool_: lambda: rng.random((rows, width)) < _RARE,
        np.int64: lambda: rng.integers(width, size=(rows, width)),
    }
    found = []
    for i, kind in enumerate(single.inputs):
        values = made.get(kind, lambda: rng.uniform(0.5, 2, (rows, width)))()
        found.append((f"x{i}", values.astype(kind)))
    return found


def _constant(what: Any, width: int, single: Single) -> np.ndarray:
    """A constant by its name, of the type of the first input that is none of booleans."""
    if isinstance(what, np.ndarray):
        return what
    kind = next((t for t in single.inputs if t is not _BOOL), _F64)
    shapes = {"row": (width,), "scalar": (), "column": (width, 1), "square": (width, 8)}
    shape = (width, {"large": 100, "huge": 500}[what]) if what not in shapes else shapes[what]
    return np.full(shape, 1.5, kind)


def _texts(effort: Effort) -> Iterator[Family]:
    """Operators that take strings, and look-ups of numbers."""
    rows = effort.rows(10_000)
    words = [f"text {i}" for i in range(100)]
    strings = np.array([words[i % 100] for i in range(rows)], STRING)
    tensor = helper.make_tensor
    keys = tensor("k", onnx.TensorProto.STRING, [100], words)
    numbers = tensor("k", onnx.TensorProto.INT64, [100], range(100))
    values = tensor("v", onnx.TensorProto.DOUBLE, [100], [1.0] * 100)
    default = tensor("d", onnx.TensorProto.DOUBLE, [1], [0.0])
    for given, known in ((strings, keys), (np.arange(rows) % 100, numbers)):
        node = helper.make_node(
            *("LabelEncoder", ["x"], ["y"]),
            domain="ai.onnx.ml",
            keys_tensor=known,
            values_tensor=values,
            default_tensor=default,
        )
        content = _model([node], [("x", given)], [("y", _F64, 1)])
        yield _timed(content, {"x": given}, rows, effort)
    node = helper.make_node("RegexFullMatch", ["x"], ["y"], pattern="text 1.*")
    content = _model([node], [("x", strings)], [("y", _BOOL, 1)])
    yield _timed(content, {"x": strings}, rows, effort)


def _model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[tuple[str, np.ndarray]],
    outputs: Sequence[tuple[str, Any, int | None]],
    constants: Sequence[tuple[str, np.ndarray]] = (),
) -> bytes:
    """The bytes of a graph; rows are any number of them."""

    def described(name: str, dtype: Any, shape: Any) -> onnx.ValueInfoProto:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return helper.make_tensor_value_info(name, kind, shape)

    graph = helper.make_graph(
        nodes,
        "single",
        [described(name, x.dtype, ["N", *x.shape[1:]]) for name, x in inputs],
        [
            described(name, dtype, None if axes is None else ["M"] * axes)
            for name, dtype, axes in outputs
        ],
        [numpy_helper.from_array(values, name) for name, values in constants],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 4)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    content: bytes = model.SerializeToString()
    return content


def _running(
    content: bytes, feeds: Mapping[str, np.ndarray], output: str, place: np.ndarray | None
) -> Any:
    """A function that runs the graph, into `place` if there is one."""
    dtype = np.dtype(np.float64) if place is None else place.dtype
    part = Part(content, [Result(output, dtype)], ON_CPU)
    if place is None:
        return lambda: part.run(feeds)
    return lambda: part.run_into(feeds, {output: place})
