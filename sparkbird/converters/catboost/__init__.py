"""catboost: estimators and models, read from the file that CatBoost saves."""

from sparkbird.converters.catboost import models

__all__ = ["models"]
