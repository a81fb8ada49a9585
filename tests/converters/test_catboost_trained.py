"""CatBoost models that were changed or read again after training, or are inside others."""

import numpy as np
import pytest
from catboost import CatBoostClassifier, CatBoostRegressor, sum_models
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingRegressor, VotingClassifier
from sklearn.linear_model import LogisticRegression

import sparkbird
from sparkbird.errors import UnsupportedOptionError
from tests.converters.boundaries import assert_equal
from tests.converters.test_catboost import (
    GROWN,
    ROUNDED,
    classifier,
    methods_of,
    one_class,
    regressor,
    yes_or_no,
)
from tests.converters.test_hist_gradient_boosting import positive_target
from tests.parity import Case, check, parameters
from tests.rows import continuous, gaussian, string_labels, three_classes, two_targets

INSIDE = [
    Case(CalibratedClassifierCV(classifier(), cv=2), gaussian, dtypes=("float64",), **ROUNDED),
    Case(
        VotingClassifier([("a", classifier()), ("b", LogisticRegression())], voting="soft"),
        three_classes,
        dtypes=("float64",),
        numbers=(0.0, -0.0, 0.5, 5e-324),  # LogisticRegression overflows on others
        **ROUNDED,
    ),
    Case(StackingRegressor([("a", regressor())], cv=2), continuous, dtypes=("float64",)),
]


@pytest.mark.parametrize(("case", "dtype"), parameters(INSIDE))
def test_models_with_catboost_inside_give_what_they_give(case, dtype):
    check(case, dtype)


@pytest.mark.parametrize("threshold", [0.7, 0.5, 1e-3, 0.0, 1.0, None])
@pytest.mark.parametrize("loss", ["Logloss", "MultiLogloss"])
def test_the_threshold_of_the_probability_decides(loss, threshold):
    X, y = yes_or_no()
    model = classifier(loss_function=loss).fit(X, y if loss == "MultiLogloss" else y[:, 0])
    model.set_probability_threshold(threshold)
    np.testing.assert_array_equal(sparkbird.compile(model).predict(X), model.predict(X))


@pytest.mark.parametrize("scale_and_bias", [(2.0, 0.5), (-0.3, 0.0), (1.0, 1 / 3), (0.1, -7.7)])
@pytest.mark.parametrize(("loss", "rows"), [("RMSE", continuous), ("MultiRMSE", two_targets)])
def test_scale_and_bias_are_those_that_were_set(scale_and_bias, loss, rows):
    X, y = rows()
    model = regressor(loss_function=loss).fit(X, y)
    scale, bias = scale_and_bias
    model.set_scale_and_bias(scale, bias if y.ndim == 1 else [bias, 0.0])
    np.testing.assert_array_equal(sparkbird.compile(model).predict(X), model.predict(X))


def test_a_scaled_classifier_gives_its_probabilities_and_labels():
    X, y = string_labels()
    model = classifier(loss_function="MultiClass").fit(X, y)
    model.set_scale_and_bias(-0.7, [0.5, 0.0, 0.25])
    compiled = sparkbird.compile(model)
    np.testing.assert_array_equal(compiled.predict(X), model.predict(X))
    np.testing.assert_allclose(compiled.predict_proba(X), model.predict_proba(X), 1e-13)


def test_a_row_of_no_class_fails_where_catboost_fails():
    X, y = one_class()
    model = classifier(allow_const_label=True).fit(X, y)
    model.set_scale_and_bias(-1.0, 0.0)
    with pytest.raises(IndexError):
        model.predict(X)
    with pytest.raises(ValueError, match="trained on one class"):
        sparkbird.compile(model).predict(X)


def test_a_model_that_stopped_early_or_was_shrunken_has_the_trees_that_are_left():
    X, y = gaussian()
    held_out = (X[48:], y[48:])
    model = classifier(iterations=60, learning_rate=0.5, use_best_model=True)
    model.fit(X[:48], y[:48], eval_set=held_out, early_stopping_rounds=5)
    assert model.tree_count_ < 60
    for left in (model.tree_count_, 2):
        model.shrink(left)
        compiled = sparkbird.compile(model)
        assert compiled.leaf(X).shape == (len(X), left)
        assert_equal(compiled, model, X, methods_of(model))
    later = model.copy()
    later.shrink(2, ntree_start=1)
    assert_equal(sparkbird.compile(later), later, X, methods_of(later))


