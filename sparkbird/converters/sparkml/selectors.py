"""Some values of a vector. N is the number of rows, K of values of a vector, M of those kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.stages import reads_each, reads_vector, stage
from sparkbird.errors import ColumnTypeError, UnsupportedError, UnsupportedOptionError
from sparkbird.graph import op
from sparkbird.graph.sparse import Sparse

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage

#: What the saved selectors say of how they were fitted.
_FITTING = """
    labelCol numTopFeatures selectorType percentile fpr fdr fwe
    featureType labelType selectionMode selectionThreshold varianceThreshold
"""


def _nothing_selected(stage: Stage) -> Iterator[UnsupportedError]:
    if not stage.row["selectedFeatures"]:
        yield UnsupportedOptionError(
            f"{stage.name} has selected no value at all",
            "fit it so that it keeps one, or leave the stage out.",
        )


@stage(
    "feature.ChiSqSelectorModel",
    "feature.UnivariateFeatureSelectorModel",
    "feature.VarianceThresholdSelectorModel",
    reads=lambda stage: {stage.params["featuresCol"]: ""},
    ignores=_FITTING,
    objections=_nothing_selected,
)
def selector(stage: Stage, frame: Frame) -> Frame:
    """The values that were selected, in the order of the vector: [N, K] -> [N, M].

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/{UnivariateFeatureSelector,
    VarianceThresholdSelector,Selector}.scala, transform (4.3).
    """
    places = sorted(stage.row["selectedFeatures"])
    return _sliced(stage, frame, stage.params["featuresCol"], places)


@stage("feature.VectorSlicer", reads=reads_each(""), consumes="indices names")
def vector_slicer(stage: Stage, frame: Frame) -> Frame:
    """The values at `indices`, and behind them those called `names`: [N, K] -> [N, M].

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/VectorSlicer.scala, transform and
    getSelectedFeatureIndices (4.3).
    """
    name = stage.params["inputCol"]
    known = {part.name: place for place, part in enumerate(frame[name].parts) if part.name}
    for wanted in stage.params["names"]:
        if wanted not in known:
            raise UnsupportedOptionError(
                f"feature.VectorSlicer(names=[{wanted!r}]) is not compiled: no value of column "
                f"{name!r} is known by that name",
                "assemble the vector in the same pipeline, or select by indices.",
            )
    places = [*stage.params["indices"], *(known[wanted] for wanted in stage.params["names"])]
    return _sliced(stage, frame, name, places)


def _sliced(stage: Stage, frame: Frame, name: str, places: Sequence[int]) -> Frame:
    x, parts = frame.sparse(name), frame[name].parts
    length = int(x.shape[1])
    if max(places) >= length:
        raise ColumnTypeError(
            f"column {name!r} holds vectors of {length} values, and {stage.uid} takes the one at "
            f"{max(places)}",
            "give vectors of the length that the model was fitted on.",
        )
    kept = tuple(parts[place] for place in places) if parts else ()
    values = x.select(places) if isinstance(x, Sparse) else op.take(x, np.array(places), axis=1)
    attributes = {"parts": kept, "stored": frame[name].stored}
    return frame.with_column(stage.params["outputCol"], values, **attributes)


@stage(
    "feature.VectorSizeHint",
    reads=reads_vector(lambda stage: stage.params["size"]),
    consumes="size handleInvalid",
)
def vector_size_hint(stage: Stage, frame: Frame) -> Frame:
    """The frame as it is: in a graph all vectors of a column have one length.

    Vectors of another length are an error, whatever Spark is to do with them.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/VectorSizeHint.scala, transform
    (4.3).
    """
    frame.sparse(stage.params["inputCol"], int(stage.params["size"]))
    return frame
