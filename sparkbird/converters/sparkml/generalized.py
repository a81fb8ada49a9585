"""Generalized linear regression: families, links and offsets. N is the number of rows."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sparkml.linear import margin
from sparkbird.converters.sparkml.stages import TRAINING, stage
from sparkbird.graph import op, special
from sparkbird.graph.reference import quietly

if TYPE_CHECKING:
    from collections.abc import Callable

    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

#: What a mean may be apart from 0, and a share from 1.
_EPSILON = 1e-16
_GREATEST = np.finfo(np.float64).max

#: The link of a family if none is given, and the family that a power of the variance stands for.
_DEFAULT_LINKS = {"gaussian": "identity", "binomial": "logit", "poisson": "log", "gamma": "inverse"}
_FAMILY_OF_POWER = {0.0: "gaussian", 1.0: "poisson", 2.0: "gamma"}
_LINK_OF_POWER = {0.0: "log", 1.0: "identity", -1.0: "inverse", 0.5: "sqrt"}


def _reads(stage: Stage) -> dict[str, str]:
    """The features, and the offset if there is one."""
    params = stage.params
    read = {params["featuresCol"]: f"vector[{len(stage.row['coefficients'])}]"}
    return {**read, params["offsetCol"]: "float64"} if params.get("offsetCol") else read


@stage(
    "regression.GeneralizedLinearRegressionModel",
    reads=_reads,
    consumes="family link linkPower variancePower linkPredictionCol offsetCol",
    ignores=f"{TRAINING} fitIntercept",
)
def generalized_linear_regression(stage: Stage, frame: Frame) -> Frame:
    """``mean(x . coefficients + intercept + offset)``, held where the family has its means, [N].

    Where a margin is NaN, so is the mean: an offset that is NULL need not be told from NaN.

    Source: mllib/src/main/scala/org/apache/spark/ml/regression/
    GeneralizedLinearRegression.scala, GeneralizedLinearRegressionModel.transformImpl,
    FamilyAndLink.fitted (4.3).
    """
    params = stage.params
    linear = margin(stage, frame)
    if params.get("offsetCol"):
        linear = linear + frame.numbers(params["offsetCol"])
    family, unlink = _family_and_link(stage)
    if params.get("linkPredictionCol"):
        frame = frame.with_column(params["linkPredictionCol"], linear)
    if params["predictionCol"]:
        frame = frame.with_column(params["predictionCol"], _held(family, unlink(linear)))
    return frame


def _family_and_link(stage: Stage) -> tuple[str, Callable[[Array], Array]]:
    """The family, and the inverse of the link.

    Source: .../GeneralizedLinearRegression.scala, FamilyAndLink.apply, Family.fromParams and
    Link.fromParams (4.3).
    """
    params = stage.params
    family = params["family"].lower()
    if family != "tweedie":
        return family, _UNLINKS[params.get("link", _DEFAULT_LINKS[family]).lower()]
    variance_power = float(params["variancePower"])
    family = _FAMILY_OF_POWER.get(variance_power, "tweedie")
    if "linkPower" in params:
        power = float(params["linkPower"])
        named = _LINK_OF_POWER.get(power)
    else:
        power = 1.0 - variance_power
        named = _DEFAULT_LINKS.get(family)
    return family, _UNLINKS[named] if named else functools.partial(_unpower, power=power)


@quietly
def _held(family: str, mean: Array) -> Array:
    """The mean where the family has its means; NaN stays: [N] -> [N].

    Source: .../GeneralizedLinearRegression.scala, Family.project (4.3).
    """
    if family == "gaussian":
        return op.clip(mean, -_GREATEST, _GREATEST)
    upper = np.float64(1.0 - _EPSILON if family == "binomial" else _GREATEST)
    held = op.where(mean > upper, upper, mean)
    return op.where(mean < np.float64(_EPSILON), np.float64(_EPSILON), held)


@quietly
def _unpower(linear: Array, *, power: float) -> Array:
    """The mean of which the power is `linear`: NaN of negative ones, but for whole exponents."""
    return op.power(linear, np.float64(1.0 / power))


@quietly
def _normal(linear: Array) -> Array:
    """The normal distribution by way of ``erf``, as Breeze has it: exact to 1e-16 of 1."""
    return 0.5 * (1.0 + special.erf(linear / np.float64(np.sqrt(2.0))))


@quietly
def _log_log(linear: Array) -> Array:
    return 1.0 - op.exp(-op.exp(linear))


@quietly
def _reciprocal(linear: Array) -> Array:
    return 1.0 / linear


#: From the margin to the mean, by the name of the link.
_UNLINKS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda linear: linear,
    "log": op.exp,
    "inverse": _reciprocal,
    "logit": special.sigmoid,
    "probit": _normal,
    "cloglog": _log_log,
    "sqrt": quietly(lambda linear: linear * linear),
}
