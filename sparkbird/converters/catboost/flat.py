"""catboost: the file that a model writes of itself, FlatBuffers in its own frame.

A table holds fields by number, any of which may be absent; the numbers are those of the schema.

Source: catboost/libs/model/flatbuffers/*.fbs and catboost/libs/model/model.cpp, TFullModel::Save
(1.2); https://flatbuffers.dev/internals.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.errors import UnsupportedOptionError

if TYPE_CHECKING:
    from catboost import CatBoost
    from numpy.typing import DTypeLike

_MAGIC, _VERSION = b"CBM1", "FlabuffersModel_v1"


class Table:
    """A table of fields in `content`, at `place`."""

    def __init__(self, content: bytes, place: int) -> None:
        self._content = content
        self._place = place
        self._fields = place - self._read("i", place)

    @classmethod
    def root(cls, content: bytes) -> Table:
        """The table that a whole buffer is of."""
        return cls(content, struct.unpack_from("<I", content)[0])

    def number(self, field: int, form: str, default: float = 0) -> Any:
        """A number in a `form` of `struct`; what is equal to its default is absent."""
        place = self._at(field)
        return self._read(form, place) if place else default

    def array(self, field: int, dtype: DTypeLike) -> np.ndarray:
        """A vector of numbers, [] if absent; it shares the memory of the file."""
        place = self._target(field)
        count = self._read("I", place) if place else 0
        return np.frombuffer(self._content, dtype, count, place + 4 if count else 0)

    def text(self, field: int) -> str:
        """A string."""
        return self.array(field, np.uint8).tobytes().decode()

    def table(self, field: int) -> Table:
        """A table in a field that is never absent."""
        return Table(self._content, self._target(field))

    def tables(self, field: int) -> list[Table]:
        """A vector of tables."""
        offsets = self.array(field, "<u4")
        first = self._target(field) + 4
        places = first + 4 * np.arange(len(offsets)) + offsets
        return [Table(self._content, place) for place in places.tolist()]

    def _read(self, form: str, place: int) -> Any:
        return struct.unpack_from("<" + form, self._content, place)[0]

    def _at(self, field: int) -> int:
        """Where a field is, 0 if it is absent."""
        inside = 4 + 2 * field
        known = inside < self._read("H", self._fields)
        offset = self._read("H", self._fields + inside) if known else 0
        return self._place + int(offset) if offset else 0

    def _target(self, field: int) -> int:
        place = self._at(field)
        return place + int(self._read("I", place)) if place else 0


def written(model: CatBoost) -> tuple[Table, list[Table]]:
    """What the model writes of itself, and the tables of its statistics.

    Raises
    ------
    UnsupportedOptionError
        It is in a form that is not known.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.cbm")
        model.save_model(str(path), format="cbm")
        content = path.read_bytes()
    magic, size = struct.unpack_from("<4sI", content)
    core = Table.root(content[8 : 8 + size])
    if magic != _MAGIC or core.text(0) != _VERSION:
        raise UnsupportedOptionError(
            f"a model that CatBoost writes as {magic!r}, {core.text(0)!r} is not compiled",
            "write it with CatBoost 1.2.",
        )
    return core, [*_parts(content[8 + size :])]


def _parts(content: bytes) -> Iterator[Table]:
    """The buffers that follow each other, each behind its length; their number stands first."""
    place = 4
    for _ in range(struct.unpack_from("<I", content)[0] if content else 0):
        size = struct.unpack_from("<I", content, place)[0]
        yield Table.root(content[place + 4 : place + 4 + size])
        place += 4 + size
