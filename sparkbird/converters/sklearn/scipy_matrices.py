"""Where scikit-learn hands on a SciPy matrix, so that zeros are not stored.

All estimators but XGBoost's take what is not stored for 0. To that it is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from sparkbird.converters.registry import qualified_name
from sparkbird.graph.sparse import Sparse

if TYPE_CHECKING:
    from sparkbird.graph.op import Array
    from sparkbird.graph.table import Table

#: Whether there is a SciPy matrix that stores no 0, None if it cannot be told.
Known: TypeAlias = "bool | None"

#: The transformers that make a SciPy matrix of an array, and when.
_MAKES: dict[str, Callable[[Any], Known]] = {
    "sklearn.ensemble.RandomTreesEmbedding": lambda model: bool(model.sparse_output),
    "sklearn.feature_extraction.text.CountVectorizer": lambda _: True,
    # Terms of opposite signs leave a 0 that is stored.
    "sklearn.feature_extraction.text.HashingVectorizer": (
        lambda model: None if model.alternate_sign else True
    ),
    "sklearn.feature_extraction.text.TfidfTransformer": lambda _: True,
    "sklearn.feature_extraction.text.TfidfVectorizer": lambda _: True,
    "sklearn.impute.MissingIndicator": lambda model: None if model.sparse is True else False,
    "sklearn.neighbors.KNeighborsTransformer": lambda _: None,
    "sklearn.neighbors.RadiusNeighborsTransformer": lambda _: None,
    "sklearn.preprocessing.KBinsDiscretizer": lambda model: model.encode == "onehot",
    "sklearn.preprocessing.OneHotEncoder": lambda model: bool(model.sparse_output),
    # What a spline is at a knot is stored, also if it is 0.
    "sklearn.preprocessing.SplineTransformer": lambda model: None if model.sparse_output else False,
}

#: Those that give a SciPy matrix for one, in which no 0 is stored that was not before.
_KEEPS = {
    "sklearn.feature_extraction.text.TfidfTransformer",
    *(
        f"sklearn.feature_selection.{name}"
        for name in (
            "GenericUnivariateSelect",
            "RFE",
            "RFECV",
            "SelectFdr",
            "SelectFpr",
            "SelectFromModel",
            "SelectFwe",
            "SelectKBest",
            "SelectPercentile",
            "SequentialFeatureSelector",
            "VarianceThreshold",
        )
    ),
    *(
        f"sklearn.preprocessing.{name}"
        for name in ("Binarizer", "MaxAbsScaler", "Normalizer", "RobustScaler", "StandardScaler")
    ),
}

#: Those that give an array whatever they are given.
_FILLS = {
    *(
        f"sklearn.decomposition.{name}"
        for name in (
            "IncrementalPCA",
            "KernelPCA",
            "LatentDirichletAllocation",
            "MiniBatchNMF",
            "NMF",
            "PCA",
            "TruncatedSVD",
        )
    ),
    *(
        f"sklearn.cluster.{name}"
        for name in ("Birch", "BisectingKMeans", "KMeans", "MiniBatchKMeans")
    ),
    "sklearn.kernel_approximation.Nystroem",
    "sklearn.kernel_approximation.RBFSampler",
    "sklearn.random_projection.GaussianRandomProjection",
}


def marked(model: Any, taken: Any, given: Array | Table | Sparse) -> Array | Table | Sparse:
    """What the transformer `model` gives for `taken`, marked as a SciPy matrix if it is one."""
    scipy = gives(model, taken=taken.scipy if isinstance(taken, Sparse) else False)
    if isinstance(given, Sparse):
        return replace(given, scipy=scipy)
    return given if scipy is False else Sparse((given,), scipy)


def gives(model: Any, *, taken: Known) -> Known:
    """What is known of what `model` gives, if `taken` is of what it is given."""
    if isinstance(model, str) or model is None:  # "passthrough", "drop"
        return taken
    name = qualified_name(type(model))
    if name in _INSIDE:
        return _INSIDE[name](model, taken)
    made = _MAKES[name](model) if name in _MAKES else False
    if made is not False or taken is False or name in _FILLS:
        return made
    return taken if name in _KEEPS else None


def _chained(model: Any, taken: Known) -> Known:
    """A sampler among the steps acts in ``fit`` alone."""
    for _, step in model.steps:
        if not hasattr(step, "fit_resample"):
            taken = gives(step, taken=taken)
    return taken


def _beside(model: Any, taken: Known) -> Known:
    """Source: sklearn/pipeline.py, FeatureUnion._hstack (1.9)."""
    found = {gives(each, taken=taken) for _, each in model.transformer_list}
    return None if None in found else True in found


def _columns(model: Any, taken: Known) -> Known:
    """Source: sklearn/compose/_column_transformer.py, ColumnTransformer._hstack (1.9)."""
    found = {gives(each, taken=taken) for _, each, _ in model.transformers_}
    return None if model.sparse_output_ and None in found else bool(model.sparse_output_)


def _function(model: Any, taken: Known) -> Known:
    """The identity, as which "passthrough" is fitted, or any function."""
    return taken if model.func is None or taken is False else None


def _best(model: Any, taken: Known) -> Known:
    return gives(model.best_estimator_, taken=taken)


#: The models that do what those inside them do.
_INSIDE: dict[str, Callable[[Any, Known], Known]] = {
    "imblearn.pipeline.Pipeline": _chained,
    "sklearn.compose.ColumnTransformer": _columns,
    "sklearn.frozen.FrozenEstimator": lambda model, taken: gives(model.estimator, taken=taken),
    "sklearn.model_selection.GridSearchCV": _best,
    "sklearn.model_selection.HalvingGridSearchCV": _best,
    "sklearn.model_selection.HalvingRandomSearchCV": _best,
    "sklearn.model_selection.RandomizedSearchCV": _best,
    "sklearn.pipeline.FeatureUnion": _beside,
    "sklearn.pipeline.Pipeline": _chained,
    "sklearn.preprocessing.FunctionTransformer": _function,
}
