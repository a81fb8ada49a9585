"""Tensors become the smallest ONNX model that computes them, under the user's names."""

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sparkbird
from sparkbird.errors import ColumnNameError, GraphError, ModelTooLargeError
from sparkbird.graph import build as module, op, special
from sparkbird.graph.build import IR_VERSION, OPSET, build, check, row_bytes, serialized
from sparkbird.schema import INVALID

X = op.argument("x", np.float64, 3)
WEIGHTS = np.arange(6.0).reshape(3, 2)


def constants(proto):
    return [onnx.numpy_helper.to_array(value) for value in proto.graph.initializer]


def operators(proto):
    return [node.op_type for node in proto.graph.node]


def test_equal_constants_are_shared():
    proto = build({"x": X}, {"y": (X @ WEIGHTS) + (X @ WEIGHTS.copy()), "z": X @ WEIGHTS})
    assert len(constants(proto)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.array([0.0]), np.array([-0.0])),
        (np.array([1.0]), np.array([[1.0]])),
        (np.array([1, 2]), np.array([1, 2], np.int32)),
        (np.array(["a", "b"], object), np.array(["a,b", ""], object)),
        (np.array(["1"], object), np.array([1])),
    ],
    ids=str,
)
def test_constants_that_differ_in_anything_are_not_shared(one, other):
    index = op.argument("i", np.int64)
    proto = build({"i": index}, {"y": op.take(one, index), "z": op.take(other, index)})
    assert len(constants(proto)) == 2


def test_a_value_used_twice_is_computed_once():
    twice = op.exp(X)
    assert operators(build({"x": X}, {"y": twice + twice, "z": twice})) == [
        "Exp",
        "Add",
        "Identity",
        "Identity",
    ]


def test_what_is_looked_up_in_constants_is_looked_up_once():
    """The class of a tree's leaf: its shares, the greatest of them, the label of that one."""
    leaf = op.argmax(X, axis=1)
    shares = op.take(np.array([[0.2, 0.8], [0.7, 0.3], [0.5, 0.5]]), leaf)
    label = op.take(np.array([10, 20]), op.argmax(shares, axis=1))
    proto = build({"x": X}, {"y": label})
    assert operators(proto) == ["ArgMax", "GatherElements", "Identity"]
    assert [value.tolist() for value in constants(proto)] == [[20, 10, 10]]


def test_an_input_that_nothing_depends_on_is_left_out():
    proto = build({"x": X, "unused": op.argument("unused", np.float64)}, {"y": X + 1.0})
    assert [info.name for info in proto.graph.input] == ["x"]


def test_an_output_may_be_an_input_or_a_constant_or_another_output():
    doubled = X + X
    proto = build({"x": X}, {"same": X, "y": doubled, "z": doubled})
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = np.arange(6.0).reshape(2, 3)
    same, y, z = session.run(None, {"x": rows})
    np.testing.assert_array_equal(same, rows)
    np.testing.assert_array_equal(y, rows * 2)
    np.testing.assert_array_equal(z, y)


def test_a_deep_graph_is_built_without_recursion():
    deep = X
    for step in range(5_000):
        deep = deep + float(step)
    proto = build({"x": X}, {"y": deep})
    assert operators(proto).count("Add") == 5_000
    assert row_bytes([deep]) == 3 * 8


def test_a_diamond_of_shared_values_is_built_in_linear_time():
    wide = X
    for _ in range(200):
        wide = wide * 0.5 + wide * 0.5
    assert operators(build({"x": X}, {"y": wide})).count("Add") == 200


def test_the_versions_are_those_promised():
    proto = build({"x": X}, {"y": X + 1.0})
    assert proto.ir_version == IR_VERSION
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", OPSET)]
    found = op.lookup(X, keys=np.array([1.0]), values=np.array([2]), default=0)
    proto = build({"x": X}, {"y": found})
    assert {o.domain: o.version for o in proto.opset_import} == {"": OPSET, op.ML: 4}


def test_the_same_tensors_give_the_same_bytes():
    first, second = (build({"x": X}, {"y": special.softmax(X @ WEIGHTS)}) for _ in range(2))
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(
        deterministic=True
    )


