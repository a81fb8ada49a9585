"""catboost: the hash of a category, computed in the graph from the category itself.

A CatBoost model holds no categories, only hashes of them. So a row's hash is computed as
CatBoost computes it, and equal hashes are equal categories: those that the model has seen,
and also others, one in 2**32, whose hash happens to be the same.

N is the number of values, W of words of 8 bytes. Bits are uint64.

Source: util/digest/city.cpp, CityHash64 (version 1.0 of CityHash); catboost/libs/cat_feature/
cat_feature.cpp, CalcCatFeatureHash; catboost/libs/model/hash.h, CalcHash (1.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sparkbird.converters.catboost.bits import (
    bits,
    left,
    number,
    plus,
    right,
    rotated,
    times,
    words_of_integers,
    words_of_strings,
    xor,
)
from sparkbird.graph import op
from sparkbird.graph.loop import repeat
from sparkbird.graph.op import Array, Op

_K0, _K1 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273
_K2, _K3 = 0x9AE16A3B2F90404F, 0xC949D7C7509E6557
_MUL = 0x9DDFEA08EB382D69
_MAGIC = 0x4906BA494954CB65

#: Where words are read of every string, in bytes from its start and from its end.
_FROM_START = (0, 8, 16, 24)
_FROM_END = (1, 4, 8, 16, 24, 32, 40, 48, 56, 64)

#: The distinct values, where each is first, which of them each value is, and how many there are.
_unique = Op(
    "Unique",
    lambda x: np.unique(x, return_index=True, return_inverse=True, return_counts=True),
    attributes=lambda: {"sorted": 0},
)


def of_strings(x: Array) -> Array:
    """The hash of each string as CatBoost holds it, a signed number of 32 bits: [N] -> [N].

    Few distinct strings are the rule: each is hashed once.
    """
    distinct, place = _distinct(x)
    words, length = words_of_strings(distinct)
    return op.take(_shortened(_city(words, length)), place)


def of_integers(x: Array) -> Array:
    """The hash of the decimal digits of each int64: [N] -> [N]."""
    distinct, place = _distinct(x)
    words, length = words_of_integers(distinct)  # of 20 bytes at most
    return op.take(_shortened(_up_to_32(_Reader(words, length))), place)


def combined(parts: Sequence[Array]) -> Array:
    """The hash of a combination of hashes and of answers 0 or 1, int64 each: [N] -> [N]."""
    total = bits(parts[0] * np.int64(0))
    for part in parts:
        total = times(plus(total, times(bits(part), _MAGIC)), _MAGIC)
    return number(total)


def _shortened(x: Array) -> Array:
    """The lowest 32 bits, the first of which is the sign: [N] int64."""
    return op.quotient(number(left(x, 32)), np.int64(2**32))


def _distinct(x: Array) -> tuple[Array, Array]:
    """The distinct values [M] of `x` [N], and where among them each one is [N]."""
    found = _unique(x)
    return found[0], found[2]


def _city(words: Array, length: Array) -> Array:
    """CityHash64 of strings of UTF-8, [N, W] of `length` [N] bytes -> [N] bits."""
    read = _Reader(words, length)
    some = op.where(length > np.int64(32), number(_up_to_64(read)), number(_up_to_32(read)))
    return bits(op.where(length > np.int64(64), number(_long(read)), some))


class _Reader:
    """Strings of UTF-8, and what is read of all of them, in words from any byte on.

    What is beyond the end of a string is of no use to it, and is read as something else.
    """

    def __init__(self, words: Array, length: Array) -> None:
        self.words = number(words)
        self.length = length
        self.size = bits(length)
        end = op.expand(length, axis=1)
        places = (
            op.rows_of(np.array(_FROM_START), length),
            end - np.array(_FROM_END),
            op.quotient(end, np.int64(2)),
        )
        start = op.minimum(op.maximum(op.concat(*places, axis=1), np.int64(0)), end)
        place = op.quotient(start, np.int64(8))
        shift = bits((start - place * np.int64(8)) * np.int64(8))
        low, high = (op.take_along(words, place + np.int64(i), axis=1) for i in (0, 1))
        self._found = plus(right(low, shift), left(left(high, op.sub(bits(56), shift)), 8))

    def at(self, start: int) -> Array:
        """The 8 bytes from `start` on."""
        return op.take(self._found, _FROM_START.index(start), axis=1)

    def from_end(self, before: int) -> Array:
        """The 8 bytes that start `before` the end."""
        return op.take(self._found, len(_FROM_START) + _FROM_END.index(before), axis=1)

    def middle(self) -> Array:
        """The 8 bytes from the middle on."""
        return op.take(self._found, len(_FROM_START) + len(_FROM_END), axis=1)

    def block(self, start: Array) -> list[Array]:
        """The 8 words from `start` on, a multiple of 64 [N]."""
        place = op.quotient(op.expand(start, axis=1), np.int64(8)) + np.arange(8)
        last = op.quotient(op.expand(self.length, axis=1), np.int64(8)) + np.int64(1)
        found = bits(op.take_along(self.words, op.minimum(place, last), axis=1))
        return [op.take(found, i, axis=1) for i in range(8)]


def _mix(x: Array) -> Array:
    return xor(x, right(x, 47))


def _of_two(u: Array, v: Array) -> Array:
    """HashLen16."""
    a = _mix(times(xor(u, v), _MUL))
    return times(_mix(times(xor(v, a), _MUL)), _MUL)


def _minus(x: Array, y: Array) -> Array:
    return plus(x, times(y, 2**64 - 1))


def _up_to_16(read: _Reader) -> Array:
    """HashLen0to16."""
    n, start = read.size, read.at(0)
    turn = bits(op.minimum(op.maximum(read.length, np.int64(1)), np.int64(63)))
    end = read.from_end(8)
    over_8 = xor(_of_two(start, rotated(plus(end, n), turn)), end)
    low = right(left(start, 32), 32)
    over_3 = _of_two(plus(n, left(low, 3)), right(left(read.from_end(4), 32), 32))
    first, middle, last = (
        right(left(word, 56), 56) for word in (start, read.middle(), read.from_end(1))
    )
    y, z = plus(first, left(middle, 8)), plus(n, left(last, 2))
    over_0 = times(_mix(xor(times(y, _K2), times(z, _K3))), _K2)
    found = read.length * np.int64(0) + np.int64(_K2 - 2**64)
    for fewer, hashed in ((0, over_0), (3, over_3), (8, over_8)):
        found = op.where(read.length > np.int64(fewer), number(hashed), found)
    return bits(found)


def _up_to_32(read: _Reader) -> Array:
    """HashLen17to32, or of fewer bytes `_up_to_16`."""
    a, b = times(read.at(0), _K1), read.at(8)
    c, d = times(read.from_end(8), _K2), times(read.from_end(16), _K0)
    over_16 = _of_two(
        plus(rotated(_minus(a, b), 43), rotated(c, 30), d),
        plus(_minus(plus(a, rotated(xor(b, bits(_K3)), 20)), c), read.size),
    )
    return bits(op.where(read.length > np.int64(16), number(over_16), number(_up_to_16(read))))


def _up_to_64(read: _Reader) -> Array:
    """HashLen33to64."""
    last = read.from_end(16)
    z = read.at(24)
    a = plus(read.at(0), times(plus(read.size, last), _K0))
    vf, vs = _half(a, z, read.at(8), read.at(16))
    z = read.from_end(8)
    a = plus(read.at(16), read.from_end(32))
    wf, ws = _half(a, z, read.from_end(24), last)
    r = _mix(plus(times(plus(vf, ws), _K2), times(plus(wf, vs), _K0)))
    return times(_mix(plus(times(r, _K0), vs)), _K2)


def _half(a: Array, z: Array, second: Array, third: Array) -> tuple[Array, Array]:
    b, c = rotated(plus(a, z), 52), rotated(a, 37)
    a = plus(a, second)
    c = plus(c, rotated(a, 7))
    a = plus(a, third)
    return plus(a, z), plus(b, rotated(a, 31), c)


def _weak(four: Sequence[Array], a: Array, b: Array) -> tuple[Array, Array]:
    """WeakHashLen32WithSeeds."""
    w, x, y, z = four
    a = plus(a, w)
    b = rotated(plus(b, a, z), 21)
    c = a
    a = plus(a, x, y)
    b = plus(b, rotated(a, 44))
    return plus(a, z), plus(b, c)


def _long(read: _Reader) -> Array:
    """CityHash64 of more than 64 bytes: their end first, then 64 at a time."""
    end = {i: read.from_end(i) for i in range(8, 65, 8)}
    y, z = xor(end[16], bits(_K1)), xor(end[56], bits(_K0))
    v = _weak([end[i] for i in (64, 56, 48, 40)], read.size, y)
    zeros = bits(read.length * np.int64(0))
    w = _weak([end[i] for i in (32, 24, 16, 8)], times(read.size, _K1), plus(zeros, bits(_K0)))
    z = plus(z, times(_mix(v[1]), _K1))
    x = times(rotated(plus(z, read.at(0)), 39), _K1)
    y = times(rotated(y, 33), _K1)
    start = read.length * np.int64(0)
    state = map(number, (x, y, z, *v, *w))
    _, *after = repeat(lambda *now: _step(read, *now), start, *state, limit=2**31 // 64)
    x, y, z, v0, v1, w0, w1 = map(bits, after)
    return _of_two(plus(_of_two(v0, w0), times(_mix(y), _K1), z), plus(_of_two(v1, w1), x))


def _step(read: _Reader, start: Array, *before: Array) -> tuple[Array, ...]:
    """The next 64 bytes, unless there are no more."""
    x, y, z, v0, v1, w0, w1 = map(bits, before)
    s = read.block(start)
    x = times(rotated(plus(x, y, v0, s[2]), 37), _K1)
    y = times(rotated(plus(y, v1, s[6]), 42), _K1)
    x, y, z = xor(x, w1), xor(y, v0), rotated(xor(z, w0), 33)
    v = _weak(s[:4], times(v1, _K1), plus(x, w0))
    w = _weak(s[4:], plus(z, w1), y)
    after = map(number, (z, y, x, *v, *w))
    whole = op.quotient(op.maximum(read.length - np.int64(1), np.int64(0)), np.int64(64))
    goes_on = start < whole * np.int64(64)
    kept = [op.where(goes_on, new, old) for new, old in zip(after, before, strict=True)]
    start = op.where(goes_on, start + np.int64(64), start)
    return start < whole * np.int64(64), start, *kept
