"""What is recorded of a run: `_RESULT.json`, of which the report is made.

A run scores one logical date or several. Edges are ascending; `shares` are of the values below
the first edge, between two, and above the last: one more than edges.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

#: What a failed check does: end the run before anything is published, put the rows that fail it
#: aside, or say so.
Action = Literal["fail", "quarantine", "warn"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Model(_Record):
    """The model that scored; an alias is resolved to its version once a run."""

    name: str
    version: str
    digest: str
    uri: str


class Check(_Record):
    """A number that was looked at, and the bound that it must keep.

    rows  that fail it, where it is about rows
    """

    name: str
    column: str | None = None
    value: float
    bound: str
    passed: bool
    action: Action
    rows: int | None = None


class Distribution(_Record):
    """The values of a column, beside those of the baseline if there is one.

    psi  population stability index
    ks   Kolmogorov and Smirnov's statistic, at the edges
    """

    column: str
    edges: tuple[float, ...]
    shares: tuple[float, ...]
    baseline: tuple[float, ...] | None = None
    psi: float | None = None
    ks: float | None = None
    mean: float | None = None
    least: float | None = None
    greatest: float | None = None
    nulls: int = 0
    nans: int = 0


class Stage(_Record):
    """A part of the work on a date."""

    name: str
    seconds: float
    rows: int | None = None


class Date(_Record):
    """What became of a logical date.

    rows         published, or scored if it failed: nothing of it is published then
    refused      of these, with a NULL prediction
    quarantined  rows that went aside
    resumed      parts that an earlier run had scored
    """

    date: str
    status: Literal["done", "unchanged", "failed"]
    rows: int = 0
    refused: int = 0
    quarantined: int = 0
    resumed: int = 0
    seconds: float = 0.0
    checks: tuple[Check, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    stages: tuple[Stage, ...] = ()

    @property
    def published(self) -> int:
        """The rows that readers find."""
        return 0 if self.status == "failed" else self.rows


class Error(_Record):
    """Why a run ended."""

    kind: str
    fact: str
    hint: str


class Result(_Record):
    """A run."""

    run_id: str
    job: str
    status: Literal["done", "failed"]
    exit_code: int
    started: datetime
    ended: datetime
    model: Model | None = None
    where: str
    dates: tuple[Date, ...] = ()
    plan: str = ""
    versions: dict[str, str] = {}
    error: Error | None = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended - self.started).total_seconds()

    @property
    def rows(self) -> int:
        """Published by it, or by runs before it where nothing had changed."""
        return sum(date.published for date in self.dates)
