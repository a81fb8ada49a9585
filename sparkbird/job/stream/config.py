"""What a streaming job may be told, and the errors for what it may not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from sparkbird.errors import ConfigError
from sparkbird.job import config as job
from sparkbird.job.lines import Document, parse
from sparkbird.job.overlay import combined, resolved
from sparkbird.job.section import Section

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

#: How a stream is written; see `Config.form`.
Form = Literal["columns", "batches"]


class Input(Section):
    """The files to score, as they arrive."""

    path: str = Field(description="the folder in which files arrive, each whole from the start")
    format: job.Format = Field(default="parquet", description="the format of the files")
    ddl: str | None = Field(
        default=None,
        alias="schema",
        description="columns and types, as Spark's DDL writes them; those of the files that are "
        "there if left out, where these say them (Parquet, ORC)",
    )
    max_files_per_trigger: PositiveInt | None = Field(
        default=None, description="the most files of a batch, a whole number; all if left out"
    )
    options: Mapping[str, job.Option] = Field(
        default_factory=dict, description="the options of Spark's reader, a mapping"
    )

    @model_validator(mode="after")
    def _says_its_columns(self) -> Input:
        if self.ddl is None and self.format in ("csv", "json"):
            raise ValueError(f"{self.format} does not say its columns: give 'schema'")
        return self


class Output(Section):
    """Where scored rows go."""

    path: str | None = Field(default=None, description="the folder of the table's files")
    table: str | None = Field(default=None, description="the table's name in the catalog")
    format: job.Format = Field(default="parquet", description="the format of the files")
    partition_by: tuple[str, ...] = Field(
        default=(), description="a list of columns that become folders"
    )
    options: Mapping[str, job.Option] = Field(
        default_factory=dict, description="the options of Spark's writer, a mapping"
    )

    @model_validator(mode="after")
    def _is_one_place(self) -> Output:
        if (self.path is None) == (self.table is None):
            raise ValueError("give either 'path' or 'table'")
        return self

    def __str__(self) -> str:
        return self.path or f"table {self.table}"


class Config(Section):
    """A streaming job."""

    name: str = Field(default="sparkbird", description="the name of the Spark application")
    model: job.Model = Field(description="the model, a mapping")
    input: Input = Field(description="the files to score, a mapping")
    columns: tuple[str, ...] | Mapping[str, str] | None = Field(
        default=None,
        description="the files' columns that feed the model, a list in the model's order or a "
        "mapping from the model's names to the files'; the model's own names if left out",
    )
    outputs: Mapping[str, str] = Field(
        min_length=1,
        description="the columns to add, a mapping from name to output of the model (predict, "
        "predict_proba, ...)",
    )
    keep: tuple[str, ...] | None = Field(
        default=None,
        description="a list of the files' columns to write beside them; all if left out",
    )
    on_invalid: Literal["raise", "null"] = Field(
        default="raise", description="an error, or a NULL prediction, for rows the model refuses"
    )
    output: Output = Field(description="where scored rows go, a mapping")
    checkpoint: str = Field(description="the folder in which Spark notes what is done")
    trigger: Annotated[Literal["available-now"] | PositiveFloat, Field(union_mode="smart")] = Field(
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

    @property
    def scoring(self) -> job.Config:
        """What a job on a table would be told to add the same columns."""
        asked = {name: getattr(self, name) for name in _SHARED}
        place = job.Input(path=self.input.path, format=self.input.format)
        there = job.Output(path=self.output.path, table=self.output.table)
        return job.Config(input=place, output=there, **asked)


#: What a stream is told in the same words as a job on a table.
_SHARED = ("name", "model", "columns", "outputs", "keep", "on_invalid")


def load(path: str | Path) -> Config:
    """The configuration in the YAML file `path`.

    Raises
    ------
    ConfigError
        There is no such file, or it says what it may not say.
    """
    return checked(resolved(combined([path], ()), os.environ))


def loads(text: str, *, source: str = "configuration") -> Config:
    """The configuration that `text` is; `source` is its name in messages.

    Raises
    ------
    ConfigError
        It says what it may not say.
    """
    return checked(parse(text, source=source))


def checked(document: Document) -> Config:
    """The configuration that `document` is.

    Raises
    ------
    ConfigError
        It says what it may not say; all mistakes are named, with their lines.
    """
    try:
        return Config.model_validate(document.content)
    except ValidationError as error:
        found = [_mistake(document, detail) for detail in error.errors()]
    found = [*dict.fromkeys(found)]
    if len(found) == 1:
        raise ConfigError(*found[0])
    facts = "\n".join(f"  - {fact}" for fact, _ in found)
    hints = "\n".join(dict.fromkeys(hint for _, hint in found))
    raise ConfigError(f"{len(found)} mistakes in {document.source}:\n{facts}", hints)


def _mistake(document: Document, detail: ErrorDetails) -> tuple[str, str]:
    """A fact with its line, and a hint."""
    path = tuple(step for step in detail["loc"] if str(step) not in _TAGS)
    kind, inside = detail["type"], path[:-1] if detail["type"] in _OF_KEYS else path
    fields = _section(inside).model_fields
    keys = ", ".join(field.alias or name for name, field in fields.items())
    place = ".".join(map(str, inside)) or "the configuration"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    message = _OF_KEYS[kind].format(path[-1]) if kind in _OF_KEYS else message
    hint = f"{place} has {keys}."
    described = _section(path[:-1]).model_fields.get(str(path[-1])) if path else None
    if kind not in _OF_KEYS and described is not None:
        hint = f"{place}: {described.description}."
    fact = f"{place}: {message[0].lower()}{message[1:]}"
    return f"{document.at(path)}: {fact}", hint


_OF_KEYS = {"extra_forbidden": "unknown key {!r}", "missing": "the key {!r} is missing"}

#: What pydantic adds to places for the kinds of a union.
_TAGS = {"tuple[str, ...]", "mapping[str,str]", "constrained-float"} | {"literal['available-now']"}


def _section(path: tuple[Any, ...]) -> type[BaseModel]:
    """The model that describes the section at `path`."""
    section: type[BaseModel] = Config
    for step in path:
        field = section.model_fields.get(str(step))
        kinds = [field.annotation, *get_args(field.annotation)] if field else []
        inner = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        section = inner[0] if inner else section
    return section
