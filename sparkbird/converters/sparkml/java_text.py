"""Texts in lower case, as Java has them.

Character by character Java's tables are Python's, but for letters so new that not every Java
knows them. A capital sigma becomes another small one at the end of a word, and where words end
the two tell by rules of their own: texts on which these agree are said here, and all others
are refused, row by row. N is the number of rows.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.converters.sklearn import characters
from sparkbird.converters.sklearn.analysis import with_final_sigmas
from sparkbird.graph import op, strings

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.frame import Frame
    from sparkbird.graph.op import Array

#: What Java's ``\\s`` stands for.
SPACE = " \t\n\x0b\f\r"

_SIGMA = "Σ"

#: Blocks of capital letters that Unicode 11 and later gave a small one, first and last:
#: Java 11 knows Unicode 10.
_NEW = (
    (0x1C89, 0x1C8A),
    (0x1C90, 0x1CBF),
    (0x2C2F, 0x2C2F),
    (0xA7B8, 0xA7F6),
    (0x10570, 0x105BC),
    (0x10D50, 0x10D85),
    (0x16E40, 0x16E7F),
    (0x16EA0, 0x16ED3),
)

#: What ends a word wherever it stands; what may be at either end of one; what is looked past
#: between two letters.
_APART = f"{SPACE},;!?()[]{{}}/\\|@#&*+=<>~«»…"
_AROUND = "-_\":^`.'\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e"
_WITHIN = ".'"

#: The characters among which are the letters and the accents of Greek words.
_FIRST = tuple(map(chr, range(0x2000)))


def lower(frame: Frame, x: Array, stage: str) -> Array:
    """The texts in lower case, ``String.toLowerCase`` in a locale without rules of its own: [N].

    Source: java.base/java/lang/{String,ConditionalSpecialCasing}.java, toLowerCase,
    isFinalCased (OpenJDK 17).
    """
    frame.check(
        ~strings.matches(x, pattern=_told()),
        f"{stage} takes no capital sigma in words with digits or signs between their letters, "
        "and no capital letter newer than Unicode 10: versions of Java differ on them",
    )
    table = characters.replacements(lowercase=True, accents=None)
    changed = characters.of(table)
    one, rest = (characters.pattern(c) for c in (changed, characters.all_but(changed)))
    pieces = strings.split(with_final_sigmas(x), f"{one}|{rest}+")
    return strings.join(strings.mapped(pieces, table))


def is_told(text: str) -> bool:
    """Whether Java puts `text`, and what becomes it, in lower case as Python does."""
    capital = text.replace("\u03c3", _SIGMA).replace("ς", _SIGMA)
    return re.fullmatch(_told(), capital) is not None


def is_one_of(tokens: Array, words: Sequence[str]) -> Array:
    """Which tokens are in lower case one of the `words`, for which `is_told` holds: [N, T].

    By patterns, of some words each: capital letters take no steps of their own then.
    """
    spelt = [_in_any_case(word) for word in sorted({word.lower() for word in words})]
    found = [
        strings.matches(tokens, pattern="|".join(spelt[start : start + _AT_A_TIME]))
        for start in range(0, len(spelt), _AT_A_TIME)
    ]
    return functools.reduce(op.logical_or, found)


#: How many words one pattern has at most.
_AT_A_TIME = 500

#: What a capital I with a dot becomes: the one capital that becomes two characters.
_DOTTED = "i\u0307"


def _in_any_case(word: str) -> str:
    """The pattern of all that becomes `word` in lower case."""
    sigmas = {
        place
        for place, character in enumerate(word)
        if f"{word[:place]}{_SIGMA}{word[place + 1 :]}".lower() == word and character in "\u03c3ς"
    }
    parts = [_capitals(c) + (_SIGMA if i in sigmas else "") for i, c in enumerate(word)]
    spelt = "".join(_class(part) for part in parts)
    dotted = "".join(_class(_capitals(c)) for c in _DOTTED)
    return spelt.replace(dotted, f"(?:{dotted}|{_class('İ')})")


@functools.cache
def _class(members: str) -> str:
    return characters.pattern(characters.of(members))


@functools.cache
def _capitals(character: str) -> str:
    """The characters that become this one, itself included, but for the sigma."""
    table = characters.replacements(lowercase=True, accents=None)
    return character + "".join(c for c, new in table.items() if new == character and c != _SIGMA)


@functools.cache
def _told() -> str:
    """The pattern of the texts that Python puts in lower case as every Java does.

    Between what ends words there is either no capital sigma, or letters, with single points
    and apostrophes between them and punctuation around them.
    """
    new = np.zeros(characters.COUNT, np.bool_)
    for first, last in _NEW:
        new[first : last + 1] = True
    letter = characters.pattern(characters.of(filter(_is_letter, _FIRST)))
    mark = characters.pattern(characters.of(filter(_is_mark, _FIRST)))
    apart, around, within = (
        characters.pattern(characters.of(signs)) for signs in (_APART, _AROUND, _WITHIN)
    )
    others = characters.pattern(characters.all_but(new | characters.of(_APART + _SIGMA)))
    letters = f"(?:{letter}{mark}*)+"
    word = f"{around}*{letters}(?:{within}{letters})*{around}*"
    run = f"(?:{others}+|{word})"
    return f"{run}?(?:{apart}+{run}?)*"


def _is_letter(character: str) -> bool:
    """Whether it is a plain letter of the Latin, Greek or Cyrillic script."""
    return (
        (character < "\u0530" or character >= "\u1e00")
        and unicodedata.category(character) in ("Lu", "Ll", "Lt")
        and characters.is_cased(character)
        and not characters.is_skipped(character)
    )


def _is_mark(character: str) -> bool:
    """Whether it is an accent on the letter before it; one of them is a letter to Java."""
    return "\u0300" <= character < "\u0370" and character != "\u0345"
