"""lightgbm: estimators and boosters, read from the text that a booster writes of itself."""

from sparkbird.converters.lightgbm import models

__all__ = ["models"]
