"""Token patterns of Python, as patterns that RE2 and Python read alike."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sparkbird.converters.sklearn import characters
from sparkbird.errors import UnsupportedOptionError


def tokens(token_pattern: str) -> tuple[str, str | None]:
    """`token_pattern` as the pattern of tokens, and the one that each of them must match, if any.

    Raises
    ------
    UnsupportedOptionError
        It needs what RE2 lacks, or it captures groups.
    """
    try:
        return _translated(token_pattern)
    except Untranslatable as what:
        raise UnsupportedOptionError(
            f"token_pattern={token_pattern!r} is not compiled: it has {what}",
            r"use classes, repetitions and alternatives, with \b around the whole or nowhere.",
        ) from None


def _translated(token_pattern: str) -> tuple[str, str | None]:
    compiled = re.compile(token_pattern)
    if compiled.groups or compiled.fullmatch(""):
        raise Untranslatable("a group, or a token of nothing")
    if compiled.flags != re.UNICODE:
        raise Untranslatable("flags")
    parsed = [*parser.parse(token_pattern)]
    boundary = (parser.AT, parser.AT_BOUNDARY)
    if parsed[0] == boundary and parsed[-1] == boundary:
        return _between_boundaries(parsed[1:-1])
    return unambiguous(parsed), None


def unambiguous(parsed: Iterable[Any]) -> str:
    """A parsed pattern of which each next character tells the way through it, for RE2.

    Raises
    ------
    Untranslatable
        It is none, or has what RE2 lacks.
    """
    parsed = [*parsed]
    translated = _sequence(parsed, None)
    _Paths.of(parsed).require_one()
    return translated


class Untranslatable(Exception):  # noqa: N818  those who translate patterns catch it
    """What there is in a pattern that cannot be said alike in RE2 and Python."""


def _between_boundaries(parsed: list[Any]) -> tuple[str, str | None]:
    r"""The runs of characters of words that a pattern between two ``\b`` matches as a whole.

    A match that consists of such characters starts where a run starts and ends where it ends.
    """
    word = characters.pattern(characters.where(characters.is_word))
    whole = _sequence(parsed, characters.where(characters.is_word))
    least = 0
    for opcode, value in parsed:
        single = opcode is parser.MAX_REPEAT and len(value[2]) == 1
        node = value[2][0] if single else (opcode, value)
        members = class_of(*node)
        if members is None or (members != characters.where(characters.is_word)).any():
            return f"{word}+", whole
        least += value[0] if single else 1
    open_ended = parsed[-1][0] is parser.MAX_REPEAT and parsed[-1][1][1] is parser.MAXREPEAT
    return (f"{word}{{{least},}}", None) if open_ended and least else (f"{word}+", whole)


def _sequence(parsed: Iterable[Any], within: np.ndarray | None) -> str:
    return "".join(_node(opcode, value, within) for opcode, value in parsed)


def _node(opcode: Any, value: Any, within: np.ndarray | None) -> str:
    """One node of a parsed pattern; if `within` is given, all characters must be in it."""
    members = class_of(opcode, value)
    if members is not None:
        if within is not None and (members & ~within).any():
            raise Untranslatable(r"characters between \b that are not of words")
        return characters.pattern(members)
    if opcode in (parser.MAX_REPEAT, parser.MIN_REPEAT):
        least, most, inner = value
        count = f"{{{least},{'' if most is parser.MAXREPEAT else most}}}"
        if max(least, 0 if most is parser.MAXREPEAT else most) > _MOST:
            raise Untranslatable(f"more than {_MOST} repetitions")
        lazy = "?" if opcode is parser.MIN_REPEAT else ""
        return f"(?:{_sequence(inner, within)}){count}{lazy}"
    if opcode is parser.SUBPATTERN and value[0] is None and not (value[1] or value[2]):
        return f"(?:{_sequence(value[3], within)})"
    if opcode is parser.BRANCH:
        return f"(?:{'|'.join(_sequence(branch, within) for branch in value[1])})"
    raise Untranslatable(str(opcode).lower().replace("_", " "))


@dataclass(frozen=True)
class _Paths:
    """How a part of a pattern may be walked through, character by character.

    ONNX Runtime's tokenizer takes the longest match, Python the first in the order of the
    pattern. They are one where the next character always tells which way to go.

    first, last  the places at which a match may begin and end, each a number
    nullable     whether the part matches nothing
    follows      what may come after each place
    classes      the characters of each place

    Source: Brüggemann-Klein and Wood, "One-unambiguous regular languages" (1998).
    """

    first: frozenset[int]
    last: frozenset[int]
    nullable: bool
    follows: dict[int, frozenset[int]]
    classes: list[np.ndarray]

    @classmethod
    def of(cls, parsed: Iterable[Any]) -> _Paths:
        """The paths through a parsed pattern."""
        return cls._of_sequence(parsed, [])

    @classmethod
    def _of_node(cls, opcode: Any, value: Any, classes: list[np.ndarray]) -> _Paths:
        nothing = cls(frozenset(), frozenset(), nullable=True, follows={}, classes=classes)
        members = class_of(opcode, value)
        if members is not None:
            classes.append(members)
            place = frozenset([len(classes) - 1])
            return cls(place, place, nullable=False, follows={}, classes=classes)
        if opcode is parser.BRANCH:
            branches = [cls._of_sequence(branch, classes) for branch in value[1]]
            if any(branch.nullable for branch in branches[:-1]):
                raise Untranslatable("an alternative that another one begins with")
            return functools.reduce(cls.either, branches)
        if opcode is parser.SUBPATTERN:
            return cls._of_sequence(value[3], classes)
        if opcode is not parser.MAX_REPEAT:
            raise Untranslatable("a repetition that takes as little as it can")
        least, most, inner = value
        if max(least, 0 if most is parser.MAXREPEAT else most) > _MOST_COPIES:
            raise Untranslatable(f"more than {_MOST_COPIES} repetitions")
        rest = nothing
        if most is parser.MAXREPEAT:
            rest = cls._of_sequence(inner, classes).repeated()
        else:
            for _ in range(most - least):
                rest = cls._of_sequence(inner, classes).then(rest).either(nothing)
        for _ in range(least):
            rest = cls._of_sequence(inner, classes).then(rest)
        return rest

    @classmethod
    def _of_sequence(cls, parsed: Iterable[Any], classes: list[np.ndarray]) -> _Paths:
        whole = cls(frozenset(), frozenset(), nullable=True, follows={}, classes=classes)
        for opcode, value in parsed:
            whole = whole.then(cls._of_node(opcode, value, classes))
        return whole

    def then(self, other: _Paths) -> _Paths:
        joined = dict.fromkeys(self.last, other.first)
        return _Paths(
            self.first | (other.first if self.nullable else frozenset()),
            other.last | (self.last if other.nullable else frozenset()),
            nullable=self.nullable and other.nullable,
            follows=_united(self.follows, other.follows, joined),
            classes=self.classes,
        )

    def either(self, other: _Paths) -> _Paths:
        return _Paths(
            self.first | other.first,
            self.last | other.last,
            nullable=self.nullable or other.nullable,
            follows=_united(self.follows, other.follows),
            classes=self.classes,
        )

    def repeated(self) -> _Paths:
        again = dict.fromkeys(self.last, self.first)
        return replace(self, nullable=True, follows=_united(self.follows, again))

    def require_one(self) -> None:
        """Refuse a pattern in which one character may be at two places."""
        for places in (self.first, *self.follows.values()):
            taken = np.zeros(characters.COUNT, np.bool_)
            for place in places:
                if (taken & self.classes[place]).any():
                    raise Untranslatable("parts that could match the same character")
                taken |= self.classes[place]


def _united(*follows: dict[int, frozenset[int]]) -> dict[int, frozenset[int]]:
    places = {place for each in follows for place in each}
    return {p: frozenset().union(*(each.get(p, frozenset()) for each in follows)) for p in places}


#: How many copies of a part are looked at.
_MOST_COPIES = 20


#: RE2 repeats at most so often.
_MOST = 1000


def class_of(opcode: Any, value: Any) -> np.ndarray | None:
    """The characters that a node stands for, or None if it is not one of a single character."""
    if opcode is parser.LITERAL:
        return characters.of(chr(value))
    if opcode is parser.NOT_LITERAL:
        return characters.all_but(characters.of(chr(value)))
    if opcode is parser.ANY:
        return characters.all_but(characters.of("\n"))
    if opcode is not parser.IN:
        return None
    members = np.zeros(characters.COUNT, np.bool_)
    negated = False
    for kind, content in value:
        if kind is parser.NEGATE:
            negated = True
        elif kind is parser.LITERAL:
            members[content] = True
        elif kind is parser.RANGE:
            members[content[0] : content[1] + 1] = True
        else:
            members |= _CATEGORIES[content]()
    return characters.all_but(members) if negated else members


try:
    parser: Any = re._parser  # type: ignore[attr-defined]  # noqa: SLF001  since Python 3.11
except AttributeError:
    import sre_parse as parser

_CATEGORIES: dict[Any, Callable[[], np.ndarray]] = {
    parser.CATEGORY_WORD: lambda: characters.where(characters.is_word),
    parser.CATEGORY_NOT_WORD: lambda: characters.all_but(characters.where(characters.is_word)),
    parser.CATEGORY_DIGIT: lambda: characters.where(str.isdecimal),
    parser.CATEGORY_NOT_DIGIT: lambda: characters.all_but(characters.where(str.isdecimal)),
    parser.CATEGORY_SPACE: lambda: characters.where(str.isspace),
    parser.CATEGORY_NOT_SPACE: lambda: characters.all_but(characters.where(str.isspace)),
}
