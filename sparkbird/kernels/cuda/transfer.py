"""Rows to a device and results back, chunk by chunk: one is copied while another is computed.

N is the number of rows, K of results of a row.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from threading import Lock
from typing import Any, TypeAlias

import numpy as np

from sparkbird.kernels.cuda.driver import Device, DeviceMemoryError, Memory, Stream
from sparkbird.kernels.cuda.launches import Launch, LaunchGraph

#: Rows of a chunk, at most, and what their values and what is made of them may take on a device
#: together, in bytes; so few rows that less is not tried for when memory is short.
CHUNK_ROWS, CHUNK_BYTES, LEAST_ROWS = 128 * 2**10, 512 * 2**20, 1024

#: Of so many chunks a lane knows what to launch: a batch, and its rest.
PROGRAMS = 8

#: Where blocks start in a chunk: at a multiple of so many bytes.
_ALIGNED = 256


@dataclass(frozen=True)
class Chunk:
    """Where the blocks of some rows are on a device, in bytes from `address`, and how wide.

    starts   of blocks
    strides  of blocks: how far it is from one row to the next
    """

    address: int
    count: int
    starts: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class OnDevice:
    """A matrix [N, F] on a device, in one piece; `kept` has the memory that it lies in."""

    address: int
    shape: tuple[int, int]
    dtype: np.dtype
    kept: Any

    @classmethod
    def of(cls, rows: Any) -> OnDevice:
        """That of an array of CuPy or a tensor of PyTorch: what has a ``__cuda_array_interface__``.

        Source: the CUDA array interface, version 3, numba.readthedocs.io.
        """
        found = rows.__cuda_array_interface__
        assert not found.get("strides"), "rows lie in one piece"
        count, width = found["shape"]
        return cls(found["data"][0], (count, width), np.dtype(found["typestr"]), rows)

    @property
    def row_bytes(self) -> int:
        """How far it is from one row to the next."""
        return self.shape[1] * self.dtype.itemsize


@dataclass
class Program:
    """What is launched for a chunk, and where its results are; `graph` from the second time on.

    Kernels begin when the one before them has ended. Those that start early (programmatic
    dependent launch) hold the shared memory that it wants: that saves a microsecond or two of large
    forests, and makes small ones take twice as long.
    """

    launches: list[Launch]
    result: int
    graph: LaunchGraph | None = None

    def run(self, stream: Stream) -> None:
        """Launch it again: one launch after the other takes as long as small forests do."""
        self.graph = self.graph or stream.graph(self.launches)
        stream.run_graph(self.graph)


class Lane:
    """A stream, and memory here and there that is used again for every chunk."""

    def __init__(self, device: Device) -> None:
        self.device, self.stream = device, device.stream()
        self._memory: dict[str, Memory] = {}
        self._pinned: dict[str, np.ndarray] = {}
        self._constants: dict[str, bytes] = {}
        self._programs: OrderedDict[Any, Program] = OrderedDict()

    def memory(self, name: str, size: int) -> int:
        """The address of the memory of that name on the device, so many bytes at least."""
        known = self._memory.get(name)
        if known is None or known.size < size:
            self._memory.pop(name, None)
            self._constants.pop(name, None)
            self._programs.clear()
            del known
            self._memory[name] = self.device.memory(size)
        return self._memory[name].address

    def pinned(self, name: str, size: int) -> np.ndarray:
        """So many bytes of the host's memory of that name."""
        known = self._pinned.get(name)
        if known is None or known.nbytes < size:
            known = self._pinned[name] = self.device.pinned(size)
        return known[:size]

    def constant(self, name: str, array: np.ndarray) -> int:
        """The address of a copy of a small array, made anew only if another was there."""
        address, content = self.memory(name, array.nbytes), content_of(array)
        if self._constants.get(name) != content:
            self._programs.clear()
            staged = self.pinned(name, array.nbytes)
            self.stream.wait()  # for copies of what was there
            staged[:] = array.view(np.uint8)
            self.stream.put(address, staged)
            self._constants[name] = content
        return address

    def again(self, key: Any, make: Callable[[], int]) -> int:
        """What `make` gives; what it launches is launched again if the same is asked for.

        That is what it was as long as memory stays where it is.
        """
        known = self._programs.get(key)
        if known is not None:
            known.run(self.stream)
            return known.result
        with self.stream.recorded() as launches:
            result = make()
        self._programs[key] = Program(launches, result)
        while len(self._programs) > PROGRAMS:
            self._programs.popitem(last=False)
        return result

    def free(self) -> None:
        """Give all of it back."""
        self.stream.wait()
        self._programs.clear()
        self._memory.clear()
        self._constants.clear()
        self._pinned.clear()


class Lanes:
    """The lanes of a device, taken by threads."""

    def __init__(self, device: Device) -> None:
        self._device, self._idle, self._lock = device, list[Lane](), Lock()

    @contextmanager
    def taken(self, count: int) -> Iterator[list[Lane]]:
        """Some lanes that nobody else has."""
        with self._lock:
            lanes = [self._idle.pop() for _ in range(min(count, len(self._idle)))]
        lanes += [Lane(self._device) for _ in range(count - len(lanes))]
        try:
            yield lanes
        finally:
            for lane in lanes:
                lane.stream.wait()
            with self._lock:
                self._idle += lanes


