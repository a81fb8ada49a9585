"""A part of a configuration."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: A setting of a reader or writer of Spark.
Option = str | int | float | bool


class Section(BaseModel):
    """A part of the configuration: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_min_length=1)


class Place(Section):
    """Where a table is: files in a folder, or a table of the catalog."""

    path: str | None = Field(default=None, description="the folder of the table's files")
    table: str | None = Field(default=None, description="the table's name in the catalog")
    options: Mapping[str, Option] = Field(
        default_factory=dict, description="the options of Spark's reader or writer, a mapping"
    )

    @model_validator(mode="after")
    def _is_somewhere(self) -> Place:
        self._require_place()
        return self

    def _require_place(self) -> None:
        if (self.path is None) == (self.table is None):
            raise ValueError("give either 'path' or 'table'")

    def __str__(self) -> str:
        return self.path or f"table {self.table}"
