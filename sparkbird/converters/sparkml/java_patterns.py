"""Regular expressions of Java, as patterns that RE2 and Python read alike.

They are parsed as Python's, whose grammar is the same but for what is refused here by name;
what a class means is Java's own: words, digits and spaces are those of ASCII.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkbird.converters.sklearn import characters
from sparkbird.converters.sklearn.token_patterns import (
    Untranslatable,
    class_of,
    parser,
    unambiguous,
)
from sparkbird.converters.sparkml.java_text import SPACE
from sparkbird.errors import UnsupportedOptionError


@dataclass(frozen=True)
class Pattern:
    """A pattern for RE2 and Python.

    one    the characters that it matches, if it matches always one, or a run of them
    is_run whether that is a run
    """

    text: str
    one: np.ndarray | None
    is_run: bool


def translated(pattern: str) -> Pattern:
    """The pattern of Java's `pattern`.

    Raises
    ------
    UnsupportedOptionError
        RE2 lacks something that it has, or reads it in another way.

    Source: java.base/java/util/regex/Pattern.java (OpenJDK 17).
    """
    try:
        return _translated(pattern)
    except Untranslatable as what:
        raise UnsupportedOptionError(
            f"pattern={pattern!r} is not compiled: it has {what}",
            "use classes of characters, repetitions and alternatives that begin differently.",
        ) from None


def _translated(pattern: str) -> Pattern:
    _refuse_other_grammar(pattern)
    python = _POSIX_CLASS.sub(_posix, pattern)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parsed = parser.parse(python)
    except (re.error, Warning) as error:
        raise Untranslatable(f"what Python reads in another way, or not at all: {error}") from None
    if parsed.state.flags & ~re.UNICODE:
        raise Untranslatable("flags")
    nodes = [_of_java(opcode, value) for opcode, value in parsed]
    if re.compile(python).fullmatch(""):
        raise Untranslatable("matches of nothing")
    one, is_run = _single(nodes)
    return Pattern(unambiguous(nodes), one, is_run)


#: Escapes that mean something else to Java, and its names of classes.
_OTHER = re.compile(r"\\[0-9vNUQEpP]")
_POSIX_CLASS = re.compile(r"(?<!\\)((?:\\\\)*)\\p\{(\w+)\}")


def _refuse_other_grammar(pattern: str) -> None:
    """Refuse what Python would take for something else than Java does."""
    text = _POSIX_CLASS.sub(r"\1:", pattern).replace(r"\\", "::")
    if found := _OTHER.search(text):
        raise Untranslatable(found.group())
    for content in _classes(text):
        if content.startswith("]") or any(sign in content for sign in ("[", "&&", "--", "~~")):
            raise Untranslatable(f"the class [{content}")


def _classes(text: str) -> Iterator[str]:
    """What stands in each class of a pattern, without what is escaped."""
    plain = re.sub(r"\\.", ":", text, flags=re.DOTALL)
    start = plain.find("[")
    while start >= 0:
        begin = start + 1 + plain.startswith("^", start + 1)
        end = plain.find("]", begin + 1)
        if end < 0:
            raise Untranslatable("a class without an end")
        yield plain[begin:end]
        start = plain.find("[", end)


#: The classes of POSIX as Java has them: of ASCII alone.
_POSIX = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7f",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "Graph": r"\x21-\x7e",
    "Print": r"\x20-\x7e",
    "Blank": r"\x20\t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": r"\x20\t\n\x0b\f\r",
}


def _posix(found: re.Match[str]) -> str:
    """A class of POSIX in Python's words, within a class or by itself."""
    before, name = found.groups()
    if name not in _POSIX:
        raise Untranslatable(f"\\p{{{name}}}, which hangs on the version of Unicode")
    plain = re.sub(r"\\.", ":", found.string[: found.start()], flags=re.DOTALL)
    within = plain.rfind("[") > plain.rfind("]")
    return before + (_POSIX[name] if within else f"[{_POSIX[name]}]")


_WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

#: What classes mean to Java.
_MEANING = {
    parser.CATEGORY_WORD: (_WORD, True),
    parser.CATEGORY_NOT_WORD: (_WORD, False),
    parser.CATEGORY_DIGIT: ("0123456789", True),
    parser.CATEGORY_NOT_DIGIT: ("0123456789", False),
    parser.CATEGORY_SPACE: (SPACE, True),
    parser.CATEGORY_NOT_SPACE: (SPACE, False),
}

#: What ends a line, which a point does not match.
_LINE_ENDS = "\n\r\x85\u2028\u2029"


def _of_java(opcode: Any, value: Any) -> tuple[Any, Any]:
    """A node of a parsed pattern with classes spelt out, and groups that capture nothing."""
    if opcode is parser.ANY:
        negated = (parser.NEGATE, None)
        return parser.IN, [negated, *((parser.LITERAL, ord(sign)) for sign in _LINE_ENDS)]
    if opcode is parser.IN:
        return parser.IN, [spelt for node in value for spelt in _spelt(*node)]
    if opcode in (parser.MAX_REPEAT, parser.MIN_REPEAT):
        least, most, inner = value
        return opcode, (least, most, [_of_java(*node) for node in inner])
    if opcode is parser.SUBPATTERN:
        _, adds, drops, inner = value
        return opcode, (None, adds, drops, [_of_java(*node) for node in inner])
    if opcode is parser.BRANCH:
        none, branches = value
        return opcode, (none, [[_of_java(*node) for node in branch] for branch in branches])
    return opcode, value


def _spelt(kind: Any, content: Any) -> Iterator[tuple[Any, Any]]:
    if kind is not parser.CATEGORY:
        yield kind, content
        return
    signs, is_in = _MEANING[content]
    members = characters.of(signs) if is_in else characters.all_but(characters.of(signs))
    edges = np.flatnonzero(np.diff(members, prepend=False, append=False)).tolist()
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        yield parser.RANGE, (first, last - 1)


def _single(nodes: list[Any]) -> tuple[np.ndarray | None, bool]:
    """The characters of a pattern that matches always one, or always a whole run of them."""
    if len(nodes) != 1:
        return None, False
    (node,) = nodes
    if node[0] is parser.MAX_REPEAT and node[1][:2] == (1, parser.MAXREPEAT):
        inner = node[1][2]
        return (class_of(*inner[0]) if len(inner) == 1 else None), True
    return class_of(*node), False
