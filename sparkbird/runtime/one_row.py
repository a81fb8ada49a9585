"""How a graph is run for one row: forests by walks side by side, the rest as code of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkbird.dtypes import STRING
from sparkbird.kernels.machine import Machine
from sparkbird.kernels.single import Single
from sparkbird.runtime.forests import forests
from sparkbird.runtime.graph import Graph, Info
from sparkbird.runtime.part import Part, Result
from sparkbird.runtime.providers import ON_CPU
from sparkbird.runtime.unrolled import NotExactError, Unrolled


@dataclass(frozen=True, eq=False)
class Walk:
    """The forest that gives `result` for `rows`."""

    result: str
    rows: str
    forest: Single

    def run(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The result by name."""
        return {self.result: self.forest.result(values[self.rows])}


class OneRow:
    """The `results` of `graph` for one row; what can be is made for `machine`.

    Raises
    ------
    NotExactError
        ONNX Runtime would be called as often as for the whole graph, or more often.
    TooLargeError
        A forest has more nodes than are addressed.
    """

    def __init__(
        self,
        graph: Graph,
        results: Sequence[Result],
        machine: Machine,
    ) -> None:
        if any(result.tokens or result.entries for result in results):
            raise NotExactError("results are made of others")
        self._graph, self._machine = graph, machine
        self._samples: dict[str, Any] = {n: _zeros(info) for n, info in graph.inputs.items()}
        self._given: dict[str, np.dtype] = {}
        self._names = [result.name for result in results]
        self._stages: list[Walk | Unrolled | Part] = []
        for found in forests(graph):
            if found.rows not in self._samples:
                dtype = found.trees.threshold.dtype
                self._compute([Result(found.rows, dtype)], {found.rows: dtype})
                self._given[found.rows] = dtype
            forest = Single(machine, found.trees, found.values, found.output, found.outputs)
            self._add(Walk(found.result, found.rows, forest))
            self._given[found.result] = found.dtype
        self._compute(results, dict.fromkeys(self._names))
        parts = sum(isinstance(stage, Part) for stage in self._stages)
        if parts > bool(self._given):
            raise NotExactError("the whole graph takes no more calls")

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """The results for `feeds`, of one row, by name."""
        values = dict(feeds)
        for stage in self._stages:
            values.update(stage.run(values))
        return {name: values[name] for name in self._names}

    def _compute(self, results: Sequence[Result], outputs: Mapping[str, np.dtype | None]) -> None:
        """Add what gives `results`, and is none of the forests that there are already."""
        content = self._graph.part(outputs, self._given)
        try:
            self._add(Unrolled(Graph(content), self._samples, [*outputs], self._machine))
        except NotExactError:
            self._add(Part(content, results, ON_CPU))

    def _add(self, stage: Walk | Unrolled | Part) -> None:
        self._stages.append(stage)
        self._samples |= stage.run(self._samples)


def _zeros(info: Info) -> np.ndarray:
    """One row of an input."""
    _, *lengths = info.lengths
    if info.dtype is None or info.dtype == STRING or None in lengths:
        raise NotExactError("strings are not numbers")
    return np.zeros((1, *map(int, lengths)), info.dtype)  # type: ignore[arg-type]
