"""Stages that are made of stages: pipelines, and the best model of a search.

Source: mllib/src/main/scala/org/apache/spark/ml/Pipeline.scala, PipelineModel.transform;
.../tuning/CrossValidator.scala, CrossValidatorModel.transform (4.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparkbird.converters.sparkml.stages import applied, columns_added, columns_read, stage

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage


def _reads(pipeline: Stage) -> dict[str, str]:
    """What the stages read that none before them has added."""
    read: dict[str, str] = {}
    added: set[str] = set()
    for inner in pipeline.stages:
        for name, dtype in columns_read(inner).items():
            if name.casefold() not in added and not read.get(name):
                read[name] = dtype  # of those that do not say it, the first that does
        added |= {name.casefold() for name in columns_added(inner)}
    return read


@stage("PipelineModel", reads=_reads, consumes="stageUids", ignores="language")
@stage(
    "tuning.CrossValidatorModel",
    "tuning.TrainValidationSplitModel",
    reads=_reads,
    ignores="""
        estimator estimatorParamMaps evaluator numFolds parallelism collectSubModels foldCol
        trainRatio seed
    """,
)
def pipeline(stage: Stage, frame: Frame) -> Frame:
    """What all stages add, one after the other."""
    for part, inner in stage.parts:
        frame = applied(inner, frame, part=part)
    return frame
