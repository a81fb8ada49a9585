"""Every strategy must give what a plain walk gives, on any forest and any row."""

import time
from dataclasses import replace

import numpy as np
import pytest

from sparkbird.errors import UnsupportedOptionError
from sparkbird.graph import op, trace
from sparkbird.graph.build import build
from sparkbird.prices import current as current_prices
from sparkbird.trees import Forest, categories, leaf_index, leaf_sum, less_than, links, narrowed
from sparkbird.trees.choose import STRATEGIES
from sparkbird.trees.options import current, using
from tests.forests import THRESHOLDS, full_forest, random_forest, rows_for, walk, walked_sum
from tests.runs import run

# fmt: off
FORESTS = {
    "lone leaf":            lambda: random_forest(0, trees=1, depth=0),
    "lone leaves":          lambda: random_forest(1, trees=4, depth=0, outputs=2),
    "one node":             lambda: random_forest(2, trees=1, depth=1, branching=1.0),
    "one node a tree":      lambda: random_forest(3, trees=12, depth=1, branching=1.0),
    "no way for missing":   lambda: random_forest(4, missing=False),
    "full trees":           lambda: random_forest(5, depth=5, branching=1.0),
    "ragged trees":         lambda: random_forest(6, trees=9, depth=9, branching=0.8),
    "mixed depths":         lambda: Forest.join(
        [random_forest(s, trees=2, depth=s) for s in (0, 5, 1, 3, 0)]),
    "vector leaves":        lambda: random_forest(7, trees=5, outputs=3),
    "an output a tree":     lambda: random_forest(8, trees=7, outputs=3, one_output_a_tree=True),
    "categories":           lambda: random_forest(9, trees=5, depth=5, categories=6),
    "one category":         lambda: random_forest(10, trees=3, categories=1),
    "categorical vectors":  lambda: random_forest(11, trees=4, outputs=2, categories=40),
    "sets of two widths":   lambda: Forest.join(
        [random_forest(s, depth=4, categories=c) for s, c in ((0, 3), (1, 0), (2, 7))]),
}
# fmt: on

TYPES = [np.float64, np.float32]


def strategies_for(forest: Forest) -> list[str]:
    return [name for name, strategy in STRATEGIES.items() if not strategy.obstacle(forest)]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", FORESTS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_leaves_are_those_of_a_walk(strategy, name, dtype):
    forest = FORESTS[name]()
    rows = rows_for(forest, 3, dtype)
    expected = walk(forest, rows)
    for n in (len(rows), 1, 0):
        found = leaf_index(forest, rows[:n], strategy=strategy)
        np.testing.assert_array_equal(found, expected[:n])
        found = run(lambda x: leaf_index(forest, x, strategy=strategy), rows[:n])
        np.testing.assert_array_equal(found, expected[:n])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", FORESTS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_sums_are_those_of_a_walk(strategy, name, dtype):
    forest = FORESTS[name]()
    rows = rows_for(forest, 3, dtype)
    base = np.linspace(0.1, 0.7, forest.n_outputs)
    for start in (None, base):
        expected = walked_sum(forest, rows, start)
        for n in (len(rows), 1, 0):
            for found in (
                leaf_sum(forest, rows[:n], strategy=strategy, base=start),
                run(lambda x, b=start: leaf_sum(forest, x, strategy=strategy, base=b), rows[:n]),
            ):
                assert found.dtype == np.float64
                assert_sums_equal(found, expected[:n], exact=STRATEGIES[strategy].in_order)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", FORESTS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_sums_of_float32_are_rounded_after_each_tree(strategy, name, dtype):
    forest = FORESTS[name]()
    rows = rows_for(forest, 3, dtype)
    base = np.linspace(0.1, 0.7, forest.n_outputs).astype(np.float32)
    for start in (None, base):
        expected = walked_sum(forest, rows, start, np.float32)
        options = {"strategy": strategy, "base": start, "dtype": np.float32}
        for n in (len(rows), 1, 0):
            for found in (
                leaf_sum(forest, rows[:n], **options),
                run(lambda x, o=options: leaf_sum(forest, x, **o), rows[:n]),
            ):
                assert found.dtype == np.float32
                assert_sums_equal(found, expected[:n], exact=STRATEGIES[strategy].in_order)


def assert_sums_equal(found, expected, *, exact):
    if exact:
        np.testing.assert_array_equal(found, expected)
    else:
        assert found.shape == expected.shape
        rtol, atol = (1e-6, 2e-6) if found.dtype == np.float32 else (1e-12, 1e-13)
        np.testing.assert_allclose(found, expected, rtol, atol)


