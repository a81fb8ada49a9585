"""The projections of Spark's SQL that are plain: columns, new names, and sums of products.

``SELECT *, (a + b) / 2 AS mean, c AS size FROM __THIS__``
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from sparkbird.errors import UnsupportedOptionError


@dataclass(frozen=True)
class Name:
    """A column."""

    name: str


@dataclass(frozen=True)
class Literal:
    """A number, and its type to Spark: "int", "decimal", or "double"."""

    value: float
    kind: str


@dataclass(frozen=True)
class Operation:
    """``left sign right``; with no left one, ``-right``."""

    sign: str
    left: Expression | None
    right: Expression


Expression: TypeAlias = Name | Literal | Operation


@dataclass(frozen=True)
class Item:
    """What a column is made of, and its name; the name alone where it is a column as it is."""

    alias: str
    made_of: Expression


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>`(?:[^`]|``)+`)
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dD]?(?![\w.]))
      | (?P<word>[A-Za-z_]\w*)
      | (?P<sign>[-+*/(),])
      | (?P<other>\S)
    )""",
    re.VERBOSE,
)

#: Words that are values, or begin something else, where a column could stand.
_RESERVED = (
    *("case", "current_date", "current_timestamp", "current_user", "distinct", "false", "from"),
    *("localtimestamp", "not", "null", "true", "user"),
)

_END = ("end", "")


@dataclass
class _Reader:
    """The tokens of a statement, each its kind and its text, read one after the other."""

    tokens: list[tuple[str, str]]
    place: int = 0

    @property
    def next(self) -> tuple[str, str]:
        return self.tokens[self.place] if self.place < len(self.tokens) else _END

    def is_next(self, *texts: str) -> bool:
        """Whether the next token is a sign or a word of `texts`; of columns in quotes none is."""
        kind, text = self.next
        return kind in ("sign", "word") and text.lower() in texts

    def take(self) -> tuple[str, str]:
        token = self.next
        self.place += 1
        return token

    def expect(self, *texts: str) -> str:
        if not self.is_next(*texts):
            raise _strange(self.next[1])
        return self.take()[1]


def read(statement: str) -> tuple[bool, list[Item]]:
    """Whether a projection begins with all columns, and the items that it adds or selects.

    Source: sql/api/src/main/antlr4/org/apache/spark/sql/catalyst/parser/SqlBaseParser.g4 (4.3).

    Raises
    ------
    UnsupportedOptionError
        The statement is more than that.
    """
    tokens = [(str(m.lastgroup), m[str(m.lastgroup)]) for m in _TOKEN.finditer(statement)]
    reader = _Reader(tokens)
    reader.expect("select")
    has_all = reader.is_next("*")
    items: list[Item] = []
    if has_all:
        reader.take()
    else:
        items.append(_item(reader))
    while reader.is_next(","):
        reader.take()
        items.append(_item(reader))
    reader.expect("from")
    if reader.take() != ("word", "__THIS__"):
        raise _strange(reader.tokens[min(reader.place, len(reader.tokens)) - 1][1])
    if reader.next != _END:
        raise _strange(reader.next[1])
    return has_all, items


def names(expression: Expression) -> Iterator[str]:
    """The columns that an expression reads."""
    if isinstance(expression, Name):
        yield expression.name
    if isinstance(expression, Operation):
        if expression.left is not None:
            yield from names(expression.left)
        yield from names(expression.right)


def _item(reader: _Reader) -> Item:
    made_of = _sum(reader)
    if reader.is_next("as"):
        reader.take()
        return Item(_name(reader), made_of)
    if not isinstance(made_of, Name):
        raise UnsupportedOptionError(
            "feature.SQLTransformer(statement) with a computed column of no name is not compiled",
            "give it a name: a + b AS total.",
        )
    return Item(made_of.name, made_of)


def _sum(reader: _Reader) -> Expression:
    found = _product(reader)
    while reader.is_next("+", "-"):
        found = Operation(reader.take()[1], found, _product(reader))
    return found


def _product(reader: _Reader) -> Expression:
    found = _factor(reader)
    while reader.is_next("*", "/"):
        found = Operation(reader.take()[1], found, _factor(reader))
    return found


def _factor(reader: _Reader) -> Expression:
    if reader.is_next("-"):
        reader.take()
        return Operation("-", None, _factor(reader))
    if reader.is_next("("):
        reader.take()
        found = _sum(reader)
        reader.expect(")")
        return found
    if reader.next[0] == "number":
        return _literal(reader.take()[1])
    return Name(_name(reader))


def _literal(text: str) -> Literal:
    if text[-1] in "dD" or "e" in text.lower():
        return Literal(float(text.rstrip("dD")), "double")
    return Literal(float(text), "decimal" if "." in text else "int")


def _name(reader: _Reader) -> str:
    kind, text = reader.take()
    if kind == "quoted":
        return text[1:-1].replace("``", "`")
    if kind != "word" or text.lower() in _RESERVED or reader.is_next("("):
        raise _strange(text)
    return text


def _strange(text: str) -> UnsupportedOptionError:
    found = f"{text!r}" if text else "its end"
    return UnsupportedOptionError(
        f"feature.SQLTransformer(statement) is not compiled: at {found} it is more than columns, "
        "their new names, + - * and /",
        "select the columns in Spark, and compile the stages in front of it and behind it.",
    )
