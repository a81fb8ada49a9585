"""Graphs before and after each rewriting, as text in tests/passes, and both run to the same bits."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sparkbird
from sparkbird.errors import InvalidValueError
from sparkbird.graph import op
from sparkbird.graph.batch import batched
from sparkbird.graph.blocks import in_blocks
from sparkbird.graph.build import build, check, serialized
from sparkbird.graph.columns import narrowed
from sparkbird.graph.screen import screen
from sparkbird.graph.simplify import cut, merged, shortened, simplified
from sparkbird.graph.sparse import Coded, Sparse, affine
from sparkbird.runtime.forests import forests
from sparkbird.runtime.graph import Graph
from sparkbird.runtime.part import Result
from sparkbird.runtime.plan import KERNELS, Plan
from sparkbird.runtime.providers import ON_CPU
from tests.graphs import listing, parse

FOLDER = Path(__file__).parent / "passes"
CPU = ["CPUExecutionProvider"]


def screened(outputs, arguments):
    """The number that tells whether all rows may pass, of a check of the first argument."""
    value = next(iter(arguments.values()))
    return outputs | {"screen": screen({value: True}, outputs.values())}


def looked_up(_, arguments):
    """What the converters write for one-hot encoding and a linear model: the weights by place."""
    hot = Sparse(tuple(Coded(place, np.ones(3)) for place in arguments.values()))
    weights = np.array([0.1, -0.2, 0.3, 1.5, 1e16, -7.0])
    return {"y": affine(hot, weights[:, None], np.array([0.25]))}


#: What is done to the outputs of a graph, given its arguments.
PASSES = {
    "batched": lambda outputs, _: batched(outputs),
    "built": lambda outputs, _: outputs,
    "cut": lambda outputs, _: cut(outputs),
    "in_blocks": lambda outputs, _: in_blocks(outputs),
    "looked_up": looked_up,
    "merged": lambda outputs, _: merged(outputs),
    "narrowed": lambda outputs, _: narrowed(outputs),
    "screened": screened,
    "shortened": lambda outputs, _: shortened(outputs),
    "simplified": lambda outputs, _: simplified(outputs),
}


def fixtures(*passes):
    found = [(path.stem, *sections(path)) for path in sorted(FOLDER.glob("*.txt"))]
    return [pytest.param(*case, id=name) for name, *case in found if case[1] in passes]


def sections(path):
    """The graph before, the name of the pass, and what it makes of the graph."""
    _, before, after = path.read_text().split("--- ")
    name, _, after = after.partition("\n")
    return before.partition("\n")[2], name, after


def built(arguments, outputs):
    content = serialized(proto := build(arguments, outputs))
    check(content)
    return proto


def of_text(text):
    return built(*parse(text))


def rewritten(text, name):
    arguments, outputs = parse(text)
    return built(arguments, PASSES[name](outputs, arguments))


def session(proto):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(proto.SerializeToString(), options, providers=CPU)


def rows_of(arguments, count, *, trapped=True):
    """Random rows, every other one of them with a value that is a trap."""
    rng = np.random.default_rng(count)
    return {n: column(rng, (count, *a.shape[1:]), a.dtype, trapped) for n, a in arguments.items()}


def column(rng, shape, dtype, trapped):
    if dtype.kind == "i":
        return rng.integers(0, 4, shape).astype(dtype)
    values = np.round(rng.normal(size=shape) * 4, 2)
    traps = rng.choice([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e308, 5e-324], shape)
    with np.errstate(over="ignore"):
        return np.where(rng.random(shape) < 0.2 * trapped, traps, values).astype(dtype)


def results(proto, rows):
    one = session(proto)
    return one.run(None, {info.name: rows[info.name] for info in one.get_inputs()})


@pytest.mark.parametrize(("before", "name", "after"), fixtures(*PASSES))
def test_a_pass_writes_what_the_text_says(before, name, after):
    assert listing(rewritten(before, name)) == listing(of_text(after))


@pytest.mark.parametrize(("before", "name", "after"), fixtures(*PASSES))
def test_texts_are_as_they_would_be_written(before, name, after):
    assert listing(of_text(after)) == after


@pytest.mark.parametrize("count", [0, 1, 2, 3, 16, 33, 64])
@pytest.mark.parametrize(("before", "name", "after"), fixtures(*PASSES))
def test_both_graphs_give_the_same_bits(before, name, after, count):
    rows = rows_of(parse(before)[0], count)
    expected, found = results(of_text(before), rows), results(rewritten(before, name), rows)
    for ours, theirs in zip(found, expected, strict=False):  # a screen is a result more
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
        numbers = ~np.isnan(ours) if ours.dtype.kind == "f" else np.ones(ours.shape, bool)
        np.testing.assert_array_equal(np.signbit(ours[numbers]), np.signbit(theirs[numbers]))


@pytest.mark.parametrize(("before", "name", "after"), fixtures(*PASSES))
def test_a_pass_finds_nothing_more_in_what_it_has_written(before, name, after):
    if name not in ("in_blocks", "looked_up", "screened"):
        assert listing(rewritten(after, name)) == after


@pytest.mark.parametrize("features", [1, 3, 20, 128])
@pytest.mark.parametrize("widths", [(1, 1), (1,) * 9, (2, 1), (5, 4), (17, 3)], ids=str)
def test_linear_models_add_up_the_same_whichever_are_beside_them(widths, features):
    rng = np.random.default_rng(features)
    x = op.argument("x", np.float64, features)
    scales = 10.0 ** rng.integers(-8, 8, (features, 1))
    weights = [rng.normal(size=(features, width)) * scales for width in widths]
    outputs = {f"y{i}": op.affine(x, w, rng.normal(size=w.shape[1])) for i, w in enumerate(weights)}
    apart, together = built({"x": x}, outputs), built({"x": x}, batched(outputs))
    assert [node.op_type for node in together.graph.node].count("Gemm") == 1
    for count in (0, 1, 2, 5, 100):
        rows = rows_of({"x": x}, count, trapped=count == 100)
        for one, other in zip(results(together, rows), results(apart, rows), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize(("before", "name", "after"), fixtures("screened"))
def test_a_screen_is_finite_only_if_all_rows_pass(before, name, after, value):
    rows = rows_of(parse(before)[0], 20, trapped=False)
    assert np.isfinite(results(of_text(after), rows)[-1])
    for x in rows.values():
        x[7, -1] = value
    assert not np.isfinite(results(of_text(after), rows)[-1])


def planned(proto, monkeypatch):
    pytest.importorskip("llvmlite")
    monkeypatch.delenv(KERNELS, raising=False)
    outputs = [Result(info.name, np.dtype(np.float64)) for info in proto.graph.output]
    return Plan(proto.SerializeToString(), outputs, ON_CPU)


def thresholds(step):
    """The conditions that a kernel puts to the inputs, one line for each column."""
    for part in step.forest.parts:
        columns = step.fold.columns(part)
        for origin, known in zip(columns.origins, columns.kept, strict=True):
            place = "" if origin.position is None else f"[{origin.position}]"
            limits = ", ".join(map(repr, known[np.isfinite(known)].tolist()))
            yield f"{origin.source}{place} <= {limits}\n"


@pytest.mark.parametrize(("before", "name", "after"), fixtures("folded"))
def test_steps_are_folded_into_the_thresholds_of_a_forest(before, name, after, monkeypatch):
    plan = planned(of_text(before), monkeypatch)
    (step,) = plan.steps
    assert "".join(thresholds(step)) == after
    for count in (0, 1, 33):
        rows = rows_of(parse(before)[0], count)
        (found,) = plan.run(rows).values()
        np.testing.assert_array_equal(found, results(of_text(before), rows)[0])


def conditions(found):
    """The trees that are recognised, one line for each node."""
    trees = found.trees
    yield f"{found.outputs} outputs of {found.trees.threshold.dtype} rows\n"
    for node in range(len(trees.left)):
        if not trees.inner[node]:
            yield f"{node}: {found.values[trees.leaf[node]].tolist()}\n"  # noqa: PD011  of no dataframe
            continue
        test = f"x[{trees.feature[node]}] <= {trees.threshold[node]}"
        test += " or missing" if trees.nan_left[node] else ""
        yield f"{node}: {trees.left[node]} if {test} else {trees.right[node]}\n"


@pytest.mark.parametrize(("before", "name", "after"), fixtures("recognised"))
def test_a_forest_is_recognised_with_the_values_that_are_gathered(before, name, after, monkeypatch):
    proto = of_text(before)
    (found,) = forests(Graph(proto.SerializeToString()))
    assert "".join(conditions(found)) == after
    plan = planned(proto, monkeypatch)
    for count in (0, 1, 33):
        rows = rows_of(parse(before)[0], count)
        given = plan._stepped(rows)
        np.testing.assert_array_equal(given[found.result], results(proto, rows)[0])


def test_columns_that_a_forest_does_not_ask_for_are_not_read():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 6)), columns=[*"abcdef"])
    model = HistGradientBoostingRegressor(max_iter=1, max_leaf_nodes=4).fit(
        frame, np.sign(frame["b"]) + (frame["e"] > 0)
    )
    compiled = sparkbird.compile(model, outputs="predict")
    assert [column.name for column in compiled.schema.columns] == ["b", "e"]
    np.testing.assert_array_equal(compiled.predict(frame[["e", "b"]]), model.predict(frame))
    assert compiled.predict(frame[:0]).shape == (0,)


def test_columns_that_scikit_learn_checks_are_read():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 6)), columns=[*"abcdef"])
    model = make_pipeline(StandardScaler(), SelectKBest(k=2), Ridge()).fit(frame, frame["b"] > 0)
    compiled = sparkbird.compile(model, outputs="predict")
    assert [column.name for column in compiled.schema.columns] == [*"abcdef"]
    frame.loc[3, "f"] = np.nan
    with pytest.raises(InvalidValueError, match="1 of 200 rows"):
        compiled.predict(frame)


def test_a_deep_graph_is_simplified_without_recursion():
    deep = x = op.argument("x", np.float64, 3)
    for step in range(3_000):
        deep = deep + float(step)
    taken = op.take(deep, [2, 0], axis=1)
    assert listing(build({"x": x}, simplified({"y": taken}))).count("Add") == 3_000