@pytest.mark.parametrize("seed", range(12))
def test_a_random_forest_is_that_of_a_walk(seed):
    rng = np.random.default_rng(seed)
    forest = random_forest(
        seed,
        trees=int(rng.integers(1, 9)),
        depth=int(rng.integers(0, 8)),
        outputs=int(rng.integers(1, 4)),
        categories=int(rng.choice([0, 2, 9])),
        missing=bool(rng.random() < 0.7),
    )
    rows = rows_for(forest, 3, TYPES[seed % 2], seed=seed)
    leaves, sums = walk(forest, rows), walked_sum(forest, rows)
    for name in strategies_for(forest):
        found = run(lambda x, s=name: leaf_index(forest, x, strategy=s), rows)
        np.testing.assert_array_equal(found, leaves)
        found = run(lambda x, s=name: leaf_sum(forest, x, strategy=s), rows)
        assert_sums_equal(found, sums, exact=STRATEGIES[name].in_order)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_threshold_decides_its_neighbours_as_a_walk_does(strategy, missing, dtype):
    stumps = [stump(threshold, nan_left=missing) for threshold in THRESHOLDS]
    forest = Forest.join(stumps)
    rows = np.unique(rows_for(forest, 3, dtype)[:, :1], axis=0)
    expected = walk(forest, rows)
    np.testing.assert_array_equal(leaf_index(forest, rows, strategy=strategy), expected)
    found = run(lambda x: leaf_index(forest, x, strategy=strategy), rows)
    np.testing.assert_array_equal(found, expected)


def stump(threshold: float, *, nan_left: bool = False) -> Forest:
    return Forest(
        roots=[0],
        feature=np.array([0, -2, -2]),
        threshold=np.array([threshold, -2.0, -2.0]),
        nan_left=np.array([nan_left, True, True]),
        left=np.array([1, 1, 2]),
        right=np.array([2, 1, 2]),
        value=np.array([[np.nan], [1.0], [2.0]]),
    )


def test_many_sums_are_exact_in_their_order():
    forest = full_forest(0, trees=300, depth=3, features=4, outputs=2)
    rows = np.random.default_rng(0).standard_normal((300, 4))
    leaves = leaf_index(forest, rows)
    for name in ("ensemble", "perfect", "traversal"):
        for outputs in (forest, replace(forest, value=forest.value[:, :1])):
            for dtype in TYPES:
                expected = np.cumsum(outputs.value[leaves].astype(dtype), axis=1)[:, -1]
                found = run(
                    lambda x, s=name, f=outputs, d=dtype: leaf_sum(f, x, strategy=s, dtype=d), rows
                )
                np.testing.assert_array_equal(found, expected)


def test_a_base_belongs_to_every_output_also_to_one_that_no_tree_adds_to():
    forest = random_forest(0, outputs=3, one_output_a_tree=True, trees=2)
    rows = rows_for(forest, 3, np.float64)
    base = np.array([0.1, 0.2, 0.3])
    found = run(lambda x: leaf_sum(forest, x, base=base), rows)
    np.testing.assert_array_equal(found, walked_sum(forest, rows, base))


def test_whole_numbers_are_rows_too():
    forest = random_forest(0)
    rows = np.arange(-3, 3).reshape(2, 3)
    expected = walk(forest, rows.astype(float))
    np.testing.assert_array_equal(run(lambda x: leaf_index(forest, x), rows), expected)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_many_sets_are_computed_in_parts(strategy, monkeypatch):
    monkeypatch.setattr(categories, "WIDEST", 3)
    forest = random_forest(3, trees=8, depth=5, categories=9, branching=0.9)
    assert len([*categories.parts(forest)]) > 2
    rows = rows_for(forest, 3, np.float64)
    found = run(lambda x: leaf_index(forest, x, strategy=strategy), rows)
    np.testing.assert_array_equal(found, walk(forest, rows))
    base = np.array([0.1])
    found = run(lambda x: leaf_sum(forest, x, strategy=strategy, base=base), rows)
    np.testing.assert_array_equal(found, walked_sum(forest, rows, base))


