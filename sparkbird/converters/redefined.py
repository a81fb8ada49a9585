"""Which methods of a subclass are its own, so that its ancestor's converter would be wrong."""

from __future__ import annotations

import functools
import inspect

#: Methods whose meaning a converter reproduces. A subclass that redefines one is refused.
INFERENCE = (
    "transform",
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "kneighbors",
    "radius_neighbors",
    "apply",
    "_transform",
    "_raw_predict",
    "_decision_function",
    "_predict_proba_lr",
    "_validate_X_predict",
    "_support_missing_values",
    "_raw_predict_init",
    "_predict_iterations",
    "_preprocess_X",
    "_process_params",
    "_predict",
    "_forward_pass_fast",
    "_mean_hiddens",
    "_linear_predictor",
    "_initial_imputation",
    "_impute_one_feature",
    "_transform_X_ordinal",
    "mahalanobis",
    "_check_X",
    "_check_test_data",
    "_estimate_log_prob",
    "_estimate_log_weights",
    "_estimate_weighted_log_prob",
    "_joint_log_likelihood",
    "_predict_recursive",
    "_get_predictions",
    "_collect_probas",
    "_compute_proba_from_decision",
    "_compute_score_samples",
    "_concatenate_predictions",
    "_get_median_predict",
    "_score_samples",
)


@functools.cache
def redefined(cls: type, ancestor: type) -> tuple[str, ...]:
    """The methods of inference that are not those of the ancestor."""

    def is_inherited(method: str) -> bool:
        own, inherited = (inspect.getattr_static(c, method, None) for c in (cls, ancestor))
        return own is inherited

    return tuple(method for method in INFERENCE if not is_inherited(method))
