"""catboost: the models of its scikit-learn interface, and the raw model.

N is the number of rows, F of features, T of trees, K of outputs of a tree, C of classes. A
model is read from the file that it writes of itself, in which every number is whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird import trees
from sparkbird.converters import labels
from sparkbird.converters.catboost.columns import columns
from sparkbird.converters.catboost.reader import Model, read
from sparkbird.converters.registry import converts
from sparkbird.errors import ColumnCountError, UnsupportedOptionError
from sparkbird.graph import op
from sparkbird.graph.table import Table, width
from sparkbird.trees import links

if TYPE_CHECKING:
    from catboost import CatBoost, CatBoostClassifier, CatBoostRanker, CatBoostRegressor

    from sparkbird.converters.registry import Columns, Results
    from sparkbird.graph.op import Array

#: What training needs, and the messages, files and machines of it.
_TRAINING = """
    allow_const_label allow_writing_files approx_on_full_history auto_class_weights
    bagging_temperature best_model_min_trees boosting_type bootstrap_type border_count callback
    class_weights colsample_bylevel counter_calc_method ctr_history_unit ctr_leaf_count_limit
    ctr_target_border_count custom_loss custom_metric data_partition depth dev_efb_max_buckets
    dev_score_calc_obj_block_size device_config devices diffusion_temperature
    early_stopping_rounds eta eval_fraction eval_metric feature_border_type feature_weights
    final_ctr_computation_mode first_feature_use_penalties fixed_binary_splits
    fold_len_multiplier fold_permutation_block gpu_cat_features_storage gpu_ram_part has_time
    ignored_features input_borders iterations l2_leaf_reg langevin leaf_estimation_backtracking
    leaf_estimation_iterations leaf_estimation_method learning_rate logging_level max_bin
    max_ctr_complexity max_depth max_leaves metadata metric_period min_child_samples
    min_data_in_leaf model_shrink_mode model_shrink_rate model_size_reg monotone_constraints
    mvs_reg n_estimators name num_boost_round num_leaves num_trees od_pval od_type od_wait
    one_hot_max_size output_borders penalties_coefficient per_float_feature_quantization
    per_object_feature_penalties pinned_memory_size posterior_sampling random_score_type
    random_seed random_state random_strength reg_lambda rsm sampling_frequency sampling_unit
    save_snapshot scale_pos_weight score_function silent snapshot_file snapshot_interval
    sparse_features_conflict_fraction store_all_simple_ctr subsample target_border task_type
    thread_count train_dir use_best_model used_ram_limit verbose
"""

#: What the model holds, where the converter reads it or finds what it refuses.
_READ = """
    boost_from_average cat_features class_names classes_count combinations_ctr ctr_description
    dictionaries embedding_features feature_calcers grow_policy loss_function nan_mode objective
    per_feature_ctr simple_ctr text_features text_processing tokenizers
