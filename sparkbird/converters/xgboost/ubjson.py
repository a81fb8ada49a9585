"""xgboost: the reader of Universal Binary JSON, the form in which a model is written quickest.

Lists of numbers of one type become arrays that share the memory of the text.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

#: The markers of numbers, and how each is written: high byte first.
_NUMBERS = {"i": "b", "U": "B", "I": "h", "l": "i", "L": "q", "d": "f", "D": "d"}
_STRUCTS = {ord(marker): struct.Struct(">" + code) for marker, code in _NUMBERS.items()}
_ARRAYS = {ord(marker): np.dtype(">" + code) for marker, code in _NUMBERS.items()}
_CONSTANTS = {ord("T"): True, ord("F"): False, ord("Z"): None}
_OBJECT, _END, _LIST, _END_OF_LIST = b"{}[]"
_TEXT, _CHARACTER, _TYPE, _COUNT = b"SC$#"


def read(text: bytes | bytearray) -> Any:
    r"""The value that `text` holds: objects as dicts, lists as lists or arrays.

    >>> read(b"{i\x01a[$U#i\x02\x07\x08i\x01bSi\x02hi}")
    {'a': array([7, 8], dtype=uint8), 'b': 'hi'}

    Source: https://ubjson.org/type-reference, draft 12.
    """
    return _Reader(text).value()


class _Reader:
    """A place in a text, which moves on with what is read."""

    def __init__(self, text: bytes | bytearray) -> None:
        self._text = text
        self._place = 0

    def value(self) -> Any:
        """The value that begins here."""
        return self._of(self._marker())

    def _marker(self) -> int:
        self._place += 1
        return self._text[self._place - 1]

    def _of(self, marker: int) -> Any:
        if marker == _OBJECT:
            return self._object()
        if marker == _LIST:
            return self._list()
        if marker in _STRUCTS:
            return self._number(marker)
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        assert marker in (_TEXT, _CHARACTER), f"no value starts with {chr(marker)!r}"
        return self._string(1 if marker == _CHARACTER else self.value())

    def _number(self, marker: int) -> int | float:
        form = _STRUCTS[marker]
        self._place += form.size
        number: int | float = form.unpack_from(self._text, self._place - form.size)[0]
        return number

    def _string(self, length: int) -> str:
        self._place += length
        return self._text[self._place - length : self._place].decode()

    def _object(self) -> dict[str, Any]:
        found = {}
        while (marker := self._marker()) != _END:
            name = self._string(int(self._number(marker)))
            found[name] = self.value()
        return found

    def _list(self) -> Any:
        if (marker := self._marker()) == _TYPE:
            element = _ARRAYS[self._marker()]
            self._marker()  # of the count
            return self._array(element, self.value())
        if marker == _COUNT:
            return [self.value() for _ in range(self.value())]
        found = []
        while marker != _END_OF_LIST:
            found.append(self._of(marker))
            marker = self._marker()
        return found

    def _array(self, element: np.dtype, count: int) -> np.ndarray:
        array = np.frombuffer(self._text, element, count, self._place)
        self._place += array.nbytes
        return array
