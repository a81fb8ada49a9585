"""One class against the rest: a model for each class. N is the number of rows, K of classes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from sparkbird.converters.sparkml.frame import anywhere
from sparkbird.converters.sparkml.predictions import greatest
from sparkbird.converters.sparkml.stages import applied, columns_read, reads_vector, stage
from sparkbird.errors import UnsupportedOptionError
from sparkbird.graph import op

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

#: A column for the raw predictions of one model.
_RAW = "\ufdd3raw"

#: What the models do not add: Spark switches it off, or drops it.
_OFF = dict.fromkeys(("predictionCol", "probabilityCol", "leafCol"), "")


def _length(stage: Stage) -> int:
    """How many features the models take."""
    first = stage.stages[0]
    kind = columns_read(first)[first.params["featuresCol"]]
    return int(kind.removeprefix("vector[").removesuffix("]"))


def _of_more_classes(stage: Stage) -> Iterator[UnsupportedOptionError]:
    """Without a model there is nothing to ask."""
    if not stage.parts:
        yield UnsupportedOptionError(
            f"{stage.name} without models is not compiled", "fit it on labels of a class or more."
        )


@stage(
    "classification.OneVsRestModel",
    reads=reads_vector(_length),
    ignores="labelCol weightCol parallelism",
    objections=_of_more_classes,
    adds=lambda stage: filter(None, map(stage.params.get, ("rawPredictionCol", "predictionCol"))),
)
def one_vs_rest(stage: Stage, frame: Frame) -> Frame:
    """What each model says raw of its class, [N, K], and which says most, the first of equals.

    Source: mllib/src/main/scala/org/apache/spark/ml/classification/OneVsRest.scala,
    OneVsRestModel.transform (4.3).
    """
    raw = op.concat(*(_raw(stage, part, model, frame) for part, model in stage.parts), axis=1)
    if name := stage.params["rawPredictionCol"]:
        frame = frame.with_column(name, raw)
    if name := stage.params["predictionCol"]:
        fact = f"{stage.uid} takes no row of which a model says NaN: Python and Scala then differ"
        frame.check(anywhere(op.isnan(raw)), fact)
        frame = frame.with_column(name, greatest(raw), levels=_levels(stage))
    return frame


def _raw(stage: Stage, part: str, model: Stage, frame: Frame) -> Array:
    """What a model says raw of the second of its two classes, [N, 1]."""
    own = {**_OFF, "featuresCol": stage.params["featuresCol"], "rawPredictionCol": _RAW}
    params = {**model.params, **{name: own[name] for name in own if name in model.params}}
    said = applied(replace(model, params=params), frame, part=part)
    return op.between(said.vector(_RAW), start=1, stop=2)


def _levels(stage: Stage) -> tuple[str, ...] | int | None:
    """What the metadata of the label that it was fitted to say of the classes.

    Fitted in Python it has none.

    Source: .../OneVsRest.scala, OneVsRestModel.OneVsRestModelWriter (4.3).
    """
    attribute = json.loads(stage.metadata.get("labelMetadata", "{}")).get("ml_attr", {})
    names = attribute.get("vals")
    return tuple(names) if names else attribute.get("num_vals")
