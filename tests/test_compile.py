"""compile() and the CompiledModel it gives."""

import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sparkbird
from sparkbird.errors import (
    ColumnTypeError,
    InvalidValueError,
    ProviderError,
    SchemaError,
    UnsupportedModelError,
    UnsupportedOptionError,
)
from sparkbird.frames import inputs_of

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(300, 3)), columns=["a", "b", "c"])
y = np.where(X["a"] + X["b"] > 0, "yes", "no")
MODEL = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)


def test_it_has_the_methods_of_the_original_and_no_others():
    compiled = sparkbird.compile(MODEL)
    assert compiled.outputs == (
        "predict",
        "predict_proba",
        "decision_function",
        "predict_log_proba",
    )
    assert {"predict", "predict_proba"} <= set(dir(compiled))
    assert not hasattr(compiled, "transform")
    with pytest.raises(AttributeError, match="has no 'transform'; it has predict, predict_proba"):
        _ = compiled.transform


def test_outputs_may_be_chosen():
    compiled = sparkbird.compile(MODEL, outputs=["predict_proba"])
    assert compiled.outputs == ("predict_proba",)
    assert len(compiled.to_bytes()) < len(sparkbird.compile(MODEL).to_bytes())
    with pytest.raises(SchemaError, match="the model has no transform") as caught:
        sparkbird.compile(MODEL, outputs="transform")
    assert "it has predict" in str(caught.value)


def test_labels_come_in_the_type_of_the_original():
    labels = sparkbird.compile(MODEL).predict(X)
    assert labels.dtype == MODEL.predict(X).dtype
    np.testing.assert_array_equal(labels, MODEL.predict(X))


def test_many_rows_are_scored_in_pieces_and_in_order():
    rows = pd.concat([X] * 200, ignore_index=True)
    rows["a"] += np.arange(len(rows)) / len(rows)
    np.testing.assert_allclose(
        sparkbird.compile(MODEL).predict_proba(rows), MODEL.predict_proba(rows), rtol=1e-12
    )


def test_the_same_rows_give_the_same_sums_in_any_company():
    """Raw scores, that is: ONNX Runtime rounds exp by where in the batch a row stands."""
    forest = HistGradientBoostingClassifier(max_iter=20).fit(X, y)
    compiled = sparkbird.compile(forest, outputs=["margin"])
    together = compiled.margin(pd.concat([X] * 100))[: len(X)]
    alone = np.concatenate([compiled.margin(X.iloc[i : i + 1]) for i in range(len(X))])
    np.testing.assert_array_equal(together, alone)


def test_threads_may_share_a_model():
    compiled = sparkbird.compile(MODEL)
    expected, results = compiled.predict_proba(X), {}
    threads = [
        threading.Thread(target=lambda i=i: results.update({i: compiled.predict_proba(X)}))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results.values():
        np.testing.assert_array_equal(result, expected)


def test_a_row_the_original_refuses_is_named_by_column_and_number():
    rows = X.copy()
    rows.loc[[3, 5], "b"] = np.nan
    with pytest.raises(InvalidValueError) as caught:
        sparkbird.compile(MODEL).predict(rows)
    message = str(caught.value)
    assert "LogisticRegression takes no NaN or infinity" in message
    assert "2 of 300 rows" in message
    assert "column 'b' (2)" in message
    assert "model.named_steps['logisticregression']" in message


def test_explain_says_what_how_and_why():
    forest = HistGradientBoostingClassifier(max_iter=20, max_depth=4).fit(X, y)
    text = sparkbird.compile(forest, outputs=["predict_proba"]).explain()
    for part in (
        "a: float64",
        "predict_proba: float64[N, 2]",
        "forest of",
        "ensemble",
        "scikit-learn",
    ):
        assert part in text


@pytest.mark.parametrize("strategy", ["ensemble", "traversal", "perfect", "gemm"])
def test_a_strategy_can_be_forced(strategy):
    forest = RandomForestClassifier(5, max_depth=3, random_state=0).fit(X, y)
    compiled = sparkbird.compile(forest, strategy=strategy)
    assert f"{strategy}, as asked for" in compiled.explain()
    np.testing.assert_allclose(compiled.predict_proba(X), forest.predict_proba(X), rtol=1e-12)


def test_a_strategy_that_cannot_be_is_refused():
    deep = RandomForestClassifier(5, random_state=0).fit(X, RNG.integers(0, 2, len(X)))
    with pytest.raises(UnsupportedOptionError, match="no strategy is called 'magic'"):
        sparkbird.compile(deep, strategy="magic")
    with pytest.raises(UnsupportedOptionError, match="cannot compute the forest of 5 trees"):
        sparkbird.compile(deep, strategy="perfect")


def test_compiling_twice_or_from_a_file_changes_nothing(tmp_path):
    compiled = sparkbird.compile(MODEL)
    assert sparkbird.compile(compiled) is compiled
    compiled.save(tmp_path / "m.onnx")
    assert sparkbird.compile(str(tmp_path / "m.onnx")).digest == compiled.digest


def test_a_device_that_is_not_there_is_an_error():
    with pytest.raises(ProviderError, match="has no CUDAExecutionProvider"):
        sparkbird.compile(MODEL, device="cuda").predict(X)
    with pytest.raises(ProviderError, match="unknown device 'tpu'"):
        sparkbird.compile(MODEL, device="tpu").predict(X)


@pytest.mark.parametrize("thing", [None, 3, "a sentence", object(), {"a": 1}])
def test_what_is_no_model_is_refused(thing):
    with pytest.raises(UnsupportedModelError, match="no converter for"):
        sparkbird.compile(thing)


def test_a_string_where_a_number_is_meant_is_refused():
    with pytest.raises(ColumnTypeError, match="column 'b' is a string where the model takes"):
        sparkbird.compile(MODEL, inputs={"b": "string"})


def test_the_model_is_not_changed_by_compiling_it():
    before = MODEL.predict_proba(X)
    sparkbird.compile(MODEL).predict_proba(X)
    np.testing.assert_array_equal(MODEL.predict_proba(X), before)


def test_columns_called_like_our_own_values_do_not_clash():
    names = ["predict", "constant_1", "X"]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X.set_axis(names, axis=1), y)
    compiled = sparkbird.compile(model)
    rows = X.set_axis(names, axis=1)
    np.testing.assert_allclose(compiled.predict_proba(rows), model.predict_proba(rows), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("rows", [1, 5, 0])
def test_a_frame_of_one_type_is_read_as_its_columns_are(dtype, named, rows):
    frame = X.astype(dtype).assign(more=dtype(1))[["c", "more", "b", "a"]]
    frame.iloc[0, 2] = np.nan
    sample = X.astype(dtype)
    schema = sparkbird.compile(StandardScaler().fit(sample), sample).schema
    if not named:
        frame = frame[["c", "b", "a"]]
        sample = sample.to_numpy()
        schema = sparkbird.compile(StandardScaler().fit(sample), sample).schema
    assert_read_alike(schema, frame[:rows])


def test_a_frame_of_two_types_is_read_column_by_column():
    frame = X.astype({"a": np.float32})
    assert_read_alike(sparkbird.compile(StandardScaler().fit(frame), frame).schema, frame)


def assert_read_alike(schema, frame):
    at_once = inputs_of(schema, frame)
    one_by_one = inputs_of(schema, pa.Table.from_pandas(frame, preserve_index=False))
    assert at_once.keys() == one_by_one.keys()
    for name, values in at_once.items():
        np.testing.assert_array_equal(values, one_by_one[name], strict=True)
        assert values.flags.forc
