"""A part of a configuration."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the configuration: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_min_length=1)
