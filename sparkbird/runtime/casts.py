"""Values of a graph that are an input of it in another type, column by column if need be.

N is the number of rows, F of columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkbird.dtypes import ELEMENT_TYPES
from sparkbird.runtime.apart import Apart
from sparkbird.runtime.graph import Graph
from sparkbird.schema import SCREEN

_FLOATS = {row.onnx: row.numpy for row in ELEMENT_TYPES if row.numpy.kind == "f"}


@dataclass(frozen=True)
class Casts:
    """The input called `source`, cast to floating-point types one after the other, if to any."""

    source: str
    dtypes: tuple[np.dtype, ...]

    def of(self, values: np.ndarray) -> np.ndarray:
        """The `values` of the input so cast, as ONNX Runtime does it; NumPy may warn."""
        for dtype in self.dtypes:
            values = values.astype(dtype, copy=False)
        return values

    def columns(self, matrix: Apart, positions: Sequence[int]) -> dict[int, np.ndarray]:
        """The columns of a `matrix` at some positions so cast, [N] each."""
        with np.errstate(all="ignore"):  # what a narrower type cannot hold is infinite
            return {position: self.of(matrix.column(position)) for position in positions}


def casts(graph: Graph, name: str) -> Casts | None:
    """How the value called `name` comes from an input by casts alone, if it does."""
    makers = {result: node for node in graph.nodes for result in node.outputs}
    dtypes: list[np.dtype] = []
    while name not in graph.inputs:
        node = makers.get(name)
        dtype = _FLOATS.get(node.integer("to")) if node and node.operator == "Cast" else None
        if node is None or dtype is None:
            return None
        dtypes.insert(0, dtype)
        (name,) = node.inputs
    return Casts(name, tuple(dtypes))


@dataclass(frozen=True)
class Total:
    """The sum `result` of a whole matrix, of which it matters alone whether it is finite."""

    casts: Casts
    result: str
    dtype: np.dtype

    def run(self, values: dict[str, Any]) -> None:
        """Add the sum to the `values` that there are."""
        given = values[self.casts.source]
        apart = isinstance(given, Apart)
        parts = map(given.column, range(given.shape[1])) if apart else [given]
        total = np.zeros((), self.dtype)
        with np.errstate(all="ignore"):
            for part in parts:
                total += np.add.reduce(self.casts.of(part), axis=None)
        values[self.result] = total


def totals(graph: Graph, results: Collection[str]) -> Iterator[Total]:
    """Sums of matrices that nothing but the screen depends on, among the `results` of a graph."""
    for node in graph.nodes:
        everything = node.operator == "ReduceSum" and len(node.inputs) == 1
        if not everything or node.integer("keepdims", 1):
            continue
        (result,), found = node.outputs, casts(graph, node.inputs[0])
        info = graph.inputs[found.source] if found else None
        if found is None or info is None or info.dtype is None or len(info.lengths) != 2:
            continue
        dtype = found.dtypes[-1] if found.dtypes else info.dtype
        if dtype.kind == "f" and _readers(graph, result) & {*results} == {SCREEN}:
            yield Total(found, result, dtype)


def _readers(graph: Graph, name: str) -> set[str]:
    """All values that depend on the one called `name`, and itself."""
    found = {name}
    for node in graph.nodes:
        if found & {*node.inputs}:
            found |= {*node.outputs}
    return found
