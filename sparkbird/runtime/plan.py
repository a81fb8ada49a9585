"""How a graph is run: its forests by kernels where there are some, the rest by ONNX Runtime."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np

from sparkbird.errors import ProviderError
from sparkbird.kernels import machine
from sparkbird.kernels.columns import ColumnRows
from sparkbird.kernels.cuda import driver
from sparkbird.kernels.cuda.forest import Forest as DeviceForest
from sparkbird.kernels.forest import Forest, Matrix
from sparkbird.kernels.machine import Machine
from sparkbird.kernels.single import TooLargeError
from sparkbird.runtime.apart import Apart
from sparkbird.runtime.casts import Casts, Total, casts, totals
from sparkbird.runtime.extremes import Extremes, extremes
from sparkbird.runtime.folding import CannotFoldError, Fold
from sparkbird.runtime.forests import Found, forest_nodes, forests
from sparkbird.runtime.graph import Graph
from sparkbird.runtime.lookups import Lookup, lookups
from sparkbird.runtime.one_row import OneRow
from sparkbird.runtime.origins import origins
from sparkbird.runtime.part import Part, Result
from sparkbird.runtime.pieces import Given, Piece
from sparkbird.runtime.providers import CPU, KEPT_SHARE, Placement
from sparkbird.runtime.unrolled import NotExactError
from sparkbird.schema import Output

#: "0" leaves forests to ONNX Runtime.
KERNELS = "SPARKBIRD_KERNELS"

#: What a session of ONNX Runtime takes on a GPU at least: cuBLAS alone has 32 MiB to work in on
#: Hopper (docs.nvidia.com/cuda/cublas, cublasSetWorkspace), beside it are cuDNN's and the arena's.
PROVIDER_BYTES = 128 * 2**20

#: Up to so many rows at a time there are faster ways: `OneRow`, and for more than one row the
#: whole graph in ONNX Runtime. They are prepared once that many calls have come with no more.
#: (The last batch of a partition may have few rows, too.)
FEW_ROWS, FEW_CALLS = 4, 100


@dataclass(frozen=True, eq=False)
class Step:
    """The forest that gives `result`, and the part of the graph that gives its `rows`.

    There is no such part where they are there already. `casts` tells how rows come from an input
    by casts alone, if they do; `fold` is that part folded into the forest, where that is possible.
    """

    result: str
    dtype: np.dtype
    rows: str
    forest: Forest | DeviceForest
    before: Part | None
    casts: Casts | None
    fold: Fold | None

    def work(self) -> dict[str, float]:
        """What it comes to by unit, as `kernels.work` counts."""
        return self.fold.work() if self.fold else self.forest.work()

    def run(self, values: dict[str, Any]) -> None:
        """Add the forest's result to the `values` that there are."""
        rows = (self.fold and self.fold.rows(values)) or self._rows(values)
        values[self.result] = self.forest.result(rows)

    def _rows(self, values: dict[str, Any]) -> Any:
        """As the forest takes them: on the GPU, if they are computed there."""
        if self.before and self.before.on_gpu:
            if self.rows not in values:
                values[self.rows] = self.before.run_on_gpu(values)
            return values[self.rows]
        given = values[self.casts.source] if self.casts else None
        if self.casts and isinstance(given, Apart):
            columns = self.casts.columns(given, self.forest.features.tolist())
            return ColumnRows(columns, self.forest.parts[0].values, len(given))
        if self.before and self.rows not in values:
            values |= self.before.run(values)
        return Matrix(values[self.rows])

    def __str__(self) -> str:
        steps = "its rows computed before it" if self.before else "on the rows as they are"
        return f"{self.forest}, {self.fold or steps}"