def test_codes_truncate_toward_zero_and_unknown_ones_go_with_missing():
    split = stump(0.0)
    split = replace(split, category_set=np.array([0, -1, -1]), sets=np.array([[True, False]]))
    rows = np.array([[0.0], [-0.9], [0.9], [1.0], [1.9], [2.0], [-1.0], [np.inf], [np.nan]])
    for nan_left, unknown in ((False, 2), (True, 1)):
        forest = replace(split, nan_left=np.array([nan_left, False, False]))
        expected = [1, 1, 1, 2, 2, *[unknown] * 4]
        assert run(lambda x, f=forest: leaf_index(f, x), rows)[:, 0].tolist() == expected


# The forest itself


def test_join_keeps_each_tree_and_part_gives_it_back():
    trees = [random_forest(s, trees=1, depth=s, categories=s) for s in range(5)]
    joined = Forest.join(trees)
    rows = rows_for(joined, 3, np.float64)
    assert joined.depth == max(tree.depth for tree in trees)
    for number, tree in enumerate(trees):
        own, again = walk(tree, rows), walk(joined.part(number, number + 1), rows)
        np.testing.assert_array_equal(again, own)
        np.testing.assert_array_equal(walk(joined, rows)[:, [number]], own + joined.starts[number])


def test_a_leaf_is_numbered_in_its_tree_unless_the_library_numbers_it():
    tree = stump(0.0)
    numbered = replace(tree, leaf_id=np.array([0, 7, 9]))
    assert Forest.join([tree, tree]).leaf_id.tolist() == [0, 1, 2, 0, 1, 2]
    assert Forest.join([tree, numbered]).leaf_id.tolist() == [0, 1, 2, 0, 7, 9]


def test_what_a_leaf_does_not_need_is_zero():
    tree = stump(1.0)
    assert tree.feature.tolist() == [0, 0, 0]
    assert tree.threshold.tolist() == [1.0, 0.0, 0.0]
    assert tree.nan_left.tolist() == [False, False, False]
    assert tree.value.tolist() == [[0.0], [1.0], [2.0]]
    assert tree.inner.tolist() == [True, False, False]


# fmt: off
BROKEN = {
    "one entry for each node":  {"threshold": np.zeros(2)},
    "values must be":           {"value": np.zeros(3)},
    "must have a tree":         {"roots": []},
    "lies outside":             {"left": np.array([3, 1, 2])},
    "on one side only":         {"right": np.array([2, 2, 2])},
    "not exactly one way":      {"left": np.array([2, 1, 2])},
    "no feature":               {"feature": np.array([-1, 0, 0])},
    "no threshold":             {"threshold": np.array([np.nan, 0, 0])},
    "names none of its":        {"category_set": np.array([0, -1, -1])},
}
# fmt: on


@pytest.mark.parametrize("message", BROKEN)
def test_what_is_no_forest_is_refused(message):
    with pytest.raises(ValueError, match=message):
        replace(stump(0.0), **BROKEN[message])


def test_nodes_in_a_circle_are_refused():
    ones = np.ones((3, 1))
    flags = np.zeros(3, bool)
    with pytest.raises(ValueError, match="not exactly one way"):
        Forest([0], flags, flags, flags, np.array([0, 2, 1]), np.array([0, 2, 1]), ones)


def test_trees_whose_nodes_are_mixed_are_refused():
    both = Forest.join([stump(0.0), stump(1.0)])
    with pytest.raises(ValueError, match="do not follow each other"):
        replace(both, roots=both.roots[::-1])


def test_narrowed_thresholds_are_the_greatest_float32_not_above():
    values = np.concatenate([THRESHOLDS, [1 / 3, -1 / 3, 1e-46, -1e-46, 16777217.0, 3.5e38]])
    forest = narrowed(Forest.join([stump(value) for value in values]))
    thresholds = forest.threshold[forest.inner]
    narrow = thresholds.astype(np.float32)
    np.testing.assert_array_equal(narrow, thresholds)
    assert (thresholds <= values).all()
    with np.errstate(over="ignore", under="ignore"):
        above = np.nextafter(narrow, np.float32(np.inf)).astype(np.float64)
    assert ((above > values) | (values == np.inf)).all()


@pytest.mark.parametrize("dtype", TYPES)
def test_less_than_turns_below_into_not_above(dtype):
    thresholds = np.array([0.0, -0.0, 1.0, -1.0, np.inf, 1e-45], dtype)
    with np.errstate(under="ignore"):
        rows = np.concatenate([thresholds, np.nextafter(thresholds, dtype(-np.inf))])
    below = less_than(thresholds)
    assert below.dtype == dtype
    np.testing.assert_array_equal(rows[:, None] <= below, rows[:, None] < thresholds)


# The choice


