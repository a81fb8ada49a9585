"""A model's graph: feeds to results, into new arrays or into those that are there.

N is the number of rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import Any

import numpy as np

from sparkbird.runtime.part import Result
from sparkbird.runtime.pieces import Piece
from sparkbird.runtime.plan import Plan
from sparkbird.runtime.providers import Placement
from sparkbird.schema import INVALID, SCREEN, Schema

#: Which check a row failed.
FAILED = Result(INVALID, np.dtype(np.int32))


class Inference:
    """The `results` of the artefact `content`, and which check each row failed, if it has checks.

    Where the graph screens its rows, one number for all of them, the checks themselves are
    left out until that is not finite; from then on they are computed along, because where one
    batch has missing values, the next has too.
    """

    def __init__(
        self, content: bytes, schema: Schema, results: Sequence[Result], placement: Placement
    ) -> None:
        self.results = (*results, *([FAILED] if schema.checks else []))
        self.size = len(content)
        self._lock = Lock()
        self._plan_checks = partial(Plan, content, self.results, placement)
        self._screening: Plan | None = None
        self._checking: Plan | None = None
        if schema.screened:
            screen = Result(SCREEN, np.dtype(np.float64))
            self._screening = Plan(content, [*results, screen], placement)
        else:
            self._checking = self._plan_checks()
        self.providers, self.row_bytes = self.plan.providers, self.plan.row_bytes
        self.device_bytes = self.plan.device_bytes

    @property
    def plan(self) -> Plan:
        """How it is run from now on."""
        return self._screening or self._check()

    def pieces(self) -> Iterator[Piece]:
        """What there is to do for a batch from now on, in order."""
        return self.plan.pieces()

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """The results for `feeds` by name, which may be more than needed.

        That of the checks is left out where no row fails one.
        """
        if screening := self._screening:
            found = screening.run(feeds)
            if math.isfinite(found.pop(SCREEN)):
                return found
        return (self._checking or self._check()).run(feeds)

    def run_into(self, feeds: Mapping[str, Any], results: Mapping[str, Any]) -> None:
        """The same, into contiguous arrays by name; that of the checks is 0 everywhere."""
        if screening := self._screening:
            screen = np.zeros(())
            screening.run_into(feeds, {**results, SCREEN: screen})
            if np.isfinite(screen):
                return
        self._check().run_into(feeds, results)

    def _check(self) -> Plan:
        """The plan that checks rows along, from now on the only one."""
        with self._lock:
            if self._checking is None:
                self._checking = self._plan_checks(other=self._screening)
            self._screening = None
            return self._checking
