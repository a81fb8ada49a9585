"""What compile makes of inputs=: samples, schemas, mappings, or nothing."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql.types import (
    BooleanType,
    DecimalType,
    IntegerType,
    StringType,
    StructField,
    StructType,
)
from sklearn.preprocessing import StandardScaler

import sparkbird
from sparkbird.errors import ColumnCountError, ColumnNameError, ColumnTypeError
from sparkbird.inputs import Fitted, Inputs, resolve
from sparkbird.schema import Column

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, None], "d": [True, False]})
NAMED = Fitted(("a", "b", "c", "d"), 4, {})
UNNAMED = Fitted(None, 4, {})


def columns(*types: str) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name, kind in zip("abcd", types, strict=True))


SPARK = StructType(
    [
        StructField("a", IntegerType()),
        StructField("b", StringType()),
        StructField("c", DecimalType(9, 2)),
        StructField("d", BooleanType()),
    ]
)
AS_TABLE = Inputs("columns", columns("float64", "string", "float64", "float64"), named=True)

# fmt: off
FORMS = {
    "pandas":       FRAME,
    "arrow table":  pa.Table.from_pandas(FRAME),
    "arrow schema": pa.Schema.from_pandas(FRAME),
    "large string": pa.schema({"a": pa.int8(), "b": pa.large_string(), "c": pa.decimal128(9, 2), "d": pa.bool_()}),
    "dictionary":   pa.schema({"a": pa.int64(), "b": pa.dictionary(pa.int8(), pa.string()), "c": pa.float64(), "d": pa.bool_()}),
    "spark schema": SPARK,
    "python types": {"a": int, "b": str, "c": float, "d": bool},
    "names":        {"a": "bigint", "b": "string", "c": "double", "d": "boolean"},
    "numpy types":  {"a": np.int64, "b": pa.string(), "c": np.dtype("float64"), "d": pa.bool_()},
    "in part":      {"b": "string"},
    "categories":   FRAME.astype({"b": "category"}),
    "more columns": FRAME.assign(when=datetime.date(2026, 1, 1)),
}
# fmt: on


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_columns(form):
    assert resolve(NAMED, FORMS[form]) == AS_TABLE


def test_a_float32_column_stays_float32():
    given = resolve(NAMED, FRAME.astype({"c": "float32"}))
    assert given.columns == columns("float64", "string", "float32", "float64")


def test_a_model_that_knows_its_columns_needs_no_inputs():
    assert resolve(Fitted(("a", "b", "c", "d"), 4, {1: "string"}), None) == AS_TABLE


def test_a_model_without_names_takes_a_matrix():
    plain = tuple(Column(f"x{i}", "float64") for i in range(4))
    assert resolve(UNNAMED, None) == Inputs("matrix", plain, named=False)


@pytest.mark.parametrize(
    "dtype, entering", [("float32", "float32"), ("int32", "int64"), ("bool", "bool")]
)
def test_a_matrix_keeps_its_type(dtype, entering):
    given = resolve(UNNAMED, np.zeros((2, 4), dtype))
    assert {column.dtype for column in given.columns} == {entering}


def test_an_array_of_objects_is_columns_without_names():
    given = resolve(UNNAMED, FRAME.to_numpy(dtype=object))
    assert [column.dtype for column in given.columns] == ["float64", "string", "float64", "float64"]
    assert (given.layout, given.named) == ("columns", False)


# fmt: off
REFUSED = [
    (NAMED,   np.zeros((2, 3)),              ColumnCountError, "shape (2, 3), and the model takes 4 columns"),
    (UNNAMED, FRAME[["a", "b"]],             ColumnCountError, "fitted on 4 columns, inputs= has 2"),
    (NAMED,   FRAME[["a", "b"]],             ColumnNameError,  "inputs= has no column 'c', 'd'"),
    (NAMED,   {"a": "double", "e": "double"}, ColumnNameError, "names 'e', which the model does not take"),
    (NAMED,   {"a": "blob"},                 ColumnTypeError,  "column 'a' the type 'blob'"),
    (NAMED,   FRAME.assign(b=["x", 1]),      ColumnTypeError,  "column 'b' of inputs= mixes types"),
    (NAMED,   "a, b",                        ColumnTypeError,  "inputs= cannot be a str"),
    (Fitted(None, None, {}), None,           ColumnNameError,  "does not say which columns"),
]
# fmt: on


@pytest.mark.parametrize("fitted, given, error, message", REFUSED)
def test_what_does_not_fit_is_refused(fitted, given, error, message):
    with pytest.raises(error) as caught:
        resolve(fitted, given)
    assert message in str(caught.value)


X = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [0.0, 1.0, 5.0]})
MODEL = StandardScaler().fit(X)


# fmt: off
ROWS = {
    "pandas":           X,
    "permuted":         X[["b", "a"]],
    "more columns":     X.assign(c="text"),
    "arrow":            pa.Table.from_pandas(X),
    "a batch":          pa.RecordBatch.from_pandas(X),
    "numpy":            X.to_numpy(),
    "integers":         X.astype(int),
    "nullable":         X.astype("Float64"),
    "float32":          X.astype("float32"),
    "decimals":         X.apply(lambda c: c.map(lambda v: decimal.Decimal(str(v)))),
}
# fmt: on


@pytest.mark.parametrize("form", ROWS)
def test_rows_may_come_in_any_form(form):
    np.testing.assert_allclose(
        sparkbird.compile(MODEL).transform(ROWS[form]), MODEL.transform(X), rtol=1e-15
    )


# fmt: off
BAD_ROWS = [
    (X[["a"]],                            ColumnNameError,  "there is no column 'b'"),
    (X.to_numpy()[:, :1],                 ColumnCountError, "takes 2 columns and was given 1"),
    (X.to_numpy()[0],                     ColumnCountError, "got shape (2,)"),
    (X.assign(a="text"),                  ColumnTypeError,  "column 'a' is"),
    (X.assign(a=datetime.date.today()),   ColumnTypeError,  "column 'a' is date32[day], and the model takes float64"),
    (X.assign(a=[1.0, "x", None]),        ColumnTypeError,  "column 'a' mixes types"),
    ([[1.0, 2.0]],                        ColumnTypeError,  "rows cannot be a list"),
]
# fmt: on


@pytest.mark.parametrize("rows, error, message", BAD_ROWS)
def test_rows_that_do_not_fit_are_refused(rows, error, message):
    with pytest.raises(error) as caught:
        sparkbird.compile(MODEL).transform(rows)
    assert message in str(caught.value)


def test_a_matrix_of_float64_is_not_rounded_to_float32():
    model = StandardScaler().fit(X.to_numpy())
    compiled = sparkbird.compile(model, inputs=X.to_numpy(np.float32))
    with pytest.raises(ColumnTypeError, match="would lose digits as float32"):
        compiled.transform(X.to_numpy())
