"""The models inside an ensemble: where they are, what is asked of them, and trees among them.

N is the number of rows, F of features, M of nodes, K of values of a leaf.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.converters.registry import convert, qualified_name
from sparkbird.converters.sklearn.response import types_of
from sparkbird.converters.sklearn.tree import forest_of
from sparkbird.errors import UnsupportedOptionError
from sparkbird.trees import Forest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sparkbird.converters.registry import Value
    from sparkbird.graph.op import Array
    from sparkbird.graph.table import Table

#: Estimators that are one tree each and nothing else: together they are a `Forest`.
_TREES = {
    "sklearn.tree.DecisionTreeClassifier",
    "sklearn.tree.DecisionTreeRegressor",
    "sklearn.tree.ExtraTreeClassifier",
    "sklearn.tree.ExtraTreeRegressor",
}


def numbered(model: Any) -> Iterator[tuple[str, object]]:
    """The members of an ensemble of one kind, each with the way Python reaches it."""
    for i, member in enumerate(model.estimators_):
        yield f".estimators_[{i}]", member


def named(model: Any) -> Iterator[tuple[str, object]]:
    """The members of an ensemble of many kinds, those that were dropped left out.

    Source: sklearn/ensemble/_base.py, _BaseHeterogeneousEnsemble (1.9).
    """
    names = [name for name, member in model.named_estimators_.items() if not _is_dropped(member)]
    for name, member in zip(names, model.estimators_, strict=True):
        yield f".named_estimators_[{name!r}]", member


def column_types(model: Any) -> Mapping[int, str]:
    """The types of the columns as far as one of the named members tells."""
    return types_of(named(model))


def result(member: object, x: Array | Table, method: str, *, part: str) -> Value:
    """What `method` of `member` gives for `x`.

    Raises
    ------
    UnsupportedOptionError
        The member has no such method.
    """
    results = convert(member, x, part=part)
    if method not in results:
        raise UnsupportedOptionError(
            f"{qualified_name(type(member))} at {part} has no {method}",
            f"give the ensemble an estimator that has {method}.",
        )
    return results[method]


def column(member: object, x: Array | Table, method: str, *, part: str) -> Array:
    """The one value a row that `method` of `member` gives for `x`, [N].

    Raises
    ------
    UnsupportedOptionError
        It gives several.
    """
    value: Any = result(member, x, method, part=part)
    if isinstance(value, list) or value.ndim != 1:
        raise UnsupportedOptionError(
            f"{method} of {qualified_name(type(member))} at {part} gives several values a row",
            "give the ensemble an estimator of one target.",
        )
    return value


def are_trees(members: Iterable[object]) -> bool:
    """Whether each member is a plain decision tree."""
    return all(qualified_name(type(member)) in _TREES for member in members)


def joined(
    members: Sequence[Any],
    values: Sequence[np.ndarray],
    features: Sequence[np.ndarray] | None = None,
) -> Forest:
    """One forest of the trees of `members`, with `values` [M, K] for those of its nodes.

    Feature ``i`` of a member's tree is ``features[member][i]`` of the forest.
    """
    found = []
    for i, (member, value) in enumerate(zip(members, values, strict=True)):
        tree = forest_of([member.tree_])
        own = tree.feature if features is None else np.asarray(features[i])[tree.feature]
        found.append(replace(tree, value=value, feature=own))
    return Forest.join(found)


def node_values(member: Any) -> np.ndarray:
    """The values of the nodes of a member's tree, targets and classes side by side, [M, K]."""
    tree = member.tree_
    value: np.ndarray = tree.value.reshape(tree.node_count, -1)
    return value


def _is_dropped(member: object) -> bool:
    return isinstance(member, str) and member == "drop"
