"""What sparkbird does itself: forests by kernels, Arrow columns to arrays, strings to numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.compose import make_column_transformer
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from sparkbird.benchmark.calibration.timing import Effort, sample
from sparkbird.compiler import compile as compile_model
from sparkbird.costs.predict import of_columns
from sparkbird.kernels import machine
from sparkbird.prices.fit import Sample, fitted
from sparkbird.prices.units import UNITS
from sparkbird.runtime.apart import Apart
from sparkbird.runtime.batches import feeds
from sparkbird.runtime.graph import Graph
from sparkbird.runtime.lookups import lookups
from sparkbird.runtime.part import Result
from sparkbird.runtime.plan import Plan
from sparkbird.runtime.providers import ON_CPU

_ROWS, _TRAINED = 10_000, 20_000
_FLOAT64 = np.dtype(np.float64)


@dataclass(frozen=True)
class Grown:
    """A forest of trees that are split at random, on made-up rows.

    depth    0 is as deep as they get
    strings  the columns of them that there are beside the numbers
    values   of which numbers are drawn; 0 are all there are
    """

    trees: int
    depth: int
    features: int
    classes: int = 0
    dtype: str = "float64"
    strings: int = 0
    output: str = ""
    rows: int = _ROWS
    values: int = 0


# fmt: off
FORESTS = (
    Grown(1, 3, 5), Grown(10, 3, 28), Grown(100, 3, 28), Grown(30, 6, 5), Grown(100, 6, 28),
    Grown(300, 6, 28), Grown(100, 6, 28, dtype="float32"), Grown(100, 8, 28), Grown(50, 8, 100),
    Grown(200, 8, 90, dtype="float32"), Grown(100, 6, 54, classes=7), Grown(30, 8, 28, classes=3),
    Grown(1, 3, 200), Grown(1, 3, 200, dtype="float32"), Grown(2, 9, 100), Grown(10, 0, 28),
    Grown(3, 0, 5), Grown(40, 0, 54, dtype="float32"), Grown(10, 0, 28, classes=7),
    Grown(100, 6, 28, output="leaf"), Grown(10, 0, 28, output="leaf"), Grown(10, 3, 5, rows=16),
    Grown(50, 4, 5, strings=2), Grown(50, 4, 5, strings=6), Grown(5, 3, 1, strings=12),
    Grown(300, 6, 28, values=20), Grown(300, 7, 28, values=100), Grown(200, 6, 90, values=20),
    Grown(500, 8, 28, values=50, dtype="float32"), Grown(100, 6, 28, values=10, output="leaf"),
)
# fmt: on


def prices(known: dict[str, dict[str, float]], effort: Effort) -> dict[str, dict[str, float]]:
    """All of them, in nanoseconds; those `known` where there can be no kernels."""
    units = UNITS["own"]
    found = {
        "columns": fitted([*_columns(effort)], units["columns"]),
        "lookups": fitted([*_lookups(effort)], units["lookups"]),
    }
    if machine.host() is None:
        return {**known, **found}
    return {"kernels": fitted([*_kernels(effort)], units["kernels"]), **found}


def _kernels(effort: Effort) -> Iterator[Sample]:
    """Of steps that are forests, whatever is folded into them."""
    for grown in FORESTS:
        rows = effort.rows(grown.rows)
        content, given, output = _grown(grown, rows, effort)
        plan = Plan(content, [Result(output, _FLOAT64)], ON_CPU)
        for step in plan.steps:
            work = {unit: count * rows for unit, count in step.work().items()}
            work["call"] /= rows

            def run(step: Any = step, given: Any = given) -> None:
                step.run(dict(given))

            if step.fold or not step.before:
                yield sample(work, run, effort)


def _grown(grown: Grown, rows: int, effort: Effort) -> tuple[bytes, dict[str, Any], str]:
    """A compiled forest, its inputs, and the name of its output."""
    rng = np.random.default_rng(0)
    trained = max(200, _TRAINED // effort.divided)
    x = rng.standard_normal((trained, grown.features))
    if grown.values:  # few thresholds, which many nodes have in common
        x = rng.integers(grown.values, size=x.shape).astype(np.float64)
    x = x.astype(grown.dtype)
    kind = ExtraTreesClassifier if grown.classes else ExtraTreesRegressor
    model = kind(effort.trees(grown.trees), max_depth=grown.depth or None, random_state=0)
    y = rng.integers(grown.classes, size=trained) if grown.classes else rng.standard_normal(trained)
    output = grown.output or ("predict_proba" if grown.classes else "predict")
    frame: Any = x
    if grown.strings:
        import pandas as pd

        frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(grown.features)])
        words = rng.choice([f"word {i}" for i in range(20)], (trained, grown.strings))
        names = [f"s{i}" for i in range(grown.strings)]
        frame = pd.concat([frame, pd.DataFrame(words, columns=names)], axis=1)
        model = make_pipeline(
            make_column_transformer(
                (OrdinalEncoder(), names), (StandardScaler(), [*frame.columns[: grown.features]])
            ),
            model,
        )
    compiled = compile_model(model.fit(frame, y), frame, outputs=output, strategy="ensemble")
    table = pa.table({f"c{i}": c for i, c in enumerate(_scored(frame, rows))})
    arrays = [column.combine_chunks() for column in table.columns]
    return compiled.to_bytes(), feeds(compiled.schema, arrays), output


def _scored(frame: Any, rows: int) -> list[Any]:
    """So many rows, column by column."""
    places = np.arange(rows) % len(frame)
    if isinstance(frame, np.ndarray):
        return [np.ascontiguousarray(column) for column in frame[places].T]
    return [pa.array(frame[name].to_numpy()[places]) for name in frame.columns]


def _columns(effort: Effort) -> Iterator[Sample]:
    """Of matrices of numbers, and of columns."""
    rng = np.random.default_rng(0)
    for rows, width in ((10_000, 4), (10_000, 28), (10_000, 60), (10_000, 200), (16, 28)):
        rows = effort.rows(rows)  # noqa: PLW2901
        x = rng.standard_normal((rows, width))
        compiled = compile_model(StandardScaler().fit(x), outputs="transform")
        arrays = [pa.array(np.ascontiguousarray(column)) for column in x.T]
        units = of_columns(compiled.schema, rows, side_by_side=True)
        yield sample(units, _feeding(compiled.schema, arrays), effort)
    for rows, width in ((10_000, 1), (10_000, 8), (16, 8)):
        rows = effort.rows(rows)  # noqa: PLW2901
        compiled, words = _encoder(width, 50)
        arrays = [pa.array(rng.choice(words, rows).tolist()) for _ in range(width)]
        units = of_columns(compiled.schema, rows, side_by_side=False)
        yield sample(units, _feeding(compiled.schema, arrays), effort)


def _lookups(effort: Effort) -> Iterator[Sample]:
    """Of columns of few and of many distinct strings."""
    rng = np.random.default_rng(0)
    for rows, distinct in ((10_000, 3), (10_000, 50), (10_000, 2_000), (16, 3), (16, 16)):
        rows = effort.rows(rows)  # noqa: PLW2901
        compiled, words = _encoder(1, distinct)
        given = feeds(compiled.schema, [pa.array(rng.choice(words, rows).tolist())])
        (lookup,) = lookups(Graph(compiled.to_bytes()))
        counts = {"call": 1, "distinct": min(rows, distinct), "row": rows}

        def run(lookup: Any = lookup, given: Any = given) -> None:
            lookup.run(dict(given))

        yield sample(counts, run, effort)


def _encoder(columns: int, distinct: int) -> tuple[Any, list[str]]:
    """A compiled encoder of strings, and what it knows."""
    import pandas as pd

    words = [f"word {i}" for i in range(distinct)]
    frame = pd.DataFrame({f"s{i}": words for i in range(columns)})
    encoder = OneHotEncoder if distinct <= 50 else OrdinalEncoder
    return compile_model(encoder().fit(frame), frame, outputs="transform"), words


def _feeding(schema: Any, arrays: list[Any]) -> Any:
    return lambda: [*map(_side_by_side, feeds(schema, arrays).values())]


def _side_by_side(values: Any) -> Any:
    """A matrix whose columns lie apart as ONNX Runtime takes it; others as they are."""
    return values.matrix if isinstance(values, Apart) else values
