"""What a nightly job may be told beyond what is scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from sparkbird.job.metrics import FORMS
from sparkbird.job.record import Action
from sparkbird.job.section import Section


class Dated(Section):
    """Logical dates: which rows are of a date, and where they go."""

    column: str = Field(
        default="date",
        description="the column of the scored table that says the date: its folders, one a date",
    )
    rows: str | None = Field(
        default=None,
        description="which rows of the input are of a date, as SQL: \"day = DATE '{date}'\"; not "
        "needed where input.path has {date} in it",
    )
    parts: int = Field(
        default=4,
        ge=1,
        description="how many parts the files of a date are scored in: a run that was killed goes "
        "on with the first part that was not done",
    )
    limit: int = Field(
        default=31, ge=1, description="the most dates that one run may score, against mistypings"
    )
    stamp: bool = Field(
        default=True,
        description="whether each row says by which model, by which run and when it was scored",
    )


class RowCount(Section):
    """How many rows a date has."""

    at_least: int = Field(default=0, ge=0, description="the fewest rows")
    at_most: int | None = Field(default=None, ge=0, description="the most rows")
    action: Action = Field(default="fail", description="'fail' or 'warn'")


class Bounds(Section):
    """What the values of a column, read or added, must keep to."""

    nulls: float | None = Field(default=None, ge=0, le=1, description="the most of them NULL")
    nans: float | None = Field(default=None, ge=0, le=1, description="the most of them NaN")
    least: float | None = Field(default=None, description="the least value")
    greatest: float | None = Field(default=None, description="the greatest value")
    unseen: float | None = Field(
        default=None, ge=0, le=1, description="the most of them strings that the baseline lacks"
    )
    psi: float | None = Field(
        default=None, ge=0, description="the greatest population stability index"
    )
    ks: float | None = Field(
        default=None, ge=0, le=1, description="the greatest statistic of Kolmogorov and Smirnov"
    )
    action: Action = Field(
        default="fail",
        description="'fail': nothing is published; 'quarantine': rows that are NULL, NaN or out "
        "of bounds go to _quarantine; 'warn'",
    )


class Checks(Section):
    """What is checked in the pass that scores, before anything is published."""

    schema_action: Literal["fail", "warn"] | None = Field(
        default=None,
        alias="schema",
        description="'fail' or 'warn' if a column of the input is gone, new or of another type "
        "than in the date before; looked at before a row is read",
    )
    rows: RowCount = Field(default=RowCount(), description="how many rows, a mapping")
    columns: Mapping[str, Bounds] = Field(
        default_factory=dict, description="bounds by column, of the table or added, a mapping"
    )
    baseline: str | None = Field(
        default=None, description="the file of a baseline, which 'sparkbird baseline' writes"
    )


def _listed(given: object) -> object:
    return [given] if isinstance(given, str) else given


#: One file or a list.
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_Files = Annotated[
    tuple[str, ...],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}),
]


class Run(Section):
    """What is told of a run beside the table that it writes."""

    folder: str | None = Field(
        default=None,
        description="where a run keeps what it has done, drafts and rows put aside; the folder of "
        "the table if left out",
    )
    log: str | None = Field(default=None, description="a file for a line of JSON per event")
    metrics: _Files = Field(
        default=(),
        description="a file for numbers or a list of them: *.prom for Prometheus' node exporter "
        "(textfile), *.json",
    )
    report: str | None = Field(default=None, description="a file for a page to look at, *.html")

    @field_validator("metrics")
    @classmethod
    def _have_known_ends(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        for file in files:
            if not file.endswith((*FORMS,)):
                raise ValueError(f"{file} ends neither in {' nor in '.join(FORMS)}")
        return files
