"""catboost: numbers of 64 bits, and the bytes of strings packed into them.

N is the number of values, T of characters that the longest one has, W of words of 8 bytes.
What is called bits is uint64, which wraps around; elsewhere graphs count in int64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparkbird.dtypes import STRING
from sparkbird.graph import op, strings
from sparkbird.graph.op import Array, Op
from sparkbird.graph.reference import quietly


def _added_at(x: np.ndarray, places: np.ndarray, updates: np.ndarray) -> np.ndarray:
    result = x.copy()
    np.add.at(result, (np.arange(len(x))[:, None], places), updates)
    return result


# fmt: off
_to_bits    = Op("Cast",        lambda x: x.astype(np.uint64), attributes=lambda: {"to": 13})
_xor        = Op("BitwiseXor",  np.bitwise_xor)
_and        = Op("BitwiseAnd",  np.bitwise_and)
_or         = Op("BitwiseOr",   np.bitwise_or)
_left       = Op("BitShift",    np.left_shift,  attributes=lambda: {"direction": "LEFT"})
_right      = Op("BitShift",    np.right_shift, attributes=lambda: {"direction": "RIGHT"})
# Updates [N, T] added to x [N, W] at places [N, T] of the same row.
_scattered  = Op("ScatterElements", _added_at,
                 attributes=lambda: {"axis": 1, "reduction": "add"})
# fmt: on


def bits(x: Any) -> Array:
    """`x` as bits: a constant, or integers, of which negative ones wrap around."""
    if isinstance(x, int):
        return np.asarray(x, np.uint64)
    return _to_bits(x)


def number(x: Array) -> Array:
    """Bits as int64: those of 2**63 and above become negative."""
    return op.cast(x, dtype=np.int64)


def xor(x: Array, y: Array) -> Array:
    """``x ^ y``."""
    return _xor(x, y)


@quietly
def times(x: Array, y: int) -> Array:
    """``x * y``."""
    return op.mul(x, bits(y))


@quietly
def plus(*terms: Array) -> Array:
    """The sum of `terms`."""
    total = terms[0]
    for term in terms[1:]:
        total = op.add(total, term)
    return total


def left(x: Array, shift: Any) -> Array:
    """``x << shift``, by fewer than 64."""
    return _left(x, bits(shift) if isinstance(shift, int) else shift)


def right(x: Array, shift: Any) -> Array:
    """``x >> shift``, by fewer than 64."""
    return _right(x, bits(shift) if isinstance(shift, int) else shift)


def rotated(x: Array, shift: Any) -> Array:
    """`x` rotated to the right by `shift` of 1 to 63."""
    back = 64 - shift if isinstance(shift, int) else op.sub(bits(64), shift)
    return _or(right(x, shift), left(x, back))


def words_of_strings(x: Array) -> tuple[Array, Array]:
    """The UTF-8 of strings in words [N, W], the first byte lowest, and the bytes each has [N]."""
    characters = strings.split(x)
    code = _utf8(characters)
    length = op.cast(~op.equal(characters, np.asarray("", STRING)), dtype=np.int64)
    for below in (2**8, 2**16, 2**24):
        length = length + op.cast(op.greater_equal(code, np.int64(below)), dtype=np.int64)
    return _packed(bits(code), length)


def words_of_integers(x: Array) -> tuple[Array, Array]:
    """The decimal digits of int64 [N] in words [N, W], and how many bytes each has [N]."""
    x = op.expand(x, axis=1)
    tens = 10 ** np.arange(19, -1, -1, dtype=np.uint64)
    above = op.quotient(bits(op.absolute(x)), tens)  # of the least number too: as bits it is right
    counts = op.greater(number(above), np.int64(0)) | (tens == 1)
    digits = number(op.mod(above, bits(10))) + np.int64(ord("0"))
    signs = op.less(x, np.int64(0))
    length = op.cast(op.concat(signs, counts, axis=1), dtype=np.int64)
    minus = op.cast(signs, dtype=np.int64) * np.int64(ord("-"))
    return _packed(bits(op.concat(minus, digits, axis=1) * length), length)


def _packed(code: Array, length: Array) -> tuple[Array, Array]:
    """Characters of up to 4 bytes, one after the other: [N, T], [N, T] -> [N, W], [N]."""
    total = op.sum(length, axis=1)
    start = op.cumsum(length, axis=1) - length
    place = op.quotient(start, np.int64(8))
    shift = bits((start - place * np.int64(8)) * np.int64(8))
    # Four times as many words as are needed, and two more, so that what follows may be read.
    empty = op.concat(length * np.int64(0), op.rows_of(np.zeros(2, np.int64), total), axis=1)
    words = _scattered(bits(empty), place, left(code, shift))
    # What has no room in a word goes to the next; no word can be shifted by 64 at once.
    rest = right(right(code, op.sub(bits(56), shift)), 8)
    return _scattered(words, place + np.int64(1), rest), total


def _utf8(characters: Array) -> Array:
    """The bytes of single characters, the first lowest; 0 for none: [N, T] -> [N, T] int64.

    No operator of ONNX gives the bytes of a string. But the hash of a string of at most 4
    bytes is one to one among strings of its length, so it can be undone for each length, and
    only what is UTF-8 can have been the string. Of 4 bytes, a few seem to be of fewer: these
    are looked up.
    """
    hashed = _and(bits(op.cast(strings.murmur3(characters), dtype=np.int64)), _WORD)
    mixed = _unmixed(hashed)
    found = number(_unscrambled(_unrounded(xor(mixed, bits(4)))))
    for length, fixed, pattern in _UTF8:
        code = _unscrambled(xor(mixed, bits(length)))
        fits = op.equal(number(_and(code, bits(fixed))), np.int64(pattern))
        found = op.where(fits, number(code), found)
    keys = np.array(["", *_SEEM_SHORT], STRING)
    codes = np.array([int.from_bytes(key.encode(), "little") for key in keys.tolist()], np.int64)
    known = op.lookup(characters, keys=keys, values=codes, default=-1)
    return op.where(known < np.int64(0), found, known)


def _unmixed(h: Array) -> Array:
    """What the last steps of MurmurHash3 were given: [N, T] of 32 bits."""
    h = xor(h, right(h, 16))
    h = _and(times(h, pow(0xC2B2AE35, -1, 2**32)), _WORD)
    h = xor(h, xor(right(h, 13), right(h, 26)))
    h = _and(times(h, pow(0x85EBCA6B, -1, 2**32)), _WORD)
    return xor(h, right(h, 16))


def _unrounded(h: Array) -> Array:
    """What the step of MurmurHash3 after a block of 4 bytes was given."""
    h = _and(times(plus(h, bits(2**64 - 0xE6546B64)), pow(5, -1, 2**32)), _WORD)
    return _turned(h, 13)


def _unscrambled(k: Array) -> Array:
    """The bytes that MurmurHash3 was given."""
    k = _and(times(k, pow(0x1B873593, -1, 2**32)), _WORD)
    return _and(times(_turned(k, 15), pow(0xCC9E2D51, -1, 2**32)), _WORD)


def _turned(k: Array, shift: int) -> Array:
    """32 bits rotated to the right."""
    return _and(_or(right(k, shift), left(k, 32 - shift)), _WORD)


_WORD = np.asarray(2**32 - 1, np.uint64)

#: Of UTF-8 characters of 3, 2 and 1 bytes: the bits that are fixed, and how. The first byte
#: is the lowest; what is above the last one is 0.
_UTF8 = (
    (3, 0xFFC0C0F0, 0x008080E0),
    (2, 0xFFFFC0E0, 0x000080C0),
    (1, 0xFFFFFF80, 0x00000000),
)

#: The characters of 4 bytes that could be fewer by their hash; U+28AD4 is the only one of them
#: that Unicode has assigned.
_SEEM_SHORT = (
    "\U000166a1\U00019f45\U00028ad4\U0003d088\U000436cd\U000486ee\U000a3eed"
    "\U000ad7c4\U000adbe4\U000bead8\U000bf891\U000e3979\U000e76fa\U000ef5b2"
)