class Plan:
    """The part of `content`, a serialised ModelProto, that gives `results`.

    Forests that another plan for the same content has are not made again.
    """

    def __init__(
        self,
        content: bytes,
        results: Sequence[Result],
        placement: Placement,
        other: Plan | None = None,
    ) -> None:
        names = _names(results)
        self._results = results
        graph = Graph(Graph(content).part(names))
        made = {step.result: step for step in other.steps} if other else {}
        self._lookups = [*lookups(graph)]
        host = _host(placement)
        make = partial(_on_gpu, placement) if placement.forests else partial(_on_cpu, host)
        self.steps: list[Step] = [*_steps(make, graph, self._lookups, placement, made)]
        self._forests = sum(1 for _ in forest_nodes(graph))
        given = {lookup.result: lookup.dtype for lookup in self._lookups}
        given |= {step.result: step.dtype for step in self.steps}
        sums = [*_screens(graph, names)] if self.steps else []
        given |= {one.result: one.dtype for one in sums}
        self._first: list[Lookup | Step | Total | Extremes] = [*self._lookups, *self.steps, *sums]
        self._rest = Part(graph.part(names, given), results, placement)
        self.providers = self._rest.providers
        self._whole: Part | None = None
        self._content, self._placement, self._host = content, placement, host
        self._few = 0

    def row_bytes(self, output: Output) -> int:
        """What the widest intermediate result on the way to `output` takes, in bytes a row."""
        if len(self.steps) < self._forests or not self.steps:
            return output.row_bytes
        folded = all(step.fold or not step.before for step in self.steps)
        return output.folded_row_bytes if folded else output.kernel_row_bytes

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """The results for `feeds` by name, which may be more than needed."""
        if whole := self._for_few(feeds):
            return whole.run(feeds)
        return self._rest.run(self._stepped(feeds))

    def run_into(self, feeds: Mapping[str, Any], places: Mapping[str, Any]) -> None:
        """The same, into contiguous arrays by name."""
        self._rest.run_into(self._stepped(feeds), places)

    def pieces(self) -> Iterator[Piece]:
        """What there is to do for a batch, in order."""
        names = _names(self._results)
        graph = Graph(Graph(self._content).part(names))
        given: dict[str, Given] = {}
        for lookup in self._lookups:
            own = graph.part({lookup.result: lookup.dtype})
            yield Piece(f"look-up of {lookup.strings}", graph=own, distinct=True, looked_up=True)
            given[lookup.result] = Given(lookup.dtype)
        done: set[str] = set()
        for step in self.steps:
            if step.before and step.rows not in done and not (step.fold and not step.fold.by_value):
                own = graph.part({step.rows: step.forest.parts[0].values}, _types(given))
                yield Piece(
                    "rows of a forest", graph=own, given={**given}, distinct=bool(step.fold)
                )
                done.add(step.rows)
            yield Piece(str(step), units=step.work())
            given[step.result] = Given(step.dtype, step.forest.lengths)
        yield Piece("ONNX Runtime", graph=graph.part(names, _types(given)), given=given)

    def __str__(self) -> str:
        """How the forests are run, a line for each."""
        if not self.steps and self._forests:
            return f"forests run in ONNX Runtime: {machine.lacking() or f'{KERNELS} is 0'}"
        found = [*map(str, self.steps)]
        return "\n".join([*found, *self._placed()])

    @property
    def device_bytes(self) -> int:
        """What its forests take on a GPU, and what ONNX Runtime does for each of its sessions."""
        if not self._placement.gpu:
            return 0
        parts = [*(step.before for step in self.steps), self._rest]
        provided = sum(part.on_gpu for part in parts if part)
        return sum(step.forest.size for step in self.steps) + PROVIDER_BYTES * provided

    def _placed(self) -> Iterator[str]:
        """Which operators run where, if not all of them on the CPU."""
        if not self._placement.gpu:
            return
        counts: dict[str, Counter[str]] = {}
        for part in [*(step.before for step in self.steps), self._rest]:
            for provider, operators in part.placed.items() if part else ():
                counts.setdefault(provider, Counter()).update(operators)
        for provider, operators in sorted(counts.items(), reverse=True):
            place = "the CPU" if provider == CPU else f"the GPU, by {provider}"
            listed = ", ".join(f"{count} {name}" for name, count in operators.most_common())
            yield f"on {place}{', beside forests' if self.steps else ''}: {listed or 'nothing'}"

    def _for_few(self, feeds: Mapping[str, Any]) -> OneRow | Part | None:
        """What runs few rows, if there are few, as there often were."""
        rows = len(next(iter(feeds.values())))
        if rows > FEW_ROWS:
            return None
        if self._placement.gpu:  # there whatever they cost
            return None
        self._few += 1
        if self._few <= FEW_CALLS:
            return None
        single = self._single if rows == 1 else None
        if self.steps and not single and self._whole is None:
            self._whole = self._whole_graph()
        return single or self._whole

    @cached_property
    def _single(self) -> OneRow | None:
        """What runs one row, if it is faster than ONNX Runtime."""
        return _single(self._content, self._results, self._host)

    def _whole_graph(self) -> Part:
        """The same by ONNX Runtime alone."""
        content = Graph(self._content).part(_names(self._results))
        return Part(content, self._results, self._placement)

    def _stepped(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        """The feeds, and what look-ups, forests and totals give for them."""
        if not self._first:
            return feeds
        values = dict(feeds)
        for part in self._first:
            part.run(values)
        return values


def _screens(graph: Graph, results: Collection[str]) -> Iterator[Total | Extremes]:
    """What screens rows sooner than the graph does, of the rows as they are given."""
    found = [*totals(graph, results)]
    yield from found
    if not found and (one := extremes(graph, results)):
        yield one


def _single(content: bytes, results: Sequence[Result], host: Machine | None) -> OneRow | None:
    graph = Graph(Graph(content).part(_names(results)))
    try:
        return OneRow(graph, results, host) if host else None
    except (NotExactError, TooLargeError):
        return None


def _types(given: Mapping[str, Given]) -> dict[str, np.dtype]:
    return {name: value.dtype for name, value in given.items()}


def _names(results: Sequence[Result]) -> dict[str, None]:
    """What results are made of, by name; they are outputs of the graph already."""
    return dict.fromkeys(name for result in results for name in result.names)


#: A forest that is ready to run, if it can be made so.
_Make: TypeAlias = Callable[[Found], "Forest | DeviceForest | None"]


def _on_cpu(host: Machine | None, found: Found) -> Forest | None:
    try:
        return (
            Forest(host, found.trees, found.values, found.output, found.outputs) if host else None
        )
    except ValueError:  # too many thresholds: ONNX Runtime runs it
        return None


def _on_gpu(placement: Placement, found: Found) -> DeviceForest:
    assert placement.gpu
    device = driver.device(placement.gpu.number)
    room = (1 - KEPT_SHARE) * placement.room
    try:
        return DeviceForest(
            found.trees, found.values, found.output, found.outputs, device=device, room=room
        )
    except ValueError as error:
        raise ProviderError(
            f"a forest cannot run on a GPU: {error}", "use device='cpu'."
        ) from error


def _steps(
    make: _Make,
    graph: Graph,
    known: Sequence[Lookup],
    placement: Placement,
    made: Mapping[str, Step],
) -> Iterator[Step]:
    """The forests that kernels can run, each after those that its rows depend on."""
    given = {lookup.result: lookup.dtype for lookup in known}
    parts: dict[str, Part | None] = dict.fromkeys([*graph.inputs, *given])
    for found in forests(graph):
        if found.rows not in parts:
            rows = Result(found.rows, found.trees.threshold.dtype)
            parts[rows.name] = Part(graph.part({rows.name: rows.dtype}, given), [rows], placement)
        step = made.get(found.result) or _step(make, graph, found, known, parts[found.rows])
        if step:
            yield step
            given[step.result] = step.dtype
            parts[step.result] = None


def _host(placement: Placement) -> Machine | None:
    """The processor that kernels are made for, where they are to run forests."""
    wanted = os.environ.get(KERNELS) != "0" and not placement.gpu
    return machine.host() if wanted else None


def _step(
    make: _Make, graph: Graph, found: Found, known: Sequence[Lookup], before: Part | None
) -> Step | None:
    forest = make(found)
    if forest is None:
        return None
    fold = _fold(graph, found, forest, before, known) if before else None
    cast = casts(graph, found.rows)
    return Step(found.result, found.dtype, found.rows, forest, before, cast, fold)


def _fold(
    graph: Graph,
    found: Found,
    forest: Forest | DeviceForest,
    before: Part,
    known: Sequence[Lookup],
) -> Fold | None:
    """The steps in front of a forest, folded into it if they can be."""
    name = found.rows  # alone: what computes rows must not keep the trees
    traced = origins(graph, name)
    if not traced:
        return None

    def compute(given: Mapping[str, Any]) -> np.ndarray:
        values = dict(given)
        for lookup in known:
            lookup.run(values)
        rows: np.ndarray = before.run(values)[name]
        return rows

    try:
        return Fold(forest, traced, graph.inputs, compute)
    except CannotFoldError:
        return None