def test_a_model_of_more_than_a_file_holds_is_refused(monkeypatch):
    monkeypatch.setattr(module, "LARGEST", WEIGHTS.nbytes)
    build({"x": X}, {"y": X @ WEIGHTS})
    with pytest.raises(ModelTooLargeError) as caught:
        build({"x": X}, {"y": X @ WEIGHTS, "z": X @ (WEIGHTS + 1)})
    assert str(caught.value).startswith("the model holds more than")
    with pytest.raises(ModelTooLargeError):
        sparkbird.compile(Ridge().fit(np.eye(20), np.arange(20.0)))


def test_strings_and_attributes_count_towards_the_size_of_a_model(monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 1000)
    with pytest.raises(ModelTooLargeError):
        build({"x": X}, {"y": op.rows_of("a" * 2000, X)})
    found = op.lookup(X, keys=np.arange(300.0), values=np.arange(300), default=0)
    with pytest.raises(ModelTooLargeError):
        build({"x": X}, {"y": found})


def test_a_graph_that_onnx_refuses_is_an_error_of_ours():
    with pytest.raises(GraphError, match="ONNX refuses the graph"):
        check(serialized(build({"x": X}, {"y": op.logical_not(X)})))


@pytest.mark.parametrize(
    ("tensor", "size"), [(X @ WEIGHTS, 24), (op.expand(X, axis=1) * np.ones((4, 1)), 96)]
)
def test_the_widest_value_is_measured(tensor, size):
    assert row_bytes([op.sum(tensor, axis=1)]) == size


#: Names that users give to columns and that we, Python or ONNX give to something else.
NAMES = [
    "predict",
    "predict_",
    "predict_proba",
    "transform",
    "invalid",
    "X",
    "x0",
    "y",
    "constant_1",
    "constant_0",
    "add_3",
    "sub_2",
    "identity_4",
    "matmul_1",
    "a.b",
    "a/b",
    "naïve",
    "N",
    "model",
    "None",
    "nan",
    "0",
    "select*",
    "__class__",
    "columns",
    "with spaces",
    " ",
    "\t",
    "'quoted\"",
    "`back`",
    "line\nbreak",
    "列",
    "a" * 300,
]


def frame(names):
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(40, len(names))), columns=names)


@pytest.mark.parametrize(
    "names", [NAMES, *([name, "other"] for name in NAMES)], ids=lambda names: repr(names[0])[:20]
)
def test_columns_may_be_called_like_anything_of_ours(names):
    rows = frame(names)
    y = (rows.iloc[:, 0] > 0).astype(int)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, y)
    compiled = sparkbird.compile(model)
    assert {*compiled.outputs} == {
        "predict",
        "predict_proba",
        "decision_function",
        "predict_log_proba",
    }
    for method in compiled.outputs:
        expected = getattr(model, method)(rows)
        actual = getattr(compiled, method)(rows[names[::-1]])
        np.testing.assert_allclose(actual, expected, 1e-12, 1e-12)
    assert [column.name for column in compiled.schema.columns] == names
    assert [info.name for info in compiled.to_onnx().graph.input] == names


@pytest.mark.parametrize("names", [["transform", "transform.0"], ["transform_", "transform"]])
def test_an_output_gives_way_to_a_column_of_its_name(names):
    rows = frame(names)
    for model in (StandardScaler(), StandardScaler().set_output(transform="pandas")):
        model.fit(rows)
        compiled = sparkbird.compile(model)
        np.testing.assert_array_equal(compiled.transform(rows), model.transform(rows))
        outputs = [info.name for info in compiled.to_onnx().graph.output]
        assert not {*outputs} & {*names}
        assert len({*outputs}) == len(outputs)


@pytest.mark.parametrize(
    ("names", "fact"),
    [
        (["", "a"], "a column is called ''"),
        ([INVALID, "a"], "a column is called 'sparkbird.invalid'"),
    ],
)
def test_names_that_no_input_can_have_are_refused(names, fact):
    with pytest.raises(ColumnNameError) as caught:
        sparkbird.compile(StandardScaler().fit(frame(names)))
    assert str(caught.value).startswith(fact)


def test_columns_of_one_name_are_refused():
    """Some versions of scikit-learn let them pass."""
    model = StandardScaler().fit(frame(["a", "b", "c"]))
    model.feature_names_in_ = np.array(["b", "a", "b"], object)
    with pytest.raises(ColumnNameError, match="2 columns are called 'b'"):
        sparkbird.compile(model)
