"""sklearn.svm, the linear machines.

N is the number of rows, F the number of features, K the number of classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparkbird.converters import labels
from sparkbird.converters.registry import Results, converts
from sparkbird.converters.sklearn.linear_model import classes_refused, decision, scores

if TYPE_CHECKING:
    from sklearn.svm import LinearSVC, LinearSVR

    from sparkbird.graph.op import Array
    from sparkbird.graph.table import Table


@converts(
    "sklearn.svm.LinearSVC",
    consumes="penalty loss dual C multi_class fit_intercept intercept_scaling class_weight",
    ignores="tol verbose random_state max_iter",
    objections=classes_refused,
)
def linear_svc(model: LinearSVC, x: Array | Table) -> Results:
    """The class of the greatest ``x @ coef_.T + intercept_``, [N, F] -> [N].

    Source: sklearn/svm/_classes.py, LinearSVC; sklearn/linear_model/_base.py,
    LinearClassifierMixin (1.9).
    """
    score = decision(model, x)
    return {"predict": labels.of_decision(model.classes_, score), "decision_function": score}


@converts(
    "sklearn.svm.LinearSVR",
    consumes="epsilon C loss fit_intercept intercept_scaling dual",
    ignores="tol verbose random_state max_iter",
)
def linear_svr(model: LinearSVR, x: Array | Table) -> Array:
    """``x @ coef_ + intercept_``, [N, F] -> [N].

    Source: sklearn/svm/_classes.py, LinearSVR; sklearn/linear_model/_base.py,
    LinearModel.predict (1.9).
    """
    return scores(model, x)
