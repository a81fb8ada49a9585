"""sklearn.pipeline: Pipeline and FeatureUnion.

N is the number of rows, F the number of features.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sparkbird.converters.registry import Results, convert, converter_for, converts, transform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sklearn.pipeline import Pipeline

    from sparkbird.graph.op import Array
    from sparkbird.graph.table import Table


def _steps(model: Pipeline) -> Iterator[tuple[str, object]]:
    """The steps that do something, each with the way Python reaches it."""
    for name, step in model.steps:
        if step is not None and step != "passthrough":
            yield f".named_steps[{name!r}]", step


def _column_types(model: Pipeline) -> Mapping[int, str]:
    first = next((step for _, step in _steps(model)), None)
    return converter_for(first).column_types(first) if first is not None else {}


@converts(
    "sklearn.pipeline.Pipeline",
    consumes="steps",
    ignores="memory verbose transform_input",
    parts=_steps,
    column_types=_column_types,
)
def pipeline(model: Pipeline, x: Array | Table) -> Results:
    """Each step on the result of the one before; the methods are those of the last step.

    Source: sklearn/pipeline.py, Pipeline (1.9).
    """
    steps = [*_steps(model)]
    ends_in_a_step = steps and steps[-1][1] is model.steps[-1][1]
    last = [steps.pop()] if ends_in_a_step else []
    for part, step in steps:
        x = transform(step, x, part=part)
    for part, step in last:
        return convert(step, x, part=part)
    return {"transform": x}
