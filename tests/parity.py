"""One parity check for every converter; the test files hold only tables of cases.

The compiled model must give what the original gives: in NumPy, in ONNX Runtime, on many
rows, one and none, and on trap rows, one at a time. Where the original raises, so must we.
"""

from __future__ import annotations

import os
import re
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest
from sklearn.base import clone

import sparkbird
from sparkbird.compiler import PASSES, fitted_columns
from sparkbird.converters import convert
from sparkbird.converters.sklearn.version import installed
from sparkbird.dtypes import is_string
from sparkbird.errors import InvalidValueError, ProviderError, SchemaError
from sparkbird.frames import inputs_of
from sparkbird.graph.sparse import Sparse
from sparkbird.graph.table import Table, columns_of
from sparkbird.inputs import resolve
from sparkbird.kernels.cuda import driver
from sparkbird.model import _as_original
from sparkbird.runtime.plan import KERNELS
from sparkbird.runtime.providers import CUDA, UNLIKE
from sparkbird.runtime.scoring import score
from sparkbird.runtime.sessions import SESSIONS, open_session
from sparkbird.schema import MATRIX, Schema

#: One in so many cases is compiled once more, without passes: each takes as long again.
ONE_IN = int(os.environ.get("SPARKBIRD_TEST_ONE_IN", "4"))

METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "transform",
)

#: Values that go wrong in converters, by kind of column.
NUMBERS = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300, -1e300, 5e-324, 3.4e38, 3.5e38, 0.5, 2**53)
STRINGS = ("", "never seen", None, "a", "é", "nan", "None", " ")


@dataclass(frozen=True)
class Case:
    """A model to fit, the rows to fit it on, and how close the results must be.

    rows     gives (X, y); y may be None
    rtol     0 asks for equality
    traps    further values to put into each column, one at a time
    numbers  the values to put into columns of floats: fewer where rounding alone decides what
             the original makes of huge ones; say so in a comment
    methods  the methods to compare, all that the model has if empty
    whole    a row's result depends on the rows beside it: fewer are a batch of their own
    rounding results hang on the last digits of sums, and so on who adds: a GPU gives others
    terms    how large terms are that are greater than what their sums leave: these are as exact
             as they are, where others add
    """

    model: Any
    rows: Callable[[], tuple[Any, Any]]
    rtol: float = 1e-12
    atol: float = 0.0
    traps: tuple[Any, ...] = ()
    numbers: tuple[float, ...] = NUMBERS
    methods: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ("float64", "float32")
    note: str = ""
    whole: bool = False
    rounding: bool = False
    terms: float = 0.0
    inputs: bool = field(default=True)

    @property
    def id(self) -> str:
        name = re.sub(r" at 0x\w+", "", " ".join(repr(self.model).split()))
        return f"{name}-{self.rows.__name__}" + (f"-{self.note}" if self.note else "")


def parameters(cases: list[Case]) -> list[Any]:
    """The cases as pytest parameters, arrays of numbers once for each of their types."""
    return [
        pytest.param(case, dtype, id=f"{case.id}-{dtype}" if dtype else case.id)
        for case in cases
        for dtype in (case.dtypes if isinstance(case.rows()[0], np.ndarray) else ("",))
    ]


def since(version: tuple[int, int], cases: Callable[[], list[Any]]) -> list[Any]:
    """What scikit-learn can build from this version on: nothing with an older one."""
    return cases() if installed() >= version else []


def check(case: Case, dtype: str = "") -> None:
    """The compiled model gives what the fitted one gives."""
    X, y = case.rows()
    X = X.astype(dtype) if dtype and X.dtype.kind in "fiu" else X
    np.random.seed(0)  # for models that draw, unless they are given a random_state
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of training: convergence and the like
        model = clone(case.model).fit(X, y)
    compiled = sparkbird.compile(model, inputs=X if case.inputs else None)
    methods = case.methods or tuple(m for m in METHODS if hasattr(model, m))
    assert methods
    if not case.methods:
        assert [m for m in METHODS if hasattr(compiled, m)] == [*methods]
    for method in methods:
        compare(case, compiled, model, method, X)
    check_traps(case, compiled, model, methods, X)
    if zlib.crc32(case.id.encode()) % ONE_IN == 0:
        assert_passes_agree(case, compiled, model, methods, X)


