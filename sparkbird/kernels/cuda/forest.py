"""A forest on a GPU that is ready to run, with the results of `kernels.forest.Forest`.

N is the number of rows, F of features, T of trees, L of leaves, K of outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from sparkbird.kernels.cuda import driver
from sparkbird.kernels.cuda.driver import Device
from sparkbird.kernels.cuda.kinds import Leaves
from sparkbird.kernels.cuda.layout import LANES, WORD
from sparkbird.kernels.cuda.part import Part, Ranking
from sparkbird.kernels.cuda.transfer import CHUNK_ROWS, Chunk, Lane, Lanes, OnDevice, in_chunks
from sparkbird.kernels.cuda.walks import Ranks, Target
from sparkbird.kernels.forest import Rows
from sparkbird.kernels.given import Given, of_matrix
from sparkbird.kernels.trees import Trees, ranked

#: From so many rows for each multiprocessor on, leaves are added up at once: fewer are spread over
#: the device tree by tree.
ROWS_OF_A_PROCESSOR = 192

#: Chunks that are under way together: one is copied, one computed, and one's results are copied.
LANES_OF_A_RUN = 3

_NUMBERS = np.dtype(np.int32)


@dataclass(frozen=True, eq=False)
class _Ready:
    """A part, how its columns come from values, and where ranks of distinct ones are, if any."""

    part: Part
    ranking: Ranking
    coded: int = 0

    @property
    def key(self) -> tuple[Ranking, int]:
        """What tells it from others of the same part."""
        return self.ranking, self.coded


#: Launches what gives the results of a chunk, whose address it gives.
_Compute: TypeAlias = Callable[[Lane, Chunk, np.dtype, list[_Ready]], int]


class Forest:
    """The sums of trees' leaves, or the leaves' numbers, for rows of one type.

    values  [L, K]  of leaves, float32 or float64, the type of the sums; None for numbers
    output  [T]     the first of the K outputs that a tree adds to, of `outputs` in all
    room            what rows under way may take on the device, in bytes

    Raises
    ------
    ValueError
        One tree has more thresholds than ranks of two bytes tell apart.
    ProviderError
        There is no GPU, or no compiler for it.
    """

    def __init__(
        self,
        trees: Trees,
        values: np.ndarray | None = None,
        output: np.ndarray | None = None,
        outputs: int = 1,
        *,
        device: Device | None = None,
        room: float = math.inf,
    ) -> None:
        self.device = device or driver.device()
        self.device.use()
        count = len(trees.roots)
        self.features = np.unique(trees.feature[trees.inner])
        self._trees, self._outputs, self._room = count, outputs, room
        self._sums = None if values is None else values.dtype
        if output is None:
            output = np.zeros(count, np.int64)
        self._leaves: Leaves | None = None
        if values is not None:
            own = np.ascontiguousarray(values)
            self._leaves = Leaves(own, self.device.copy(own), output, outputs)
        made = [*ranked(trees)]
        self.parts = [Part(self.device, trees, one, output, self._leaves) for one in made]
        self._lanes = Lanes(self.device)
        self._matrices: dict[tuple[int, np.dtype], list[_Ready]] = {}
        self._described = f"{count:,} trees of at most {len(trees.levels) - 1} levels by a kernel"
        self._described += f" ({self.device.name}, {self.size / 2**20:,.1f} MiB)"

    def __str__(self) -> str:
        return self._described

    @property
    def lengths(self) -> tuple[int]:
        """Those of a row of its result."""
        return (self._trees if self._sums is None else self._outputs,)

    @property
    def size(self) -> int:
        """Its arrays on the device, in bytes."""
        own = self._leaves.memory.size if self._leaves else 0
        return own + sum(part.size for part in self.parts)

    def work(self, values: np.dtype | None = None, coded: Collection[int] = ()) -> dict[str, float]:
        """Nothing that has a price yet, see `kernels.forest.Forest.work`."""
        del values, coded
        return {"call": 1.0}

    def result(self, rows: Rows | OnDevice) -> np.ndarray:
        """The sums, or the numbers if there are no values."""
        if isinstance(rows, OnDevice):
            return self._of_device(rows)
        return self.numbers(rows) if self._sums is None else self.sums(rows)

    def sums(self, rows: Rows) -> np.ndarray:
        """The leaves' values added tree after tree, [N, K]."""
        assert self._sums is not None
        return self._run(rows, np.empty((rows.count, self._outputs), self._sums), self._add)

    def numbers(self, rows: Rows) -> np.ndarray:
        """The number of each row's leaf in each tree, [N, T] int32."""
        return self._run(rows, np.empty((rows.count, self._trees), _NUMBERS), self._store)

    def sums_on_device(self, rows: OnDevice, lane: Lane) -> int:
        """The address of the sums of rows on the device, in order of the lane's stream."""

        def add() -> int:
            chunk = Chunk(rows.address, rows.shape[0], (0,), (rows.row_bytes,))
            return self._add(lane, chunk, rows.dtype, self._ready_for(rows, lane))

        # Rows at the same place need the same launches: what is asked of few rows is microseconds.
        key = self, rows.address, rows.shape, rows.dtype
        return lane.again(key, add)

    def _of_device(self, rows: OnDevice) -> np.ndarray:
        """The result for rows on the device, where they stay."""
        count = rows.shape[0]
        results = np.empty((count, *self.lengths), _NUMBERS if self._sums is None else self._sums)
        compute = self._store if self._sums is None else self._add
        self.device.use()
        with self._lanes.taken(1) as (lane,):
            ready = self._ready_for(rows, lane)
            for first in range(0, count, CHUNK_ROWS):
                some = results[first : first + CHUNK_ROWS]
                place = rows.address + first * rows.row_bytes
                chunk = Chunk(place, len(some), (0,), (rows.row_bytes,))
                back = lane.pinned("results", some.nbytes)
                lane.stream.get(back, self._again(compute, lane, chunk, rows.dtype, ready))
                lane.stream.wait()
                some[...] = back.view(some.dtype).reshape(some.shape)
        return results

    def _ready_for(self, rows: OnDevice, lane: Lane) -> list[_Ready]:
        kind = rows.shape[1], rows.dtype
        if kind not in self._matrices:
            like = np.empty((0, rows.shape[1]), rows.dtype)
            givens = [of_matrix(like, part.features, part.thresholds) for part in self.parts]
            self._matrices[kind] = self._ready(givens, lane)
        return self._matrices[kind]

    def _again(
        self, compute: _Compute, lane: Lane, chunk: Chunk, dtype: np.dtype, ready: list[_Ready]
    ) -> int:
        """What `compute` gives; what it launches is launched again for a chunk like this one."""
        key = compute.__name__, chunk, dtype, tuple(one.key for one in ready)
        return lane.again(key, lambda: compute(lane, chunk, dtype, ready))

    def lane(self) -> Lane:
        """A stream with memory of its own, for `sums_on_device`."""
        self.device.use()
        return Lane(self.device)

    def _run(self, rows: Rows, results: np.ndarray, compute: _Compute) -> np.ndarray:
        if not len(results) or not results.shape[1]:
            return results
        self.device.use()
        givens = [rows.given(part) for part in self.parts]
        numbered = self._sums is None or not all(part.adds_at_once for part in self.parts)
        row_bytes = sum(part.words * WORD for part in self.parts) + numbered * 4 * self._trees
        with self._lanes.taken(LANES_OF_A_RUN) as lanes:
            ready = self._ready(givens, lanes[0])
            for other in lanes[1:] if any(one.coded for one in ready) else ():
                other.stream.after(lanes[0].stream)
            dtype = givens[0].dtype

            def of_chunk(lane: Lane, chunk: Chunk) -> int:
                return self._again(compute, lane, chunk, dtype, ready)

            in_chunks(lanes, givens[0].blocks, results, of_chunk, row_bytes, self._room)
        return results

    def _ready(self, givens: Sequence[Given], lane: Lane) -> list[_Ready]:
        found = []
        for part, given in zip(self.parts, givens, strict=True):
            coded = self._coded(part, given, lane) if given.distinct is not None else 0
            found.append(_Ready(part, part.ranking(given), coded))
        return found

    def _coded(self, part: Part, given: Given, lane: Lane) -> int:
        """Where the ranks of distinct values are on the device, in order of the lane's stream."""
        assert given.distinct is not None
        distinct = np.ascontiguousarray(given.distinct)
        own = of_matrix(distinct, part.features, part.thresholds)
        count = len(distinct)
        place = lane.memory(f"coded {part.first}", _tiles(count) * LANES * WORD * part.words)
        chunk = Chunk(lane.memory("distinct", distinct.nbytes), count, (0,), (distinct.strides[0],))
        lane.stream.put(chunk.address, distinct)
        ranks = Ranks(place, count, part.words, part.ranks)
        _rank(lane, _Ready(part, part.ranking(own)), chunk, distinct.dtype, ranks)
        return place

    def _add(self, lane: Lane, chunk: Chunk, dtype: np.dtype, ready: list[_Ready]) -> int:
        assert self._sums is not None
        few = chunk.count < ROWS_OF_A_PROCESSOR * self.device.processors
        out = lane.memory("out", chunk.count * self._outputs * self._sums.itemsize)
        for i, one in enumerate(ready):
            ranks = self._ranks(lane, one, chunk, dtype)
            target = Target(out, self._outputs, adds=i > 0)
            if one.part.adds_at_once and not few:
                one.part.add(lane.stream, ranks, target)
                continue
            apart = _tiles(chunk.count) * LANES
            size = apart * one.part.count * one.part.stored_bytes
            stored = Target(lane.memory("stored", size), 1, apart)
            one.part.store_for_sums(lane.stream, ranks, stored)
            one.part.add_stored(lane.stream, stored, chunk.count, target)
        return out

    def _store(self, lane: Lane, chunk: Chunk, dtype: np.dtype, ready: list[_Ready]) -> int:
        out = lane.memory("out", chunk.count * self._trees * _NUMBERS.itemsize)
        for one in ready:
            ranks = self._ranks(lane, one, chunk, dtype)
            first = out + one.part.first * _NUMBERS.itemsize
            one.part.store(lane.stream, ranks, Target(first, self._trees, 1))
        return out

    def _ranks(self, lane: Lane, one: _Ready, chunk: Chunk, dtype: np.dtype) -> Ranks:
        size = _tiles(chunk.count) * LANES * WORD * one.part.words
        ranks = Ranks(lane.memory("ranks", size), chunk.count, one.part.words, one.part.ranks)
        _rank(lane, one, chunk, dtype, ranks)
        return ranks


def _tiles(count: int) -> int:
    return -(-count // LANES)


def _rank(lane: Lane, one: _Ready, chunk: Chunk, dtype: np.dtype, ranks: Ranks) -> None:
    table = one.ranking.placed(chunk.starts, chunk.strides)
    address = lane.constant(f"table {one.part.first} {len(chunk.starts)}", table)
    one.part.rank(lane.stream, one.ranking, address, (chunk.address, dtype), one.coded, ranks)
