"""A model's graph: feeds to results, into new arrays or into those that are there.

N is the number of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from sparkbird.runtime.part import Result
from sparkbird.runtime.plan import Plan
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
        self, content: bytes, schema: Schema, results: Sequence[Result], providers: Sequence[str]
    ) -> None:
        self.results = (*results, *([FAILED] if schema.checks else []))
        self.size = len(content)
        self._content = content
        self._wanted = [*providers]
        self._screens = schema.screened
        if self._screens:
            screen = Result(SCREEN, np.dtype(np.float64))
            self._screening = Plan(content, [*results, screen], self._wanted)
        plan = self._screening if self._screens else self._checking
        self.providers, self.row_bytes = plan.providers, plan.row_bytes

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
    def _checking(self) -> Plan:
        return Plan(self._content, self.results, self._wanted)
