"""RFormulaModel, and the stages that are found inside it alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sparkbird.converters.sparkml.stages import applied, columns_read, stage

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage


def _terms(model: Stage) -> tuple[str, Stage]:
    """The pipeline that makes the features, and the way to it: without that of the label."""
    ((part, pipeline),) = model.parts
    label, column = model.row["label"], model.params["labelCol"]
    indexed = ("feature.StringIndexerModel", label, column)
    kept = tuple(
        (place, inner)
        for place, inner in pipeline.parts
        if (inner.name, inner.params.get("inputCol"), inner.params.get("outputCol")) != indexed
    )
    return part, replace(pipeline, parts=kept)


@stage(
    "feature.RFormulaModel",
    reads=lambda stage: columns_read(_terms(stage)[1]),
    consumes="labelCol",
    ignores="formula forceIndexLabel handleInvalid stringIndexerOrderType",
)
def r_formula(stage: Stage, frame: Frame) -> Frame:
    """The features of the formula, [N, K]; the label is left as it is.

    So Spark treats rows that have no column of the label's name.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/RFormula.scala,
    RFormulaModel.transform (4.3).
    """
    part, terms = _terms(stage)
    return applied(terms, frame, part=part)


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
