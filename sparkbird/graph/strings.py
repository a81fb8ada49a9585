"""Operators of strings.

N is the number of rows, T the most pieces that one of them has, M of pieces of all rows.
Some are ONNX Runtime's own, which every build for the CPU has; the others are ONNX's. Patterns
are written so that RE2 and Python read them alike: literal characters and classes, no look-around.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from sparkbird.dtypes import STRING
from sparkbird.graph import op
from sparkbird.graph.loop import repeat
from sparkbird.graph.op import Array, Op

#: The domain of the operators that ONNX Runtime adds to ONNX's.
MICROSOFT = "com.microsoft"


def _pieces(x: np.ndarray, *, pattern: str, gaps: bool = False) -> np.ndarray:
    find: Callable[[str], list[str]] = re.compile(pattern).findall if pattern else list
    if gaps:
        apart = re.compile(pattern).split
        find = lambda text: [*filter(None, apart(text))]  # noqa: E731
    rows = [find(text) for text in x.tolist()]
    padded = np.full((len(rows), max(map(len, rows), default=0)), "", STRING)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return padded


def _tokenizer(*, pattern: str, gaps: bool = False) -> dict[str, object]:
    split = {"tokenexp": pattern} if pattern and not gaps else {"separators": [pattern]}
    return {"mark": 0, "pad_value": "", "mincharnum": 1, **split}


def _matched(x: np.ndarray, *, pattern: str) -> np.ndarray:
    matches = re.compile(pattern).fullmatch
    found = [matches(text) is not None for text in x.ravel().tolist()]
    return np.array(found, np.bool_).reshape(x.shape)


def _hashed(x: np.ndarray, *, seed: int = 0) -> np.ndarray:
    found = [_murmur3(text.encode(), seed) for text in x.ravel().tolist()]
    return np.array(found, np.int32).reshape(x.shape)


def _murmur3(key: bytes, seed: int) -> int:
    """MurmurHash3_x86_32, as a signed number.

    Source: Austin Appleby, MurmurHash3.cpp (public domain).
    """
    mask, h = 0xFFFFFFFF, seed
    whole = len(key) // 4 * 4
    for start in range(0, whole, 4):
        h ^= _scrambled(int.from_bytes(key[start : start + 4], "little"))
        h = (((h << 13) | (h >> 19)) & mask) * 5 + 0xE6546B64 & mask
    h ^= _scrambled(int.from_bytes(key[whole:], "little")) ^ len(key)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h = (h ^ (h >> shift)) * factor & mask
    return h - 2**32 if h >= 2**31 else h


def _scrambled(k: int) -> int:
    k = k * 0xCC9E2D51 & 0xFFFFFFFF
    return ((k << 15) | (k >> 17)) * 0x1B873593 & 0xFFFFFFFF


# fmt: off
# The matches of a pattern, or what is between them, or the characters if it is "", from left to
# right: [N] -> [N, T].
_split   = Op("Tokenizer",      _pieces, attributes=_tokenizer, domain=MICROSOFT, version=1)
# Whether a pattern matches the whole string.
matches  = Op("RegexFullMatch", _matched, version=20,
              attributes=lambda pattern: {"pattern": pattern})
attach   = Op("StringConcat",   lambda x, y: np.asarray(x + y, STRING), version=20)
# The hash of the string's UTF-8, [N] int32.
murmur3  = Op("MurmurHash3",    _hashed, domain=MICROSOFT, version=1,
              attributes=lambda seed=0: {"seed": seed, "positive": 0})
# fmt: on


def split(x: Array, pattern: str = "", *, gaps: bool = False) -> Array:
    """The matches of `pattern` in each string, its characters if there is none: [N] -> [N, T].

    With `gaps` it is what is between the matches. Shorter rows are filled up with empty
    strings, at the end; there is at least one of these.
    """
    # Of no rows at all ONNX Runtime gives no columns: one more row, and later without it.
    pieces = _split(op.concat(x, _BLANK, axis=0), pattern=pattern, gaps=gaps)
    given = op.concat(op.equal(x, x), np.zeros(1, np.bool_), axis=0)
    return op.concat(op.compress(pieces, given), op.rows_of(_BLANK, x), axis=1)


def flat(pieces: Array, *others: Array, absent: str = "") -> tuple[Array, ...]:
    """The pieces [N, T] that are not `absent`, one after the other, and the row of each: [M], [M].

    `others` [N] follow, as each piece's row has them.
    """
    kept = op.reshape(~op.equal(pieces, np.asarray(absent, STRING)), lengths=())
    zeros = op.cast(op.equal(pieces, pieces), dtype=np.int64) * np.int64(0)
    rows = op.reshape(op.expand(op.row_numbers(pieces), axis=1) + zeros, lengths=())
    row = op.compress(rows, kept)
    piece = op.compress(op.reshape(pieces, lengths=()), kept)
    return piece, row, *(op.take(other, row) for other in others)


def without_first(x: Array) -> Array:
    """All columns of [N, T] but the first."""
    return op.between(x, start=1)


def without_last(x: Array) -> Array:
    """All columns of [N, T] but the last."""
    return op.between(x, stop=-1)


def join(pieces: Array) -> Array:
    """The pieces of each row in one string, [N, T] -> [N]: halved again and again."""

    def halved(x: Array) -> tuple[Array, Array]:
        ended = op.concat(x, op.rows_of(_BLANK, op.take(x, 0, axis=1)), axis=1)
        pairs = attach(op.between(x, step=2), op.between(ended, start=1, step=2))
        count = op.sum(op.cast(op.equal(pairs, pairs), dtype=np.int64), axis=1)
        return count > np.int64(1), pairs

    (whole,) = repeat(halved, pieces, limit=64)
    return op.take(whole, 0, axis=1)


def mapped(pieces: Array, replacements: dict[str, str]) -> Array:
    """Each piece that is a key replaced by its value."""
    keys = np.array([*replacements], STRING)
    values = np.array([*replacements.values()], STRING)
    new = op.lookup(pieces, keys=keys, values=values, default=_NOTHING)
    return op.where(op.equal(new, np.asarray(_NOTHING, STRING)), pieces, new)


_BLANK = np.array([""], STRING)

#: What stands for no replacement: a noncharacter, like `dtypes.MISSING`.
_NOTHING = "\ufdd1"
