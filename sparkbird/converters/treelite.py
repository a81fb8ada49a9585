"""treelite: the forests of other libraries, as its own reference predictor computes them.

N is the number of rows, F of features, T of trees, M of nodes, G of targets, K of classes.
Tree by tree a model gives its arrays by name; what they hold is in its documentation of the
model's layout.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird import trees
from sparkbird.converters.registry import Columns, converts
from sparkbird.errors import ColumnCountError, UnsupportedOptionError
from sparkbird.graph import op, special
from sparkbird.graph.sparse import dense
from sparkbird.graph.table import Table, numbers, width
from sparkbird.trees import Forest, links
from sparkbird.trees.forest import less_than

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from treelite import Model

    from sparkbird.converters.registry import Results
    from sparkbird.graph.op import Array

#: include/treelite/enum/operator.h and tree_node_type.h (4.x).
_LESS, _LESS_EQUAL, _GREATER, _GREATER_EQUAL = 2, 3, 4, 5
_CATEGORICAL = 2


def _signed_square(raw: Array, _: float, __: float) -> Array:
    return op.absolute(raw) * raw


def _one_by_one(raw: Array, alpha: float, _: float) -> Array:
    return links.sigmoid(raw * np.asarray(alpha, raw.dtype))


def _softmax(raw: Array, _: float, __: float) -> Array:
    assert raw.shape[1] == 1, "several targets are refused"
    return op.reshape(links.softmax(op.reshape(raw, lengths=raw.shape[2:])), lengths=raw.shape[1:])


#: The links by the name of the postprocessor, of raw scores [N, G, K], with sigmoid_alpha and
#: ratio_c. Source: src/gtil/postprocessor.cc (4.x).
_LINKS: dict[str, Callable[[Array, float, float], Array]] = {
    "identity": lambda raw, *_: raw,
    "identity_multiclass": lambda raw, *_: raw,
    "signed_square": _signed_square,
    "hinge": lambda raw, *_: op.cast(raw > np.zeros((), raw.dtype), dtype=raw.dtype),
    "sigmoid": _one_by_one,
    "multiclass_ova": _one_by_one,
    "exponential": lambda raw, *_: op.exp(raw),
    "exponential_standard_ratio": lambda raw, _, ratio: op.exp(
        raw * np.asarray(-np.log(2.0) / ratio, raw.dtype)
    ),
    "logarithm_one_plus_exp": lambda raw, *_: special.log1p(op.exp(raw)),
    "softmax": _softmax,
}


def _columns(model: Model) -> Columns:
    return None, int(model.num_feature)


def _objections(model: Model) -> Iterator[UnsupportedOptionError]:
    header = model.get_header_accessor()
    link, targets = header.get_field("postprocessor"), int(header.get_field("num_target")[0])
    if link not in _LINKS or (link == "softmax" and targets > 1):
        yield UnsupportedOptionError(
            f"treelite.Model with postprocessor {link!r} and {targets} targets is not compiled",
            f"of postprocessors, sparkbird compiles {', '.join(_LINKS)}; softmax of one target.",
        )
    compared = {int(op) for tree in _arrays(model, "cmp", "cleft") for op in _tests(*tree)}
    if unknown := compared - {0, _LESS, _LESS_EQUAL, _GREATER, _GREATER_EQUAL}:
        yield UnsupportedOptionError(
            f"treelite.Model that compares by operator {unknown} is not compiled",
            "build it of <, <=, > and >=.",
        )


def _tests(operators: np.ndarray, left: np.ndarray) -> np.ndarray:
    return np.unique(operators[left >= 0])


def _arrays(model: Model, *names: str) -> Iterator[list[np.ndarray]]:
    for number in range(model.num_tree):
        tree = model.get_tree_accessor(number)
        yield [tree.get_field(name) for name in names]


@converts("treelite.model.Model", objections=_objections, columns=_columns)
def model(model: Model, x: Array | Table) -> Results:
    """What ``treelite.gtil.predict`` gives, [N, F] -> [N, G, K].

    ``margin`` is that with ``pred_margin=True``; ``leaf`` is ``predict_leaf``, [N, T].

    Raises
    ------
    ColumnCountError
        There are not as many columns as the model has features.

    Source: src/gtil/predict.cc (4.x).
    """
    if width(x) != model.num_feature:
        raise ColumnCountError(
            f"the model takes {model.num_feature} columns and was given {width(x)}",
            "give it the columns that it was trained on, in that order.",
        )
    header = model.get_header_accessor()
    dtype = np.dtype(model.input_type)
    x = op.cast(numbers(x) if isinstance(x, Table) else dense(x), dtype=dtype)
    forest, categorical = _forest(model, header, dtype)
    x = _with_codes(x, categorical, forest.sets.shape[1] - 1)
    raw = _raw(header, forest, x)
    alpha, ratio = (float(header.get_field(name)[0]) for name in ("sigmoid_alpha", "ratio_c"))
    leaf = op.take(forest.leaf_id.astype(dtype), trees.leaf_index(forest, x))
    link = _LINKS[header.get_field("postprocessor")]
    return {"predict": link(raw, alpha, ratio), "margin": raw, "leaf": leaf}


def _raw(header: Any, forest: Forest, x: Array) -> Array:
    """The sums of the trees, their means if the model has these, and the base scores added."""
    shape = _shape(header)
    total = trees.leaf_sum(forest, x, dtype=x.dtype)
    if header.get_field("average_tree_output")[0]:
        total = total / _counts(header, forest.n_trees).astype(x.dtype)
    base = np.asarray(header.get_field("base_scores"), np.float64).ravel()
    return op.reshape(op.cast(total + base, dtype=x.dtype), lengths=shape)


def _shape(header: Any) -> tuple[int, int]:
    """G and K."""
    return int(header.get_field("num_target")[0]), int(header.get_field("num_class").max())


def _targets(header: Any, trees_: int) -> np.ndarray:
    """Which of the G * K outputs each tree adds to, [T, G * K]: -1 stands for all of an axis."""
    targets, classes = _shape(header)
    adds = np.ones((trees_, targets, classes), np.bool_)
    for name, axis in (("target_id", 1), ("class_id", 2)):
        chosen = np.asarray(header.get_field(name))
        places = np.arange(adds.shape[axis])
        mask = (chosen[:, None] < 0) | (chosen[:, None] == places)
        adds &= np.expand_dims(mask, 3 - axis)
    return adds.reshape(trees_, -1)


def _counts(header: Any, trees_: int) -> np.ndarray:
    """How many trees add to each output, [G * K]."""
    return np.asarray(np.maximum(_targets(header, trees_).sum(axis=0), 1))


def _forest(model: Model, header: Any, dtype: np.dtype) -> tuple[Forest, np.ndarray]:
    """The trees, and the features [Z] that are asked for categories: the z-th is feature F + z."""
    adds = _targets(header, model.num_tree)
    codes = max(int(listed.max(initial=0)) for (listed,) in _arrays(model, "category_list")) + 1
    found = [
        _tree(model.get_tree_accessor(number), adds[number], codes, dtype)
        for number in range(model.num_tree)
    ]
    forest = Forest.join(found)
    categorical = np.unique(forest.feature[forest.categorical])
    moved = model.num_feature + np.searchsorted(categorical, forest.feature)
    feature = np.where(forest.categorical, moved, forest.feature)
    return replace(forest, feature=feature), categorical


def _tree(tree: Any, adds: np.ndarray, codes: int, dtype: np.dtype) -> Forest:
    """One tree, which adds to the outputs `adds` [G * K]; its sets speak of `codes` and others."""
    left, right = (np.asarray(tree.get_field(name), np.int64) for name in ("cleft", "cright"))
    leaf, itself = left < 0, np.arange(len(left))
    operator, kind = tree.get_field("cmp"), tree.get_field("node_type")
    categorical = ~leaf & (kind == _CATEGORICAL)
    threshold = np.asarray(tree.get_field("threshold"), dtype)
    strict = np.isin(operator, (_LESS, _GREATER_EQUAL))
    # Nothing is below -infinity, and everything is up to infinity: the sides change places.
    never = strict & np.isneginf(threshold)
    swapped = ~leaf & ~categorical & (np.isin(operator, (_GREATER, _GREATER_EQUAL)) ^ never)
    threshold = np.where(never, np.inf, np.where(strict, less_than(threshold), threshold))
    sets, outside_left = _sets(tree, np.flatnonzero(categorical), codes)
    return Forest(
        roots=np.array([0]),
        feature=np.where(leaf, 0, tree.get_field("split_index")),
        threshold=np.where(categorical, 0.0, threshold),
        nan_left=(np.asarray(tree.get_field("default_left"), np.bool_) ^ swapped) & ~leaf,
        left=np.where(leaf, itself, np.where(swapped, right, left)),
        right=np.where(leaf, itself, np.where(swapped, left, right)),
        value=_values(tree, adds),
        category_set=np.where(categorical, np.cumsum(categorical) - 1, -1),
        sets=np.concatenate([sets, outside_left[:, None]], axis=1),
        leaf_id=itself,
    )


def _values(tree: Any, adds: np.ndarray) -> np.ndarray:
    """What each node adds to each output, [M, G * K]: one value, or one for each of `adds`."""
    vector = np.asarray(tree.get_field("leaf_vector"), np.float64)
    if not vector.size:
        return np.asarray(tree.get_field("leaf_value"), np.float64)[:, None] * adds
    begin, end = (
        np.asarray(tree.get_field(f"leaf_vector_{name}"), np.int64) for name in ("begin", "end")
    )
    value = np.zeros((len(begin), len(adds)))
    has = np.flatnonzero(end > begin)
    value[np.ix_(has, np.flatnonzero(adds))] = vector[begin[has][:, None] + np.arange(adds.sum())]
    return value


def _sets(tree: Any, nodes: np.ndarray, codes: int) -> tuple[np.ndarray, np.ndarray]:
    """The codes that go left at each of the categorical `nodes` [S, C], and whether others do."""
    listed = np.asarray(tree.get_field("category_list"), np.int64)
    begin, end = (
        np.asarray(tree.get_field(f"category_list_{name}"), np.int64) for name in ("begin", "end")
    )
    sets = np.zeros((len(nodes), codes), np.bool_)
    for row, node in zip(sets, nodes, strict=True):
        row[listed[begin[node] : end[node]]] = True
    is_right = np.asarray(tree.get_field("category_list_right_child"), np.bool_)[nodes]
    return sets ^ is_right[:, None], is_right


def _with_codes(x: Array, features: np.ndarray, codes: int) -> Array:
    """`x`, and once more the categorical `features` [Z] as codes: [N, F] -> [N, F + Z].

    What is negative or no code is `codes`, a code of no category; NaN stays.
    """
    if not features.size:
        return x
    seen = op.floor(op.take(x, features, axis=1))
    unknown = (seen < np.zeros((), x.dtype)) | (seen >= np.asarray(codes, x.dtype))
    return op.concat(x, op.where(unknown, np.asarray(codes, x.dtype), seen), axis=1)