def assert_passes_agree(
    case: Case, compiled: Any, model: Any, methods: tuple[str, ...], X: Any
) -> None:
    """The graph as converters write it gives bit for bit what the rewritten one gives."""
    with mock.patch.dict(os.environ, {PASSES: "0"}):
        plain = sparkbird.compile(model, inputs=X if case.inputs else None)
    for method in methods:
        both = [as_list(getattr(one, method)(X)) for one in (compiled, plain)]
        for one, other in zip(*both, strict=True):
            arrays = [np.asarray(as_array(result)) for result in (one, other)]
            assert arrays[0].shape == arrays[1].shape
            flat, plainly = (pd.Series(array.ravel()) for array in arrays)
            pd.testing.assert_series_equal(flat, plainly, check_exact=True, obj=f"{method}, passes")


def compare(case: Case, compiled: Any, model: Any, method: str, X: Any) -> None:
    expected = quietly(getattr(model, method), X)
    in_numpy = convert(model, rows_of(model, X))[method]
    assert_same(case, as_array(in_numpy), expected, f"{method} in NumPy", types=False)
    for rows in (X, X[:1], X[:0]):
        actual = getattr(compiled, method)(rows)
        assert_kernels_agree(compiled, method, rows, actual)
        if case.whole and len(rows):
            expected = quietly(getattr(model, method), rows)
        assert_same(case, actual, head(expected, len(rows)), f"{method} in ONNX Runtime")
        assert_gpu_agrees(case, compiled, method, rows, head(expected, len(rows)))


def check_traps(case: Case, compiled: Any, model: Any, methods: tuple[str, ...], X: Any) -> None:
    """Trap values, one in each row: the same results, and the same rows refused."""
    for value, rows in trap_rows(case, X):
        refused = refused_by_original(model, methods[0], rows)
        assert refused_by_us(compiled, rows).tolist() == refused.tolist(), rows
        if refused.any():
            with pytest.raises((InvalidValueError, SchemaError)):
                getattr(compiled, methods[0])(rows)
        for method in methods if not refused.all() else ():
            expected = quietly(getattr(model, method), rows[~refused])
            actual = getattr(compiled, method)(rows[~refused])
            assert_kernels_agree(compiled, method, rows[~refused], actual)
            assert_same(case, actual, expected, f"{method} of the rows with {value}")
            assert_gpu_agrees(case, compiled, method, rows[~refused], expected)


def assert_gpu_agrees(case: Case, compiled: Any, method: str, rows: Any, expected: Any) -> None:
    """What has no forest is on a GPU as near to the original as it is on the CPU."""
    if driver.lacking() or CUDA not in ort.get_available_providers():
        return
    if b"TreeEnsemble" in compiled.to_bytes():  # the same to the last bit, see below
        return
    if case.rounding:
        return
    try:
        session = open_session(compiled.to_bytes(), [method], device="cuda")  # kept by nobody
    except ProviderError as error:
        assert any(operator in str(error) for operator in UNLIKE), error  # noqa: PT017
        return
    found, _ = score(session, inputs_of(session.schema, rows))
    (output,) = session.outputs
    tensors = [found[tensor.name].astype(tensor.numpy) for tensor in output.tensors]
    # Sums are added in another order there.
    exact = 2e-6 if getattr(rows, "dtype", None) == np.float32 else 1e-12
    results = [np.asarray(part) for part in as_list(expected)]
    sizes = [
        np.abs(part[np.isfinite(part)]).max(initial=0) for part in results if part.dtype.kind == "f"
    ]
    atol = max(case.atol, exact * max([case.terms, *sizes]))
    like = replace(case, rtol=max(case.rtol, exact), atol=atol)
    assert_same(like, _as_original(output, tensors), expected, f"{method} on a GPU")


