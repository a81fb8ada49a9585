"""catboost: the file that a model writes of itself, FlatBuffers in its own frame.

A table holds fields by number, any of which may be absent; the numbers are those of the schema.

Source: catboost/libs/model/flatbuffers/*.fbs and catboost/libs/model/model.cpp, TFullModel::Save
(1.2).
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from flatbuffers import number_types, table

from sparkbird.errors import UnsupportedOptionError

if TYPE_CHECKING:
    from catboost import CatBoost
    from numpy.typing import DTypeLike

_MAGIC, _VERSION = b"CBM1", "FlabuffersModel_v1"

#: The numbers of the schema by the letters that `struct` has for them.
_FORMS = {
    "?": number_types.BoolFlags,
    "b": number_types.Int8Flags,
    "f": number_types.Float32Flags,
    "i": number_types.Int32Flags,
}


class Table:
    """A table of fields in `content`, at `place`."""

    def __init__(self, content: bytes, place: int) -> None:
        self._table = table.Table(content, place)

    @classmethod
    def root(cls, content: bytes) -> Table:
        """The table that a whole buffer is of."""
        return cls(content, table.Table(content, 0).Indirect(0))

    def number(self, field: int, form: str, default: float = 0) -> Any:
        """A number in a `form` of `struct`; what is equal to its default is absent."""
        offset = self._offset(field)
        place = self._table.Pos + offset
        return self._table.Get(_FORMS[form], place) if offset else default

    def array(self, field: int, dtype: DTypeLike) -> np.ndarray:
        """A vector of numbers, [] if absent; it shares the memory of the file."""
        offset = self._offset(field)
        count = self._table.VectorLen(offset) if offset else 0
        start = self._table.Vector(offset) if count else 0
        return np.frombuffer(self._table.Bytes, dtype, count, start)

    def text(self, field: int) -> str:
        """A string."""
        return self.array(field, np.uint8).tobytes().decode()

    def table(self, field: int) -> Table:
        """A table in a field that is never absent."""
        place = self._table.Pos + self._offset(field)
        return Table(self._table.Bytes, self._table.Indirect(place))

    def tables(self, field: int) -> list[Table]:
        """A vector of tables."""
        offset = self._offset(field)
        if not offset:
            return []
        start = self._table.Vector(offset)
        places = range(start, start + 4 * self._table.VectorLen(offset), 4)
        return [Table(self._table.Bytes, self._table.Indirect(place)) for place in places]

    def _offset(self, field: int) -> int:
        """Where a field is in the table, 0 if it is absent."""
        return int(self._table.Offset(4 + 2 * field))


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
