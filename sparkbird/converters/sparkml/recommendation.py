"""Recommendations: factors of users and of items.

N is the number of rows, R of factors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.predictions import added
from sparkbird.converters.sparkml.stages import stage
from sparkbird.graph import op

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

#: The least and the greatest id.
_LEAST, _GREATEST = float(-(2**31)), float(2**31 - 1)


@stage(
    "recommendation.ALSModel",
    reads=lambda stage: dict.fromkeys(
        (stage.params["userCol"], stage.params["itemCol"]), "float64"
    ),
    consumes="userCol itemCol coldStartStrategy",
    ignores="blockSize",
)
def als(stage: Stage, frame: Frame) -> Frame:
    """The product of a user's factors with an item's, summed up in float32, [N] -> [N].

    A user or an item without factors gives NaN, or drops the row.

    Source: mllib/src/main/scala/org/apache/spark/ml/recommendation/ALS.scala,
    ALSModel.transform (4.3).
    """
    users, has_user = _factors(stage, frame, "user")
    items, has_item = _factors(stage, frame, "item")
    unknown = ~(has_user & has_item)
    rating = op.where(unknown, np.float32(np.nan), added(users * items))
    if stage.params["coldStartStrategy"].lower() == "drop":
        frame = frame.dropping(op.isnan(rating))
    return frame.with_column(stage.params["predictionCol"], rating)


def _factors(stage: Stage, frame: Frame, kind: str) -> tuple[Array, Array]:
    """The factors of the user or the item of each row [N, R], and whether it has any [N]."""
    name = stage.params[f"{kind}Col"]
    number = frame.numbers(name)
    is_id = op.equal(op.floor(number), number) & (number >= _LEAST) & (number <= _GREATEST)
    frame.check(~is_id, f"{stage.uid} takes in column {name!r} whole numbers of 32 bits alone")
    table = stage.table(f"{kind}Factors")
    ids = table["id"].to_numpy()
    factors = np.array(table["features"].to_pylist(), np.float32)
    padded = np.concatenate([factors.reshape(len(ids), -1), np.zeros_like(factors[:1])])
    known = op.cast(op.where(is_id, number, np.float64(0.0)), dtype=np.int64)
    places = np.arange(len(ids))
    place = op.lookup(known, keys=ids.astype(np.int64), values=places, default=len(ids))
    return op.take(padded, place), place < np.int64(len(ids))
