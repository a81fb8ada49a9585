"""Prices as a file keeps them: readable, checked when it is read, with what they belong to.

A file lies beside this one for those who have not calibrated; `COSTS` names another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sparkbird.errors import ConfigError, OutputError
from sparkbird.prices.units import DEVICES, UNITS

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from pydantic_core import ErrorDetails

#: The environment variable with the file of prices to use.
COSTS = "SPARKBIRD_COSTS"

_DEFAULT = files(__package__) / "default.yaml"
_HEAD = """\
# Prices of one machine in nanoseconds, one thread, as `sparkbird bench --calibrate` found them;
# a price of 0 is one that could not be told from the others. sparkbird/prices/units.py says what
# each unit is. SPARKBIRD_COSTS=FILE makes sparkbird use such a file.
"""

#: Nanoseconds.
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
#: By unit.
Units = dict[str, Price]


class _Section(BaseModel):
    """A part of the file: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Measured(_Section):
    """What prices belong to.

    processor  its name
    kernels    the instructions that kernels were made of, or "none"
    date       on which they were measured, year-month-day
    quick      whether they were measured to see that it runs, and say nothing
    versions   of Python and of the libraries, by name
    """

    processor: str = Field(min_length=1)
    kernels: str
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    quick: bool = False
    versions: dict[str, str] = Field(default_factory=dict)

    def __str__(self) -> str:
        quick = ", measured in a hurry" if self.quick else ""
        return f"{self.processor}, {self.kernels}, {self.date}{quick}"


class Accelerator(_Section):
    """What forests cost on a GPU, in nanoseconds.

    device  its name
    call    a batch: what is launched, and waited for
    byte    of a row's numbers on their way there, from any memory
    step    a level that a row goes down in a tree that is kept whole in shared memory
    walked  a level that a row goes down in another tree
    """

    device: str = Field(min_length=1)
    call: Price
    byte: Price
    step: Price
    walked: Price


class Prices(_Section):
    """The price of each unit of `UNITS`, strategies by device first; of a GPU if one is known."""

    machine: Measured
    gpu: Accelerator | None = None
    strategies: dict[str, dict[str, Units]]
    own: dict[str, Units]
    operators: dict[str, Units]

    @model_validator(mode="after")
    def _are_whole(self) -> Prices:
        wrong = [*_wrong("own", self.own), *_wrong("operators", self.operators)]
        if "cpu" not in self.strategies:
            wrong.append("strategies lacks 'cpu'")
        for device, found in self.strategies.items():
            if device not in DEVICES:
                wrong.append(f"strategies has an unknown {device!r}")
            partial = device != "cpu"
            wrong += _wrong("strategies", found, f"strategies.{device}", partial=partial)
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @classmethod
    def read(cls, path: Traversable) -> Prices:
        """What `write` wrote.

        Raises
        ------
        ConfigError
            There is no such file, or it is not one of these: each mistake is named.
        """
        hint = f"unset {COSTS}, and measure this machine with: sparkbird bench --calibrate"
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise ConfigError(f"cannot read prices from {path}: {error.strerror}", hint) from error
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            said = str(error).replace("\n", " ")
            raise ConfigError(f"prices in {path}: not YAML: {said}", hint) from error
        except ValidationError as error:
            said = "; ".join(map(_said, error.errors()))
            raise ConfigError(f"prices in {path}: {said}", hint) from error

    def write(self, path: Path) -> None:
        """The file, in a folder that is made if it is not there.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        plain = self.model_dump()
        text = _HEAD + yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"cannot write {path}: {error.strerror}", "choose another folder with --costs."
            ) from error


def current() -> Prices:
    """The prices in the file that `COSTS` names, else those that sparkbird brings along.

    Raises
    ------
    ConfigError
        The file is not fit for it.
    """
    named = os.environ.get(COSTS)
    return _read(Path(named)) if named else shipped()


@lru_cache
def shipped() -> Prices:
    """The prices that sparkbird brings along."""
    return Prices.read(_DEFAULT)


@lru_cache
def _read(path: Path) -> Prices:
    return Prices.read(path)


def _wrong(
    section: str, found: Mapping[str, Units], place: str = "", *, partial: bool = False
) -> Iterator[str]:
    """What there is too much and too little; some groups may be missing if `partial`."""
    known = UNITS[section]
    place = place or section
    for group in sorted(found.keys() - known.keys()):
        yield f"{place} has an unknown {group!r}"
    for group, units in known.items():
        if group not in found:
            if not partial:
                yield f"{place} lacks {group!r}"
            continue
        own = found[group].keys()
        yield from (f"{place}.{group} has an unknown {unit!r}" for unit in sorted(own - {*units}))
        missing = (unit for unit in units if unit not in own)
        yield from (f"{place}.{group} lacks the price of {unit!r}" for unit in missing)


def _said(error: ErrorDetails) -> str:
    """An error of pydantic: where, and what."""
    place = ".".join(map(str, error["loc"]))
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
