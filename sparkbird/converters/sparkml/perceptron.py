"""The multilayer perceptron. N is the number of rows, F of features, K of classes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.predictions import PREDICTION, classified, greatest, softmax
from sparkbird.converters.sparkml.stages import TRAINING, reads_vector, stage
from sparkbird.graph import special
from sparkbird.graph.sparse import affine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array


@stage(
    "classification.MultilayerPerceptronClassificationModel",
    reads=reads_vector(lambda stage: stage.params["layers"][0]),
    consumes=f"{PREDICTION} layers",
    ignores=f"{TRAINING} blockSize stepSize initialWeights",
)
def perceptron(stage: Stage, frame: Frame) -> Frame:
    """Affine layers with the logistic function between them, [N, F] -> [N, K]; then softmax.

    Where the prediction stands alone it is the place of the greatest probability, whatever the
    thresholds.

    Source: mllib/src/main/scala/org/apache/spark/ml/ann/Layer.scala, FeedForwardModel.predict,
    predictRaw and raw2ProbabilityInPlace; .../classification/
    MultilayerPerceptronClassifier.scala (4.3).
    """
    values = frame.sparse(stage.params["featuresCol"], stage.params["layers"][0])
    raw: Array = None
    for weights, bias in _layers(stage):
        raw = affine(values if raw is None else special.sigmoid(raw), weights, bias)
    return classified(stage, frame, raw, softmax, alone=lambda: greatest(softmax(raw)))


def _layers(stage: Stage) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The weights [F, K] and the bias [K] of each layer: they lie one behind the other."""
    flat = stage.row["weights"]
    sizes = stage.params["layers"]
    for inputs, outputs in itertools.pairwise(sizes):
        weights, bias, flat = np.split(flat, [inputs * outputs, (inputs + 1) * outputs])
        yield weights.reshape(inputs, outputs), bias
