"""Compile trained models to ONNX graphs and apply them to Spark dataframes.

The names below are imported when first asked for. A Spark worker imports this package on
its way to `sparkbird.runtime`, and must not load the compiler with it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparkbird import errors as errors
    from sparkbird.compiler import compile as compile
    from sparkbird.converters import converts as converts, supported as supported
    from sparkbird.mlflow.udf import spark_udf as spark_udf
    from sparkbird.model import CompiledModel as CompiledModel, load as load
    from sparkbird.parity import check as check
    from sparkbird.spark.explain import explain as explain
    from sparkbird.spark.transform import transform as transform
    from sparkbird.spark.udf import udf as udf

_HOME = {
    "CompiledModel": "sparkbird.model",
    "check": "sparkbird.parity",
    "compile": "sparkbird.compiler",
    "converts": "sparkbird.converters",
    "explain": "sparkbird.spark.explain",
    "load": "sparkbird.model",
    "spark_udf": "sparkbird.mlflow.udf",
    "supported": "sparkbird.converters",
    "transform": "sparkbird.spark.transform",
    "udf": "sparkbird.spark.udf",
}

__version__ = "0.1.0"
__all__ = [*sorted(_HOME), "errors"]


def __getattr__(name: str) -> object:
    if home := _HOME.get(name):
        return getattr(importlib.import_module(home), name)
    if name == "errors":
        return importlib.import_module("sparkbird.errors")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
