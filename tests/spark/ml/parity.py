"""Spark ML's own `transform` beside that of the compiled model, on the same rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from pyspark.errors import PySparkException
from pyspark.ml import Estimator
from pyspark.sql.utils import is_remote

import sparkbird
import sparkbird.model
from sparkbird.errors import InvalidValueError
from sparkbird.runtime.plan import KERNELS
from sparkbird.runtime.sessions import Sessions
from sparkbird.spark.transform import transform


@dataclass(frozen=True)
class Case:
    """A stage, the rows that it is fitted to, and what it is compared on.

    stage    makes the estimator or transformer
    rows     makes the dataframe that it is fitted to and scored on
    more     makes further rows, of the same columns, to score
    refused  makes rows on which Spark raises: each by itself must be refused
    rtol     how far numbers may lie apart
    note     what the case is about, if the stage does not say
    """

    stage: Callable[[], Any]
    rows: Callable[[Any], Any]
    more: Callable[[Any], Any] | None = None
    refused: Callable[[Any], Any] | None = None
    rtol: float = 1e-12
    note: str = field(default="")


def made(kind: type, **options: Any) -> Any:
    """A stage with parameters, also those that its constructor in Python does not take."""
    stage = kind()
    for name, value in options.items():
        stage.set(stage.getParam(name), value)
    return stage


def check(case: Case, spark: Any, folder: Any) -> None:
    """The compiled model adds the columns that Spark adds, from memory and from its folder."""
    rows = case.rows(spark)
    stage = case.stage()
    model = stage.fit(rows) if isinstance(stage, Estimator) else stage
    path = str(folder / "model")
    with of_spark():
        model.write().overwrite().save(path)
        expected = model.transform(rows).schema
    compiled = sparkbird.compile(path, inputs=rows)
    added, expected = typed(transform(rows, compiled).schema), typed(expected)
    assert added[len(rows.columns) :] == expected[len(rows.columns) :]
    for given in (rows, *([case.more(spark)] if case.more else [])):
        table = given.toArrow()
        compare(compiled.transform(table), model.transform(given), given, case.rtol)
        assert_kernels_agree(compiled, table)
        assert len(compiled.transform(given.limit(0).toArrow())) == 0
    if case.refused:
        for row in case.refused(spark).toArrow().to_batches(1):
            with pytest.raises(InvalidValueError):
                compiled.transform(row)


def assert_kernels_agree(compiled: Any, table: Any) -> None:
    """What ONNX Runtime gives without kernels is bit for bit what there is with them."""
    if b"TreeEnsemble" not in compiled.to_bytes():
        return
    ours = compiled.transform(table)
    without = mock.patch.dict(os.environ, {KERNELS: "0"})
    with without, mock.patch.object(sparkbird.model, "SESSIONS", Sessions()):
        theirs = compiled.transform(table)
    for name in ours.columns.difference(table.column_names):
        np.testing.assert_array_equal(dense(ours[name]), dense(theirs[name]), name)


@contextmanager
def of_spark() -> Iterator[None]:
    """What Spark itself does; Spark Connect cannot everything that Spark can."""
    try:
        yield
    except PySparkException as error:
        if not is_remote():
            raise
        pytest.skip(f"Spark Connect itself refuses: {error}".partition("\n")[0])


def typed(schema: Any) -> list[tuple[str, Any]]:
    """The columns of a schema in order, and what each holds."""
    return [(field.name, field.dataType) for field in schema]


def compare(actual: pd.DataFrame, expected: Any, given: Any, rtol: float) -> None:
    """`actual` has the rows and columns of the dataframe `expected` of Spark, made of `given`."""
    # As rows: toPandas of Spark 4.3 warns of vectors with pandas 3.
    found = pd.DataFrame([tuple(row) for row in expected.collect()], columns=expected.columns)
    assert {*actual.columns} == {*found.columns}
    assert len(actual) == len(found)
    for name in found.columns.difference(given.columns):
        ours, theirs = dense(actual[name]), dense(found[name])
        assert ours.shape == theirs.shape, name
        if theirs.dtype == object:
            assert ours.tolist() == theirs.tolist(), name
        else:
            np.testing.assert_allclose(ours, theirs, rtol, rtol, err_msg=name)


def dense(column: pd.Series) -> np.ndarray:
    """A column as an array: numbers [N], vectors of Spark, lists or structs [N, K], or objects."""
    values = [_dense(value) for value in column]
    if values and all(isinstance(value, np.ndarray) for value in values):
        return np.stack(values)
    if any(isinstance(value, (str, list)) for value in values):
        known = [value if isinstance(value, (str, list)) else None for value in values]
        return np.array([*known, None], object)[:-1]
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _dense(value: Any) -> Any:
    if hasattr(value, "toArray"):
        return value.toArray()
    if isinstance(value, dict) and "values" in value:
        return _of_struct(value)
    if isinstance(value, np.ndarray):
        return value.tolist() if value.dtype.kind in "OU" else value.astype(np.float64)
    return None if value is pd.NA else value


def _of_struct(value: dict[str, Any]) -> np.ndarray:
    if value["type"] == 1:
        return np.array(value["values"], np.float64)
    found = np.zeros(value["size"])
    found[np.asarray(value["indices"], np.int64)] = value["values"]
    return found
