"""sklearn.ensemble, histogram-based gradient boosting.

N is the number of rows, F of features, T of trees, M of nodes, K of outputs of an iteration:
1, or the number of classes if there are more than two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird import trees
from sparkbird.converters import labels
from sparkbird.converters.registry import converter_for, converts, transform
from sparkbird.converters.sklearn.tree import labels_refused, leaves
from sparkbird.errors import UnsupportedOptionError
from sparkbird.graph import op
from sparkbird.graph.table import matrix, numbers, select
from sparkbird.trees import Forest, links

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    from sparkbird.converters.registry import Results
    from sparkbird.graph.op import Array
    from sparkbird.graph.table import Table

_TRAINING = """
    learning_rate max_iter max_leaf_nodes max_depth min_samples_leaf l2_regularization
    max_features max_bins monotonic_cst interaction_cst warm_start early_stopping scoring
    validation_fraction n_iter_no_change tol verbose random_state
"""

#: The bits of a set of categories: scikit-learn has 8 words of 32.
_WORDS = 8

#: The inverse of a loss's link, by the name of the link's class in sklearn/_loss/link.py.
_LINKS = {"IdentityLink": links.identity, "LogLink": links.exponential}


def _objections(model: Any) -> Iterator[UnsupportedOptionError]:
    if model.is_categorical_ is not None and not hasattr(model, "_preprocessor"):
        yield UnsupportedOptionError(
            f"{type(model).__name__}(categorical_features=...) of scikit-learn before 1.4"
            " is not compiled",
            "fit it again with a newer scikit-learn.",
        )
    if hasattr(model, "classes_"):
        yield from labels_refused(model)


def _parts(model: Any) -> Iterator[tuple[str, object]]:
    if getattr(model, "_preprocessor", None) is not None:
        yield _ENCODER, _encoder(model)


def _column_types(model: Any) -> Mapping[int, str]:
    """The types of the categorical columns, as their encoder knows them."""
    if getattr(model, "_preprocessor", None) is None:
        return {}
    encoder = _encoder(model)
    known = converter_for(encoder).column_types(encoder)
    categorical = np.flatnonzero(model.is_categorical_).tolist()
    return {categorical[i]: dtype for i, dtype in known.items()}


@converts(
    "sklearn.ensemble.HistGradientBoostingClassifier",
    consumes="loss categorical_features",
    ignores=_TRAINING + "class_weight",
    objections=_objections,
    parts=_parts,
    column_types=_column_types,
)
def hist_gradient_boosting_classifier(
    model: HistGradientBoostingClassifier, x: Array | Table
) -> Results:
    """The class by the sum of the trees, [N, F] -> [N]; of two, the second if above 0.

    ``margin`` is ``decision_function``. ``leaf`` is the number of the node in the predictor,
    [N, T]: iteration by iteration, and class by class within.

    Source: sklearn/ensemble/_hist_gradient_boosting/gradient_boosting.py,
    HistGradientBoostingClassifier.predict (1.9).
    """
    raw, found = _raw(model, x)
    two = raw.shape[1] == 1
    margin = op.take(raw, 0, axis=1) if two else raw
    number = op.cast(margin > 0.0, dtype=np.int64) if two else op.argmax(raw, axis=1)
    return {
        "predict": labels.label(model.classes_, number),
        "predict_proba": links.two_classes(raw) if two else links.softmax(raw),
        "decision_function": margin,
        "margin": margin,
        "leaf": found,
    }


@converts(
    "sklearn.ensemble.HistGradientBoostingRegressor",
    consumes="loss categorical_features",
    ignores=_TRAINING + "quantile",
    objections=_objections,
    parts=_parts,
    column_types=_column_types,
)
def hist_gradient_boosting_regressor(
    model: HistGradientBoostingRegressor, x: Array | Table
) -> Results:
    """The inverse link of the sum of the trees, [N, F] -> [N].

    ``margin`` is the sum itself. ``leaf`` is the number of the node in the predictor, [N, T].

    Source: sklearn/ensemble/_hist_gradient_boosting/gradient_boosting.py,
    HistGradientBoostingRegressor.predict (1.9).
    """
    raw, found = _raw(model, x)
    margin = op.take(raw, 0, axis=1)
    link = type(model._loss.link).__name__  # noqa: SLF001  where it is kept
    return {"predict": _LINKS[link](margin), "margin": margin, "leaf": found}


def _raw(model: Any, x: Array | Table) -> tuple[Array, Array]:
    """The baseline and all trees added to it, and the leaves: [N, F] -> [N, K], [N, T].

    Source: sklearn/ensemble/_hist_gradient_boosting/gradient_boosting.py,
    BaseHistGradientBoosting._raw_predict (1.9).
    """
    x = _encoded(model, x)
    outputs = model.n_trees_per_iteration_
    forest = Forest.join(
        [
            _read(predictor, outputs, k)
            for iteration in model._predictors  # noqa: SLF001  where they are kept
            for k, predictor in enumerate(iteration)
        ]
    )
    base = np.ravel(model._baseline_prediction)  # noqa: SLF001
    return trees.leaf_sum(forest, x, base=base), leaves(forest, x)


_ENCODER = "._preprocessor.named_transformers_['encoder']"


def _encoder(model: Any) -> Any:
    return model._preprocessor.named_transformers_["encoder"]  # noqa: SLF001


def _encoded(model: Any, x: Array | Table) -> Array:
    """The rows as trees see them, as float64: the codes of the categories, then the numbers.

    Source: sklearn/ensemble/_hist_gradient_boosting/gradient_boosting.py,
    BaseHistGradientBoosting._preprocess_X (1.9).
    """
    if getattr(model, "_preprocessor", None) is None:
        return op.cast(numbers(x), dtype=np.float64)
    categorical = np.flatnonzero(model.is_categorical_).tolist()
    other = np.flatnonzero(~model.is_categorical_).tolist()
    codes = matrix(transform(_encoder(model), select(x, categorical), part=_ENCODER))
    if not other:
        return codes
    return op.concat(codes, op.cast(numbers(select(x, other)), dtype=np.float64), axis=1)


def _read(predictor: TreePredictor, outputs: int, target: int) -> Forest:
    """One tree, whose value adds to output `target`.

    The encoder gives known categories or NaN, so that there are no unknown codes here.

    Source: sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx,
    _predict_one_from_raw_data (1.9).
    """
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(np.bool_)
    categorical = nodes["is_categorical"].astype(np.bool_) & ~leaf
    itself = np.arange(len(nodes))
    value = np.zeros((len(nodes), outputs))
    value[:, target] = nodes["value"]
    return Forest(
        roots=np.array([0]),
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        nan_left=nodes["missing_go_to_left"].astype(np.bool_),
        left=np.where(leaf, itself, nodes["left"]),
        right=np.where(leaf, itself, nodes["right"]),
        value=value,
        category_set=np.where(categorical, nodes["bitset_idx"].astype(np.int64), -1),
        sets=members(predictor.raw_left_cat_bitsets.reshape(-1, _WORDS)),
    )


def members(words: np.ndarray) -> np.ndarray:
    """Which numbers are in sets of bits, [S, W] uint32 -> [S, 32 * W] bool."""
    little = np.ascontiguousarray(words, "<u4").view(np.uint8)
    return np.unpackbits(little, axis=1, bitorder="little").astype(np.bool_)
