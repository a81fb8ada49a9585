"""The driver's side of Spark: models as functions of columns. Needs pyspark 3.5 or later.

Workers import this package on their way to nothing in it, so that the name below, too, is
imported when first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparkbird.spark.transformer import CompiledTransformer as CompiledTransformer

_HOME = {"CompiledTransformer": "sparkbird.spark.transformer"}

__all__ = ["CompiledTransformer"]


def __getattr__(name: str) -> object:
    if home := _HOME.get(name):
        return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
