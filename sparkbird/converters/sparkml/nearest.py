"""Which of some centers is the nearest, or where a tree of them leads to.

N is the number of rows, M of those whose nearest centers are about equally far, F of features,
C of centers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sparkbird.converters.sparkml.distances import Centers, Measure, length, measure
from sparkbird.converters.sparkml.frame import rows_that
from sparkbird.converters.sparkml.predictions import added
from sparkbird.graph import op
from sparkbird.graph.loop import repeat
from sparkbird.graph.reference import quietly

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame, Which
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

    #: From some rows [M, F], and which are sparse, to what is found for them, and where that
    #: is not sure: [M], [M].
    Exact: TypeAlias = Callable[[Array, Which], tuple[Array, Which]]

#: The children of each node of a tree.
Tree: TypeAlias = Mapping[int, list[int]]

#: So many centers, and products of them, Spark takes for too many to measure them beforehand.
_MOST_CENTERS, _MOST_PRODUCTS = 1_000, 1_000_000


def nearest(stage: Stage, frame: Frame, name: str, centers: Centers) -> Array:
    """The place of the nearest center by the measure called `name`, [N].

    It is the first of equals, and where no distance is finite.
    """
    how = measure(stage, name)
    x = _checked(stage, frame, how, centers)
    if len(centers.points) == 1:
        return op.rows_of(np.int64(0), x)
    distinct = centers.distinct
    about, blur = how.about(x, centers)
    about = op.take(about, distinct, axis=1)
    known = op.where(op.isnan(about), np.float64(np.inf), about)
    limit = op.expand(op.min(known, axis=1), axis=1) + blur
    far = op.sum(op.cast(about > limit, dtype=np.int32), axis=1)
    close = far < np.int32(len(distinct) - 1)
    found = op.take(distinct, op.argmin(known, axis=1))

    def walked(rows: Array, sparse: Which) -> tuple[Array, Which]:
        apart, unsure = how.exactly(rows, centers, sparse)
        return _walk(rows, apart, unsure, how, centers)

    return _settled(stage, frame, x, close, found, walked)


def below(stage: Stage, frame: Frame, name: str, centers: Centers, tree: Tree, root: int) -> Array:
    """The leaf of a tree of centers that each row comes to, at each node to the nearest, [N]."""
    how = measure(stage, name)
    x = _checked(stage, frame, how, centers)

    def costs(apart: Array) -> dict[int, Array]:
        return {node: op.take(apart, i, axis=1) for i, node in enumerate(sorted(tree))}

    def walked(rows: Array, sparse: Which) -> tuple[Array, Which]:
        apart, unsure = how.exactly(rows, centers, sparse)
        return _below(root, tree, costs(apart)), unsure

    about, blur = how.about(x, centers)
    of_all, limit = costs(about), op.take(blur, 0, axis=1)
    close = op.rows_of(np.False_, x)
    for one, other in _rivals(tree):
        close = close | ~(op.absolute(of_all[one] - of_all[other]) > limit)
    return _settled(stage, frame, x, close, _below(root, tree, of_all), walked)


def _checked(stage: Stage, frame: Frame, how: Measure, centers: Centers) -> Array:
    """The vectors [N, F] that `stage` reads, of which Spark refuses some."""
    column = stage.params["featuresCol"]
    x = frame.vector(column, centers.points.shape[1])
    fact = f"{stage.uid} takes in column {column!r} {how.refused}"
    frame.check(how.refuses(length(x)), fact)
    return x


def _rivals(tree: Tree) -> list[tuple[int, int]]:
    """The pairs of children of one node."""
    return [(a, b) for nodes in tree.values() for i, a in enumerate(nodes) for b in nodes[:i]]


def _settled(
    stage: Stage, frame: Frame, x: Array, close: Array, found: Array, exact: Exact
) -> Array:
    """`found` [N], and for rows that are `close` [N] what is found by the `exact` way, [N].

    Rows are refused for which that is not sure, or which hang on whether they are sparse where
    that is not known.
    """
    column = stage.params["featuresCol"]
    rows, places = op.compress(x, close), op.compress(op.row_numbers(close), close)
    zeros = op.rows_of(np.int64(0), close)
    stored = frame[column].stored
    some = stored.sparse if isinstance(stored.sparse, bool) else op.compress(stored.sparse, close)
    result, unsure = exact(rows, some)
    fact = f"{stage.uid} takes in column {column!r} no vector as near to another center: which one "
    if stored.unknown is not False:
        every: Which = True
        differs = op.add_at(zeros, places, op.absolute(result - exact(rows, every)[0]))
        failing = (differs > np.int64(0)) & rows_that(stored.unknown, x)
        hint = "a VectorAssembler in the same pipeline settles it"
        frame.check(failing, f"{fact}Spark takes hangs on whether it is sparse; {hint}")
    if not isinstance(unsure, bool):
        failing = op.add_at(zeros, places, op.cast(unsure, dtype=np.int64)) > np.int64(0)
        frame.check(failing, f"{fact}Spark takes hangs on its machine")
    return found + op.add_at(zeros, places, result - op.compress(found, close))


@quietly
def _walk(
    x: Array, apart: Array, unsure: Which, how: Measure, centers: Centers
) -> tuple[Array, Which]:
    """The nearest center as Spark walks along them, and where that is not sure: [M], [M].

    It passes over a center whose length alone keeps it away, and over one that is twice as far
    from the best so far as a row is. It ends at one that has no other so near. `apart` are the
    exact distances [M, C], and `unsure` says where they are not [M].

    Source: mllib/src/main/scala/org/apache/spark/mllib/clustering/DistanceMeasure.scala,
    findClosest and computeStatistics (4.3).
    """
    last = np.int64(len(centers.points) - 1)
    halves, own, slack = _halves(how, centers)
    size = op.sqrt(added(x * x))

    def step(i: Array, best: Array, place: Array, going: Array, unsure: Array) -> tuple[Array, ...]:
        far = op.take(op.take_along(apart, op.expand(i, axis=1), axis=1), 0, axis=1)
        longer, least = op.take(centers.norms, i) - size, op.take(own, i)
        seen = going & (longer * longer < best) if how.uses_norms else going
        if halves.size:
            half = op.take(halves.ravel(), i * (last + np.int64(1)) + place)
            near = (op.absolute(half - best) < slack) | (op.absolute(far - least) < slack)
            unsure = unsure | (seen & near)
            seen = seen & (half < best)
        ends = seen & (far < least)
        taken = ends | (seen & (far < best))
        going = going & ~ends & (i < last)
        best, place = op.where(taken, far, best), op.where(taken, i, place)
        return going, op.minimum(i + np.int64(1), last), best, place, going, unsure

    first = op.take(apart, 0, axis=1)
    zeros = op.rows_of(np.int64(0), first)
    best = first if halves.size else op.where(op.isnan(first), np.float64(np.inf), first)
    going = ~(best < own[0])
    doubts = (op.absolute(best - own[0]) < slack) | unsure
    state = repeat(step, zeros + np.int64(1), best, zeros, going, doubts, limit=int(last) + 1)
    return state[2], (state[4] if slack or not isinstance(unsure, bool) else False)


@quietly
def _halves(how: Measure, centers: Centers) -> tuple[np.ndarray, np.ndarray, np.float64]:
    """Half of the way between two centers, [C, C], the least of each [C], and their slack.

    There are none [0] where they are too many for Spark, and nothing is less than the least.
    """
    count, features = centers.points.shape
    if count >= _MOST_CENTERS or count * count * features >= _MOST_PRODUCTS:
        return np.zeros(0), np.full(count, -np.inf), np.float64(0.0)
    halves, slack = how.half(centers)
    others = np.where(np.eye(count, dtype=bool), np.inf, halves)
    return halves, np.fmin.reduce(others, axis=1, initial=np.inf), np.float64(slack)


def _below(node: int, tree: Tree, costs: Mapping[int, Array]) -> Array:
    """The leaf below a node that each row comes to, [N]; NaN counts as the farthest."""
    if not tree[node]:
        return op.rows_of(np.int64(node), costs[node])
    first, *others = tree[node]
    found, least = _below(first, tree, costs), costs[first]
    for child in others:
        nearer = (costs[child] < least) | (op.isnan(least) & ~op.isnan(costs[child]))
        found = op.where(nearer, _below(child, tree, costs), found)
        least = op.where(nearer, costs[child], least)
    return found
