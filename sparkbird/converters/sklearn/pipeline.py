"""sklearn.pipeline: Pipeline and FeatureUnion.

N is the number of rows, F the number of features, K the number of columns that come out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters.container import container
from sparkbird.converters.registry import (
    Results,
    convert,
    converter_for,
    converts,
    takes_series,
    transform,
)
from sparkbird.converters.sklearn.scipy_matrices import marked
from sparkbird.dtypes import is_string
from sparkbird.errors import ColumnTypeError
from sparkbird.graph import op
from sparkbird.graph.sparse import Sparse
from sparkbird.graph.table import Table, columns_of, stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sklearn.pipeline import FeatureUnion, Pipeline

    from sparkbird.graph.op import Array


def _steps(model: Pipeline) -> Iterator[tuple[str, object]]:
    """The steps that do something, each with the way Python reaches it."""
    for name, step in model.steps:
        if not _is_named(step, "passthrough"):
            yield f".named_steps[{name!r}]", step


def _step_types(model: Pipeline) -> Mapping[int, str]:
    first = next((step for _, step in _steps(model)), None)
    return converter_for(first).column_types(first) if first is not None else {}


def _first_takes_series(model: Pipeline) -> bool:
    return any(takes_series(step) for _, step in [*_steps(model)][:1])


@converts(
    "sklearn.pipeline.Pipeline",
    consumes="steps",
    ignores="memory verbose transform_input",
    parts=_steps,
    column_types=_step_types,
    series=_first_takes_series,
)
def pipeline(model: Pipeline, x: Array | Table) -> Results:
    """Each step on the result of the one before; the methods are those of the last step.

    Source: sklearn/pipeline.py, Pipeline (1.9).
    """
    *first, (_, last) = model.steps
    for name, step in first:
        if not _is_named(step, "passthrough"):
            x = marked(step, x, transform(step, x, part=f".named_steps[{name!r}]"))
    if _is_named(last, "passthrough"):
        return {"transform": x}
    return convert(last, x, part=f".named_steps[{model.steps[-1][0]!r}]")


def _branches(model: FeatureUnion) -> Iterator[tuple[str, object]]:
    """The transformers that do something, each with the way Python reaches it."""
    for name, branch in model.transformer_list:
        if not _is_named(branch, "drop", "passthrough"):
            yield f".named_transformers[{name!r}]", branch


def _branch_types(model: FeatureUnion) -> Mapping[int, str]:
    types: dict[int, str] = {}
    for _, branch in _branches(model):
        types |= converter_for(branch).column_types(branch)
    return types


@converts(
    "sklearn.pipeline.FeatureUnion",
    consumes="transformer_list transformer_weights verbose_feature_names_out",
    ignores="n_jobs verbose",
    parts=_branches,
    column_types=_branch_types,
)
def feature_union(model: FeatureUnion, x: Array | Table) -> Array | Table:
    """The results of all transformers side by side, each by its weight, [N, F] -> [N, K].

    Source: sklearn/pipeline.py, FeatureUnion.transform (1.9).
    """
    parts = []
    for name, branch in model.transformer_list:
        if not _is_named(branch, "drop"):
            part = f".named_transformers[{name!r}]"
            y = x if _is_named(branch, "passthrough") else transform(branch, x, part=part)
            parts.append(weighted(y, (model.transformer_weights or {}).get(name)))
    return side_by_side(model, parts)


def weighted(x: Array | Table, weight: Any) -> Array | Table:
    """``x * weight``, in the type that NumPy gives it; `x` itself if the weight is None.

    Raises
    ------
    ColumnTypeError
        `x` holds strings.

    Source: sklearn/pipeline.py, _transform_one (1.9).
    """
    if weight is None:
        return x
    if isinstance(x, Sparse):
        return x.mapped(lambda values: weighted(values, weight))
    if isinstance(x, Table):
        return Table(tuple(weighted(column, weight) for column in x.columns), x.names)
    if is_string(x.dtype):
        raise ColumnTypeError(
            f"transformer_weights multiplies strings by {weight!r}",
            "give no weight to a transformer that gives strings.",
        )
    common = np.result_type(x.dtype, weight)
    return op.cast(x, dtype=common) * np.asarray(weight, common)


def side_by_side(model: Any, parts: Iterable[Array | Table]) -> Array | Table:
    """The columns of all parts, each of its own type if `model` gives a dataframe.

    Source: sklearn/compose/_column_transformer.py, ColumnTransformer._hstack (1.9).
    """
    if container(model) == "pandas":
        return Table(tuple(column for part in parts for column in columns_of(part)))
    return stack(parts)


def _is_named(step: object, *names: str) -> bool:
    """Whether a step is one of these words, or None, which old versions have for the last."""
    return step is None or (isinstance(step, str) and step in names)
