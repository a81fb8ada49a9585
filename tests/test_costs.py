"""The cost model: what is predicted, of which prices, and that these are read and written."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import pandas as pd
import pytest
import yaml
from onnx import helper
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from typer.testing import CliRunner

import sparkbird
from sparkbird.benchmark.costs import MEASURED, PREDICTED, RATIO
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.run import run
from sparkbird.cli import app
from sparkbird.costs import graphs, predicted
from sparkbird.costs.families import FAMILIES, Applied, Value, counted
from sparkbird.errors import ConfigError, OutputError
from sparkbird.prices import COSTS, Prices, current, shipped
from sparkbird.prices.fit import cost, fitted
from sparkbird.prices.units import UNITS
from sparkbird.runtime.plan import KERNELS
from sparkbird.runtime.sessions import open_session

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 5))
Y = X @ RNG.standard_normal(5)
LABELS = Y > 0
FRAME = pd.DataFrame({"city": ["Bern", "Chur", "Genf"] * 100, "a": X[:, 0], "b": X[:, 1]})
ENCODED = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["city"]),
    (StandardScaler(), ["a", "b"]),
)
F64 = np.dtype(np.float64)


def opened(model, x=X, **options):
    compiled = sparkbird.compile(model, x, **options)
    return open_session(compiled.to_bytes(), compiled.outputs[:1])


def forest(trees, depth=4):
    return RandomForestRegressor(trees, max_depth=depth, random_state=0).fit(X, Y)


# What is predicted

# fmt: off
MODELS = [
    (LinearRegression(),                                      X,     ["columns", "graph"]),
    (KNeighborsClassifier(),                                  X,     ["columns", "graph"]),
    (RandomForestClassifier(5, random_state=0),               X,     ["columns", "forest", "graph"]),
    (make_pipeline(PCA(2), RandomForestClassifier(5)),        X,     ["columns", "graph", "forest", "graph"]),
    (make_pipeline(ENCODED, LogisticRegression()),            FRAME, ["columns", "look-up", "graph"]),
    (make_pipeline(ENCODED, RandomForestClassifier(5)),       FRAME, ["columns", "look-up", "graph", "forest", "graph"]),
]
# fmt: on


@pytest.mark.parametrize(("model", "x", "kinds"), MODELS)
def test_a_prediction_is_the_sum_of_its_pieces(model, x, kinds):
    pytest.importorskip("llvmlite")
    found = predicted(opened(model.fit(x, LABELS), x, outputs="predict", strategy="ensemble"))
    assert [share.kind for share in found.shares] == kinds
    assert found.seconds == pytest.approx(sum(share.seconds for share in found.shares))
    for share in found.shares:
        assert share.seconds > 0
        if share.details:
            assert share.seconds == pytest.approx(sum(s for _, s in share.details))


def test_more_trees_and_deeper_ones_are_predicted_to_take_longer():
    pytest.importorskip("llvmlite")
    took = [
        predicted(opened(forest(trees, depth), strategy="ensemble")).seconds
        for trees, depth in ((5, 2), (50, 2), (50, 8), (50, None))
    ]
    assert took == sorted(took)
    assert took[-1] > 2 * took[0]


def test_without_kernels_a_forest_is_priced_as_that_of_onnxruntime(monkeypatch):
    monkeypatch.setenv(KERNELS, "0")
    few, many = (predicted(opened(forest(n), strategy="ensemble")) for n in (5, 50))
    details = [dict(found.shares[-1].details)["trees"] for found in (few, many)]
    assert 5 * details[0] < details[1] < 20 * details[0]


def test_more_rows_take_longer_in_all_and_less_each():
    session = opened(make_pipeline(StandardScaler(), LinearRegression()).fit(X, Y))
    few, many = (predicted(session, rows=rows) for rows in (16, 10_000))
    assert many.seconds < few.seconds
    assert 16 * few.seconds < 10_000 * many.seconds


def test_dearer_prices_predict_more():
    session, prices = opened(LinearRegression().fit(X, Y)), shipped()
    operators = {f: {u: 2 * p for u, p in units.items()} for f, units in prices.operators.items()}
    dear = prices.model_copy(update={"operators": operators})
    shares = predicted(session).shares, predicted(session, prices=dear).shares
    assert shares[1][0] == shares[0][0]
    assert shares[1][1].seconds == pytest.approx(2 * shares[0][1].seconds)


def test_explain_prints_each_piece_and_the_total():
    pytest.importorskip("llvmlite")
    model = make_pipeline(ENCODED, RandomForestClassifier(5)).fit(FRAME, LABELS)
    lines = sparkbird.compile(model, FRAME, strategy="ensemble").explain().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("predicted µs a row"))
    assert "batches of 10,000, one thread" in lines[start]
    assert current().machine.processor in lines[start]
    figures = [float(line.split()[0]) for line in lines[start + 1 :]]
    assert lines[-1].endswith("in all")
    assert figures[-1] == pytest.approx(sum(figures[:-1]), rel=0.02)
    assert "look-up of city" in "\n".join(lines)


def test_what_depends_on_the_rows_is_said_to_be_missing():
    texts = pd.Series(["one two", "two three"] * 150)
    found = predicted(opened(TfidfVectorizer().fit(texts), texts))
    assert "in all, at least: a text counts as one word" in str(found)
    neighbours = predicted(opened(KNeighborsClassifier().fit(X, LABELS)))
    assert "a loop counts as done once" in neighbours.lacking


def test_a_device_without_prices_gets_no_prediction(monkeypatch):
    compiled = sparkbird.compile(LinearRegression().fit(X, Y))
    session = replace(
        open_session(compiled.to_bytes(), ["predict"]), providers=("CUDAExecutionProvider",)
    )
    monkeypatch.setattr(type(compiled), "_apply", lambda *_, **__: session)
    assert "no time is predicted of a batch on CUDA" in compiled.explain()


# What is counted


def value(*shape, dtype=F64):
    return Value(shape, np.dtype(dtype))


# fmt: off
COUNTS = [
    ("Add",    [value(8, 4), value(8, 4)],              value(8, 4), {}, "arithmetic", {"element": 32, "byte": 768, "span": 0}),
    ("Add",    [value(8, 4), value(4)],                 value(8, 4), {}, "arithmetic", {"element": 32, "byte": 544, "span": 8}),
    ("Add",    [value(8, 4), value()],                  value(8, 4), {}, "arithmetic", {"element": 32, "byte": 520, "span": 0}),
    ("Add",    [value(8, 1), value()],                  value(8, 1), {}, "arithmetic", {"element": 8, "byte": 136, "span": 8}),
    ("Exp",    [value(8, 4, dtype=np.float32)],         value(8, 4, dtype=np.float32), {}, "exponential", {"element32": 32, "span": 0}),
    ("MatMul", [value(8, 4), value(4, 2)],              value(8, 2), {}, "product", {"multiply64": 64, "output": 16, "byte": 128}),
    ("MatMul", [value(8, 4), value(4, 1)],              value(8, 1), {}, "product", {"input": 36, "byte": 64}),
    ("Gather", [value(8, 4), value(2, dtype=np.int64)], value(8, 2), {"axis": 1}, "gather", {"block": 16, "byte": 128}),
    ("Gather", [value(8, 4), value(2, dtype=np.int64)], value(2, 4), {"axis": 0}, "gather", {"block": 2, "byte": 64}),
    ("Concat", [value(8, 4), value(8, 1)],              value(8, 5), {"axis": -1}, "copy", {"block": 16, "byte": 320}),
    ("Slice",  [value(8, 4)],                           value(8, 2), {}, "slice", {"block": 8, "byte": 128}),
    ("Cast",   [value(8)],                              value(8, dtype=bool), {}, "cast", {"to_boolean": 8}),
    ("Cast",   [value(8, dtype=np.int64)],              value(8), {}, "cast", {"to_float": 8}),
    ("Equal",  [value(8, dtype=object)],                value(8, dtype=bool), {}, "text", {"string": 8}),
    ("LabelEncoder", [value(8, dtype=object)],          value(8), {}, "lookup", {"string": 8}),
    ("CumSum", [value(8, 2)],                           value(8, 2), {}, "running", {"element": 16}),
    ("Novel",  [value(8)],                              value(8), {}, "arithmetic", {"element": 8, "byte": 128, "span": 0}),
]
# fmt: on


@pytest.mark.parametrize(("operator", "inputs", "output", "attributes", "family", "units"), COUNTS)
def test_an_operator_is_counted_by_the_units_of_its_family(
    operator, inputs, output, attributes, family, units
):
    found = counted(Applied(operator, inputs, [output], attributes))
    assert found[0] == family
    assert {unit: n for unit, n in found[1].items() if unit != "launch"} == units


def test_a_tensor_in_another_shape_costs_its_launch_alone():
    assert counted(Applied("Reshape", [value(8, 4)], [value(32)])) == ("", {})


def test_every_unit_that_is_counted_has_a_price():
    x = value(8, 4)
    for family, (_, operators) in FAMILIES.items():
        for operator in operators:
            found, units = counted(Applied(operator, [x, x], [x]))
            assert found == family
            assert {*units} <= {*UNITS["operators"][family]}


def test_shapes_are_those_for_the_number_of_rows():
    node = helper.make_node("Add", ["x", "x"], ["y"])
    info = [helper.make_tensor_value_info(n, onnx.TensorProto.DOUBLE, ["N", 3]) for n in "xy"]
    model = helper.make_model(
        helper.make_graph([node], "g", info[:1], info[1:]),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=10,
    )
    work = graphs.work(model.SerializeToString(), 7)
    assert [v.shape for applied in work.applied for v in applied.outputs] == [(7, 3)]
    assert (work.handed, work.strings) == (2, 0)


# Prices


def test_prices_are_fitted_and_none_is_negative():
    samples = [({"row": n, "call": 1.0}, 5.0 + 2.0 * n) for n in (1.0, 10.0, 100.0)]
    assert fitted(samples, ("call", "row", "never")) == {"call": 5.0, "row": 2.0, "never": 0.0}
    falls = [({"row": n, "call": 1.0}, 100.0 - n) for n in (1.0, 10.0, 50.0)]
    assert min(fitted(falls).values()) == 0
    assert cost({"row": 2}, {"row": 3.0, "call": 1.0}) == 6


def test_prices_come_back_as_they_were_written(tmp_path):
    shipped().write(tmp_path / "new" / "costs.yaml")
    assert Prices.read(tmp_path / "new" / "costs.yaml") == shipped()


def test_prices_that_cannot_be_written_say_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        shipped().write(tmp_path / "file" / "costs.yaml")


def test_a_variable_names_the_file_of_prices(tmp_path, monkeypatch):
    path = tmp_path / "costs.yaml"
    machine = shipped().machine.model_copy(update={"processor": "another one"})
    shipped().model_copy(update={"machine": machine}).write(path)
    monkeypatch.setenv(COSTS, str(path))
    assert current().machine.processor == "another one"
    assert "another one" in sparkbird.compile(LinearRegression().fit(X, Y)).explain()


def without(plain):
    del plain["own"]["kernels"]["ranked"]


def unknown(plain):
    plain["operators"]["arithmetic"]["elemnt"] = 1.0


def negative(plain):
    plain["own"]["lookups"]["row"] = -1.0


def infinite(plain):
    plain["own"]["lookups"]["row"] = float("inf")


def text(plain):
    plain["operators"]["run"]["call"] = "much"


def no_cpu(plain):
    del plain["strategies"]["cpu"]


def no_family(plain):
    del plain["operators"]["gather"]


def no_machine(plain):
    del plain["machine"]


def odd_date(plain):
    plain["machine"]["date"] = "yesterday"


def odd_device(plain):
    plain["strategies"]["tpu"] = {}


def odd_section(plain):
    plain["colour"] = "red"


BAD = [
    (without, r"own.kernels lacks the price of 'ranked'"),
    (unknown, r"operators.arithmetic has an unknown 'elemnt'"),
    (negative, r"own.lookups.row: Input should be greater than or equal to 0"),
    (infinite, r"own.lookups.row: Input should be a finite number"),
    (text, r"operators.run.call: Input should be a valid number"),
    (no_cpu, r"strategies lacks 'cpu'"),
    (no_family, r"operators lacks 'gather'"),
    (no_machine, r"machine: Field required"),
    (odd_date, r"machine.date: String should match pattern"),
    (odd_device, r"strategies has an unknown 'tpu'"),
    (odd_section, r"colour: Extra inputs are not permitted"),
]


@pytest.mark.parametrize(("spoil", "fact"), BAD, ids=[spoil.__name__ for spoil, _ in BAD])
def test_a_bad_file_is_refused_with_what_is_wrong_in_it(tmp_path, spoil, fact):
    plain = shipped().model_dump()
    spoil(plain)
    path = tmp_path / "costs.yaml"
    path.write_text(yaml.safe_dump(plain))
    with pytest.raises(ConfigError, match=fact) as caught:
        Prices.read(path)
    assert str(path) in caught.value.fact
    assert "bench --calibrate" in caught.value.hint


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", b"just a word"])
def test_what_is_no_file_of_prices_is_refused(tmp_path, content):
    path = tmp_path / "costs.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="prices in"):
        Prices.read(path)
    with pytest.raises(ConfigError, match=r"cannot read prices from .*nothing\.yaml"):
        Prices.read(tmp_path / "nothing.yaml")


def test_the_file_in_conf_is_one_of_prices():
    from tests.test_readme import ROOT

    files = [*(ROOT / "conf" / "costs").glob("*.yaml")]
    assert files
    assert not any(Prices.read(path).machine.quick for path in files)


# The commands


@pytest.mark.slow
def test_calibrating_writes_a_file_that_can_be_used(tmp_path, monkeypatch):
    pytest.importorskip("llvmlite")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["bench", "--calibrate", "--quick"])
    assert done.exit_code == 0, done.output
    (path,) = (tmp_path / "conf" / "costs").iterdir()
    assert str(path.relative_to(tmp_path)) in done.stdout
    prices = Prices.read(path)
    assert prices.machine.quick
    assert prices.machine.versions["onnxruntime"]
    assert prices.strategies["cuda"] == shipped().strategies["cuda"]
    assert predicted(opened(forest(5)), prices=prices).seconds > 0


@pytest.mark.parametrize(
    "case",
    ["LinearRegression", "RandomForest, 100 x depth 6", "one-hot, imputer, scaler, boosting"],
)
def test_the_suite_has_what_is_predicted_and_measured_side_by_side(case):
    pytest.importorskip("threadpoolctl")
    (group,) = run(Options(repeats=2, quick=True, cases=(case,)), ["costs"])
    (found,) = group.measurements
    assert found.case == case
    assert len(found.seconds) == 2
    before, after, ratio = (found.facts[name] for name in (PREDICTED, MEASURED, RATIO))
    assert ratio == pytest.approx(after / before)
    assert group.summary["within 1.5 times"] in ("0 of 1", "1 of 1")
    assert "prices of" in group.notes[0].lower()


def test_workers_read_no_prices(tmp_path):
    """Neither prices nor what reads them is loaded where rows are scored."""
    sparkbird.compile(LinearRegression().fit(X, Y)).save(tmp_path / "m.onnx")
    code = (
        "import sys, numpy, sparkbird\n"
        "sparkbird.load(sys.argv[1]).predict(numpy.zeros((3, 5)))\n"
        "print(*sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "m.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {*done.stdout.split()}
    assert loaded.isdisjoint({"onnx", "pydantic", "yaml", "sparkbird.prices", "sparkbird.costs"})
