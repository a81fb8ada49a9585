"""Whether all rows are finite on their way through monotone steps, told by a few of them.

N is the number of rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkbird.runtime.apart import Apart, column_of
from sparkbird.runtime.graph import Graph, Node
from sparkbird.runtime.origins import Origin, origins
from sparkbird.runtime.part import Part, Result
from sparkbird.runtime.providers import ON_CPU
from sparkbird.schema import SCREEN

_FLOAT64 = np.dtype(np.float64)

#: Of each column: the least of its values, the greatest, and one that is missing if any is.
_ROWS = 3


@dataclass(frozen=True, eq=False)
class Extremes:
    """The sum `result` of columns, of which it matters alone whether it is finite.

    Each column comes from one input by steps that are monotone: it is finite in all rows if it is
    where that input is least, where it is greatest and where it is missing. `part` computes the
    sum; `origins` are the inputs of its columns.
    """

    part: Part
    origins: tuple[Origin, ...]
    result: str
    dtype: np.dtype

    def run(self, values: dict[str, Any]) -> None:
        """Add the sum of such rows to the `values` that there are."""
        feeds = {origin.source: _empty(values[origin.source]) for origin in self.origins}
        for origin in dict.fromkeys(self.origins):
            place = ... if origin.position is None else (slice(None), origin.position)
            own = column_of(values[origin.source], origin.position)
            feeds[origin.source][place] = _extremes(own)
        values[self.result] = self.part.run(feeds)[self.result]


def _empty(given: np.ndarray | Apart) -> np.ndarray:
    """Rows of zeros, which are fine: what nothing is known to depend on."""
    return np.zeros((_ROWS, *given.shape[1:]), given.dtype)


def _extremes(values: np.ndarray) -> np.ndarray:
    """The least and the greatest of some numbers, and NaN if one of them is."""
    if not values.size:
        return np.zeros(_ROWS, values.dtype)
    least = values.min()  # NaN if there is one, and then looked for among the others
    if not np.isnan(least):
        return np.array([least, values.max(), least], values.dtype)
    return np.array([np.fmin.reduce(values), np.fmax.reduce(values), least], values.dtype)


def extremes(graph: Graph, results: Collection[str]) -> Extremes | None:
    """The screen of a graph, if it is one of its `results` and the sum of such columns.

    A sum of an input itself is done sooner: see `casts.totals`.
    """
    makers = {result: node for node in graph.nodes for result in node.outputs}
    last = makers.get(SCREEN)
    if SCREEN not in results or last is None or last.operator != "Identity":
        return None
    (name,) = last.inputs
    summed = _summed(makers, name)
    columns = [origin for x in summed for origin in origins(graph, x) or (None,)]
    found = [origin for origin in columns if origin and not origin.by_value]
    if not columns or len(found) < len(columns):
        return None
    part = Part(graph.part({name: _FLOAT64}), [Result(name, _FLOAT64)], ON_CPU)
    return Extremes(part, tuple(found), name, _FLOAT64)


def _summed(makers: Mapping[str, Node], name: str) -> list[str]:
    """The values whose sums over all rows a value is the sum of; none if it is something else."""
    found: list[str] = []
    waiting = [name]
    while waiting:
        node = makers.get(waiting.pop())
        if node and node.operator in ("Add", "Cast", "Identity"):
            waiting += node.inputs
        elif node and node.operator == "ReduceSum" and len(node.inputs) == 1:
            found += node.inputs
        else:
            return []
    return found
