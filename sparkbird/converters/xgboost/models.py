"""xgboost: the models of its scikit-learn interface, and the raw booster.

N is the number of rows, F of features, T of trees, K of outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird import trees
from sparkbird.converters.registry import converts, qualified_name, refuses
from sparkbird.converters.xgboost.objectives import OBJECTIVES
from sparkbird.converters.xgboost.reader import Model, describe, forest_of, linear_of, objective_of
from sparkbird.converters.xgboost.rows import seen, with_codes
from sparkbird.errors import NotFittedError, UnsupportedOptionError
from sparkbird.graph import op, special

if TYPE_CHECKING:
    from xgboost import Booster, XGBClassifier, XGBModel

    from sparkbird.converters.registry import Columns, Results
    from sparkbird.graph.op import Array
    from sparkbird.graph.table import Table

_BOOSTER = "xgboost.core.Booster"

#: What training needs: its own parameters, and those that users pass on by name.
_TRAINING = """
    callbacks colsample_bylevel colsample_bynode colsample_bytree device early_stopping_rounds
    eval_metric feature_weights gamma grow_policy importance_type interaction_constraints
    learning_rate max_bin max_cat_threshold max_cat_to_onehot max_delta_step max_depth max_leaves
    min_child_weight monotone_constraints n_estimators n_jobs random_state reg_alpha reg_lambda
    sampling_method scale_pos_weight subsample tree_method validate_parameters verbosity

    aft_loss_distribution aft_loss_distribution_scale alpha cache_opt
    disable_default_eval_metric eta extmem_single_page feature_selector gpu_id huber_slope lambda
    lambdarank_bias_norm lambdarank_normalization lambdarank_num_pair_per_sample
    lambdarank_pair_method lambdarank_score_normalization lambdarank_unbiased max_cached_hist_node
    max_num_bin_cache min_split_loss ndcg_exp_gain normalize_type nthread one_drop predictor
    process_type quantile_alpha rate_drop refresh_leaf sample_type seed seed_per_iteration
    single_precision_histogram sketch_eps skip_drop tolerance top_k tweedie_variance_power updater
    use_rmm
"""

#: What the model holds that the converter reads.
_READ = """
    base_score booster enable_categorical feature_types missing multi_strategy num_class
    num_parallel_tree num_target objective
