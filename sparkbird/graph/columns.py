"""Columns that nobody reads, left out from where they come.

A selection moves in front of the steps that work column by column, and a forest that asks for
some of its columns only is a selection. Where columns are put side by side it ends: those that
nobody takes are not put there, and where they are inputs, not even read. A check reads columns
as a model does: what scikit-learn would refuse a row for is still read.

N is the number of rows, F of columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sparkbird.dtypes import is_string
from sparkbird.graph.blocks import ELEMENTWISE
from sparkbird.graph.rewrite import Rewriting, columns_at, constant_of, is_matrix, taken, width_of
from sparkbird.graph.tensor import Integers, Node, Tensor, axis_of, ordered, tensor

#: Operators that give each column from those in its place, to the same bits wherever it lies: what
#: is computed by vectors may be rounded otherwise in the last few of a row.
_ELEMENTWISE = ELEMENTWISE - {"Exp", "Log", "Pow", "Sin", "Tanh"}

_FEATURES = "nodes_featureids"


@dataclass(frozen=True)
class _Wish:
    """Which columns readers take, in which order; `moves` if each takes them by a Gather."""

    columns: tuple[int, ...]
    moves: bool = False


def narrowed(outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same outputs from no more columns than they take."""
    order = [*ordered(outputs.values())]
    graph = _Narrowing(_wishes(order, outputs))
    for node in order:
        graph.add(node)
    return {name: graph.value(output) for name, output in outputs.items()}


def _wishes(order: Sequence[Node], outputs: Mapping[str, Tensor]) -> dict[Node, _Wish]:
    """The columns taken of the matrix that a node gives, where these are not all."""
    wishes: dict[Node, list[_Wish]] = {}
    widths: dict[Node, int] = {}
    found: dict[Node, _Wish] = {}

    def wish(value: Tensor, columns: _Wish | None) -> None:
        if is_matrix(value):
            width = widths[value.node] = width_of(value)
            wishes.setdefault(value.node, []).append(columns or _Wish((*range(width),)))

    for output in outputs.values():
        wish(output, None)
    for node in reversed(order):
        own = _all_of(wishes[node], widths[node]) if node in wishes else None
        if own:
            found[node] = own
        for operand, columns in _wished(node, own):
            wish(operand, columns)
    return found


def _all_of(wishes: Sequence[_Wish], width: int) -> _Wish | None:
    """What several readers take together, None if that is everything."""
    first = wishes[0]
    together = {column for wish in wishes for column in wish.columns}
    if len(together) == width:
        return None
    if all(wish.columns == first.columns for wish in wishes):
        return _Wish(first.columns, all(wish.moves for wish in wishes))
    return _Wish((*sorted(together),))


def _wished(node: Node, own: _Wish | None) -> Iterator[tuple[Tensor, _Wish | None]]:
    """What a node takes of each operand, if `own` is what is taken of its result."""
    wished = _WISHED.get(node.op)
    if wished:
        yield from wished(node, own)
    elif own and _is_elementwise(node):
        width = _width(node)
        yield from ((x, own if x.shape[1:] == (width,) else None) for x in node.operands)
    else:
        yield from ((x, None) for x in node.operands)


def _wished_by_gather(node: Node, own: _Wish | None) -> Iterator[tuple[Tensor, _Wish | None]]:
    places = columns_at(node)
    if places is None:
        yield from ((x, None) for x in node.operands)
        return
    columns = [int(n) for n in np.ravel(places)[[*own.columns] if own and places.ndim else ...]]
    once = dict.fromkeys(columns)
    yield node.operands[0], _Wish((*once,), moves=bool(places.ndim) and len(once) == len(columns))


def _wished_by_concat(node: Node, own: _Wish | None) -> Iterator[tuple[Tensor, _Wish | None]]:
    if own is None or not _is_side_by_side(node):
        yield from ((x, None) for x in node.operands)
        return
    for start, piece in _placed(node):
        inside = [c - start for c in own.columns if 0 <= c - start < width_of(piece)]
        if inside:  # else nothing is taken of it: it is left out
            in_order = [*own.columns] == sorted(own.columns)
            yield piece, _Wish((*inside,), own.moves and in_order)


def _wished_by_trees(node: Node, _: _Wish | None) -> Iterator[tuple[Tensor, _Wish | None]]:
    features = node.attributes[_FEATURES]
    known = _Wish((*np.unique(features.values).tolist(),)) if _is_ours(features) else None
    yield node.operands[0], known


_WISHED: dict[str, Callable[[Node, _Wish | None], Iterator[tuple[Tensor, _Wish | None]]]] = {
    "Concat": _wished_by_concat,
    "Gather": _wished_by_gather,
    "TreeEnsemble": _wished_by_trees,
}


def _is_ours(features: Any) -> bool:
    """Whether a forest is one that we have written: of others we know less."""
    return isinstance(features, Integers)


def _is_elementwise(node: Node) -> bool:
    """Whether a node works column by column on matrices, of which some may have one column."""
    if node.op not in _ELEMENTWISE or node.domain or any(is_string(x.dtype) for x in node.operands):
        return False
    known = [x for x in node.operands if constant_of(x) is None]
    width = _width(node)
    fitting = {(), (1,), (width,), (1, 1), (1, width)}
    return all(is_matrix(x) and x.shape[1] in (1, width) for x in known) and all(
        x.shape in fitting for x in node.operands if constant_of(x) is not None
    )


