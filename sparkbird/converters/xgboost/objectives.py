"""xgboost: what an objective makes of the margin, in float32 as XGBoost computes it.

N is the number of rows, K of outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.graph import op, special

if TYPE_CHECKING:
    from sparkbird.graph.op import Array

#: src/common/math.h, Sigmoid: no exponential overflows, and no denominator is 0.
_STEEPEST, _EPSILON = np.float32(88.7), np.float32(1e-16)


def _identity(margin: Array) -> Array:
    return margin


def _exponential(margin: Array) -> Array:
    """``exp(margin)``, rounded once: nearly always what expf gives."""
    return op.cast(op.exp(op.cast(margin, dtype=np.float64)), dtype=np.float32)


def _sigmoid(margin: Array) -> Array:
    """``1 / (exp(-margin) + 1 + 1e-16)``."""
    one = np.float32(1)
    return one / (_exponential(op.minimum(-margin, _STEEPEST)) + one + _EPSILON)


def _above_zero(margin: Array) -> Array:
    return op.cast(margin > np.float32(0), dtype=np.float32)


def _softmax(margin: Array) -> Array:
    """Each row's exponentials as shares of their sum, which is one of float64: [N, K]."""
    greatest = op.expand(op.max(margin, axis=1), axis=1)
    shares = _exponential(margin - greatest)
    total = op.sum(op.cast(shares, dtype=np.float64), axis=1)
    return shares / op.expand(op.cast(total, dtype=np.float32), axis=1)


def _place_of_greatest(margin: Array) -> Array:
    """The place of the greatest margin, as a number: [N, K] -> [N, 1]."""
    place = op.cast(special.place_of_greatest(margin), dtype=np.float32)
    return op.expand(place, axis=1)


def _same(score: np.ndarray) -> np.ndarray:
    return score


def _said_for(objective: str) -> Callable[[np.ndarray], np.ndarray]:
    """What XGBoost itself makes of base scores: its logarithm is that of the machine, in float32.

    An ulp of that is much where trees nearly cancel it.

    Source: src/objective/regression_loss.h, ProbToMargin (3.2).
    """

    def margin_of_one(score: np.float32) -> np.float32:
        import xgboost

        row = xgboost.DMatrix(np.zeros((1, 1)), label=[1.0], nthread=1)
        options = {"objective": objective, "base_score": str(score), "nthread": 1}
        found: np.float32 = xgboost.Booster(options, [row]).predict(row, output_margin=True)[0]
        return found

    def start(score: np.ndarray) -> np.ndarray:
        different, place = np.unique(score, return_inverse=True)
        return np.array([*map(margin_of_one, different)], np.float32)[place]

    return start


@dataclass(frozen=True)
class Objective:
    """What prediction needs of an objective.

    link   margins [N, K] to predictions [N, K], or [N, 1]
    start  the base score to the margin that rows start from
    """

    link: Callable[[Array], Array]
    start: Callable[[np.ndarray], np.ndarray]


#: The objectives by name.
#: Source: src/objective/*, PredTransform and ProbToMargin (3.2).
# fmt: off
OBJECTIVES = {
    **dict.fromkeys(
        ("reg:squarederror", "reg:linear", "reg:absoluteerror", "reg:pseudohubererror",
         "reg:squaredlogerror", "reg:quantileerror", "binary:logitraw",
         "rank:ndcg", "rank:map", "rank:pairwise"),
        Objective(_identity, _same),
    ),
    **dict.fromkeys(
        ("binary:logistic", "reg:logistic"),
        Objective(_sigmoid, _said_for("binary:logistic")),
    ),
    **dict.fromkeys(
        ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"),
        Objective(_exponential, _said_for("count:poisson")),
    ),
    "binary:hinge":   Objective(_above_zero, _same),
    "multi:softprob": Objective(_softmax, _same),
    "multi:softmax":  Objective(_place_of_greatest, _same),
}
# fmt: on


def margin_of(objective: str, score: np.ndarray) -> np.ndarray:
    """The margin that stands for a base score [K], which itself it is for unknown objectives."""
    start = OBJECTIVES[objective].start if objective in OBJECTIVES else _same
    return start(score)
