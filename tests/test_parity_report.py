"""sparkbird.check: the compiled model against its original, on real rows."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sparkbird
from sparkbird.errors import ColumnNameError, ColumnTypeError

rng = np.random.default_rng(0)
FRAME = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
LABELS = np.where(FRAME["a"] + FRAME["b"] > 0, "yes", "no")


def classifier():
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, LABELS)


FORMS = [
    ("a dataframe", FRAME),
    ("a dataframe with more columns", FRAME.assign(other="x")[["other", "c", "b", "a"]]),
    ("an Arrow table", pa.Table.from_pandas(FRAME)),
    ("no rows", FRAME[:0]),
]


@pytest.mark.parametrize("rows", [rows for _, rows in FORMS], ids=[name for name, _ in FORMS])
def test_a_compiled_model_is_equal_to_its_original(rows):
    report = sparkbird.check(classifier(), rows)
    assert report.ok
    assert [c.method for c in report.comparisons][:2] == ["predict", "predict_proba"]
    assert report.rows == len(rows)
    assert ": equal (within 1e-12" in str(report)


def test_a_model_of_an_array_takes_arrays_and_columns_by_position():
    model = LinearRegression().fit(FRAME.to_numpy(), FRAME["a"])
    assert sparkbird.check(model, FRAME.to_numpy()).ok
    assert sparkbird.check(model, FRAME.assign(other="x"), "a", "b", "c").ok


def test_columns_of_other_names_stand_for_the_models_in_order():
    renamed = FRAME.rename(columns=str.upper)
    assert sparkbird.check(classifier(), renamed, "A", "B", "C").ok


def test_another_model_is_not_equal_and_the_first_rows_that_differ_are_shown():
    other = make_pipeline(StandardScaler(), LogisticRegression(C=0.01)).fit(FRAME, LABELS)
    compiled = sparkbird.compile(other)
    report = sparkbird.check(classifier(), FRAME, compiled=compiled)
    by_method = {c.method: c for c in report.comparisons}
    assert not report.ok
    assert by_method["predict_proba"].differing == len(FRAME)
    assert by_method["predict_proba"].absolute > 0.01
    assert by_method["predict_proba"].first[0].row == 0
    assert len(by_method["predict_proba"].first) == 5
    assert "NOT EQUAL" in str(report)
    assert "predict_proba, row 0: original [" in str(report)


def test_rows_that_both_refuse_are_counted_and_not_compared():
    rows = FRAME.copy()
    rows.loc[3, "a"] = np.nan
    rows.loc[4, "b"] = np.inf
    report = sparkbird.check(classifier(), rows)
    assert report.ok
    assert report.refused == 2
    assert "2 of which both refuse" in str(report)


def test_a_row_that_the_original_takes_and_the_compiled_refuses_is_a_difference():
    lenient = classifier()
    strict = sparkbird.compile(classifier())
    rows = FRAME.copy()
    rows.loc[7, "a"] = np.nan
    lenient.predict = lambda X: LABELS[: len(X)]
    report = sparkbird.check(lenient, rows, compiled=strict)
    assert not report.ok
    assert report.comparisons[-1].first[0].row == 7


def test_a_missing_column_is_named():
    with pytest.raises(ColumnNameError, match="the rows have no column 'c'"):
        sparkbird.check(classifier(), FRAME[["a", "b"]])


def test_what_are_no_rows_is_refused():
    with pytest.raises(ColumnTypeError, match="rows cannot be a list"):
        sparkbird.check(classifier(), [[1, 2, 3]])


def test_several_targets_are_compared_one_by_one():
    from sklearn.tree import DecisionTreeClassifier

    targets = np.column_stack([LABELS, FRAME["c"] > 0]).astype(str)
    report = sparkbird.check(DecisionTreeClassifier(max_depth=3).fit(FRAME, targets), FRAME)
    assert report.ok