# fmt: off
CHOICES = [
    ("cpu",  {"trees": 500, "depth": 8}, "ensemble"),
    ("cpu",  {"trees": 100, "depth": 4}, "ensemble"),
    ("cuda", {"trees": 500, "depth": 8}, "perfect"),
    ("cuda", {"trees": 10,  "depth": 2}, "gemm"),
    ("cuda", {"trees": 3, "depth": 12}, "traversal"),
]
# fmt: on


@pytest.mark.parametrize("device, size, expected", CHOICES)
def test_the_cheapest_strategy_is_chosen_and_all_prices_are_remarked(device, size, expected):
    forest = full_forest(0, features=28, **size)
    x = op.argument("x", np.float64, 28)
    with trace.tracing() as collected, using(device=device), trace.at("model"):
        leaf_sum(forest, x)
    (remark,) = collected.remarks
    trees, depth = size["trees"], size["depth"]
    assert remark.startswith(f"forest of {trees} trees, depth {depth}, 28 features at model: ")
    assert remark.endswith(f" -> {expected}")
    assert ("ensemble" in remark) == (device == "cpu")
    assert "µs a row" in remark


def test_on_a_cpu_only_one_tree_is_left_to_a_product():
    x = op.argument("x", np.float64, 4)
    with trace.tracing() as collected:
        leaf_sum(full_forest(0, trees=1, depth=1, features=4), x)
        leaf_sum(full_forest(0, trees=2, depth=1, features=4), x)
    assert ["gemm" in remark for remark in collected.remarks] == [True, False]


def test_a_strategy_can_be_forced_within_and_by_argument():
    forest, x = random_forest(0), op.argument("x", np.float64, 3)
    with trace.tracing() as collected, using(strategy="perfect"):
        leaf_sum(forest, x)
        leaf_sum(forest, x, strategy="gemm")
    assert [r.rpartition(": ")[2] for r in collected.remarks] == [
        "perfect, as asked for",
        "gemm, as asked for",
    ]
    assert current().strategy is None


# fmt: off
REFUSED = [
    ("perfect",  {},                 lambda: full_forest(0, trees=1, depth=11, features=3), "depth of 11"),
    ("gemm",     {},                 lambda: full_forest(0, trees=1, depth=13, features=3), "path matrices"),
    ("gemm",     {},                 lambda: replace(stump(0.0), value=np.full((3, 1), np.inf)), "infinite value"),
    ("ensemble", {"device": "cuda"}, lambda: random_forest(0),                              "no such operator"),
    ("quick",    {},                 lambda: random_forest(0),                              "no strategy is called"),
]
# fmt: on


@pytest.mark.parametrize("strategy, options, forest, reason", REFUSED)
def test_a_forced_strategy_that_does_not_fit_is_refused(strategy, options, forest, reason):
    x = op.argument("x", np.float64, 3)
    with (
        using(strategy=strategy, **options),
        pytest.raises(UnsupportedOptionError, match=reason),
    ):
        leaf_sum(forest(), x)


def test_every_price_is_for_a_strategy_and_every_count_has_one():
    for device, strategies in current_prices().strategies.items():
        assert set(strategies) <= set(STRATEGIES)
        with using(device=device):
            leaf_sum(random_forest(0, outputs=2), op.argument("x", np.float64, 3))


@pytest.mark.slow
def test_500_trees_of_depth_8_are_traced_and_built_within_seconds():
    forest = full_forest(0, trees=500, depth=8, features=28)
    trees = [forest.part(i, i + 1) for i in range(500)]
    start = time.perf_counter()
    forest = Forest.join(trees)
    for strategy in STRATEGIES:
        x = op.argument("x", np.float64, 28)
        build({"x": x}, {"y": leaf_sum(forest, x, strategy=strategy)})
    assert time.perf_counter() - start < 4 * 3


# Links

RAW = np.array([[0.0, 1.0, -1.0], [800.0, -800.0, 3.0], [-40.0, 1e-9, 40.0]])


@pytest.mark.parametrize("name", links.LINKS)
def test_a_link_is_the_same_in_the_graph(name):
    link = links.LINKS[name]
    with np.errstate(all="ignore"):
        expected = link(RAW)
        np.testing.assert_allclose(run(link, RAW), expected, rtol=1e-12, atol=1e-300)


def test_probabilities_of_two_classes_sum_to_one():
    for raw in (RAW[:, 0], RAW[:, :1]):
        found = run(links.two_classes, raw)
        assert found.shape == (3, 2)
        np.testing.assert_array_equal(found[:, 0], 1 - found[:, 1])
