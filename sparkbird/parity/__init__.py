"""The parity report: a compiled model against its original, on real rows."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from sparkbird.converters import native
from sparkbird.errors import ArtifactError
from sparkbird.model import CompiledModel
from sparkbird.parity import methods
from sparkbird.parity.report import Comparison, Difference, Report

__all__ = ["Comparison", "Difference", "Report", "check"]


def check(
    model: Any,
    df_or_rows: Any,
    *cols: str,
    compiled: CompiledModel | None = None,
    limit: int = 10_000,
    rtol: float = 1e-12,
    atol: float = 1e-12,
) -> Report:
    """Both the fitted `model` and its compiled form on the same rows, compared.

    Parameters
    ----------
    model
        A fitted model, as `sparkbird.compile` takes it. Of a model of Spark ML the columns that
        it adds are compared, of any other the results of its methods.
    df_or_rows
        A pandas or Spark dataframe, an Arrow table, or an array [N, F]; for a model of Spark ML
        a Spark dataframe. Of such a dataframe the first `limit` rows are used.
    cols
        The columns to use, in the model's order; without them the model's own, or all.
    compiled
        The artefact to check, if it exists already; else `model` is compiled.
    rtol, atol
        Two numbers are equal if they differ by at most ``atol + rtol * |original|``. Labels
        and integers must be the same, NaN is equal to NaN.

    Raises
    ------
    ArtifactError
        The model is compiled already, or cannot be read.
    UnsupportedError, NotFittedError, SchemaError
        The model cannot be compiled, or cannot take the rows.
    """
    original = _original(model)
    return _comparing(original)(
        original, df_or_rows, cols, compiled, limit=limit, rtol=rtol, atol=atol
    )


def _comparing(original: Any) -> Callable[..., Report]:
    """What compares such a model; that for Spark ML imports Spark."""
    if hasattr(original, "uid") and hasattr(original, "transform"):
        from sparkbird.parity import stages

        return stages.compared
    return methods.compared


def _original(model: Any) -> Any:
    """The model as its own library has it.

    Raises
    ------
    ArtifactError
        There is only the compiled one, or it cannot be read.
    """
    found, name = model, "the model"
    if isinstance(model, (str, os.PathLike)):
        (found, _), name = native.opened(model), str(model)
        if type(found).__module__.startswith("sparkbird."):  # the files of a model of Spark ML
            raise ArtifactError(
                f"{name} holds a model of Spark ML, which Spark itself has to load",
                "load it, as with PipelineModel.load(path), and give that.",
            )
    if isinstance(found, (str, os.PathLike, CompiledModel)):
        raise ArtifactError(
            f"{name} is compiled already, and there is no original to compare it with",
            "give the fitted model, and the artefact as compiled=.",
        )
    return found
