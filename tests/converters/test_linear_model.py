"""Linear regressors and classifiers of scikit-learn."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model as sk
from sklearn.base import clone
from sklearn.utils.extmath import softmax

import sparkbird
from sparkbird.converters import registry
from sparkbird.converters.sklearn.linear_model import REGRESSORS
from sparkbird.errors import InvalidValueError, UnsupportedOptionError
from tests.parity import Case, check, compare, parameters
from tests.rows import (
    boolean_labels,
    continuous,
    far_from_zero,
    float_labels,
    gaussian,
    named_numbers,
    small_integers,
    string_labels,
    three_classes,
    two_targets,
)

#: A product of matrices sums in another order than BLAS does, so terms that cancel leave a
#: difference of a few last digits of the largest of them.
CANCELLED = 1e-13

#: The logarithm of a probability near 1 has the error of the probability itself, 1e-16, and
#: that of a probability near 0, taken as 1 less one near 1, is that much greater.
LOGARITHM = 1e-12


#: The same for a model fitted on float32, whose coefficients may be float32 and whose
#: intercept makes float64 of their product.
SINGLE = 1e-5


def in_both_types(cases):
    """Each case that says nothing of types once for float64, and once for float32."""
    for case in cases:
        if case.dtypes != ("float64", "float32") or not isinstance(case.rows()[0], np.ndarray):
            yield case
        else:
            yield replace(case, dtypes=("float64",))
            yield replace(case, dtypes=("float32",), rtol=2e-6, atol=SINGLE)


def one_target_in_a_column():
    X, y = continuous()
    return X, y.reshape(-1, 1)


def three_targets():
    X, y = two_targets()
    return X, np.column_stack([y, np.sin(X[:, 0])])


def constant_and_two_targets():
    """One column is the same everywhere, another far from zero."""
    X, y = two_targets()
    X[:, 2] = 3.0
    X[:, 3] += 1e3
    return X, y


def constant_and_one_target():
    X, y = constant_and_two_targets()
    return X, y[:, 0]


def named_and_two_targets():
    """A dataframe whose columns are not in alphabetical order."""
    X, y = two_targets()
    return pd.DataFrame(X, columns=["width", "age", "height", "b", "a"]), y


def named_and_one_target():
    X, y = named_and_two_targets()
    return X, y[:, 0]


def one_column():
    X, y = continuous()
    return X[:, :1], y


def narrow_integers():
    X, y = three_classes()
    return X, np.array([-3, 5, 100], np.int8)[y]


def small_floats():
    X, y = gaussian()
    return X, np.array([0.0, 1.0], np.float32)[y]


def object_labels():
    X, y = three_classes()
    return X, np.array(["a", "long label", "é"], object)[y]


def labels_of_two_strings():
    X, y = gaussian()
    return X, np.array(["no", "yes"])[y]


def indicators():
    X, y = three_classes()
    return X, np.column_stack([y == 0, X[:, 1] > 0, X[:, 2] > 0.5]).astype(int)


def separated():
    """Scores in the thousands: each probability is 0 or 1 to the last digit."""
    X, y = three_classes()
    return X * 1000, y


def separated_in_two():
    X, y = gaussian()
    return X * 1000, y


#: What the module converts beside its table of regressors.
CLASSIFIERS = (
    "LogisticRegression",
    "LogisticRegressionCV",
    "PassiveAggressiveClassifier",
    "PassiveAggressiveRegressor",
    "Perceptron",
    "RidgeClassifier",
    "RidgeClassifierCV",
    "SGDClassifier",
    "SGDRegressor",
)

REGRESSION = [
    *(
        Case(getattr(sk, name)(), rows[name.startswith("MultiTask")], atol=1e-11, terms=1e3)
        for name in REGRESSORS
        for rows in (
            (constant_and_one_target, constant_and_two_targets),
            (named_and_one_target, named_and_two_targets),
        )
    ),
    *(
        Case(getattr(sk, name)(), continuous, atol=CANCELLED)
        for name in REGRESSORS
        if not name.startswith("MultiTask")
    ),
    *(
        Case(getattr(sk, name)(), two_targets, atol=CANCELLED)
        for name in REGRESSORS
        if name.startswith("MultiTask")
    ),
    *(
        Case(model, two_targets, atol=CANCELLED)
        for model in (
            sk.LinearRegression(),
            sk.LinearRegression(positive=True),
            sk.Ridge(alpha=np.array([0.1, 2.0])),
            sk.RidgeCV(alpha_per_target=True),
            sk.Lasso(0.01),
            sk.ElasticNet(0.01),
            sk.Lars(),
            sk.LassoLars(0.01),
            sk.OrthogonalMatchingPursuit(n_nonzero_coefs=2),
        )
    ),
    *(
        Case(model, one_target_in_a_column, atol=CANCELLED)
        for model in (
            sk.LinearRegression(),
            sk.Ridge(),
            sk.RidgeCV(),
            sk.Lasso(0.01),
            sk.ElasticNet(0.01),
            sk.Lars(),
            sk.OrthogonalMatchingPursuit(),
            sk.MultiTaskLasso(0.01),
        )
    ),
    *(
        Case(getattr(sk, name)(fit_intercept=False), continuous, atol=CANCELLED)
        for name in (
            "LinearRegression",
            "Ridge",
            "Lasso",
            "BayesianRidge",
            "HuberRegressor",
            "Lars",
            "SGDRegressor",
        )
    ),
    Case(sk.Ridge(fit_intercept=False), three_targets, atol=CANCELLED),
    # Columns of 1e6 that cancel to 1: the last digits of their sum are those of 1e6.
    Case(sk.Ridge(), far_from_zero, atol=1e-8, dtypes=("float64",)),
    Case(sk.Ridge(solver="sag", random_state=0), one_column, atol=CANCELLED),
    Case(
        sk.LinearRegression(), small_integers, atol=CANCELLED, dtypes=("float64", "int64", "bool")
    ),
    Case(sk.Lasso(0.01), small_integers, atol=CANCELLED, dtypes=("int64", "bool")),
    Case(sk.LinearRegression(), named_numbers, atol=CANCELLED),
    Case(sk.LassoLarsIC(criterion="bic", positive=True), continuous, atol=CANCELLED),
    Case(
        sk.LassoCV(cv=3, n_jobs=1, selection="random", random_state=0), continuous, atol=CANCELLED
    ),
    *(
        Case(
            sk.SGDRegressor(loss=loss, average=average, random_state=0), continuous, atol=CANCELLED
        )
        for loss in ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive")
        for average in (False, 10)
    ),
]

CLASSIFICATION = [
    *(
        Case(sk.LogisticRegression(solver=solver, random_state=0), labels, atol=LOGARITHM)
        for solver in ("lbfgs", "newton-cg", "newton-cholesky", "sag", "saga", "liblinear")
        for labels in (gaussian, three_classes)
        if (solver, labels) != ("liblinear", three_classes)
    ),
    *(
        Case(sk.LogisticRegression(), labels, atol=LOGARITHM)
        for labels in (
            string_labels,
            boolean_labels,
            float_labels,
            small_floats,
            narrow_integers,
            object_labels,
            labels_of_two_strings,
            named_numbers,
        )
    ),
    *(
        Case(sk.LogisticRegression(C=1e6, max_iter=1000), labels, atol=LOGARITHM, methods=methods)
        for labels in (separated, separated_in_two)
        # Not the logarithm: the score of 1000 has an error of 1e-13, and so has -1000 as its
        # logarithm, but on the way lies a probability that may be of 5e-324.
        for methods in (("predict", "predict_proba", "decision_function"),)
    ),
    Case(
        sk.LogisticRegression(class_weight="balanced", fit_intercept=False),
        three_classes,
        atol=LOGARITHM,
    ),
    Case(
        sk.LogisticRegression(
            solver="saga", l1_ratio=0.5, class_weight={0: 1, 1: 3}, random_state=0
        ),
        gaussian,
        atol=LOGARITHM,
    ),
    Case(
        sk.LogisticRegression(), small_integers, atol=LOGARITHM, dtypes=("float64", "int64", "bool")
    ),
    *(
        Case(
            sk.LogisticRegressionCV(Cs=3, cv=3, refit=refit),
            labels,
            atol=LOGARITHM,
        )
        for refit in (True, False)
        for labels in (gaussian, string_labels)
    ),
    *(
        Case(sk.SGDClassifier(loss=loss, alpha=0.1, random_state=0), labels, atol=LOGARITHM)
        for loss in sk.SGDClassifier.loss_functions
        for labels in (labels_of_two_strings, three_classes)
    ),
    *(
        Case(sk.SGDClassifier(loss=loss, average=True, random_state=0), labels, atol=LOGARITHM)
        for loss in ("log_loss", "modified_huber")
        for labels in (separated, separated_in_two)
    ),
    *(
        Case(model, labels, atol=CANCELLED)
        for model in (
            sk.RidgeClassifier(),
            sk.RidgeClassifier(class_weight="balanced", fit_intercept=False),
            sk.RidgeClassifierCV(),
            sk.Perceptron(random_state=0),
            sk.Perceptron(penalty="elasticnet", fit_intercept=False, random_state=0),
        )
        for labels in (gaussian, string_labels)
    ),
    *(
        Case(model, indicators, atol=CANCELLED)
        for model in (sk.RidgeClassifier(), sk.RidgeClassifierCV())
    ),
]


@pytest.mark.parametrize(("case", "dtype"), parameters([*in_both_types(REGRESSION)]))
def test_a_regressor_gives_what_scikit_learn_gives(case, dtype):
    check(case, dtype)


@pytest.mark.parametrize(("case", "dtype"), parameters([*in_both_types(CLASSIFICATION)]))
def test_a_classifier_gives_what_scikit_learn_gives(case, dtype):
    check(case, dtype)


def test_a_classifier_of_one_class_is_refused():
    X, _ = gaussian()
    model = sk.RidgeClassifier().fit(X, np.ones(len(X), int))
    with pytest.raises(UnsupportedOptionError, match="a classifier of 1 classes"):
        sparkbird.compile(model)


@pytest.mark.parametrize(
    ("model", "labels"),
    [
        (sk.SGDClassifier(penalty="l1", loss="log_loss", random_state=0), three_classes),
        (sk.SGDClassifier(penalty="l1", loss="log_loss", random_state=0), gaussian),
        (sk.LogisticRegression(), three_classes),
        (sk.SGDRegressor(random_state=0), continuous),
    ],
)
def test_a_sparse_coef_gives_what_a_dense_one_gives(model, labels):
    X, y = labels()
    fitted = clone(model).fit(X, y).sparsify()
    compiled = sparkbird.compile(fitted)
    case = Case(fitted, labels, atol=LOGARITHM)
    for method in compiled.outputs:
        compare(case, compiled, fitted, method, X)


@pytest.mark.parametrize(
    "model", [sk.LogisticRegression(), sk.SGDClassifier(loss="log_loss", random_state=0)]
)
@pytest.mark.parametrize("labels", [gaussian, three_classes])
def test_scores_of_any_size_give_the_probabilities_of_the_original(model, labels):
    X, y = labels()
    fitted = clone(model).fit(X, y)
    fitted.coef_ = np.ones_like(fitted.coef_) * np.arange(1.0, len(fitted.coef_) + 1)[:, None]
    fitted.intercept_ = np.zeros_like(fitted.intercept_)
    rows = np.zeros((9, X.shape[1]))
    rows[:, 0] = [800, -800, 1e300, -1e300, 710, -745, 0.0, -0.0, 5e-324]
    compiled = sparkbird.compile(fitted, inputs=rows)
    with np.errstate(all="ignore"):
        for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
            actual = getattr(compiled, method)(rows)
            expected = getattr(fitted, method)(rows)  # NaN for sigmoids of 0 in older versions
            np.testing.assert_allclose(actual, expected, 1e-12)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # scikit-learn 1.8 calls them deprecated
    PASSIVE_AGGRESSIVE = [
        (sk.PassiveAggressiveClassifier(random_state=0), three_classes),
        (sk.PassiveAggressiveClassifier(random_state=0, average=True), object_labels),
        (sk.PassiveAggressiveClassifier(loss="squared_hinge", C=0.1), gaussian),
        (sk.PassiveAggressiveRegressor(random_state=0), continuous),
        (sk.PassiveAggressiveRegressor(fit_intercept=False), one_column),
        (sk.PassiveAggressiveRegressor(loss="squared_epsilon_insensitive"), continuous),
    ]


@pytest.mark.filterwarnings("ignore:Class PassiveAggressive:FutureWarning")
@pytest.mark.parametrize(("model", "rows"), PASSIVE_AGGRESSIVE)
def test_passive_aggressive_models_are_compiled(model, rows):
    check(Case(model, rows, atol=CANCELLED), "float64")


@pytest.mark.filterwarnings("ignore:'multi_class' was deprecated:FutureWarning")
@pytest.mark.parametrize("multi_class", ["auto", "ovr", "multinomial", "deprecated", "warn"])
@pytest.mark.parametrize("solver", ["lbfgs", "liblinear"])
@pytest.mark.parametrize("labels", [gaussian, three_classes])
def test_multi_class_of_older_versions_chooses_the_link(multi_class, solver, labels):
    X, y = labels()
    model = OlderLogisticRegression().fit(X, y)
    model.multi_class, model.solver = multi_class, solver
    compiled = sparkbird.compile(model)
    np.testing.assert_allclose(compiled.predict_proba(X), model.expected_proba(X), 1e-12)


class OlderLogisticRegression(sk.LogisticRegression):
    """As of scikit-learn 1.3 to 1.7: predict_proba asks `multi_class`."""

    def __init__(self, multi_class="auto", solver="lbfgs"):
        super().__init__(solver=solver)
        self.multi_class = multi_class

    def expected_proba(self, X):
        """Source: sklearn/linear_model/_logistic.py, LogisticRegression.predict_proba (1.5)."""
        ovr = self.multi_class in ["ovr", "warn"] or (
            self.multi_class in ["auto", "deprecated"]
            and (self.classes_.size <= 2 or self.solver == "liblinear")
        )
        if ovr:
            return super()._predict_proba_lr(X)
        decision = self.decision_function(X)
        decision_2d = np.c_[-decision, decision] if decision.ndim == 1 else decision
        return softmax(decision_2d, copy=False)


@pytest.mark.parametrize("name", [*REGRESSORS, *CLASSIFIERS])
def test_every_parameter_of_the_class_is_in_exactly_one_list(name):
    ledger = registry.ledger(f"sklearn.linear_model.{name}")
    lists = [*ledger.consumes, *ledger.ignores, *ledger.refuses]
    assert len(lists) == len({*lists})
    assert {*registry.parameters(getattr(sk, name))} <= {*lists}


def test_rows_with_nan_or_infinity_are_named_as_invalid():
    X, y = gaussian()
    compiled = sparkbird.compile(sk.Ridge().fit(X, y))
    X[3, 2] = np.inf
    with pytest.raises(InvalidValueError, match="Ridge takes no NaN or infinity, and 1 of 96 rows"):
        compiled.predict(X)
