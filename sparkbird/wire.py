"""Protobuf's wire format, read and written without protobuf: executors have no onnx.

Source: Protocol Buffers documentation, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

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
