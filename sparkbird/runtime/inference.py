"""A graph in ONNX Runtime: feeds to results, into new arrays or into those that are there.

N is the number of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sparkbird.dtypes import NO_TOKEN, STRING
from sparkbird.runtime.entries import by_row
from sparkbird.runtime.pruning import pruned
from sparkbird.schema import INVALID, SCREEN, Schema


@dataclass(frozen=True)
class Result:
    """A tensor ``[N, *lengths]`` that a graph gives.

    `tokens` tells whether the graph's own is [N, T], of which a list for each row is made.
    `entries` are the rows, the columns and the values in the graph of which vectors are made.
    """

    name: str
    dtype: np.dtype
    lengths: tuple[int, ...] = ()
    tokens: bool = False
    entries: tuple[str, ...] = ()


#: Which check a row failed.
FAILED = Result(INVALID, np.dtype(np.int32))


class Inference:
    """The `results` of the artefact `content`, and which check each row failed, if it has checks.

    Where the graph screens its rows, one number for all of them, the checks themselves are
    left out until that is not finite; from then on they are computed along, because where one
    batch has missing values, the next has too.
    """

    def __init__(
        self, content: bytes, schema: Schema, results: Sequence[Result], providers: Sequence[str]
    ) -> None:
        self.results = (*results, *([FAILED] if schema.checks else []))
        self.size = len(content)
        self._content = content
        self._wanted = [*providers]
        self._screens = schema.screened
        if self._screens:
            screen = Result(SCREEN, np.dtype(np.float64))
            self._screening = _Graph(content, [*results, screen], self._wanted)
        self.providers = (self._screening if self._screens else self._checking).providers

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """The results for `feeds` by name, which may be more than needed."""
        if self._screens:
            found = self._screening.run(feeds)
            if np.isfinite(found.pop(SCREEN)):
                rows = len(next(iter(feeds.values())))
                return found | {INVALID: np.zeros(rows, FAILED.dtype)}
            self._screens = False
        return self._checking.run(feeds)

    def run_into(self, feeds: Mapping[str, Any], results: Mapping[str, Any]) -> None:
        """The same, into contiguous arrays by name; that of the checks is 0 everywhere."""
        if self._screens:
            screen = np.zeros(())
            self._screening.run_into(feeds, {**results, SCREEN: screen})
            if np.isfinite(screen):
                return
            self._screens = False
        self._checking.run_into(feeds, results)

    @cached_property
    def _checking(self) -> _Graph:
        return _Graph(self._content, self.results, self._wanted)


class _Graph:
    """The part of a model that gives `results`, in a session with one thread."""

    def __init__(self, content: bytes, results: Sequence[Result], providers: Sequence[str]) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only: warnings would fill executors' logs
        self._names = [name for result in results for name in result.entries or (result.name,)]
        self._sparse = [result for result in results if result.entries]
        self._tokens = [result.name for result in results if result.tokens]
        self._session = ort.InferenceSession(
            pruned(content, self._names), options, providers=providers
        )
        values = (*self._session.get_inputs(), *self._session.get_outputs())
        strings = any(value.type == "tensor(string)" for value in values)
        self._binds = not strings and not self._sparse
        self._takes = [value.name for value in self._session.get_inputs()]
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        values = self._session.run(self._names, {name: feeds[name] for name in self._takes})
        found = dict(zip(self._names, values, strict=True))
        rows = len(next(iter(feeds.values())))
        for result in self._sparse:
            row, column, value = map(found.pop, result.entries)
            found[result.name] = by_row(row, column, value, rows)
        return found | {name: _lists(found[name]) for name in self._tokens}

    def run_into(self, feeds: Mapping[str, Any], places: Mapping[str, Any]) -> None:
        if not self._binds:  # strings are Python's, not the graph's, and so are entries by row
            for name, values in self.run(feeds).items():
                places[name][...] = values
            return
        binding = self._session.io_binding()
        for name in self._takes:
            binding.bind_cpu_input(name, feeds[name])
        for name in self._names:
            values = places[name]
            address = values.ctypes.data
            binding.bind_output(name, "cpu", 0, values.dtype, values.shape, address)
        self._session.run_with_iobinding(binding)


def _lists(tokens: np.ndarray) -> np.ndarray:
    """The tokens of each row, those that are none left out: [N, T] to lists [N]."""
    rows = np.empty(len(tokens), STRING)
    for i, row in enumerate(tokens.tolist()):
        rows[i] = [token for token in row if token != NO_TOKEN]
    return rows