def assert_kernels_agree(compiled: Any, method: str, rows: Any, actual: Any) -> None:
    """What ONNX Runtime gives without kernels is bit for bit what there is with them.

    Where there is a GPU, so is what its kernels give.
    """
    if b"TreeEnsemble" not in compiled.to_bytes():
        return
    with mock.patch.dict(os.environ, {KERNELS: "0"}):
        sessions = [open_session(compiled.to_bytes(), [method])]
    if not driver.lacking() and open_session(compiled.to_bytes(), [method]).kernels:
        sessions.append(open_session(compiled.to_bytes(), [method], device="cuda"))
    for session in sessions:
        plain, _ = score(session, inputs_of(session.schema, rows), on_invalid="null")
        (output,) = session.outputs
        tensors = [plain[tensor.name].astype(tensor.numpy) for tensor in output.tensors]
        for one, other in zip(as_list(actual), as_list(_as_original(output, tensors)), strict=True):
            where = f"{method}, {'GPU' if session.gpu else 'kernels'}"
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other), where)


def as_list(result: Any) -> list[Any]:
    return result if isinstance(result, list) else [result]


#: The errors, beside ValueError and its kinds, with which originals refuse rows: an AttributeError
#: is that of vectorizers, for what is no text in a column of objects.
_REFUSALS = {"AttributeError", "IndexError", "TypeError", "CatBoostError"}


def refused_by_original(model: Any, method: str, rows: Any) -> np.ndarray:
    """Which rows [N] the original raises an error of `_REFUSALS` for, found by halves."""
    try:
        quietly(getattr(model, method), rows)
    except Exception as error:
        if type(error).__name__ not in _REFUSALS and not isinstance(error, ValueError):
            raise
        half = len(rows) // 2
        if not half:
            return np.ones(1, bool)
        halves = (rows[:half], rows[half:])
        return np.concatenate([refused_by_original(model, method, each) for each in halves])
    return np.zeros(len(rows), bool)


def refused_by_us(compiled: Any, rows: Any) -> np.ndarray:
    """Which rows [N] fail a check of the graph; all of them if their types are refused."""
    session = SESSIONS.get(compiled.digest, compiled.to_bytes, compiled.outputs[:1])
    try:
        inputs = inputs_of(session.schema, rows)
    except SchemaError:
        return np.ones(len(rows), bool)
    return score(session, inputs, on_invalid="null")[1]


def trap_rows(case: Case, X: Any) -> list[tuple[str, Any]]:
    """Rows with a trap value in one column each; finite ones together, if of equal types."""
    alike: dict[Any, list[Any]] = {}
    traps = [
        (value, i) for i in range(X.shape[1]) for value in (*trap_values(case, X, i), *case.traps)
    ]
    for value, i in sorted(traps, key=lambda trap: repr(trap[0])):
        row = with_value(X, i, value)
        types = tuple(map(str, row.dtypes)) if isinstance(row, pd.DataFrame) else ()
        finite = isinstance(value, (int, float)) and np.isfinite(value)
        name = (
            f"{value} in column {i}" if case.whole else "finite values" if finite else repr(value)
        )
        alike.setdefault((name, types), []).append(row)
    return [
        (values, pd.concat(rows) if isinstance(X, pd.DataFrame) else np.concatenate(rows))
        for (values, _), rows in alike.items()
    ]


def trap_values(case: Case, X: Any, i: int) -> tuple[Any, ...]:
    column = X.iloc[:, i] if isinstance(X, pd.DataFrame) else X[:, i]
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype != bool:
        return case.numbers if column.dtype.kind == "f" else (0, 1, -1, 2**31)
    return STRINGS if is_stringlike(column) else ()


