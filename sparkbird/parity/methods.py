"""The methods of a fitted model, compiled against original, on rows in this process.

N is the number of rows.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from sparkbird.compiler import compile as compile_model
from sparkbird.converters.registry import takes_series
from sparkbird.errors import ColumnNameError, ColumnTypeError
from sparkbird.frames import inputs_of
from sparkbird.inputs import is_sequence
from sparkbird.model import CompiledModel
from sparkbird.parity.report import SHOWN, Comparison, Difference, Report, difference
from sparkbird.runtime.scoring import score
from sparkbird.runtime.sessions import SESSIONS

#: On how many of the rows that the compiled model refuses the original is tried.
TRIED = 100


def compared(
    model: Any,
    given: Any,
    cols: tuple[str, ...],
    compiled: CompiledModel | None,
    *,
    limit: int,
    rtol: float,
    atol: float,
) -> Report:
    """Each method that both have, on the rows `given`, as `sparkbird.check` takes them."""
    rows = _rows(model, given, cols, limit)
    compiled = compiled or compile_model(model, rows)
    methods = [method for method in compiled.outputs if hasattr(model, method)]
    taken = _taken(compiled, rows)
    comparisons = [
        _compared(model, compiled, m, rows, taken, rtol=rtol, atol=atol) for m in methods
    ]
    if not taken.all():
        comparisons.append(_refusals(model, methods[0], rows, taken))
    refused = int((~taken).sum())
    return Report(len(rows), refused, compiled.digest, rtol, atol, tuple(comparisons))


def _rows(model: Any, given: Any, cols: tuple[str, ...], limit: int) -> Any:
    """The rows as the model was fitted on them: a pandas dataframe, or an array."""
    if type(given).__module__.startswith("pyspark."):
        given = given.select(*cols).limit(limit) if cols else given.limit(limit)
        given = given.toArrow() if hasattr(given, "toArrow") else given.toPandas()
    if hasattr(given, "to_pandas"):
        given = given.to_pandas()
    names = getattr(model, "feature_names_in_", None)
    if takes_series(model) and is_sequence(given):
        return np.asarray(given, object)
    if isinstance(given, np.ndarray):
        return given
    if not hasattr(given, "iloc"):
        raise ColumnTypeError(
            f"rows cannot be a {type(given).__name__}",
            "give a pandas or Spark dataframe, an Arrow table, or an array [rows, columns].",
        )
    wanted = [*cols] or ([*names] if names is not None else [*given.columns])
    if missing := [name for name in wanted if name not in given.columns]:
        raise ColumnNameError(
            f"the rows have no column {', '.join(map(repr, missing))}",
            f"they have {', '.join(map(str, given.columns))}.",
        )
    chosen = given[wanted]
    if takes_series(model) and len(wanted) == 1:
        return given[wanted[0]].to_numpy(object)
    if names is None:
        return chosen.to_numpy()
    return chosen.set_axis([*names], axis=1) if len(wanted) == len(names) else chosen


def _taken(compiled: CompiledModel, rows: Any) -> np.ndarray:
    """Which rows [N] the compiled model does not refuse."""
    schema = compiled.schema
    session = SESSIONS.get(
        compiled.digest, compiled.to_bytes, [schema.default_output], device="cpu"
    )
    _, invalid = score(session, inputs_of(schema, rows), on_invalid="null")
    return ~invalid


def _compared(
    model: Any,
    compiled: CompiledModel,
    method: str,
    rows: Any,
    taken: np.ndarray,
    *,
    rtol: float,
    atol: float,
) -> Comparison:
    """One method of both on the rows `taken` [N]."""
    if not taken.any():
        return Comparison(method, 0.0, 0.0, 0)
    places = np.flatnonzero(taken)
    try:
        expected = _quietly(model, method, rows[taken])
    except ValueError as refusal:
        said = f"refuses rows: {str(refusal).partition(chr(10))[0]}"
        first = Difference(int(places[0]), said, "takes them")
        return Comparison(method, float("inf"), float("inf"), len(places), (first,))
    actual = getattr(compiled, method)(rows[taken])
    if isinstance(expected, list):
        pairs = [*zip(expected, actual, strict=True)]
    else:
        pairs = [(_dense(expected), _dense(actual))]
    found = [difference(e, a, rtol, atol) for e, a in pairs]
    wrong = np.any([differs for differs, _, _ in found], axis=0)
    first_wrong = [
        Difference(int(places[i]), *(_shown([pair[k][i] for pair in pairs]) for k in (0, 1)))
        for i in np.flatnonzero(wrong)[:SHOWN]
    ]
    return Comparison(
        method,
        absolute=max(absolute for _, absolute, _ in found),
        relative=max(relative for _, _, relative in found),
        differing=int(wrong.sum()),
        first=tuple(first_wrong),
    )


def _refusals(model: Any, method: str, rows: Any, taken: np.ndarray) -> Comparison:
    """Whether the original refuses what the compiled model does, tried on the first such rows."""
    wrong = []
    for i in np.flatnonzero(~taken)[:TRIED]:
        try:
            result = _quietly(model, method, rows[i : i + 1])
        except ValueError:
            continue
        wrong.append(Difference(int(i), _dense(result)[0], "refuses the row"))
    distance = float("inf") if wrong else 0.0
    return Comparison("(refused rows)", distance, distance, len(wrong), tuple(wrong[:SHOWN]))


def _quietly(model: Any, method: str, rows: Any) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # the original's own, of versions and names
        return getattr(model, method)(rows)


def _dense(result: Any) -> np.ndarray:
    """A result as an array [N, ...]; of objects if it is a dataframe of several types."""
    if hasattr(result, "toarray"):
        result = result.toarray()
    return np.asarray(result)


def _shown(parts: list[Any]) -> object:
    return parts[0] if len(parts) == 1 else parts
