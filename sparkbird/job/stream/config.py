"""What a streaming job may be told."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Discriminator, Field, PositiveFloat, PositiveInt, Tag, model_validator

from sparkbird.job.config import Format, Scoring
from sparkbird.job.lines import parse
from sparkbird.job.mistakes import checked
from sparkbird.job.overlay import combined, resolved
from sparkbird.job.section import Option, Place, Section

if TYPE_CHECKING:
    from pathlib import Path

#: How a stream is written; see `Config.form`.
Form = Literal["columns", "batches"]


class Input(Section):
    """The files to score, as they arrive."""

    path: str = Field(description="the folder in which files arrive, each whole from the start")
    format: Format = Field(default="parquet", description="the format of the files")
    ddl: str | None = Field(
        default=None,
        alias="schema",
        description="columns and types, as Spark's DDL writes them; those of the files that are "
        "there if left out, where these say them (Parquet, ORC)",
    )
    max_files_per_trigger: PositiveInt | None = Field(
        default=None, description="the most files of a batch, a whole number; all if left out"
    )
    options: Mapping[str, Option] = Field(
        default_factory=dict, description="the options of Spark's reader, a mapping"
    )

    @model_validator(mode="after")
    def _says_its_columns(self) -> Input:
        if self.ddl is None and self.format in ("csv", "json"):
            raise ValueError(f"{self.format} does not say its columns: give 'schema'")
        return self


class Output(Place):
    """Where scored rows go."""

    format: Format = Field(default="parquet", description="the format of the files")
    partition_by: tuple[str, ...] = Field(
        default=(), description="a list of columns that become folders"
    )


#: A word or a number; told apart beforehand, so that a mistake is that of one of the two.
_Trigger = Annotated[
    Annotated[Literal["available-now"], Tag("word")] | Annotated[PositiveFloat, Tag("number")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "number"),
]


class Config(Scoring):
    """A streaming job."""

    input: Input = Field(description="the files to score, a mapping")
    output: Output = Field(description="where scored rows go, a mapping")
    checkpoint: str = Field(description="the folder in which Spark notes what is done")
    trigger: _Trigger = Field(
        default="available-now",
        description="'available-now' scores what is there and ends; a number waits so many "
        "seconds between batches and never ends",
    )
    form: Form = Field(
        default="columns",
        description="'columns' adds columns to the stream, and Spark writes it; 'batches' gives "
        "each batch a folder of its own, batch=0 and so on, which is whole or not there",
    )

    @model_validator(mode="after")
    def _writes_batches_to_folders(self) -> Config:
        if self.form == "batches" and self.output.table is not None:
            raise ValueError("form 'batches' writes folders: give output.path")
        return self


def load(*paths: str | Path, assignments: Iterable[str] = ()) -> Config:
    """The configuration in YAML files, each of which overrides those before it.

    Raises
    ------
    ConfigError
        There is no such file, or it says what it may not say.
    """
    return checked(Config, resolved(combined(paths, assignments), os.environ))


def loads(text: str, *, source: str = "configuration") -> Config:
    """The configuration that `text` is; `source` is its name in messages.

    Raises
    ------
    ConfigError
        It says what it may not say.
    """
    return checked(Config, parse(text, source=source))