"""

for _name in ("Classifier", "Regressor", "Ranker"):
    refuses(
        f"xgboost.spark.estimator.SparkXGB{_name}Model",
        "its columns are those of a Spark dataframe",
        "compile model.get_booster(), or the folder that the model was saved to, and give inputs= "
        "the columns of its features: it gives what Booster.predict does, with NaN for missing.",
    )


def _objections(model: Any) -> Iterator[UnsupportedOptionError]:
    objective = objective_of(_booster(model))
    if objective not in OBJECTIVES:
        yield UnsupportedOptionError(
            f"{type(model).__name__} with objective {objective!r} is not compiled",
            f"of objectives, sparkbird compiles {', '.join(OBJECTIVES)}.",
        )


def _columns(model: Any) -> Columns:
    booster = _booster(model)
    return booster.feature_names or None, booster.num_features()


def _column_types(model: Any) -> Mapping[int, str]:
    """The columns whose categories are strings."""
    booster = _booster(model)
    if "c" not in (booster.feature_types or ()):
        return {}
    categories = describe(booster).categories
    return {i: "string" for i, own in enumerate(categories) if own and not _is_number(own[0])}


def _is_number(category: Any) -> bool:
    return isinstance(category, (int, float))


def _booster(model: Any) -> Booster:
    """The booster of a model.

    Raises
    ------
    NotFittedError
        There is none yet.
    """
    name = qualified_name(type(model))
    found = model if name == _BOOSTER else getattr(model, "_Booster", None)
    if found is None:
        raise NotFittedError(f"{name} is not fitted", "call fit() before compiling.")
    return found


@dataclass(frozen=True)
class _Evaluated:
    """What a booster gives for rows: margin and prediction [N, K], leaves [N, T] if it has some."""

    margin: Array
    predicted: Array
    leaf: Array | None

    def results(self, **methods: Array) -> Results:
        """The `methods`, and beside them the margin and the leaves as XGBoost gives them."""
        found = {**methods, "margin": squeezed(self.margin)}
        return found if self.leaf is None else {**found, "leaf": squeezed(self.leaf)}


def squeezed(values: Array) -> Array:
    """[N, K], or [N] if K is 1, as XGBoost has it for predictions and leaves alike."""
    return op.take(values, 0, axis=1) if values.shape[1] == 1 else values


def _evaluated(model: Any, x: Array | Table) -> _Evaluated:
    """What the booster gives, up to its best iteration if it is that of an estimator.

    Estimators predict without a DMatrix, unless the booster is linear.

    Source: xgboost/sklearn.py, XGBModel.predict; xgboost/core.py, Booster.predict (3.2).
    """
    booster = _booster(model)
    found = describe(booster)
    is_estimator = booster is not model
    in_place = is_estimator and found.booster != "gblinear"
    missing = model.missing if is_estimator else np.nan
    rows = seen(found, x, missing=missing, in_place=in_place)
    if found.booster == "gblinear":
        margin, leaf = _linear(found, rows), None
    else:
        rounds = found.best_rounds if is_estimator else None
        margin, leaf = _grown(found, rows, rounds, in_place=in_place)
    return _Evaluated(margin, OBJECTIVES[found.objective].link(margin), leaf)


def _grown(
    found: Model, x: Array, rounds: int | None, *, in_place: bool
) -> tuple[Array, Array | None]:
    """Margin and leaves of trees: [N, F] -> [N, K], [N, T] float32."""
    forest, features = forest_of(found, rounds, in_place=in_place)
    if forest is None:
        return op.rows_of(found.base, x), None
    x = with_codes(x, features, forest.sets.shape[1] - 1)
    margin = trees.leaf_sum(forest, x, base=found.base, dtype=np.float32)
    leaf = op.take(forest.leaf_id.astype(np.float32), trees.leaf_index(forest, x))
    return margin, leaf


def _linear(found: Model, x: Array) -> Array:
    """``start + x @ weights``, term after term and without those missing: [N, F] -> [N, K].

    Source: src/gbm/gblinear.cc, GBLinear::Pred (3.2).
    """
    weights, start = linear_of(found)
    missing = op.isnan(x)
    sums = []
    for own, first in zip(weights.T, start, strict=True):
        # Not 0 times the weight, which may be infinite.
        present = op.where(missing, np.float32(0), x * own)
        terms = op.concat(op.rows_of(first[None], x), present, axis=1)
        sums.append(op.take(op.cumsum(terms, axis=1), [len(own)], axis=1))
    return sums[0] if len(sums) == 1 else op.concat(*sums, axis=1)


@converts(
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRFClassifier",
    consumes=_READ,
    ignores=_TRAINING,
    objections=_objections,
    column_types=_column_types,
)
def xgb_classifier(model: XGBClassifier, x: Array | Table) -> Results:
    """The class of the greatest probability, [N, F] -> [N], or each label, [N, K].

    ``margin`` is ``predict(output_margin=True)``; ``leaf`` is ``apply``, [N, T].

    Source: xgboost/sklearn.py, XGBClassifier.predict (3.2).
    """
    found = _evaluated(model, x)
    return found.results(
        predict=_labels(model, found.predicted), predict_proba=_probabilities(model, found)
    )


def _labels(model: XGBClassifier, predicted: Array) -> Array:
    """The numbers of the classes; several labels are 0 or 1 each, as float64."""
    several = predicted.shape[1] > 1
    if several and model.n_classes_ != 2:
        return op.argmax(predicted, axis=1)
    above = predicted > np.float32(0.5)
    if several:
        return op.cast(above, dtype=np.float64)
    if model.objective == "multi:softmax":
        return op.cast(squeezed(predicted), dtype=np.int32)
    return op.cast(squeezed(above), dtype=np.int64)


def _probabilities(model: XGBClassifier, found: _Evaluated) -> Array:
    """The probability of each class, or of each label, [N, K].

    Source: xgboost/sklearn.py, _cls_predict_proba (3.2).
    """
    if model.objective == "multi:softmax":
        return special.softmax(found.margin)
    if found.predicted.shape[1] == 1:
        return op.concat(np.float32(1) - found.predicted, found.predicted, axis=1)
    if model.n_classes_ in (2, found.predicted.shape[1]):
        return found.predicted
    raise UnsupportedOptionError(
        f"a classifier of {model.n_classes_} classes with {found.predicted.shape[1]} outputs",
        "fit it on labels of which each has two values.",
    )


@converts(
    "xgboost.sklearn.XGBModel",
    "xgboost.sklearn.XGBRegressor",
    "xgboost.sklearn.XGBRFRegressor",
    "xgboost.sklearn.XGBRanker",
    consumes=_READ,
    ignores=_TRAINING,
    objections=_objections,
    column_types=_column_types,
)
@converts(_BOOSTER, objections=_objections, columns=_columns, column_types=_column_types)
def booster(model: Booster | XGBModel, x: Array | Table) -> Results:
    """What the objective makes of the sum of the trees, [N, F] -> [N] or [N, K].

    A raw booster takes the rows that a DMatrix would be made of, with NaN for missing values,
    and all trees, as ``Booster.predict`` does. ``margin`` is that with ``output_margin=True``;
    ``leaf`` with ``pred_leaf=True``, [N, T] or, for one tree, [N].

    Source: xgboost/core.py, Booster.predict; src/predictor/cpu_predictor.cc (3.2).
    """
    found = _evaluated(model, x)
    return found.results(predict=squeezed(found.predicted))