#: What is done with a chunk: its results [count, K] are at the address that it gives.
Compute: TypeAlias = Callable[[Lane, Chunk], int]


def in_chunks(
    lanes: Sequence[Lane],
    blocks: Sequence[np.ndarray],
    results: np.ndarray,
    compute: Compute,
    row_bytes: int,
    room: float = math.inf,
) -> None:
    """Write the `results` [N, K] of rows whose values are in `blocks`.

    `row_bytes` is what else a row takes on the device, of which chunks may take `room` bytes
    together. Where it has too little memory, they are halved.

    Raises
    ------
    ProviderError
        It has too little for the smallest chunk.
    """
    own = sum(map(_row_bytes, blocks)) + row_bytes
    most = int(min(CHUNK_BYTES, room / len(lanes)))
    rows = max(1, min(len(results), CHUNK_ROWS, most // max(1, own)))
    while (lacking := _lacking(lanes, blocks, results, compute, rows)) is not None:
        if rows <= LEAST_ROWS:
            raise lacking.for_users(f"{rows:,} rows of a forest") from lacking
        rows = -(-rows // 2)


def _lacking(
    lanes: Sequence[Lane],
    blocks: Sequence[np.ndarray],
    results: np.ndarray,
    compute: Compute,
    rows: int,
) -> DeviceMemoryError | None:
    """What was wrong if chunks of so many rows did not fit; lanes have given their memory back."""
    try:
        _in_chunks(lanes, blocks, results, compute, rows)
    except DeviceMemoryError as error:
        for lane in lanes:
            lane.free()
        return error
    return None


def _in_chunks(
    lanes: Sequence[Lane],
    blocks: Sequence[np.ndarray],
    results: np.ndarray,
    compute: Compute,
    rows: int,
) -> None:
    strides = tuple(map(_row_bytes, blocks))
    sizes = [-(-rows * stride // _ALIGNED) * _ALIGNED for stride in strides]
    starts = tuple(int(start) for start in np.cumsum([0, *sizes]))
    direct = _direct(lanes[0].device, blocks)
    waiting: dict[int, tuple[slice, np.ndarray]] = {}
    for number, first in enumerate(range(0, len(results), rows)):
        place = number % len(lanes)
        lane = lanes[place]
        span = slice(first, min(first + rows, len(results)))
        _collect(lane, waiting.pop(place, None), results)
        address = lane.memory("values", max(starts[-1], _ALIGNED))
        _put(lane, address, [block[span] for block in blocks], starts, direct)
        found = compute(lane, Chunk(address, span.stop - span.start, starts[:-1], strides))
        back = lane.pinned("results", results[span].nbytes)
        lane.stream.get(back, found)
        waiting[place] = span, back
    for place in sorted(waiting, key=lambda place: waiting[place][0].start):
        _collect(lanes[place], waiting[place], results)


def _put(
    lane: Lane,
    address: int,
    blocks: Sequence[np.ndarray],
    starts: Sequence[int],
    direct: Sequence[bool],
) -> None:
    """Copy blocks to where they start on the device, from pinned memory, which nobody waits for.

    Those that are not there already are put there beside each other, and go in one piece:
    processes that share a GPU take turns, perhaps for each.
    """
    staged = lane.pinned("values", starts[-1]) if not all(direct) else None
    for whole, group in groupby(range(len(blocks)), key=lambda i: direct[i]):
        places = [*group]
        for i in places:
            if whole or staged is None:
                lane.stream.put(address + starts[i], blocks[i])
                continue
            own = staged[starts[i] : starts[i] + blocks[i].nbytes]
            np.copyto(own.view(blocks[i].dtype).reshape(blocks[i].shape), blocks[i])
        if not whole and staged is not None:
            first, last = starts[places[0]], starts[places[-1]] + blocks[places[-1]].nbytes
            lane.stream.put(address + first, staged[first:last])


def _collect(lane: Lane, waiting: tuple[slice, np.ndarray] | None, results: np.ndarray) -> None:
    """Wait for the results of a chunk, and copy them to where they belong."""
    if waiting:
        span, back = waiting
        lane.stream.wait()
        results[span] = back.view(results.dtype).reshape(results[span].shape)


def content_of(array: np.ndarray) -> bytes:
    """The bytes of an array in one piece; of fields, NumPy itself copies one after the other."""
    return array.view(np.uint8).tobytes()


def _row_bytes(block: np.ndarray) -> int:
    return block.itemsize * math.prod(block.shape[1:])


def _direct(device: Device, blocks: Sequence[np.ndarray]) -> list[bool]:
    """Which blocks can be copied from where they are; none if the first cannot, as a rule."""

    def is_direct(block: np.ndarray) -> bool:
        return bool(len(block)) and block.flags.c_contiguous and device.is_pinned(block)

    if not is_direct(blocks[0]):
        return [False] * len(blocks)
    return [is_direct(block) for block in blocks]
