"""Categories that are numbers: to strings, to indices inside vectors, to means of a target.

N is the number of rows, K of values of a vector, C of categories, G of columns with the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters.sparkml.frame import Column, anywhere
from sparkbird.converters.sparkml.stages import (
    input_columns,
    output_columns,
    reads_each,
    reads_vector,
    stage,
)
from sparkbird.dtypes import STRING
from sparkbird.errors import UnsupportedError, UnsupportedOptionError
from sparkbird.graph import op

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array


@stage("feature.IndexToString", reads=reads_each("float64"), consumes="labels")
def index_to_string(stage: Stage, frame: Frame) -> Frame:
    """The label at each index, [N] -> [N]: those given, or those the column was indexed by.

    A fraction is cut off. What is no index is an error, and so is NaN: Spark gives the first
    label for it, and for NULL none.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/StringIndexer.scala,
    IndexToString.transform (4.3).
    """
    source = stage.params["inputCol"]
    labels = stage.params.get("labels") or frame[source].levels
    if not isinstance(labels, (list, tuple)):
        raise UnsupportedOptionError(
            f"feature.IndexToString without labels is not compiled: column {source!r} comes from "
            "no StringIndexer in front of it",
            "give IndexToString the labels, or compile it in one pipeline with the indexer.",
        )
    x = frame.numbers(source)
    known = (x > -1.0) & (x < float(len(labels)))
    frame.check(~known, f"{stage.uid} takes indices from 0 to {len(labels) - 1}")
    place = op.cast(op.where(known, x, np.float64(0.0)), dtype=np.int64)
    return frame.with_column(stage.params["outputCol"], op.take(np.array(labels, STRING), place))


@stage(
    "feature.VectorIndexerModel",
    reads=reads_vector(lambda stage: stage.row["numFeatures"]),
    consumes="handleInvalid",
    ignores="maxCategories",
)
def vector_indexer(stage: Stage, frame: Frame) -> Frame:
    """Values of features with few of them as indices, others as they are: [N, K] -> [N, K].

    What is no value of such a feature is an error, one more index, or drops the row. Where 0 is
    none it is an error anyway: Spark finds it in dense vectors and overlooks it in sparse ones.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/VectorIndexer.scala,
    VectorIndexerModel.transformFunc (4.3).
    """
    name, how = stage.params["inputCol"], stage.params["handleInvalid"]
    x = frame.vector(name, int(stage.row["numFeatures"]))
    maps = {feature: dict(indices) for feature, indices in stage.row["categoryMaps"]}
    parts = _indexed_parts(frame[name].parts, maps, x.shape[1], extra=how == "keep")
    blocks, order = [x], np.arange(x.shape[1])
    for categories, features in _alike(maps).items():
        seen = op.take(x, features, axis=1)
        if 0.0 not in categories:
            zero = anywhere(op.equal(seen, np.float64(0.0)))
            frame.check(zero, f"{stage.uid} takes no 0 in {features.tolist()} of {name!r}")
        index = _index(seen, categories)
        invalid = anywhere(index < 0.0)
        if how == "error":
            frame.check(invalid, f"{stage.uid} takes in {features.tolist()} of {name!r} no others")
        elif how == "skip":
            frame = frame.dropping(invalid)
        else:
            index = op.where(index < 0.0, np.float64(len(categories)), index)
        order[features] = sum(int(block.shape[1]) for block in blocks) + np.arange(len(features))
        blocks.append(index)
    indexed = op.take(op.concat(*blocks, axis=1), order, axis=1) if maps else x
    stored = frame[name].stored
    return frame.with_column(stage.params["outputCol"], indexed, parts=parts, stored=stored)


def _alike(maps: dict[int, dict[float, int]]) -> dict[tuple[float, ...], np.ndarray]:
    """The features of each list of categories: those with the same are looked up together."""
    features = defaultdict(list)
    for feature, indices in sorted(maps.items()):
        features[tuple(sorted(indices, key=indices.__getitem__))].append(feature)
    return {categories: np.array(found) for categories, found in features.items()}


def _index(x: Array, categories: tuple[float, ...]) -> Array:
    """The place of each value among the categories, -1 for what is none: [N, G] -> [N, G]."""
    places = np.arange(len(categories), dtype=np.float64)
    return op.lookup(x, keys=np.array(categories), values=places, default=-1.0)


def _indexed_parts(
    parts: tuple[Column, ...], maps: dict[int, Any], length: int, *, extra: bool
) -> tuple[Column, ...]:
    """What metadata say of the values: two categories count as a number from 0 to 1."""
    found = [*(parts or (Column(None),) * length)]
    for feature, indices in maps.items():
        count = len(indices) + extra
        levels = None if count == 2 and not extra else count
        found[feature] = replace(found[feature], levels=levels)
    return tuple(found)


#: What stands for NULL and for all values together in the data of a TargetEncoderModel.
_NULL, _ALL = -1.0, float(2**31 - 1)


def _unnamed_outputs(stage: Stage) -> Iterator[UnsupportedError]:
    if "inputCols" in stage.params and "outputCols" not in stage.params:
        yield UnsupportedOptionError(
            f"{stage.name}(inputCols) without outputCols is not compiled",
            "name the output columns, and fit again.",
        )


@stage(
    "feature.TargetEncoderModel",
    reads=reads_each("float64"),
    consumes="handleInvalid smoothing targetType",
    ignores="labelCol",
    objections=_unnamed_outputs,
)
def target_encoder(stage: Stage, frame: Frame) -> Frame:
    """The mean of the target for each category, drawn to that of all rows: [N] -> [N].

    Other values are an error, or get the mean of all rows, and NULL too if training had none.

    Source: mllib/src/main/scala/org/apache/spark/ml/feature/TargetEncoder.scala,
    TargetEncoderModel.transform (4.3).
    """
    rows = sorted(stage.data.to_pylist(), key=lambda row: int(row["index"]))
    named = zip(input_columns(stage), output_columns(stage), rows, strict=True)
    for source, target, row in named:
        means = _means(stage, row)
        levels = len({*means.values()})
        unseen, of_null = means.pop(_ALL), means.pop(_NULL, None)
        x = frame.numbers(source)
        gone, place = op.isnan(x), _index(x, tuple(means))
        unknown = place < 0.0
        if stage.params["handleInvalid"] == "error":
            failing = unknown if of_null is None else unknown & ~gone
            frame.check(failing, f"{stage.uid} takes in column {source!r} no other values")
        if of_null is not None and not frame[source].is_whole:
            frame.check(gone, f"{stage.uid} cannot tell in column {source!r} NULL from NaN")
        table = np.array([*means.values(), unseen])
        places = op.where(unknown, np.float64(len(means)), place)
        encoded = op.take(table, op.cast(places, dtype=np.int64))
        if of_null is not None:
            encoded = op.where(gone, np.float64(of_null), encoded)
        frame = frame.with_column(target, encoded, levels=levels)
    return frame


def _means(stage: Stage, row: dict[str, Any]) -> dict[float, float]:
    """The value of each category: its mean and that of all rows, each with its weight."""
    counts, stats = np.array(row["counts"]), np.array(row["stats"])
    with np.errstate(all="ignore"):
        weight = counts / (counts + float(stage.params["smoothing"]))
        means = stats / counts if stage.params["targetType"] == "binary" else stats
    everything = means[row["categories"].index(_ALL)]
    blended = weight * means + (1 - weight) * everything
    return dict(zip(row["categories"], blended.tolist(), strict=True))