def _width(node: Node) -> int:
    """The number of columns that an elementwise node gives."""
    return max(n if isinstance(n, int) else 1 for x in node.operands for n in (1, *x.shape[-1:]))


def _is_side_by_side(node: Node) -> bool:
    return axis_of(node) == 1 and all(map(is_matrix, node.operands))


def _placed(node: Node) -> Iterator[tuple[int, Tensor]]:
    """The operands of a Concat, each with the number of its first column."""
    start = 0
    for piece in node.operands:
        yield start, piece
        start += width_of(piece)


class _Narrowing:
    """The nodes of a graph once more, without columns that nobody wishes for."""

    def __init__(self, wishes: Mapping[Node, _Wish]) -> None:
        self._wishes = wishes
        self._graph = Rewriting()
        self._kept: dict[Node, tuple[int, ...]] = {}
        self._moved: dict[tuple[Tensor, tuple[int, ...]], Tensor] = {}

    def add(self, node: Node) -> None:
        """Rewrite a node whose operands have been rewritten."""
        own = self._wishes.get(node)
        rule = _NARROWER.get(node.op)
        narrow = rule(self, node, own) if rule else None
        if own and not rule and _is_elementwise(node):
            narrow = self._elementwise(node, own)
        self._graph.put(node, self._graph.renewed(node) if narrow is None else narrow)

    def value(self, value: Tensor) -> Tensor:
        """What `value` has become, of its own shape or narrower."""
        kept = self._kept.get(value.node)
        shaped = value if kept is None else replace(value, shape=(value.shape[0], len(kept)))
        return self._graph.value(shaped)

    def gather(self, node: Node, own: _Wish | None) -> Tensor | None:
        """Columns at their new places, if some have gone."""
        places, x = columns_at(node), node.operands[0]
        if places is None or (x.node not in self._kept and not own):
            return None
        if own and places.ndim:
            places = places[[*own.columns]]
            self._kept[node] = own.columns
        kept = self._kept.get(x.node, (*range(width_of(x)),))
        new = np.array([kept.index(place) for place in np.ravel(places)], np.int64)
        if places.ndim and new.tolist() == [*range(len(kept))]:
            return self.value(x)
        return taken(self.value(x), new.reshape(places.shape))

    def concat(self, node: Node, own: _Wish | None) -> Node | Tensor | None:
        """The pieces of which something is taken."""
        if own is None or not _is_side_by_side(node):
            return None
        pieces, kept = [], []
        for start, piece in _placed(node):
            if any(0 <= column - start < width_of(piece) for column in own.columns):
                pieces.append(self.value(piece))
                own_columns = self._kept.get(piece.node, range(width_of(piece)))
                kept += [start + column for column in own_columns]
        if len(kept) == sum(width_of(piece) for piece in node.operands):
            return None
        self._kept[node] = (*kept,)
        return pieces[0] if len(pieces) == 1 else replace(node, operands=tuple(pieces))

    def trees(self, node: Node, _: _Wish | None) -> Node | None:
        """The forest that asks for columns at their new places."""
        kept = self._kept.get(node.operands[0].node)
        if kept is None:
            return None
        order = np.argsort(kept)
        places = order[np.searchsorted(np.array(kept)[order], node.attributes[_FEATURES].values)]
        attributes = {**node.attributes, _FEATURES: Integers(places.astype(np.int32))}
        return replace(node, operands=(self.value(node.operands[0]),), attributes=attributes)

    def _elementwise(self, node: Node, own: _Wish) -> Node | None:
        """The same step on fewer columns, if its operands have fewer or a Gather moves there."""
        width = _width(node)
        wide = [x for x in node.operands if constant_of(x) is None and x.shape[1] == width]
        found = {self._kept.get(x.node) for x in wide}
        if found == {None} and not (own.moves and len({*wide}) == 1):
            return None
        (kept,) = found if len(found) == 1 else (None,)
        columns = own.columns if kept is None else kept
        operands = tuple(self._narrow(x, columns, width) for x in node.operands)
        self._kept[node] = columns
        return replace(node, operands=operands)

    def _narrow(self, x: Tensor, columns: tuple[int, ...], width: int) -> Tensor:
        """The `columns` of an operand of a step that takes so many."""
        constant = constant_of(x)
        if x.shape[-1:] != (width,):
            return self.value(x)
        if constant is not None:
            return tensor(np.ascontiguousarray(constant[..., [*columns]]))
        kept = self._kept.get(x.node, (*range(width),))
        if kept == columns:
            return self.value(x)
        if (x, columns) not in self._moved:
            places = np.array([kept.index(column) for column in columns], np.int64)
            self._moved[x, columns] = taken(self.value(x), places)
        return self._moved[x, columns]


_NARROWER: dict[str, Callable[[_Narrowing, Node, _Wish | None], Node | Tensor | None]] = {
    "Concat": _Narrowing.concat,
    "Gather": _Narrowing.gather,
    "TreeEnsemble": _Narrowing.trees,
}