def is_stringlike(column: Any) -> bool:
    values = [v for v in np.asarray(column, dtype=object).tolist() if isinstance(v, str)]
    return bool(values)


def with_value(X: Any, i: int, value: Any) -> Any:
    """The first row of `X` with `value` in column `i`; a missing one as the column has them."""
    row = X[:1].copy()
    if value is None and isinstance(X, pd.DataFrame) and X.dtypes.iloc[i] is np.dtype(object):
        missing = X.iloc[:, i][X.iloc[:, i].isna()]
        value = missing.iloc[0] if len(missing) else np.nan
    with np.errstate(over="ignore"):
        if isinstance(X, pd.DataFrame):
            dtype = X.dtypes.iloc[i]
            name = X.columns[i]
            row[name] = pd.Series(
                [value], index=row.index, dtype=dtype if dtype.kind == "f" else None
            )
            if dtype.kind != "f" and dtype != "category" and is_stringlike(X[name]):
                row[name] = row[name].astype(dtype)
        else:
            row[0, i] = value
    return row


def rows_of(model: Any, X: Any) -> Any:
    """`X` as a converter sees it: a matrix, or a table whose missing strings are marked."""
    inputs = resolve(fitted_columns(model), X)
    names = tuple(column.name for column in inputs.columns)
    schema = Schema(inputs.layout, inputs.columns, names, ())
    feeds = {name: np.asarray(values) for name, values in inputs_of(schema, X).items()}
    if inputs.layout == "matrix":
        return feeds[MATRIX]
    if inputs.layout == "series":
        return feeds[names[0]]
    return Table(tuple(feeds[name] for name in names), names if inputs.named else None)


def as_array(value: Any) -> Any:
    if isinstance(value, Sparse):
        return value.dense()
    if isinstance(value, Table):
        columns = columns_of(value)
        types = {c.dtype for c in columns if is_string(c.dtype)} or {None}
        return np.stack([np.asarray(c, *types) for c in columns], axis=1)
    return value


def quietly(function: Callable[[Any], Any], X: Any) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result = function(X)
    if hasattr(result, "toarray"):
        return result.toarray()
    return result


def head(expected: Any, rows: int) -> Any:
    return [part[:rows] for part in expected] if isinstance(expected, list) else expected[:rows]


def assert_same(case: Case, actual: Any, expected: Any, where: str, *, types: bool = True) -> None:
    if isinstance(expected, list):
        assert isinstance(actual, list), where
        assert len(actual) == len(expected), where
        for a, e in zip(actual, expected, strict=True):
            assert_same(case, a, e, where, types=types)
        return
    if isinstance(expected, pd.DataFrame) and types:
        assert isinstance(actual, pd.DataFrame), where
        assert list(actual.columns) == list(expected.columns), where
    a, e = np.asarray(actual), np.asarray(expected)
    assert a.shape == e.shape, f"{where}: shape {a.shape}, not {e.shape}"
    if types:
        kinds = {k: k for k in "fiub"} | dict.fromkeys("OUT", "s")
        assert kinds[a.dtype.kind] == kinds[e.dtype.kind], f"{where}: {a.dtype}, not {e.dtype}"
    if is_string(e.dtype) or is_string(a.dtype):
        same = [[missing_alike(v) for v in x.ravel().tolist()] for x in (a, e)]
        assert same[0] == same[1], where
    elif case.rtol == 0:
        np.testing.assert_array_equal(a, e, where)
    else:
        rtol = max(case.rtol, 2e-6 if e.dtype == np.float32 else 0)
        np.testing.assert_allclose(a, e, rtol, case.atol, err_msg=where)


def missing_alike(value: Any) -> Any:
    missing = value is None or (isinstance(value, float) and np.isnan(value)) or value == "\ufdd0"
    return None if missing else value
