"""Which strategy computes a forest: the cheapest of those that give the sum in order.

N is the number of rows, F of features, T of trees, K of outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.errors import UnsupportedOptionError
from sparkbird.graph import op, trace
from sparkbird.prices import current as current_prices
from sparkbird.prices.fit import cost
from sparkbird.trees import ensemble, gemm, perfect, traversal
from sparkbird.trees.categories import lowered, parts
from sparkbird.trees.forest import Forest, narrowed
from sparkbird.trees.options import Options, current
from sparkbird.trees.sums import based, in_order
from sparkbird.trees.work import Work

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from sparkbird.graph.op import Array


def _sum_of_leaves(leaf_index: Callable[[Forest, Array], Array]) -> Callable[..., Array]:
    return lambda forest, x, dtype: in_order(forest, leaf_index(forest, x), dtype)


@dataclass(frozen=True)
class Strategy:
    """One way to compute a forest of numeric tests.

    leaf_index  (forest, x) -> the leaf of each row in each tree, [N, F] -> [N, T]
    leaf_sum    (forest, x, dtype) -> the sum of the leaves' values, [N, F] -> [N, K] of `dtype`
    obstacle    forest -> why it cannot be computed so, or ""
    counts      work -> the units that a row costs; `prices.units` has them all
    narrows     whether float32 rows are compared in float32
    in_order    whether the sum is exactly that of one tree after the other
    """

    leaf_index: Callable[[Forest, Array], Array]
    leaf_sum: Callable[[Forest, Array, DTypeLike], Array]
    obstacle: Callable[[Forest], str]
    counts: Callable[[Work], dict[str, float]]
    narrows: bool = True
    in_order: bool = True

    def prepared(self, forest: Forest, x: Array) -> tuple[Forest, Array]:
        """The forest and rows as the strategy takes them: tests are numeric, in the rows' type."""
        forest, x = lowered(forest, x)
        narrow = self.narrows and x.dtype == np.float32
        return (narrowed(forest) if narrow else forest), x


# fmt: off
STRATEGIES = {
    "ensemble": Strategy(ensemble.leaf_index, ensemble.leaf_sum, ensemble.obstacle,
                         ensemble.counts, narrows=False),
    "traversal": Strategy(traversal.leaf_index, _sum_of_leaves(traversal.leaf_index),
                          traversal.obstacle, traversal.counts),
    "perfect": Strategy(perfect.leaf_index, _sum_of_leaves(perfect.leaf_index),
                        perfect.obstacle, perfect.counts),
    "gemm": Strategy(gemm.leaf_index, gemm.leaf_sum, gemm.obstacle, gemm.counts, in_order=False),
}
# fmt: on


def leaf_sum(
    forest: Forest,
    x: Array,
    *,
    strategy: str | None = None,
    base: np.ndarray | None = None,
    dtype: DTypeLike = np.float64,
) -> Array:
    """The leaf values of all trees added to `base` [K], tree after tree, [N, F] -> [N, K].

    Values and sums are of `dtype`, float64 or float32. On a CPU with one thread the sum is
    rounded as ``((base + t0) + t1) + ...``; `gemm` and CUDA add in another order, so that the
    last bits may differ.

    Raises
    ------
    UnsupportedOptionError
        The strategy asked for, here or by `options.using`, cannot compute this forest.
    """
    if base is not None:
        forest = based(forest, np.asarray(base), dtype)
    x = op.floating(x)
    chosen = _chosen(forest, x, strategy, wants_sum=True)
    pieces = [*parts(forest)]
    if len(pieces) == 1:
        return trace.forest(chosen.leaf_sum(*chosen.prepared(forest, x), dtype))
    return in_order(forest, _joined(chosen, pieces, x), dtype)


def leaf_index(forest: Forest, x: Array, *, strategy: str | None = None) -> Array:
    """The leaf that each row falls into, an index into `forest.value`, [N, F] -> [N, T].

    Raises
    ------
    UnsupportedOptionError
        The strategy asked for, here or by `options.using`, cannot compute this forest.
    """
    x = op.floating(x)
    chosen = _chosen(forest, x, strategy, wants_sum=False)
    return _joined(chosen, [*parts(forest)], x)


def _joined(chosen: Strategy, pieces: list[Forest], x: Array) -> Array:
    """The leaves in all trees, from those in some: [N, F] -> [N, T]."""
    found, start = [], 0
    for piece in pieces:
        own = chosen.leaf_index(*chosen.prepared(piece, x))
        found.append(own + np.asarray(start, own.dtype) if start else own)
        start += len(piece.left)
    return found[0] if len(found) == 1 else op.concat(*found, axis=1)


def _chosen(forest: Forest, x: Array, forced: str | None, *, wants_sum: bool) -> Strategy:
    """The strategy forced, else the cheapest; a remark has the price of each."""
    options = current()
    features = int(x.shape[1])
    what = f"forest of {forest.n_trees} trees, depth {forest.depth}, {features} features"
    what += f" at {trace.place()}" if trace.place() else ""
    if name := forced or options.strategy:
        _refuse(name, forest, options, what)
        trace.current().remarks.append(f"{what}: {name}, as asked for")
        return STRATEGIES[name]
    work = Work.of(forest, features=features, batch=options.batch)
    price = {
        name: seconds(name, work, options.device)
        for name, strategy in STRATEGIES.items()
        if not _obstacle(name, forest, options.device)
        and (strategy.in_order or not wants_sum or _any_order(forest, options))
    }
    name = min(price, key=price.__getitem__)
    listed = ", ".join(f"{each} {_amount(price[each])}" for each in price)
    trace.current().remarks.append(f"{what}: {listed} -> {name}")
    return STRATEGIES[name]


def seconds(name: str, work: Work, device: str) -> float:
    """The time that a row takes by the strategy called `name`."""
    prices = current_prices().strategies[device][name]
    return 1e-9 * cost(STRATEGIES[name].counts(work), prices)


def _any_order(forest: Forest, options: Options) -> bool:
    """Whether every order of adding is as good: there is one tree, or on CUDA no order."""
    return forest.n_trees == 1 or options.device == "cuda"


def _obstacle(name: str, forest: Forest, device: str) -> str:
    if name not in current_prices().strategies[device]:
        return f"onnxruntime has no such operator for {device}"
    return STRATEGIES[name].obstacle(forest)


def _refuse(name: str, forest: Forest, options: Options, what: str) -> None:
    known = ", ".join(STRATEGIES)
    if name not in STRATEGIES:
        raise UnsupportedOptionError(f"no strategy is called {name!r}", f"there are {known}.")
    if reason := _obstacle(name, forest, options.device):
        raise UnsupportedOptionError(
            f"strategy {name!r} cannot compute the {what}: {reason}",
            f"leave the strategy open, or take another one of {known}.",
        )


def _amount(price: float) -> str:
    return f"{1e6 * price:.2g} µs a row" if price < 1e-4 else f"{1e6 * price:.0f} µs a row"
