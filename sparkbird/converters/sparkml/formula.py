"""RFormulaModel, and the stages that are found inside it alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sparkbird.converters.sparkml.stages import applied, columns_added, columns_read, stage

if TYPE_CHECKING:
    from collections.abc import Collection

    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage


def _of_label(model: Stage, inner: Stage) -> bool:
    """Whether a stage inside a formula indexes the strings of its response."""
    params = inner.params
    named = params.get("inputCol"), params.get("outputCol")
    of_strings = inner.name == "feature.StringIndexerModel"
    return of_strings and named == (model.row["label"], model.params["labelCol"])


def _terms(model: Stage) -> tuple[str, Stage]:
    """The pipeline that makes the features, and the way to it: without that of the label."""
    ((part, pipeline),) = model.parts
    kept = tuple((place, inner) for place, inner in pipeline.parts if not _of_label(model, inner))
    return part, replace(pipeline, parts=kept)


def _is_indexed(model: Stage) -> bool:
    """Whether the response is strings, or was taken for such."""
    ((_, pipeline),) = model.parts
    return any(_of_label(model, inner) for inner in pipeline.stages)


def _response(model: Stage, given: Collection[str]) -> dict[str, str]:
    """The response, if it is there and is not the label already."""
    names, response = {name.casefold() for name in given}, model.row["label"]
    if response.casefold() not in names or model.params["labelCol"].casefold() in names:
        return {}
    return {response: "string" if _is_indexed(model) else "float64"}


def _adds(model: Stage) -> list[str]:
    return [*columns_added(model.stages[0]), model.params["labelCol"]]


@stage(
    "feature.RFormulaModel",
    reads=lambda stage: columns_read(_terms(stage)[1]),
    consumes="labelCol",
    ignores="formula forceIndexLabel handleInvalid stringIndexerOrderType",
    adds=_adds,
    welcome=_response,
)
def r_formula(stage: Stage, frame: Frame) -> Frame:
    """The features of the formula, [N, K], and its label [N] if rows have the response.

    The label is that column as a number, or the place of its strings; what was NULL is NaN.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/RFormula.scala,
    RFormulaModel.transform and transformLabel (4.3).
    """
    ((part, pipeline),) = stage.parts
    if not _response(stage, frame.columns):
        return applied(_terms(stage)[1], frame, part=part)
    frame = applied(pipeline, frame, part=part)
    if _is_indexed(stage):
        return frame
    return frame.with_column(stage.params["labelCol"], frame.numbers(stage.row["label"]))


@stage("feature.ColumnPruner", reads=lambda _: {})
def column_pruner(stage: Stage, frame: Frame) -> Frame:
    """The frame without the columns that the formula made on its way.

    Source: .../RFormula.scala, ColumnPruner.transform (4.3).
    """
    return frame.without(stage.row["columnsToPrune"])


@stage("feature.VectorAttributeRewriter", reads=lambda _: {})
def vector_attribute_rewriter(stage: Stage, frame: Frame) -> Frame:
    """The names of a vector's values as the formula has them: ``stridx_1_b`` becomes ``x_b``.

    Source: .../RFormula.scala, VectorAttributeRewriter.transform (4.3).
    """
    name = stage.row["vectorCol"]
    column, parts = frame[name], []
    for part in column.parts:
        written = part.name
        for old, new in stage.row["prefixesToRewrite"]:
            written = written.replace(old, new)
        parts.append(replace(part, name=written))
    return frame.with_column(name, replace(column, parts=tuple(parts)))
