"""lightgbm: the models of its scikit-learn interface, and the raw booster.

N is the number of rows, F of features, T of trees, M of nodes, K of outputs of an iteration.
A model is read from the text that it writes of itself, in which every number is whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird import trees
from sparkbird.converters import labels
from sparkbird.converters.lightgbm import linear
from sparkbird.converters.lightgbm.forest import columns, trees_of
from sparkbird.converters.lightgbm.header import Model, describe, names_of, pandas_columns
from sparkbird.converters.lightgbm.objectives import LINKS, STOP_EARLY, predicted
from sparkbird.converters.lightgbm.parameters import EARLY_STOP, IGNORED, READ
from sparkbird.converters.lightgbm.text import grown
from sparkbird.converters.registry import converts, qualified_name, refuses
from sparkbird.errors import ColumnCountError, NotFittedError, UnsupportedOptionError
from sparkbird.graph import op, special
from sparkbird.graph.sparse import dense
from sparkbird.graph.table import Table, columns_of, numbers, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lightgbm import Booster, LGBMClassifier, LGBMRanker, LGBMRegressor

    from sparkbird.converters.registry import Columns, Results
    from sparkbird.graph.op import Array


for _name in ("DaskLGBMClassifier", "DaskLGBMRegressor", "DaskLGBMRanker"):
    refuses(
        f"lightgbm.dask.{_name}",
        "it predicts collections of Dask",
        "compile model.to_local(), which is the same model without Dask.",
    )


def _objections(model: Any) -> Iterator[UnsupportedOptionError]:
    found, name = describe(_booster(model)), type(model).__name__
    if found.objective not in LINKS:
        yield UnsupportedOptionError(
            f"{name} with the objective {found.objective!r} is not compiled",
            f"of objectives, sparkbird compiles {', '.join(filter(None, LINKS))}.",
        )
    if getattr(model, "pred_early_stop", None) and found.objective in STOP_EARLY:
        yield UnsupportedOptionError(
            f"{name}(pred_early_stop={model.pred_early_stop!r}) is not compiled: "
            "rows would leave out trees",
            "call set_params(pred_early_stop=False): no other fit is needed.",
        )
    if hasattr(model, "classes_"):
        yield from labels.refused(model.classes_)


def _spelt(name: str) -> str:
    """Source: include/LightGBM/dataset.h, Dataset::set_feature_names (4.7)."""
    return name.replace(" ", "_")


def _columns(model: Booster) -> Columns:
    return names_of(model), model.num_feature()


def _column_types(model: Any) -> Mapping[int, str]:
    """The pandas columns of categories, where they are strings and the model says which."""
    found = describe(_booster(model))
    if len(found.categorical) != len(found.pandas_categories):
        return {}
    return {
        i: "string"
        for i, categories in zip(found.categorical, found.pandas_categories, strict=True)
        if all(isinstance(category, str) for category in categories)
    }


@converts(
    "lightgbm.sklearn.LGBMClassifier",
    consumes=READ + EARLY_STOP,
    ignores=IGNORED,
    objections=_objections,
    column_types=_column_types,
    spelling=_spelt,
)
def lgbm_classifier(model: LGBMClassifier, x: Array | Table) -> Results:
    """The class of the greatest probability, [N, F] -> [N].

    With an objective of the user's own it is what the booster gives, [N] or [N, K]: the raw
    score, since LightGBM knows no link then. ``margin`` is ``predict(raw_score=True)``; ``leaf``
    is ``predict(pred_leaf=True)``, [N, T].

    Source: lightgbm/sklearn.py, LGBMClassifier.predict_proba (4.7).
    """
    found = _evaluated(model, x)
    proba, margin = found.prediction, _squeezed(found.raw)
    decision = {"decision_function": margin} if hasattr(model, "decision_function") else {}
    more = {**decision, "margin": margin, "leaf": found.leaf}
    if callable(model._objective):  # noqa: SLF001  which set_params sets too
        scores = _squeezed(proba)
        return {"predict": scores, "predict_proba": scores, **more}
    if proba.shape[1] == 1:
        proba = op.concat(1.0 - proba, proba, axis=1)
    greatest = (special.place_of_greatest if found.is_linear else _argmax)(proba)
    label = labels.label(model.classes_, greatest)
    return {"predict": label, "predict_proba": proba, **more}


@converts(
    "lightgbm.sklearn.LGBMRegressor",
    "lightgbm.sklearn.LGBMRanker",
    consumes=READ + EARLY_STOP,
    ignores=IGNORED,
    objections=_objections,
    column_types=_column_types,
    spelling=_spelt,
)
@converts(
    "lightgbm.basic.Booster",
    objections=_objections,
    columns=_columns,
    column_types=_column_types,
    spelling=_spelt,
)
def booster(model: Booster | LGBMRegressor | LGBMRanker, x: Array | Table) -> Results:
    """The link of the sum of the trees, [N, F] -> [N] or [N, K].

    ``margin`` is ``predict(raw_score=True)``; ``leaf`` is ``predict(pred_leaf=True)``, [N, T].

    Source: src/boosting/gbdt_prediction.cpp, GBDT::Predict (4.6).
    """
    found = _evaluated(model, x)
    margin = _squeezed(found.raw)
    return {"predict": _squeezed(found.prediction), "margin": margin, "leaf": found.leaf}


def _argmax(scores: Array) -> Array:
    return op.argmax(scores, axis=1)


def _squeezed(values: Array) -> Array:
    return op.take(values, 0, axis=1) if values.shape[1] == 1 else values


def _booster(model: Any) -> Booster:
    """The booster of a model.

    Raises
    ------
    NotFittedError
        There is none yet.
    """
    name = qualified_name(type(model))
    found = model if name == "lightgbm.basic.Booster" else getattr(model, "_Booster", None)
    if found is None:
        raise NotFittedError(f"{name} is not fitted", "call fit() before compiling.")
    return found


@dataclass(frozen=True)
class _Evaluated:
    """Raw score [N, K], prediction [N, K] and leaves [N, T] int32.

    is_linear  whether leaves hold linear models, so that a prediction may be NaN
    """

    raw: Array
    prediction: Array
    leaf: Array
    is_linear: bool


def _evaluated(model: Any, x: Array | Table) -> _Evaluated:
    """What the booster of `model` makes of the rows [N, F]."""
    own = _booster(model)
    found = describe(own)
    if width(x) != found.n_features:
        raise ColumnCountError(
            f"the model takes {found.n_features} columns and was given {width(x)}",
            "give it the columns that it was trained on, in that order.",
        )
    read = trees_of(grown(own, found.header), features=found.n_features, outputs=found.outputs)
    x = _seen(found, x)
    asked = columns(read, x)
    node = trees.leaf_index(read.forest, asked)
    if read.linear is None:
        raw = trees.leaf_sum(read.forest, asked)
    else:
        leaf = op.take(read.leaf, node)
        raw = linear.leaf_sum(read.linear, leaf, x, outputs=found.outputs)
    # A random forest takes the mean before the link; its raw score is the sum all the same.
    mean = raw / float(read.forest.n_trees // found.outputs) if found.is_averaged else raw
    prediction = predicted(
        mean, found.objective, sigmoid=found.sigmoid, is_square_root=found.is_square_root
    )
    number = op.take(read.forest.leaf_id.astype(np.int32), node)
    return _Evaluated(raw, prediction, number, read.linear is not None)


def _seen(found: Model, x: Array | Table) -> Array:
    """The rows as LightGBM takes them: categories of pandas as codes, whole numbers as float32.

    Source: lightgbm/basic.py, _data_from_pandas and _np2d_to_np1d (4.7).
    """
    if not isinstance(x, Table):
        x = dense(x)
        return x if x.dtype.kind == "f" else op.cast(x, dtype=np.float32)
    seen = [*columns_of(x)]
    strings = [i for i, column in enumerate(seen) if column.dtype.kind in "OUT"]
    for i, categories in pandas_columns(found, strings).items():
        codes = np.arange(len(categories), dtype=np.float64)
        keys = np.array(categories, object if i in strings else np.float64)
        column = seen[i] if i in strings else op.cast(seen[i], dtype=np.float64)
        seen[i] = op.lookup(column, keys=keys, values=codes, default=np.nan)
    return numbers(Table(tuple(seen), x.names))