def test_a_model_trained_further_with_weights_and_scores_to_start_from():
    X, y = continuous()
    first = regressor().fit(X, y)
    model = regressor().fit(X, y, sample_weight=np.linspace(0.1, 2.0, len(X)), init_model=first)
    assert_equal(sparkbird.compile(model), model, X, methods_of(model))


@pytest.mark.parametrize("grown", [{}, *GROWN], ids=["symmetric", "depthwise", "lossguide"])
@pytest.mark.parametrize("form", ["cbm", "json"])
def test_a_model_read_from_a_file_is_the_same(form, grown, tmp_path):
    """One that was read from JSON numbers its leaves otherwise, if they were grown singly."""
    X, y = string_labels()
    model = classifier(depth=5, **grown).fit(X, y)
    model.save_model(tmp_path / "model", format=form)
    read = CatBoostClassifier().load_model(tmp_path / "model", form)
    # As it is after reading: CatBoost reads the last digit of JSON's numbers wrong at times.
    assert_equal(sparkbird.compile(read), read, X, methods_of(read))


def test_a_poisson_model_read_from_a_file_keeps_its_link(tmp_path):
    X, y = positive_target()
    model = regressor(loss_function="Poisson").fit(X, y)
    model.save_model(tmp_path / "model")
    read = CatBoostRegressor().load_model(tmp_path / "model")
    np.testing.assert_allclose(sparkbird.compile(read).predict(X), model.predict(X), 1e-13)


def test_new_leaf_values_and_dropped_features_are_seen():
    X, y = continuous()
    model = regressor(ignored_features=[1]).fit(X, y)
    model.set_leaf_values(model.get_leaf_values() * 1.5)
    model.drop_unused_features()
    np.testing.assert_array_equal(sparkbird.compile(model).predict(X), model.predict(X))


class Deviance:
    """A user's objective, which CatBoost calls with scores, targets and weights."""

    def calc_ders_range(self, scores, targets, weights):
        shares = 1 / (1 + np.exp(-np.array(scores)))
        return list(zip(np.array(targets) - shares, shares * (shares - 1), strict=True))


@pytest.mark.filterwarnings("ignore:Failed to import numba")
def test_an_objective_of_the_users_own_has_the_labels_0_and_1():
    X, y = gaussian()
    model = classifier(loss_function=Deviance(), eval_metric="Logloss").fit(X, y)
    compiled = sparkbird.compile(model)
    assert_equal(compiled, model, X, methods_of(model))
    np.testing.assert_allclose(compiled.predict_proba(X), model.predict_proba(X), 1e-13)


class SoftmaxDeviance:
    """A user's objective of several classes, one row at a time."""

    def calc_ders_multi(self, scores, target, weight):
        shares = np.exp(np.array(scores) - np.max(scores))
        shares /= shares.sum()
        slope = np.eye(len(shares))[int(target)] - shares
        return slope.tolist(), (np.outer(shares, shares) - np.diag(shares)).tolist()


@pytest.mark.filterwarnings("ignore:Failed to import numba")
def test_several_classes_without_labels_are_refused():
    X, y = three_classes()
    own = {"loss_function": SoftmaxDeviance(), "eval_metric": "MultiClass", "classes_count": 3}
    model = classifier(**own).fit(X, y)
    with pytest.raises(IndexError):
        model.predict(X)
    with pytest.raises(UnsupportedOptionError, match="has no labels"):
        sparkbird.compile(model)


def test_models_that_were_summed_are_one():
    X, y = continuous()
    one, other = (regressor(random_seed=seed).fit(X, y) for seed in (1, 2))
    summed = sum_models([one, other], weights=[0.25, 0.75])
    compiled = sparkbird.compile(summed, inputs=X)
    np.testing.assert_allclose(compiled.predict(X), summed.predict(X), rtol=1e-15)