"""

#: The losses of several outputs, each a yes or no of its own.
_SEPARATE = ("MultiClassOneVsAll", "MultiLogloss", "MultiCrossEntropy")
_MULTILABEL = ("MultiLogloss", "MultiCrossEntropy")


def _objections(model: Any) -> Iterator[UnsupportedOptionError]:
    name = type(model).__name__
    for kind, features in (
        ("text", model.get_text_feature_indices()),
        ("embedding", model.get_embedding_feature_indices()),
    ):
        if features:
            yield UnsupportedOptionError(
                f"{name} with {kind} features is not compiled",
                f"fit it without {kind}_features, on what you make of them before.",
            )


def _classifier_objections(model: Any) -> Iterator[UnsupportedOptionError]:
    yield from _objections(model)
    if len(model.classes_):
        yield from labels.refused(model.classes_)


def _columns(model: Any) -> Columns:
    """The columns by name, unless the names are those that CatBoost gives to an array."""
    names, count = [*map(str, model.feature_names_)], _count(model)
    has_names = len(names) == count and names != [*map(str, range(count))]
    return names if has_names else None, count


def _count(model: Any) -> int:
    """The number of columns; a model that was copied or read again says it had none."""
    numeric = model._get_float_feature_indices()  # noqa: SLF001  that of categories is public
    used: list[int] = [*numeric, *model.get_cat_feature_indices()]
    told: int = getattr(model, "n_features_in_", 0)  # of summed models there is none
    return max(told, 1 + max(used, default=-1))


def _column_types(model: Any) -> Mapping[int, str]:
    """The model keeps hashes, from which strings and numbers cannot be told: strings, then."""
    return dict.fromkeys(model.get_cat_feature_indices(), "string")


_COMMON: dict[str, Any] = {"columns": _columns, "column_types": _column_types}


@converts(
    "catboost.core.CatBoostClassifier",
    consumes=_READ,
    ignores=_TRAINING,
    objections=_classifier_objections,
    **_COMMON,
)
def catboost_classifier(model: CatBoostClassifier, x: Array | Table) -> Results:
    """The class of the greatest score, [N, F] -> [N, 1]; of two classes, [N].

    A model of several labels gives 0 or 1 for each of them, [N, K]. ``margin`` is
    ``predict(prediction_type="RawFormulaVal")``, ``leaf`` is `calc_leaf_indexes`.

    Source: catboost/libs/eval_result/eval_helpers.cpp, PrepareEval (1.2).
    """
    raw, leaf = _evaluated(model, x)
    loss = model._object._get_loss_function_name()  # noqa: SLF001  no other way tells
    if raw.shape[1] == 1:
        proba, log_proba = _of_two(raw)
        predicted = _label_of_two(model, raw)
    else:
        proba, log_proba = _of_several(raw, separate=loss in _SEPARATE)
        predicted = _label_of_several(model, raw, multilabel=loss in _MULTILABEL)
    return {
        "predict": predicted,
        "predict_proba": proba,
        "predict_log_proba": log_proba,
        "margin": _squeezed(raw),
        "leaf": leaf,
    }


@converts(
    "catboost.core.CatBoostRegressor",
    consumes=_READ,
    ignores=_TRAINING,
    objections=_objections,
    **_COMMON,
)
def catboost_regressor(model: CatBoostRegressor, x: Array | Table) -> Results:
    """The link of the sum of the trees, [N, F] -> [N] or [N, K].

    Which link it is, the class says from the loss it was given, not the model.

    Source: catboost/core.py, CatBoostRegressor.predict (1.2.10).
    """
    raw, leaf = _evaluated(model, x)
    kind = model._get_default_prediction_type()  # noqa: SLF001  what predict asks itself
    return {"predict": _squeezed(_LINKS[kind](raw)), "margin": _squeezed(raw), "leaf": leaf}


@converts(
    "catboost.core.CatBoostRanker",
    consumes=_READ,
    ignores=_TRAINING,
    objections=_objections,
    **_COMMON,
)
@converts("catboost.core.CatBoost", objections=_objections, **_COMMON)
def catboost_model(model: CatBoost | CatBoostRanker, x: Array | Table) -> Results:
    """The sum of the trees itself, whatever the loss, [N, F] -> [N] or [N, K]."""
    raw, leaf = _evaluated(model, x)
    return {"predict": _squeezed(raw), "margin": _squeezed(raw), "leaf": leaf}


def _evaluated(model: Any, x: Array | Table) -> tuple[Array, Array]:
    """Raw scores of the outputs or classes, and leaves: [N, F] -> [N, K], [N, T] int32."""
    count = _count(model)
    if width(x) != count:
        raise ColumnCountError(
            f"the model takes {count} columns and was given {width(x)}",
            "give it the columns that it was trained on, in that order.",
        )
    found = read(model)
    seen = columns(found, x)
    raw = trees.leaf_sum(found.forest, seen)
    if found.scale != 1:
        raw = raw * found.scale
    if found.bias.any():
        raw = raw + found.bias
    leaf = op.take(found.forest.leaf_id.astype(np.int32), trees.leaf_index(found.forest, seen))
    return _by_class(raw, found, len(model.classes_)), leaf


def _by_class(raw: Array, found: Model, classes: int) -> Array:
    """One score for each class, minus infinity for a class that training has not seen.

    Source: catboost/libs/eval_result/eval_helpers.cpp, MakeExternalApprox (1.2).
    """
    if raw.shape[1] == 1 or not found.labels or [*found.labels] == [*range(classes)]:
        return raw
    place = np.full(classes, raw.shape[1])
    place[[*found.labels]] = np.arange(raw.shape[1])
    never = op.rows_of(np.array([-np.inf]), raw)
    return op.take(op.concat(raw, never, axis=1), place, axis=1)


def _of_two(raw: Array) -> tuple[Array, Array]:
    """The probabilities and their logarithms, [N, 1] -> [N, 2], [N, 2]."""
    positive = links.sigmoid(raw)
    log_proba = op.concat(_log_sigmoid(-raw), _log_sigmoid(raw), axis=1)
    return op.concat(1.0 - positive, positive, axis=1), log_proba


def _of_several(raw: Array, *, separate: bool) -> tuple[Array, Array]:
    """The probabilities and their logarithms, [N, K] -> [N, K], [N, K]."""
    if separate:
        return links.sigmoid(raw), _log_sigmoid(raw)
    below = raw - op.expand(op.max(raw, axis=1), axis=1)
    total = op.expand(op.sum(op.exp(below), axis=1), axis=1)
    return links.softmax(raw), below - op.log(total)


def _log_sigmoid(raw: Array) -> Array:
    return -op.log(1.0 + op.exp(-raw))


def _label_of_two(model: Any, raw: Array) -> Array:
    """The label by the threshold of the probability: [N, 1] -> [N]."""
    passes = op.take(raw, 0, axis=1) > _logit(model.get_probability_threshold())
    classes = model.classes_ if len(model.classes_) else np.arange(2)
    if len(classes) == 1:
        op.check(passes, "the model was trained on one class, and this row is of none")
        passes = passes & ~passes
    return labels.label(classes, op.cast(passes, dtype=np.int64))


def _label_of_several(model: Any, raw: Array, *, multilabel: bool) -> Array:
    """The label of the greatest score, [N, K] -> [N, 1], or 0 or 1 for each, [N, K].

    Raises
    ------
    UnsupportedOptionError
        The model has no labels: CatBoost itself fails to predict any.
    """
    if not len(model.classes_):
        raise UnsupportedOptionError(
            "a classifier of several classes with an objective of its own has no labels",
            'fit it with loss_function="MultiClass".',
        )
    if multilabel:
        passes = raw > _logit(model.get_probability_threshold())
        return op.cast(passes, dtype=np.int64)
    return op.expand(labels.of_greatest(model.classes_, raw), axis=1)


def _logit(probability: float) -> float:
    """Source: catboost/libs/helpers/math_utils.h, Logit (1.2)."""
    if probability in (0.0, 1.0):
        return math.inf if probability else -math.inf
    return -math.log(1.0 / probability - 1.0)


def _with_variance(raw: Array) -> Array:
    """The mean and, from the logarithm of the deviation, the variance: [N, 2] -> [N, 2]."""
    mean, log_deviation = (op.take(raw, np.array([i]), axis=1) for i in range(2))
    return op.concat(mean, op.exp(2.0 * log_deviation), axis=1)


#: By the prediction type that a regressor chooses.
_LINKS: dict[str, Callable[[Array], Array]] = {
    "RawFormulaVal": links.identity,
    "Exponent": links.exponential,
    "RMSEWithUncertainty": _with_variance,
}


def _squeezed(values: Array) -> Array:
    return op.take(values, 0, axis=1) if values.shape[1] == 1 else values
