"""What a scoring job may be told, and the errors for what it may not.

Every mistake of a file is found at once and named with its line, before anything is read.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from sparkbird.errors import ConfigError
from sparkbird.job.lines import Document, parse
from sparkbird.job.models import Kind
from sparkbird.job.nightly.settings import Checks, Dated, Run
from sparkbird.job.overlay import combined, resolved
from sparkbird.job.section import Section

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

Format = Literal["parquet", "csv", "json", "orc"]
#: A setting of a reader or writer of Spark.
Option = str | int | float | bool


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


class _Place(Section):
    """Files in a folder, or a table of the catalog."""

    path: str | None = Field(default=None, description="the folder of the table's files")
    table: str | None = Field(default=None, description="the table's name in the catalog")
    options: Mapping[str, Option] = Field(
        default_factory=dict, description="the options of Spark's reader or writer, a mapping"
    )

    @model_validator(mode="after")
    def _is_one_place(self) -> _Place:
        if (self.path is None) == (self.table is None):
            raise ValueError("give either 'path' or 'table'")
        return self

    def __str__(self) -> str:
        return self.path or f"table {self.table}"


class Input(_Place):
    """The table to score."""

    format: Format = Field(default="parquet", description="the format of the files")
    ddl: str | None = Field(
        default=None,
        alias="schema",
        description="columns and types of files that do not say (CSV, JSON), as Spark's DDL "
        "writes them: 'carrier string, distance double'",
    )

    @model_validator(mode="after")
    def _needs_no_format_for_a_table(self) -> Input:
        if self.table and {"ddl", "format", "options"} & self.model_fields_set:
            raise ValueError("a table of the catalog has its own format, options and schema")
        return self


class Output(_Place):
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


class Config(Section):
    """A scoring job."""

    name: str = Field(default="sparkbird", description="the name of the Spark application")
    model: Model = Field(description="the model, a mapping")
    input: Input = Field(description="the table to score, a mapping")
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
    return checked(resolved(combined(paths, assignments), os.environ))


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
        It says what it may not say; all mistakes are named.
    """
    if not isinstance(document.content, dict):
        raise ConfigError(
            f"{document.source}:1: a configuration is a mapping of keys to values",
            f"it needs {', '.join(_required(Config))}.",
        )
    try:
        return Config.model_validate(document.content)
    except ValidationError as error:
        mistakes = [*_mistakes(document, error)]
    if len(mistakes) == 1:
        raise ConfigError(*mistakes[0])
    facts = "\n".join(f"  - {fact}" for fact, _ in mistakes)
    hints = "\n".join(dict.fromkeys(hint for _, hint in mistakes))
    raise ConfigError(f"{len(mistakes)} mistakes in {document.source}:\n{facts}", hints)


def _mistakes(document: Document, error: ValidationError) -> Iterator[tuple[str, str]]:
    """A fact with its line, and a hint, for each mistake that pydantic found, by line."""
    found: dict[tuple[Any, ...], tuple[str, str]] = {}
    for detail in error.errors():
        path = _path(detail)
        describe = _DESCRIBED.get(detail["type"], _wrong_value)
        found.setdefault(path, describe(path, detail))
    for path in sorted(found, key=lambda path: int(document.at(path).rpartition(":")[2])):
        fact, hint = found[path]
        yield f"{document.at(path)}: {fact}", hint


def _path(detail: ErrorDetails) -> tuple[Any, ...]:
    """Where the mistake is, without the tags of `_form`."""
    return tuple(step for step in detail["loc"] if step not in ("[list]", "[mapping]"))


def _unknown_key(path: tuple[Any, ...], _: ErrorDetails) -> tuple[str, str]:
    key, allowed = path[-1], _keys(_section(path[:-1]))
    near = difflib.get_close_matches(str(key), allowed, n=1)
    place = f" in {_dotted(path[:-1])}" if path[:-1] else ""
    return (
        f"unknown key {key!r}{place}",
        (f"did you mean {near[0]!r}? " if near else "")
        + f"{_dotted(path[:-1]) or 'A configuration'} has {', '.join(allowed)}.",
    )


def _missing_key(path: tuple[Any, ...], _: ErrorDetails) -> tuple[str, str]:
    section = _section(path[:-1])
    place = _dotted(path[:-1]) or "the configuration"
    return (
        f"the key {path[-1]!r} is missing in {place}",
        f"{place} needs {', '.join(_required(section))}; it may have {', '.join(_keys(section))}.",
    )


def _wrong_value(path: tuple[Any, ...], detail: ErrorDetails) -> tuple[str, str]:
    given = f", not {detail['input']!r}" if not isinstance(detail["input"], dict) else ""
    allowed = _ALLOWED.get(detail["type"], _plain)(detail)
    if detail["type"] == "string_type":
        return f"{_dotted(path)}: {allowed}{given}", "quote what YAML reads as something else."
    return f"{_dotted(path)}: {allowed}{given}", _description(path)


def _broken_rule(path: tuple[Any, ...], detail: ErrorDetails) -> tuple[str, str]:
    rule = str(detail["ctx"]["error"])
    return f"{_dotted(path)}: {rule}", f"{_dotted(path)} has {', '.join(_keys(_section(path)))}."


def _plain(detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Input ")
    return message[0].lower() + message[1:]


_DESCRIBED: dict[str, Callable[[tuple[Any, ...], ErrorDetails], tuple[str, str]]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing_key,
    "value_error": _broken_rule,
}
_ALLOWED: dict[str, Callable[[ErrorDetails], str]] = {
    "literal_error": lambda detail: f"must be {detail['ctx']['expected']}",
    "string_type": lambda _: "must be a text",
    "string_too_short": lambda _: "must not be empty",
    "dict_type": lambda _: "must be a mapping of keys to values",
    "mapping_type": lambda _: "must be a mapping of keys to values",
    "model_type": lambda _: "must be a mapping of keys to values",
    "tuple_type": lambda _: "must be a list",
    "union_tag_not_found": lambda _: "must be a list or a mapping",
    "union_tag_invalid": lambda _: "must be a list or a mapping",
    "too_short": lambda _: "must have at least one entry",
}


def _section(path: tuple[Any, ...]) -> type[BaseModel]:
    """The model that describes the section at `path`."""
    section: type[BaseModel] = Config
    for step in path:
        field = section.model_fields.get(str(step))
        kinds = [field.annotation, *get_args(field.annotation)] if field else []
        inner = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        section = inner[0] if inner else section
    return section


def _description(path: tuple[Any, ...]) -> str:
    """What the key at `path` means, or the nearest one above it that is described."""
    fields = {field.alias or n: field for n, field in _section(path[:-1]).model_fields.items()}
    if path[-1] not in fields:
        return _description(path[:-1])
    return f"{_dotted(path)}: {fields[path[-1]].description}."


def _keys(section: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]


def _required(section: type[BaseModel]) -> list[str]:
    """The keys that must be there; of 'path' and 'table' either will do."""
    either = ["'path' or 'table'"] if issubclass(section, _Place) else []
    return either + [n for n, field in section.model_fields.items() if field.is_required()]


def _dotted(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))
