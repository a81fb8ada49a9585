"""Random forests, rows that are traps for them, and the plain walk they are held against."""

from __future__ import annotations

import numpy as np

from sparkbird.trees.forest import Forest

#: Thresholds that the strategies must get right, and whose neighbours are rows.
THRESHOLDS = np.array([-1.0, 0.0, -0.0, 1.0, 0.1, -1e-50, 1e-50, 1e300, -1e300, np.inf, -np.inf])


def random_forest(
    seed: int,
    *,
    trees: int = 3,
    depth: int = 4,
    features: int = 3,
    outputs: int = 1,
    branching: float = 0.7,
    missing: bool = True,
    categories: int = 0,
    one_output_a_tree: bool = False,
) -> Forest:
    """A forest by `seed`; with `categories`, half of its tests ask for one of so many codes."""
    rng = np.random.default_rng(seed)
    grown = [_shape(rng, depth, branching) for _ in range(trees)]
    return Forest.join(
        [
            _tree(
                rng,
                *children,
                features=features,
                outputs=outputs,
                missing=missing,
                categories=categories,
                one_output=one_output_a_tree,
            )
            for children in grown
        ]
    )


def full_forest(seed: int, *, trees: int, depth: int, features: int, outputs: int = 1) -> Forest:
    """Full trees of numeric tests, in level order, with normally distributed thresholds."""
    rng = np.random.default_rng(seed)
    inner, nodes = 2**depth - 1, 2 ** (depth + 1) - 1
    number = np.arange(nodes)
    leaf = number >= inner
    left, right = (np.where(leaf, number, 2 * number + side) for side in (1, 2))

    def tree() -> Forest:
        return Forest(
            roots=np.array([0]),
            feature=rng.integers(features, size=nodes),
            threshold=rng.standard_normal(nodes),
            nan_left=np.zeros(nodes, np.bool_),
            left=left,
            right=right,
            value=rng.standard_normal((nodes, outputs)),
        )

    return Forest.join([tree() for _ in range(trees)])


def _shape(rng: np.random.Generator, depth: int, branching: float) -> tuple[np.ndarray, np.ndarray]:
    """The children of a random tree, in an order that is neither depth nor breadth first."""
    left, right, frontier = [0], [0], [(0, 0)]
    while frontier:
        node, level = frontier.pop(rng.integers(len(frontier)))
        if level < depth and rng.random() < branching:
            pair = (len(left), len(left) + 1)
            left[node], right[node] = pair if rng.random() < 0.5 else pair[::-1]
            left += pair
            right += pair
            frontier += [(child, level + 1) for child in pair]
    return np.array(left), np.array(right)


def _tree(
    rng: np.random.Generator,
    left: np.ndarray,
    right: np.ndarray,
    *,
    features: int,
    outputs: int,
    missing: bool,
    categories: int,
    one_output: bool,
) -> Forest:
    n = len(left)
    sets = rng.random((4, max(categories, 1))) < 0.5
    value = rng.standard_normal((n, outputs))
    if one_output:
        value[:, np.arange(outputs) != rng.integers(outputs)] = 0.0
    asks_category = rng.random(n) < (0.5 if categories else 0.0)
    return Forest(
        roots=np.array([0]),
        # What lies at a leaf or is not for the kind of the node must not matter.
        feature=rng.integers(features, size=n),
        threshold=rng.choice(THRESHOLDS, size=n),
        nan_left=(rng.random(n) < 0.5) & missing,
        left=left,
        right=right,
        value=value,
        category_set=np.where(asks_category, rng.integers(4, size=n), -1),
        sets=sets,
    )


def rows_for(forest: Forest, features: int, dtype: type, *, seed: int = 0) -> np.ndarray:
    """Rows on every threshold, its neighbours of both widths, and codes in and out of sets."""
    rng = np.random.default_rng(seed)
    with np.errstate(over="ignore", under="ignore"):
        on = np.concatenate([THRESHOLDS, THRESHOLDS.astype(np.float32).astype(np.float64)])
        near = [np.nextafter(on, side) for side in (-np.inf, np.inf)]
        narrow = on.astype(np.float32)
        near += [np.nextafter(narrow, np.float32(side)) for side in (-np.inf, np.inf)]
        codes = np.arange(-2, forest.sets.shape[1] + 2)
        values = np.concatenate(
            [on, *near, codes, codes + 0.5, [np.nan, -0.5, 1e10, -1e10, 5e-324]]
        )
        return rng.choice(values, size=(max(100, 2 * len(values)), features)).astype(dtype)


def walk(forest: Forest, rows: np.ndarray) -> np.ndarray:
    """The leaf of each row in each tree, [N, F] -> [N, T], one node at a time."""
    found = [[_leaf(forest, row, root) for root in forest.roots.tolist()] for row in rows]
    return np.array(found, np.int64).reshape(len(rows), len(forest.roots))


def _leaf(forest: Forest, row: np.ndarray, node: int) -> int:
    while forest.left[node] != node:
        seen = float(row[forest.feature[node]])
        goes_left = _goes_left(forest, seen, node)
        node = int(forest.left[node] if goes_left else forest.right[node])
    return node


def _goes_left(forest: Forest, seen: float, node: int) -> bool:
    codes = forest.sets.shape[1]
    numeric = forest.category_set[node] < 0
    if np.isnan(seen) if numeric else not -1 < seen < codes:
        return bool(forest.nan_left[node])
    if numeric:
        return bool(seen <= forest.threshold[node])
    return bool(forest.sets[forest.category_set[node], int(seen)])


def walked_sum(
    forest: Forest,
    rows: np.ndarray,
    base: np.ndarray | None = None,
    dtype: type = np.float64,
) -> np.ndarray:
    """The leaves' values added one tree after the other, from `base` on, [N, F] -> [N, K]."""
    total = np.zeros((len(rows), forest.n_outputs), dtype)
    total += 0.0 if base is None else base.astype(dtype)
    for leaf in walk(forest, rows).T:
        total = total + forest.value[leaf].astype(dtype)
    return total
