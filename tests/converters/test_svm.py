"""Linear support vector machines of scikit-learn."""

import numpy as np
import pytest
from sklearn.svm import LinearSVC, LinearSVR

import sparkbird
from sparkbird.converters import registry
from tests.converters.test_linear_model import (
    CANCELLED,
    in_both_types,
    labels_of_two_strings,
    narrow_integers,
    one_column,
)
from tests.parity import Case, check, parameters
from tests.rows import (
    boolean_labels,
    continuous,
    float_labels,
    gaussian,
    named_numbers,
    small_integers,
    string_labels,
    three_classes,
)

CASES = [
    *(
        Case(LinearSVC(random_state=0), rows, atol=CANCELLED)
        for rows in (
            gaussian,
            three_classes,
            string_labels,
            boolean_labels,
            float_labels,
            narrow_integers,
            labels_of_two_strings,
            named_numbers,
        )
    ),
    Case(LinearSVC(multi_class="crammer_singer", random_state=0), three_classes, atol=CANCELLED),
    Case(LinearSVC(multi_class="crammer_singer", random_state=0), gaussian, atol=CANCELLED),
    Case(LinearSVC(loss="hinge", fit_intercept=False, random_state=0), gaussian, atol=CANCELLED),
    Case(LinearSVC(fit_intercept=False, random_state=0), string_labels, atol=CANCELLED),
    Case(
        LinearSVC(penalty="l1", dual=False, class_weight="balanced", random_state=0),
        three_classes,
        atol=CANCELLED,
    ),
    Case(LinearSVC(random_state=0), small_integers, atol=CANCELLED, dtypes=("int64", "bool")),
    *(
        Case(
            LinearSVR(loss=loss, fit_intercept=intercept, random_state=0),
            continuous,
            atol=CANCELLED,
        )
        for loss in ("epsilon_insensitive", "squared_epsilon_insensitive")
        for intercept in (True, False)
    ),
    Case(LinearSVR(random_state=0), one_column, atol=CANCELLED),
    Case(LinearSVR(random_state=0), named_numbers, atol=CANCELLED),
]


@pytest.mark.parametrize(("case", "dtype"), parameters([*in_both_types(CASES)]))
def test_a_linear_machine_gives_what_scikit_learn_gives(case, dtype):
    check(case, dtype)


@pytest.mark.parametrize("cls", [LinearSVC, LinearSVR])
def test_every_parameter_of_the_class_is_in_exactly_one_list(cls):
    ledger = registry.ledger(registry.qualified_name(cls))
    lists = [*ledger.consumes, *ledger.ignores, *ledger.refuses]
    assert len(lists) == len({*lists})
    assert {*registry.parameters(cls)} <= {*lists}


def test_a_sparse_coef_gives_what_a_dense_one_gives():
    X, y = three_classes()
    model = LinearSVC(penalty="l1", dual=False, C=0.1, random_state=0).fit(X, y).sparsify()
    compiled = sparkbird.compile(model)
    np.testing.assert_allclose(
        compiled.decision_function(X), model.decision_function(X), 1e-12, CANCELLED
    )
