"""The benchmark of operators, on few rows: that it runs and says what it should, not how fast."""

import pytest

from sparkbird.benchmark import operators
from sparkbird.benchmark.run import run

OPERATORS = [
    "LogisticRegression",
    "SGDClassifier",
    "LinearSVC",
    "NuSVC",
    "SVC",
    "BernoulliNB",
    "MLPClassifier",
    "DecisionTreeClassifier",
    "Binarizer",
    "MinMaxScaler",
    "Normalizer",
    "PolynomialFeatures",
    "StandardScaler",
]


@pytest.fixture
def few_calls(monkeypatch):
    """sparkbird and scikit-learn alone, and one call at a time."""
    monkeypatch.setattr(operators, "CALLS", 1)
    monkeypatch.setattr(operators, "installed", lambda *needs: not needs)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_each_operator_has_a_line_in_each_table_and_missing_peers_are_named(few_calls):
    _, *tables = run(repeats=1, rows=50, only=["operators"])
    batch, batch32, one, one32, _ = tables
    for part in tables:
        lines = [line.split("|")[1].strip() for line in part.splitlines() if line.startswith("| ")]
        assert lines[1:] == OPERATORS
    assert "50 x 20 rows" in batch
    assert "float32" in batch32
    for part in (batch, batch32, one, one32):
        assert "Hummingbird is not installed." in part
        assert "skl2onnx + onnxruntime is not installed." in part


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_no_label_is_another_than_that_of_the_original(few_calls):
    *_, apart = operators.measured(1, 50)
    for line in apart.splitlines():
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if name in OPERATORS[:8]:
            assert cells == ["0 rows"] * 4
