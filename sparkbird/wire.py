"""Protobuf's wire format, read and written without protobuf: executors have no onnx.

Source: Protocol Buffers documentation, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

#: The wire types, and the length of those that have a fixed one.
_VARINT, _DELIMITED = 0, 2
_FIXED = {1: 8, 5: 4}


class Field(NamedTuple):
    """One field of a message: its number, its content, and all of its bytes with the tag.

    The content of a field that is not delimited by its length is left empty.
    """

    number: int
    content: memoryview
    whole: memoryview


def fields(message: bytes | memoryview) -> Iterator[Field]:
    """The fields of `message` in the order in which they stand.

    Raises
    ------
    ValueError, IndexError
        The bytes are not a message.
    """
    view = memoryview(message)
    position = 0
    while position < len(view):
        start = position
        tag, position = _varint(view, position)
        content = view[:0]
        kind = tag & 7
        if kind == _DELIMITED:
            length, position = _varint(view, position)
            content = view[position : position + length]
            position += length
        elif kind == _VARINT:
            _, position = _varint(view, position)
        elif kind in _FIXED:
            position += _FIXED[kind]
        else:
            raise ValueError(f"protobuf has no wire type {kind}")
        if position > len(view):
            raise ValueError("the message is cut short")
        yield Field(tag >> 3, content, view[start:position])


def texts(message: bytes | memoryview, number: int) -> list[str]:
    """The strings in the fields called `number`."""
    return [bytes(f.content).decode() for f in fields(message) if f.number == number]


def integers(message: bytes | memoryview, number: int) -> np.ndarray:
    """The whole numbers in the fields called `number`, [M] int64, be they packed or not."""
    found = [f for f in fields(message) if f.number == number]
    content = b"".join(bytes(f.content or _untagged(f.whole)) for f in found)
    return _varints(memoryview(content))


def last_integers(message: bytes | memoryview, number: int) -> np.ndarray:
    """The same where from the first of them on the message holds whole numbers alone.

    They are read all at once: a list of them is long.
    """
    position = 0
    for field in fields(message):
        if field.number == number:
            if len(field.content):
                return _varints(field.content)
            values = _varints(memoryview(message)[position:])
            return values[1::2][values[::2] == number << 3]
        position += len(field.whole)
    return np.empty(0, np.int64)


def _untagged(field: memoryview) -> memoryview:
    return field[_varint(field, 0)[1] :]


def integer(number: int, value: int) -> bytes:
    """The field `number` with this whole number, which is not negative."""
    return _encoded(number << 3 | _VARINT) + _encoded(value)


def _varints(content: memoryview) -> np.ndarray:
    """All the numbers of which `content` is made, [M] int64."""
    found = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(found < 0x80)
    starts = np.append(0, ends[:-1] + 1)
    lengths = ends - starts + 1
    values = np.zeros(len(ends), np.uint64)
    for place in range(int(lengths.max(initial=0))):
        there = lengths > place
        piece = (found[starts[there] + place] & 0x7F).astype(np.uint64)
        values[there] |= piece << np.uint64(7 * place)
    return values.view(np.int64)


def delimited(number: int, content: bytes) -> bytes:
    """The field `number` with this content."""
    return _encoded(number << 3 | _DELIMITED) + _encoded(len(content)) + content


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    """The number that starts at `position`, and the position behind it."""
    value = shift = 0
    while True:
        byte = view[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _encoded(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
