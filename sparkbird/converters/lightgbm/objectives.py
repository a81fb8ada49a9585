"""lightgbm: the raw score to the prediction, for each objective.

N is the number of rows, K of outputs of an iteration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparkbird.graph import op, special
from sparkbird.trees import links

if TYPE_CHECKING:
    from collections.abc import Callable

    from sparkbird.graph.op import Array

#: The links by the name of the objective, called with the raw score [N, K] and `sigmoid`. A
#: model that was trained with gradients of the user's own has none, and "" for a name.
#: Source: src/objective/*.hpp, ConvertOutput (4.6).
LINKS: dict[str, Callable[[Array, float], Array]] = {
    **dict.fromkeys(
        ("", "regression", "regression_l1", "huber", "fair", "quantile", "mape"),
        lambda raw, _: raw,
    ),
    **dict.fromkeys(("lambdarank", "rank_xendcg"), lambda raw, _: raw),
    **dict.fromkeys(("poisson", "gamma", "tweedie"), lambda raw, _: links.exponential(raw)),
    **dict.fromkeys(("binary", "multiclassova"), lambda raw, sigmoid: links.sigmoid(sigmoid * raw)),
    "cross_entropy": lambda raw, _: links.sigmoid(raw),
    "cross_entropy_lambda": lambda raw, _: special.log1p(op.exp(raw)),
    "multiclass": lambda raw, _: links.softmax(raw),
}

#: The objectives for which `pred_early_stop` ends the sum of a row before the last tree.
#: Source: src/objective/*.hpp, NeedAccuratePrediction (4.6).
STOP_EARLY = frozenset({"binary", "multiclass", "multiclassova", "lambdarank", "rank_xendcg"})


def squared(raw: Array) -> Array:
    """``sign(raw) * raw * raw``, which undoes the root that `reg_sqrt` takes of the target.

    Source: src/objective/regression_objective.hpp, RegressionL2loss::ConvertOutput (4.6).
    """
    return op.sign(raw) * raw * raw


def predicted(raw: Array, objective: str, *, sigmoid: float, is_square_root: bool) -> Array:
    """The prediction of the raw score, [N, K] -> [N, K]."""
    return squared(raw) if is_square_root else LINKS[objective](raw, np.float64(sigmoid))
