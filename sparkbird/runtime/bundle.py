"""Many artefacts in one file with an index: those of thousands of segments, read one by one.

The artefacts lie one behind the other, each once; behind them the index, as JSON, its length in
eight bytes, and `MAGIC`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from sparkbird import artifact
from sparkbird.errors import ArtifactError

#: What segments are called: all by texts, or all by whole numbers. None is the default model.
Key: TypeAlias = str | int

MAGIC = b"sparkbird models"
_LENGTH = 8

#: How many indices a process keeps: functions that are used side by side have one each.
_KEPT = 8


@dataclass(frozen=True)
class Place:
    """Where in its file an artefact lies, and its digest."""

    digest: str
    offset: int
    length: int


@dataclass(frozen=True)
class Index:
    """What is in a file.

    path     of the file
    places   of the artefacts, each once
    numbers  for each segment, the position of its artefact in `places`
    default  that of the segments that have none of their own
    """

    path: Path
    places: tuple[Place, ...]
    numbers: dict[Key, int]
    default: int | None

    @property
    def kind(self) -> type:
        """What segments are called by: `str` or `int`."""
        return type(next(iter(self.numbers)))

    def content(self, number: int) -> bytes:
        """The artefact number `number`, read from the file and checked.

        Raises
        ------
        ArtifactError
            The file is damaged.
        """
        place = self.places[number]
        with self.path.open("rb") as file:
            file.seek(place.offset)
            content = file.read(place.length)
        if artifact.digest(content, source=str(self.path)) != place.digest:
            raise ArtifactError(f"{self.path} is damaged: its index does not fit", "make it anew.")
        return content


def write(path: Path, models: Iterable[tuple[Key | None, str, bytes]]) -> str:
    """Write a file of `models`, each its segment, its digest and its artefact; its own digest.

    They are taken one by one, and none is held: None in the place of a segment is the default.
    """
    places: dict[str, tuple[int, Place]] = {}
    entries: list[tuple[Key | None, int]] = []
    end = 0
    with path.open("wb") as file:
        for key, digest, content in models:
            if digest not in places:
                places[digest] = len(places), Place(digest, end, len(content))
                end += file.write(content)
            entries.append((key, places[digest][0]))
        found = [[place.digest, place.offset, place.length] for _, place in places.values()]
        index = json.dumps({"places": found, "models": entries}).encode()
        file.write(index + len(index).to_bytes(_LENGTH, "little") + MAGIC)
    return hashlib.sha256(index).hexdigest()


@lru_cache(maxsize=_KEPT)
def read(path: Path) -> Index:
    """The index of the file at `path`.

    Raises
    ------
    ArtifactError
        There is no such file, or it is not whole.
    """
    tail = _LENGTH + len(MAGIC)
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - tail))
            footer = file.read()
            if len(footer) != tail or not footer.endswith(MAGIC):
                raise ArtifactError(f"{path} is not a whole file of models", "make it anew.")
            length = int.from_bytes(footer[:_LENGTH], "little")
            file.seek(end - tail - length)
            raw = json.loads(file.read(length))
    except OSError as error:
        raise ArtifactError(
            f"cannot read {path}: {error.strerror}", "call sparkbird.udf in this application."
        ) from error
    numbers = dict(raw["models"])
    default = numbers.pop(None, None)
    return Index(path, tuple(Place(*place) for place in raw["places"]), numbers, default)
