"""The columns that a model of Spark ML adds, compiled against original, on rows of a dataframe.

N is the number of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyspark.errors import PySparkException
from pyspark.sql.types import LongType, StructField, StructType

from sparkbird.converters import native
from sparkbird.errors import ColumnTypeError
from sparkbird.frames import inputs_of
from sparkbird.model import CompiledModel
from sparkbird.parity.report import SHOWN, Comparison, Difference, Report, difference
from sparkbird.runtime.scoring import score
from sparkbird.runtime.sessions import SESSIONS
from sparkbird.spark.columns import quoted
from sparkbird.spark.ml import compiled_for
from sparkbird.spark.transform import transform

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: On how many of the rows that the compiled model refuses the original is tried: each is a job.
TRIED = 20

#: The number of a row, a column beside the others.
_ROW = "__sparkbird_row"

#: What a row that is not there has in each column.
_DROPPED = "(no row)"


def compared(
    model: Any,
    df: Any,
    cols: tuple[str, ...],
    compiled: CompiledModel | None,
    *,
    limit: int,
    rtol: float,
    atol: float,
) -> Report:
    """Each column that both add to `df`, as `sparkbird.check` takes them.

    Raises
    ------
    ColumnTypeError
        `df` is no Spark dataframe.
    """
    if not type(df).__module__.startswith("pyspark."):
        raise ColumnTypeError(
            f"rows of a model of Spark ML cannot be a {type(df).__name__}",
            "give a Spark dataframe, as from spark.createDataFrame(rows).",
        )
    rows, count = _numbered(df.select(*cols) if cols else df, limit)
    if compiled is None:
        stage, _ = native.opened(model)
        compiled = compiled_for(rows, stage)
    taken, actual = _scored(rows, count, compiled)
    places = np.flatnonzero(taken)
    try:
        expected = _by_row(model.transform(rows if taken.all() else _at(rows, places)))
    except Exception as refusal:  # noqa: BLE001  Spark has no class for what a model refuses
        comparisons = [_refused_alone(refusal, places)]
    else:
        comparisons = [
            _compared(name, places, expected, actual, rtol, atol) for name in compiled.schema.adds
        ]
    if not taken.all():
        comparisons.append(_refusals(model, rows, np.flatnonzero(~taken)))
    refused = int((~taken).sum())
    return Report(count, refused, compiled.digest, rtol, atol, tuple(comparisons))


def _numbered(df: DataFrame, limit: int) -> tuple[DataFrame, int]:
    """The first `limit` rows of `df` by their number, each time the same, and how many they are."""
    rows = [(*row, number) for number, row in enumerate(df.limit(limit).collect())]
    fields = [*df.schema.fields, StructField(_ROW, LongType(), nullable=False)]
    return df.sparkSession.createDataFrame(rows, StructType(fields)), len(rows)


def _at(rows: DataFrame, places: np.ndarray) -> DataFrame:
    """The rows of these numbers."""
    return rows.where(rows[_ROW].isin(places.tolist()))


def _by_row(df: DataFrame) -> dict[int, Any]:
    return {row[_ROW]: row for row in df.collect()}


def _scored(
    rows: DataFrame, count: int, compiled: CompiledModel
) -> tuple[np.ndarray, dict[int, Any]]:
    """Which rows [N] the compiled model does not refuse, and what it makes of these."""
    try:
        found = _by_row(transform(rows, compiled))
    except PySparkException:
        taken = _taken(compiled, rows)
        if taken.all():  # then it is something else
            raise
        return taken, _by_row(transform(_at(rows, np.flatnonzero(taken)), compiled))
    return np.ones(count, np.bool_), found


def _taken(compiled: CompiledModel, rows: DataFrame) -> np.ndarray:
    """Which rows [N] the compiled model does not refuse, as it finds in this process."""
    schema = compiled.schema
    spelt = {name.casefold(): name for name in rows.columns}
    names = {spelt[column.name.casefold()]: column.name for column in schema.columns}
    found = rows.orderBy(_ROW).select(*map(quoted, names)).collect()
    cells = [[one.toArray() if hasattr(one, "toArray") else one for one in row] for row in found]
    inputs = inputs_of(schema, pd.DataFrame(cells, columns=[*names.values()]))
    outputs = [output.name for output in schema.outputs][:1]
    session = SESSIONS.get(compiled.digest, compiled.to_bytes, outputs, device="cpu")
    _, invalid = score(session, inputs, on_invalid="null")
    return ~invalid


def _compared(
    name: str,
    places: np.ndarray,
    expected: Mapping[int, Any],
    actual: Mapping[int, Any],
    rtol: float,
    atol: float,
) -> Comparison:
    """One column of both on the rows `places`, of which each may have dropped some."""
    numbers = places.tolist()
    pairs = [(_value(expected, i, name), _value(actual, i, name)) for i in numbers]
    found = [_difference(*pair, rtol, atol) for pair in pairs]
    wrong = [n for n, (differs, _, _) in enumerate(found) if differs]
    return Comparison(
        name,
        absolute=max((absolute for _, absolute, _ in found), default=0.0),
        relative=max((relative for _, _, relative in found), default=0.0),
        differing=len(wrong),
        first=tuple(Difference(int(places[n]), *pairs[n]) for n in wrong[:SHOWN]),
    )


def _value(rows: Mapping[int, Any], number: int, name: str) -> Any:
    """A number, or numbers in a vector or an array, as floats of NumPy; anything else as it is."""
    if number not in rows:
        return _DROPPED
    value = rows[number][name]
    if hasattr(value, "toArray"):
        return np.asarray(value.toArray(), np.float64)
    numeric = isinstance(value, float) or (
        isinstance(value, list) and all(isinstance(one, float) for one in value)
    )
    return np.asarray(value) if numeric else value


def _difference(expected: Any, actual: Any, rtol: float, atol: float) -> tuple[bool, float, float]:
    """Whether two values differ, and by how much if they are numbers."""
    if not (isinstance(expected, np.ndarray) and isinstance(actual, np.ndarray)):
        return type(expected) is not type(actual) or bool(expected != actual), 0.0, 0.0
    (differs,), absolute, relative = difference(expected[None], actual[None], rtol, atol)
    return bool(differs), absolute, relative


def _refused_alone(refusal: Exception, places: np.ndarray) -> Comparison:
    """That the original refuses what the compiled model takes, one of the rows `places`."""
    said = f"refuses rows: {str(refusal).partition(chr(10))[0]}"
    first = Difference(int(places[0]), said, "takes them")
    return Comparison("(rows taken)", float("inf"), float("inf"), len(places), (first,))


def _refusals(model: Any, rows: DataFrame, refused: np.ndarray) -> Comparison:
    """Whether the original refuses what the compiled model does, tried on the first such rows."""
    wrong = []
    for i in refused[:TRIED]:
        try:
            result = model.transform(rows.where(rows[_ROW] == int(i))).collect()
        except Exception:  # noqa: BLE001, S112  Spark has no class for what a model refuses
            continue
        wrong.append(Difference(int(i), result[0] if result else _DROPPED, "refuses the row"))
    distance = float("inf") if wrong else 0.0
    return Comparison("(refused rows)", distance, distance, len(wrong), tuple(wrong[:SHOWN]))
