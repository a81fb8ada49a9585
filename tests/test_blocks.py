"""Rows of few columns are worked on in blocks, to the same bits."""

import numpy as np
import onnxruntime as ort
import pytest

from sparkbird.graph import op
from sparkbird.graph.blocks import BLOCK, in_blocks
from sparkbird.graph.build import build, check

X = op.argument("x", np.float64, 3)
ROW = np.array([0.5, -3.0, np.inf])


def scaled(x, row=ROW):
    return (x - row) / row


#: Graphs and whether a part of them is worked on in blocks.
GRAPHS = {
    "a row of constants": (lambda x: x - ROW, True),
    "several, and numbers": (lambda x: (2.0 * x - ROW) / ROW.reshape(1, 3) + 1.0, True),
    "constants first": (lambda x: ROW - x, True),
    "a cast on the way": (lambda x: op.cast(op.cast(x * ROW, dtype=np.float32) + x, dtype=np.float64), True),
    "conditions": (lambda x: op.where((x > ROW) & ~op.isnan(x), x, ROW), True),
    "a product behind it": (lambda x: scaled(x) @ np.arange(6.0).reshape(3, 2), True),
    "a product in front of it": (lambda x: scaled(x @ np.arange(9.0).reshape(3, 3)), True),
    "two parts": (lambda x: scaled(op.expand(op.sum(scaled(x), axis=1), axis=1) * x, ROW), True),
    "what others read, too": (lambda x: op.concat(scaled(x), scaled(x) * x, op.expand(op.max(x, axis=1), axis=1), axis=1), True),
    "a way out and in again": (lambda x: scaled(x) * x + scaled(x @ np.arange(9.0).reshape(3, 3)), True),
    "a way out of it and in again": (lambda x: (y := scaled(x)) * x + scaled(y @ np.arange(9.0).reshape(3, 3)), True),
    "numbers alone": (lambda x: (x > 0.5) | op.isnan(x), False),
    "one column": (lambda x: op.take(x, [1], axis=1) * np.array([2.0]), False),
    "no matrix": (lambda x: op.sum(x, axis=1) * 2.0, False),
    "many columns": (lambda x: op.concat(*[x] * 30, axis=1) * np.arange(90.0), False),
    "rows of another number": (lambda x: op.concat(x, x, axis=0) * ROW, False),
}  # fmt: skip


def run(outputs, rows):
    proto = build({"x": X}, outputs)
    content = proto.SerializeToString()
    check(content)
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": rows})[0]


def reshapes(outputs):
    return [node.op_type for node in build({"x": X}, outputs).graph.node].count("Reshape")


@pytest.mark.parametrize("rows", [0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("name", GRAPHS)
def test_the_results_are_the_same_to_the_bit(name, rows):
    x = np.random.default_rng(0).normal(size=(rows, 3))
    x[::5, 0], x[1::5, 1], x[2::5, 2] = np.nan, -0.0, np.inf
    graph, _ = GRAPHS[name]
    plain = {"y": graph(X)}
    found, expected = run(in_blocks(plain), x), run(plain, x)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@pytest.mark.parametrize("name", GRAPHS)
def test_blocks_are_made_where_they_pay(name):
    graph, pays = GRAPHS[name]
    plain = {"y": graph(X)}
    assert (reshapes(in_blocks(plain)) > reshapes(plain)) == pays


def test_a_deep_graph_is_rewritten_without_recursion():
    deep = X
    for _ in range(5_000):
        deep = deep + ROW
    assert reshapes(in_blocks({"y": deep})) == 2
