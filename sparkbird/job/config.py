"""What a scoring job may be told."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import Discriminator, Field, Tag, model_validator

from sparkbird.job.lines import parse
from sparkbird.job.mistakes import checked
from sparkbird.job.models import Kind
from sparkbird.job.nightly.settings import Checks, Dated, Run
from sparkbird.job.overlay import combined, resolved
from sparkbird.job.section import Place, Section

if TYPE_CHECKING:
    from pathlib import Path

Format = Literal["parquet", "csv", "json", "orc"]


class Model(Section):
    """Which model scores."""

    path: str = Field(
        description="the file of the model, or a URI of MLflow: models:/name@alias, "
        "models:/name/3, runs:/<id>/model"
    )
    kind: Kind = Field(
        default="onnx",
        description="'onnx' for an artefact of sparkbird, 'lightgbm', 'xgboost' or 'catboost' for "
        "a booster that its library saved, 'pickle' for a fitted model that joblib or pickle "
        "wrote; reading a pickle runs the code in it, so trust its writer",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="where it runs")
    name: str | None = Field(
        default=None, description="what rows say that scored them; the path if left out"
    )
    version: str = Field(default="", description="its version, which rows say, too", min_length=0)


class Input(Place):
    """The table to score."""

    format: Format | Literal["delta", "iceberg", "jdbc"] = Field(
        default="parquet",
        description="the format of the files; 'delta' or 'iceberg', whose packages are on the "
        "cluster; 'jdbc' for a database, whose url and dbtable or query are in options",
    )
    ddl: str | None = Field(
        default=None,
        alias="schema",
        description="columns and types of files that do not say (CSV, JSON), as Spark's DDL "
        "writes them: 'carrier string, distance double'",
    )

    def _require_place(self) -> None:
        if self.format != "jdbc":
            super()._require_place()
        elif self.path or self.table:
            raise ValueError("a database is neither 'path' nor 'table': give options.url")
        elif "url" not in self.options or not {"dbtable", "query"} & self.options.keys():
            raise ValueError("a database needs options.url, and options.dbtable or options.query")

    def __str__(self) -> str:
        return "the database of input.options" if self.format == "jdbc" else super().__str__()

    @property
    def has_files(self) -> bool:
        """Whether it is a folder of files that Spark reads one by one."""
        return self.path is not None and self.format in get_args(Format)

    @model_validator(mode="after")
    def _needs_no_format_for_a_table(self) -> Input:
        if self.table and {"ddl", "format", "options"} & self.model_fields_set:
            raise ValueError("a table of the catalog has its own format, options and schema")
        return self


class Output(Place):
    """Where the scored table goes."""

    format: Format | Literal["delta", "iceberg"] = Field(
        default="parquet",
        description="the format of the files; 'delta' or 'iceberg', whose packages are on the "
        "cluster, for a table that is made",
    )
    mode: Literal["error", "overwrite", "append"] = Field(
        default="error", description="what to do if there is a table already"
    )
    partition_by: tuple[str, ...] = Field(
        default=(), description="a list of columns that become folders"
    )

    @property
    def draft_format(self) -> Format:
        """The format of drafts, which are files."""
        if self.format == "delta" or self.format == "iceberg":  # noqa: PLR1714  for mypy
            return "parquet"
        return self.format

    @model_validator(mode="after")
    def _has_files_of_its_own(self) -> Output:
        if self.path and self.format != self.draft_format:
            raise ValueError(f"{self.format} is the format of a table: give 'table'")
        return self


def _form(value: object) -> str | None:
    if isinstance(value, Mapping):
        return "[mapping]"
    return "[list]" if isinstance(value, (list, tuple)) else None


#: A list or a mapping; told apart beforehand, so that mistakes are those of one of the two.
_Columns = Annotated[
    Annotated[tuple[str, ...], Tag("[list]")] | Annotated[Mapping[str, str], Tag("[mapping]")],
    Discriminator(_form),
]


class Scoring(Section):
    """What a job adds to rows, wherever they come from and go to."""

    name: str = Field(default="sparkbird", description="the name of the Spark application")
    model: Model = Field(description="the model, a mapping")
    columns: _Columns | None = Field(
        default=None,
        description="the table's columns that feed the model, a list in the model's order or a "
        "mapping from the model's names to the table's; the model's own names if left out",
    )
    outputs: Mapping[str, str] = Field(
        min_length=1,
        description="the columns to add, a mapping from name to output of the model (predict, "
        "predict_proba, ...)",
    )
    keep: tuple[str, ...] | None = Field(
        default=None,
        description="a list of the table's columns to write beside them; all if left out",
    )
    on_invalid: Literal["raise", "null"] = Field(
        default="raise", description="an error, or a NULL prediction, for rows the model refuses"
    )


class Config(Scoring):
    """A scoring job."""

    input: Input = Field(description="the table to score, a mapping")
    output: Output = Field(description="where the scored table goes, a mapping")
    date: Dated | None = Field(
        default=None,
        description="logical dates, a mapping: each is scored, checked and published by itself",
    )
    checks: Checks = Field(
        default=Checks(), description="what is checked before a date is published, a mapping"
    )
    run: Run = Field(default=Run(), description="what is told of a run, a mapping")


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
