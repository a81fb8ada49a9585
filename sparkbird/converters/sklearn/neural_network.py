"""sklearn.neural_network: multi-layer perceptrons and the restricted Boltzmann machine.

The types follow NumPy's rules: layers fitted on float32 and applied to float32 stay so.

N is the number of rows, F of features, K of outputs: targets, labels, or classes if there
are more than two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters import labels
from sparkbird.converters.registry import Results, converts
from sparkbird.converters.sklearn.validation import finite_or_sparse
from sparkbird.graph import op, special
from sparkbird.graph.sparse import affine, product

if TYPE_CHECKING:
    from sklearn.neural_network import BernoulliRBM, MLPClassifier, MLPRegressor

    from sparkbird.errors import UnsupportedError
    from sparkbird.graph.op import Array
    from sparkbird.graph.table import Table

_ARCHITECTURE = "hidden_layer_sizes activation"
_TRAINING = (
    "solver alpha batch_size learning_rate learning_rate_init power_t max_iter shuffle "
    "random_state tol verbose warm_start momentum nesterovs_momentum early_stopping "
    "validation_fraction beta_1 beta_2 epsilon n_iter_no_change max_fun"
)

#: What a layer does to its sums [N, K], by the name that the model gives it.
#:
#: Source: sklearn/neural_network/_base.py, ACTIVATIONS (1.9).
_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda x: x,
    "exp": op.exp,
    "tanh": op.tanh,
    "logistic": special.sigmoid,
    "relu": op.relu,
    "softmax": special.softmax,
}


def _labels_refused(model: MLPClassifier) -> Iterator[UnsupportedError]:
    yield from labels.refused(model.classes_)


@converts(
    "sklearn.neural_network.MLPRegressor",
    consumes=f"{_ARCHITECTURE} loss",
    ignores=_TRAINING,
)
def mlp_regressor(model: MLPRegressor, x: Array | Table) -> Array:
    """What the last layer gives, [N, F] -> [N] or, for several targets, [N, K].

    Source: sklearn/neural_network/_multilayer_perceptron.py, MLPRegressor.predict (1.9).
    """
    y = _last_layer(model, x)
    return op.take(y, 0, axis=1) if y.shape[1] == 1 else y


@converts(
    "sklearn.neural_network.MLPClassifier",
    consumes=_ARCHITECTURE,
    ignores=_TRAINING,
    objections=_labels_refused,
)
def mlp_classifier(model: MLPClassifier, x: Array | Table) -> Results:
    """The class of the greatest probability, [N, F] -> [N]; of labels [N, K], those above 1/2.

    Source: sklearn/neural_network/_multilayer_perceptron.py, MLPClassifier;
    sklearn/preprocessing/_label.py, LabelBinarizer.inverse_transform (1.9).
    """
    y = _last_layer(model, x)
    probability = y
    if model.n_outputs_ == 1:
        probability = op.concat(np.ones((), y.dtype) - y, y, axis=1)
    return {
        "predict": _predicted(model, y),
        "predict_proba": probability,
        "predict_log_proba": op.log(probability),
    }


def _predicted(model: MLPClassifier, y: Array) -> Array:
    """The label of each row, [N, K] -> [N], or an indicator of each label, [N, K]."""
    kind = model._label_binarizer.y_type_  # noqa: SLF001  as predict does
    if kind == "multiclass":
        return labels.of_greatest(model.classes_, y)
    above = op.cast(y > np.full((), 0.5, y.dtype), dtype=np.int64)
    if kind == "multilabel-indicator":
        return above
    index = op.take(above, 0, axis=1)
    # Trained on one class alone, it gives that class.
    return labels.label(model.classes_, index if len(model.classes_) > 1 else index * 0)


def _last_layer(model: Any, x: Array | Table) -> Array:
    """``activation(x @ coefs_[i] + intercepts_[i])``, layer by layer: [N, F] -> [N, K].

    Source: sklearn/neural_network/_multilayer_perceptron.py, _forward_pass_fast (1.9).
    """
    names = [model.activation] * (model.n_layers_ - 2) + [model.out_activation_]
    x = finite_or_sparse(model, x)
    for weights, intercepts, name in zip(model.coefs_, model.intercepts_, names, strict=True):
        x = _ACTIVATIONS[name](affine(x, weights, intercepts))
    return x


@converts(
    "sklearn.neural_network.BernoulliRBM",
    consumes="n_components",
    ignores="learning_rate batch_size n_iter verbose random_state",
)
def bernoulli_rbm(model: BernoulliRBM, x: Array | Table) -> Results:
    """``sigmoid(x @ components_.T + intercept_hidden_)``, [N, F] -> [N, K].

    ``score_samples`` is not given: it corrupts a feature of each row at random.

    Source: sklearn/neural_network/_rbm.py, BernoulliRBM.transform (1.9).
    """
    hidden = product(finite_or_sparse(model, x), model.components_.T) + model.intercept_hidden_
    return {"transform": special.sigmoid(hidden)}
