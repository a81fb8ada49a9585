"""How a graph is run: its forests by kernels where there are some, the rest by ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkbird.kernels import machine
from sparkbird.kernels.forest import Forest, Matrix, Rows
from sparkbird.runtime.folding import CannotFoldError, Fold
from sparkbird.runtime.forests import Found, forest_nodes, forests
from sparkbird.runtime.graph import Graph
from sparkbird.runtime.lookups import Lookup, lookups
from sparkbird.runtime.origins import origins
from sparkbird.runtime.part import Part, Result
from sparkbird.runtime.providers import CPU
from sparkbird.schema import Output

#: "0" leaves forests to ONNX Runtime.
KERNELS = "SPARKBIRD_KERNELS"


@dataclass(frozen=True, eq=False)
class Step:
    """A forest, and the part of the graph that gives its rows, unless they are there already.

    `fold` is that part folded into the forest, where that is possible.
    """

    found: Found
    forest: Forest
    before: Part | None
    fold: Fold | None

    def run(self, values: dict[str, Any]) -> None:
        """Add the forest's result to the `values` that there are."""
        rows = (self.fold and self.fold.rows(values)) or self._rows(values)
        sums = self.found.values is not None
        result = self.forest.sums(rows) if sums else self.forest.numbers(rows)
        values[self.found.result] = result

    def _rows(self, values: dict[str, Any]) -> Rows:
        if self.before:
            values |= self.before.run(values)
        return Matrix(values[self.found.rows])


class Plan:
    """The part of `content`, a serialised ModelProto, that gives `results`."""

    def __init__(self, content: bytes, results: Sequence[Result], providers: Sequence[str]) -> None:
        names = dict.fromkeys(result.name for result in results)
        part = Graph(content).part(names)
        graph = Graph(part)
        self._lookups = [*lookups(graph, providers)]
        given = {lookup.result: lookup.dtype for lookup in self._lookups}
        self.steps = [*_steps(graph, self._lookups, providers)]
        self._forests = sum(1 for _ in forest_nodes(graph))
        given |= {step.found.result: step.found.dtype for step in self.steps}
        rest = graph.part(names, given) if given else part
        self._rest = Part(rest, results, providers)
        self.providers = self._rest.providers

    def row_bytes(self, output: Output) -> int:
        """What the widest intermediate result on the way to `output` takes, in bytes a row."""
        if len(self.steps) < self._forests or not self.steps:
            return output.row_bytes
        folded = all(step.fold or not step.before for step in self.steps)
        return output.folded_row_bytes if folded else output.kernel_row_bytes

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """The results for `feeds` by name, which may be more than needed."""
        return self._rest.run(self._stepped(feeds))

    def run_into(self, feeds: Mapping[str, Any], places: Mapping[str, Any]) -> None:
        """The same, into contiguous arrays by name."""
        self._rest.run_into(self._stepped(feeds), places)

    def _stepped(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        """The feeds, and what look-ups and forests give for them."""
        values = dict(feeds)
        for lookup in self._lookups:
            lookup.run(values)
        for step in self.steps:
            step.run(values)
        return values


def _steps(graph: Graph, known: Sequence[Lookup], providers: Sequence[str]) -> Iterator[Step]:
    """The forests that kernels can run, each after those that its rows depend on."""
    host = machine.host() if os.environ.get(KERNELS) != "0" else None
    if host is None or providers[0] != CPU:
        return
    given = {lookup.result: lookup.dtype for lookup in known}
    there = {*graph.inputs, *given}
    for found in forests(graph):
        try:
            forest = Forest(host, found.trees, found.values, found.output, found.outputs)
        except ValueError:  # too many thresholds: ONNX Runtime runs it
            continue
        before = fold = None
        if found.rows not in there:
            rows = Result(found.rows, found.trees.threshold.dtype)
            content = graph.part({rows.name: rows.dtype}, given)
            before = Part(content, [rows], providers)
            fold = _fold(graph, found, forest, before, known)
        yield Step(found, forest, before, fold)
        given[found.result] = found.dtype
        there |= {found.rows, found.result}


def _fold(
    graph: Graph, found: Found, forest: Forest, before: Part, known: Sequence[Lookup]
) -> Fold | None:
    """The steps in front of a forest, folded into it if they can be."""
    traced = origins(graph, found.rows)
    if not traced:
        return None

    def compute(given: Mapping[str, Any]) -> np.ndarray:
        values = dict(given)
        for lookup in known:
            lookup.run(values)
        rows: np.ndarray = before.run(values)[found.rows]
        return rows

    try:
        return Fold(forest, traced, graph.inputs, compute)
    except CannotFoldError:
        return None
