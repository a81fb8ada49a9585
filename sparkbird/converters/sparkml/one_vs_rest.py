"""One class against the rest: a model for each class. N is the number of rows, K of classes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from sparkbird.converters.sparkml.predictions import greatest
from sparkbird.converters.sparkml.stages import TRAINING, applied, reads_vector, stage
from sparkbird.graph import op

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage

#: A column for the raw predictions of one model.
_RAW = "\ufdd3raw"

#: What the models do not add: Spark switches it off, or drops it.
_OFF = ("predictionCol", "probabilityCol", "leafCol")


def _length(stage: Stage) -> int:
    """How many features the models take."""
    from sparkbird.converters.sparkml.stages import columns_read

    first = stage.stages[0]
    kind = columns_read(first)[first.params["featuresCol"]]
    return int(kind.removeprefix("vector[").removesuffix("]"))


@stage(
    "classification.OneVsRestModel",
    reads=reads_vector(_length),
    consumes="classifier",
    ignores=f"{TRAINING} parallelism",
)
def one_vs_rest(stage: Stage, frame: Frame) -> Frame:
    """What each model says raw of its class, [N, K], and which says most, the first of equals.

    Source: mllib/src/main/scala/org/apache/spark/ml/classification/OneVsRest.scala,
    OneVsRestModel.transform (4.3).
    """
    raw = op.concat(*(_raw(stage, part, model, frame) for part, model in stage.parts), axis=1)
    if name := stage.params.get("rawPredictionCol"):
        frame = frame.with_column(name, raw)
    if name := stage.params.get("predictionCol"):
        frame = frame.with_column(name, greatest(raw), levels=_levels(stage))
    return frame
