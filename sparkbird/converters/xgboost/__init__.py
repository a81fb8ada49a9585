"""xgboost: estimators and boosters, read from the UBJSON that a booster writes of itself."""

from sparkbird.converters.xgboost import models

__all__ = ["models"]
