"""Class labels of every type come back, or are refused."""

import numpy as np
import pytest
from sklearn import linear_model as sk

import sparkbird
from sparkbird.converters import labels
from sparkbird.errors import UnsupportedOptionError
from tests.rows import string_labels, three_classes


@pytest.mark.parametrize(
    ("classes", "kind"),
    [
        (np.array([-3, 5, 100], np.int8), "int64"),
        (np.array([1, 2, 4_000_000_000], np.uint32), "int64"),
        (np.array([1, 2, 2**62], np.uint64), "int64"),
        (np.array([0, 1, 255], np.uint8), "uint8"),
        (np.array([0, 1, 2], np.int32), "int32"),
        (np.array([0.0, 1.0, 2.0], np.float16), "float64"),
        (np.array(["a", "bcd", "é"]), "<U3"),
        (np.array([1, 2, 3], object), "int64"),
        (np.array([1.5, 2.0, 3.0], object), "float64"),
        (np.array(["a", "bcd", "é"], object), "object"),
    ],
    ids=lambda value: f"{value.dtype}" if isinstance(value, np.ndarray) else value,
)
def test_labels_of_every_type_come_back_as_a_type_that_graphs_have(classes, kind):
    X, y = three_classes()
    model = sk.LogisticRegression().fit(X, y)
    model.classes_ = classes
    predicted = sparkbird.compile(model).predict(X)
    assert predicted.dtype == kind
    np.testing.assert_array_equal(predicted, model.predict(X))


@pytest.mark.parametrize(
    ("classes", "fact"),
    [
        (np.array([1, "a", None], object), "objects of type NoneType, int, str"),
        (np.array([True, 2, 3], object), "objects of type bool, int"),
        (np.array([1, 2, 2**70], object), "objects of type int"),
        (np.array([1, 2, 2**63], np.uint64), "NumPy's type uint64"),
        (np.array([b"a", b"b", b"c"]), "NumPy's type |S1"),
        (np.array([1, 2, 3], "M8[D]"), "datetime64"),
        (np.array([1, 2, 3j]), "complex128"),
        (np.array([[1], [2], [3]]), "shape (3, 1)"),
    ],
    ids=lambda value: f"{value.dtype}" if isinstance(value, np.ndarray) else value,
)
def test_labels_that_no_graph_can_give_back_are_refused(classes, fact):
    X, y = three_classes()
    model = sk.LogisticRegression().fit(X, y)
    model.classes_ = classes
    with pytest.raises(UnsupportedOptionError) as caught:
        sparkbird.compile(model)
    assert fact in str(caught.value)
    assert caught.value.place == "model"
    assert "fit again" in caught.value.hint


def test_equal_scores_give_the_first_class_and_a_score_of_zero_the_first_of_two():
    X, y = string_labels()
    model = sk.LogisticRegression().fit(X, y)
    model.coef_ = np.zeros_like(model.coef_)
    model.intercept_ = np.array([0.0, 1.0, 1.0])
    assert {*sparkbird.compile(model).predict(X)} == {*model.predict(X)} == {"mid"}
    model = sk.Perceptron().fit(X, np.where(X[:, 0] > 0, "yes", "no"))
    model.coef_ = np.zeros_like(model.coef_)
    for intercept in (0.0, -0.0):
        model.intercept_ = np.array([intercept])
        assert {*sparkbird.compile(model).predict(X)} == {*model.predict(X)} == {"no"}


def test_a_label_is_looked_up_by_sign_by_greatest_score_or_by_index():
    classes = np.array(["no", "yes"])
    score = np.array([-1.0, 0.0, -0.0, 5e-324, np.inf, np.nan])
    by_sign = ["no", "no", "no", "yes", "yes", "no"]
    assert labels.of_sign(classes, score).tolist() == by_sign
    assert labels.of_decision(classes, score).tolist() == by_sign
    scores = np.array([[0.0, 0.0], [-1.0, 1.0], [np.inf, np.inf]])
    assert labels.of_greatest(classes, scores).tolist() == ["no", "yes", "no"]
    assert labels.of_decision(classes, scores).tolist() == ["no", "yes", "no"]
    assert labels.label(classes, np.array([1, 0])).tolist() == ["yes", "no"]


def test_there_is_no_sign_for_three_classes():
    with pytest.raises(UnsupportedOptionError, match="a classifier of 3 classes"):
        labels.of_sign(np.arange(3), np.zeros(2))


@pytest.mark.parametrize("classes", [[True, False], np.array([True, False], object)])
def test_booleans_stay_booleans(classes):
    assert labels.elements(classes).dtype == bool
    assert [*labels.refused(classes)] == []
