"""What Spark's text of a physical plan says: nodes, and the Python functions they call.

The text is the one thing that classic Spark, Spark Connect and streaming queries all give.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: The lines that draw the tree, and the number of a stage of generated code.
_DRAWN = re.compile(r"((?:[ :]  )*(?:\+- |:- )?)(.*)")
_STAGE = re.compile(r"\*\s?\(\d+\) ")

#: Adaptive execution shows what ran, and below it what was planned first, which did not.
_NOT_RUN = "== Initial Plan =="

_PYTHON = re.compile(r"\w*(?:Python|InPandas|InArrow|InPySpark)\w*")
_CACHE = "InMemoryRelation"
_IDENTIFIER = re.compile(r"#\d+L?")
_CALLED = re.compile(r"\)#(\d+)")
_NAME = re.compile(r"[\w<>$.]+$")
_OUTPUTS = re.compile(r".*\], \[([^\]]*)\]", re.DOTALL)


@dataclass(frozen=True)
class Call:
    """A Python function that a node calls.

    arguments  as Spark writes them, with the numbers of columns
    number     of its result: a call that Spark has copied keeps it
    attribute  the column that holds the result above the node, "" if it cannot be told
    """

    name: str
    arguments: str
    number: int
    attribute: str = ""

    def __str__(self) -> str:
        return f"{self.name}({_IDENTIFIER.sub('', self.arguments)})"


@dataclass(frozen=True, eq=False)
class Node:
    """A node of a plan: its line of text, and the nodes above it, the nearest first."""

    text: str
    above: tuple[Node, ...]

    @property
    def operator(self) -> str:
        """The name of the node."""
        return re.split(r"\W", self.text, maxsplit=1)[0]

    @property
    def is_python(self) -> bool:
        """Whether its rows go through Python."""
        return _PYTHON.fullmatch(self.operator) is not None

    @property
    def cached(self) -> bool:
        """Whether it fills a cache, and is left out once that is full."""
        return any(node.operator == _CACHE for node in self.above)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The Python functions that it calls, also those within each other's arguments."""
        called = [*_called(self.text)]
        outputs = _OUTPUTS.match(self.text)
        attributes = outputs[1].split(", ") if outputs else []
        if len(attributes) != len(called):
            attributes = [""] * len(called)
        return tuple(
            Call(name, arguments, number, attribute)
            for (name, arguments, number), attribute in zip(called, attributes, strict=True)
        )


def nodes(text: str) -> Iterator[Node]:
    """The nodes of a plan from the top, each with what is above it; once what is cached once."""
    above: list[tuple[int, Node]] = []
    skipped: int | None = None
    filled: set[str] = set()
    for line in text.splitlines():
        [(drawn, said)] = _DRAWN.findall(line)[:1]
        depth, said = len(drawn), _STAGE.sub("", said, count=1)
        if skipped is not None and depth >= skipped and said:
            continue
        skipped = depth if said == _NOT_RUN else None
        if not said or said.startswith("=="):
            continue
        above = [(own, node) for own, node in above if own < depth]
        node = Node(said, tuple(node for _, node in reversed(above)))
        above.append((depth, node))
        # A cache is drawn wherever it is read.
        if not (node.cached and node.is_python and said in filled):
            yield node
        filled.add(said)


def parts(text: str) -> list[str]:
    """What commas part that are in no brackets.

    >>> parts("a#0, f(b#1, c#2) AS d#3")
    ['a#0', 'f(b#1, c#2) AS d#3']
    """
    found, depth, start = [], 0, 0
    for i, sign in enumerate(text):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            found.append(text[start:i].strip())
            start = i + 1
    return [*found, text[start:].strip()]


def _called(text: str) -> Iterator[tuple[str, str, int]]:
    """Name, arguments and number of all calls in a text: ``name(arguments)#number``."""
    for end in _CALLED.finditer(text):
        start = _opening(text, end.start())
        if name := _NAME.search(text[:start]):
            yield name[0], text[start + 1 : end.start()], int(end[1])


def _opening(text: str, closing: int) -> int:
    """Where the bracket opens that is closed at `closing`; 0 if none does."""
    depth = 0
    for i in range(closing, -1, -1):
        depth += (text[i] == ")") - (text[i] == "(")
        if depth == 0:
            return i
    return 0
