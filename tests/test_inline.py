"""Graphs of other libraries as parts of ours: the same numbers, or a refusal."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sparkbird.errors import UnsupportedModelError
from sparkbird.graph import op
from sparkbird.graph.build import OPSET
from sparkbird.graph.inline import inline
from tests.runs import run

FLOAT = TensorProto.FLOAT
WEIGHTS = np.arange(12, dtype=np.float32).reshape(4, 3) / 8


def node(name, inputs, outputs, **attributes):
    return helper.make_node(name, inputs.split(","), outputs.split(","), **attributes)


def model(*nodes, constants=None, opset=OPSET, domains=(), result=(None, None)):
    graph = helper.make_graph(
        [*nodes],
        "given",
        [helper.make_tensor_value_info("x", FLOAT, ("rows", 4))],
        [helper.make_tensor_value_info("y", FLOAT, result)],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()],
    )
    versions = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=versions, ir_version=10)


AXES = np.array([1])
SCALAR = numpy_helper.from_array(np.float32(3.0))

# fmt: off
CASES = {
    "one node":             (model(node("Relu", "x", "y")), lambda x: np.maximum(x, 0)),
    "attributes":           (model(node("Gemm", "x,w", "y", alpha=0.5, transB=1), constants={"w": WEIGHTS.T}), lambda x: x @ WEIGHTS / 2),
    "constants shared":     (model(node("Add", "x,c", "a"), node("Mul", "a,c", "y"), constants={"c": np.float32(2)}), lambda x: (x + 2) * 2),
    "constant nodes":       (model(node("Constant", "", "c", value=SCALAR), node("Constant", "", "d", value_float=2.0), node("Add", "x,c", "a"), node("Mul", "a,d", "y")), lambda x: (x + 3) * 2),
    "an operand left out":  (model(node("Clip", "x,,high", "y"), constants={"high": np.float32(0.5)}), lambda x: np.minimum(x, 0.5)),
    "several results":      (model(node("Split", "x", "a,b", axis=1, num_outputs=2), node("Sub", "b,a", "y")), lambda x: x[:, 2:] - x[:, :2]),
    "an older version":     (model(node("ReduceSum", "x,axes", "y", keepdims=0), constants={"axes": AXES}, opset=13, result=(None,)), lambda x: x.sum(axis=1)),
    "names of another one": (model(node("Identity", "x", "constant_0"), node("Neg", "constant_0", "y")), np.negative),
}
# fmt: on
for proto, _ in CASES.values():
    for constant in proto.graph.node:
        if constant.op_type == "Constant":
            del constant.input[:]


def rows():
    return np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)


@pytest.mark.parametrize("name", CASES)
def test_the_results_are_those_of_the_graph(name):
    proto, expected = CASES[name]
    for x in (rows(), rows()[:1], rows()[:0]):
        if len(x):
            np.testing.assert_allclose(inline(proto, [x])[0], expected(x), rtol=1e-6)
        actual = run(lambda value: inline(proto, [value])[0], x)
        np.testing.assert_allclose(
            actual, expected(x) if len(x) else expected(rows())[:0], rtol=1e-6
        )


def test_a_result_is_a_value_like_others():
    proto, expected = CASES["attributes"]
    actual = run(lambda x: inline(proto, [x * np.float32(2)])[0] + np.float32(1), rows())
    np.testing.assert_allclose(actual, expected(rows() * 2) + 1, rtol=1e-6)


def test_types_and_shapes_are_those_that_onnx_infers():
    (result,) = inline(CASES["attributes"][0], [op.argument("x", np.float32, 4)])
    assert (result.dtype, result.shape) == (np.float32, ("N", 3))


def recurrent():
    weights = {
        "w": np.full((1, 8, 1), 0.3, np.float32),
        "r": np.full((1, 8, 2), -0.2, np.float32),
        "first": np.array([1]),
        "last": np.array([0, 1]),
    }
    return model(
        node("Transpose", "x", "turned", perm=[1, 0]),
        node("Unsqueeze", "turned,minus", "steps"),
        node("LSTM", "steps,w,r", ",state", hidden_size=2),
        node("Squeeze", "state,zero", "y"),
        constants=weights | {"minus": np.array([2]), "zero": np.array([0])},
    )


def test_a_recurrent_net_takes_no_rows():
    proto = recurrent()
    for count in (7, 1, 0):
        x = rows()[:count]
        actual = run(lambda value: inline(proto, [value])[0], x)
        assert actual.shape == (count, 2)
    np.testing.assert_allclose(
        run(lambda v: inline(proto, [v])[0], rows())[:1], actual_of(proto)[:1], rtol=1e-6
    )


def actual_of(proto):
    return inline(proto, [rows()])[0]


def branch(name):
    value = numpy_helper.from_array(np.float32(1))
    out = helper.make_tensor_value_info(name, FLOAT, [])
    return helper.make_graph(
        [helper.make_node("Constant", [], [name], value=value)], name, [], [out]
    )


REFUSED = {
    "random numbers": model(node("RandomNormalLike", "x", "a"), node("Add", "a,x", "y")),
    "branches or loops": model(
        node("If", "flag", "a", then_branch=branch("p"), else_branch=branch("q")),
        node("Mul", "a,x", "y"),
        constants={"flag": np.bool_(True)},
    ),
    "not ONNX's own": model(
        helper.make_node("Own", ["x"], ["y"], domain="shop"), domains=("shop",)
    ),
    "no valid ONNX": model(node("Gemm", "x", "y")),
    "version 21": model(node("Relu", "x", "y"), opset=21),
    "Dropout": model(
        node("Dropout", "x,p,on", "y"),
        constants={"p": np.float32(0.5), "on": np.bool_(True)},
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_a_part_is_refused(reason):
    with pytest.raises(UnsupportedModelError, match=reason):
        inline(REFUSED[reason], [op.argument("x", np.float32, 4)])


def test_local_functions_are_put_in_their_place():
    body = [node("Add", "a,a", "b")]
    twice = helper.make_function(
        "own", "Twice", ["a"], ["b"], body, [helper.make_opsetid("", OPSET)]
    )
    proto = model(helper.make_node("Twice", ["x"], ["y"], domain="own"), domains=("own",))
    proto.functions.append(twice)
    onnx.checker.check_model(proto)
    np.testing.assert_array_equal(run(lambda x: inline(proto, [x])[0], rows()), rows() * 2)
