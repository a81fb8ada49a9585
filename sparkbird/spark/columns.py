"""Which of the columns of a call is which column of the model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparkbird.errors import ColumnCountError, ColumnNameError
from sparkbird.schema import Schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_NAMES_SHOWN = 20
_PART = r"(?:[^\s.()`]+|`[^`]+`)"
_PLAIN = re.compile(rf"{_PART}(?:\.{_PART})*")
_ALIAS = re.compile(r".* AS (?:`([^`]+)`|([^`()]+))", re.DOTALL)


@dataclass(frozen=True)
class Signature:
    """The columns that a model, or several over the same call, can be called with.

    fitted  those it was fitted on, in order
    read    those that matter to its outputs, in the same order
    named   whether it knows them by name; else only by position, and all have to be there
    """

    fitted: tuple[str, ...]
    read: tuple[str, ...]
    named: bool

    @classmethod
    def of(cls, schema: Schema) -> Signature:
        """The signature of one model."""
        read = tuple(column.name for column in schema.columns)
        return cls(schema.names, read, schema.layout != "matrix")

    @classmethod
    def union(cls, signatures: Sequence[Signature]) -> Signature:
        """The signature of several models over the columns of one call.

        Raises
        ------
        ColumnNameError
            Some know their columns by name and some do not, or those that do not differ in
            their number: no order of columns could be meant.
        """
        first = signatures[0]
        if any(s.named != first.named for s in signatures):
            raise ColumnNameError(
                "some of the models were fitted on named columns and some on arrays",
                "score them with one sparkbird.udf each.",
            )
        if not first.named and any(s.fitted != first.fitted for s in signatures):
            counts = ", ".join(str(len(s.fitted)) for s in signatures)
            raise ColumnCountError(
                f"the models were fitted on arrays of {counts} columns",
                "score them with one sparkbird.udf each.",
            )
        fitted = dict.fromkeys(name for s in signatures for name in s.fitted)
        read = {name for s in signatures for name in s.read}
        return cls(tuple(fitted), tuple(n for n in fitted if n in read), first.named)

    @property
    def needed(self) -> tuple[str, ...]:
        """The fewest columns that it can be called with, in order."""
        return self.read if self.named else self.fitted

    def positions(self, given: Sequence[str | None]) -> list[int]:
        """For each column read, its position among those `given`; None is one without a name.

        By name if the names given are those of the model, in any order; else by position.
        Upper and lower case are the same, as in Spark, unless the model tells them apart.

        Raises
        ------
        ColumnCountError
            There are too many or too few.
        ColumnNameError
            By position a column would be taken for another one of the model.
        """
        spelt = {name.casefold(): name for name in self.fitted}
        if len(spelt) == len(self.fitted):
            given = [spelt.get(name.casefold(), name) if name else None for name in given]
        for expected in (self.needed, self.fitted):
            if self.named and len(given) == len(expected) and {*given} == {*expected}:
                return [given.index(name) for name in self.read]
        if len(given) not in (len(self.needed), len(self.fitted)):
            raise self._count(len(given))
        expected = self.needed if len(given) == len(self.needed) else self.fitted
        if self.named:
            _refuse_misplaced(given, expected)
        return [expected.index(name) for name in self.read]

    def _count(self, given: int) -> ColumnCountError:
        counts = f"{len(self.needed)} columns"
        if len(self.needed) != len(self.fitted):
            counts += f" (or all {len(self.fitted)} it was fitted on)"
        return ColumnCountError(
            f"the model takes {counts} and was given {given}", f"it takes {_listed(self.needed)}."
        )


def _refuse_misplaced(given: Sequence[str | None], expected: Sequence[str]) -> None:
    """Refuse a column with the name of one of the model's in the place of another."""
    for name, place in zip(given, expected, strict=True):
        if name != place and name in expected:
            raise ColumnNameError(
                f"column {name!r} stands where the model takes {place!r}",
                f"give all columns by the model's names, or in its order: {_listed(expected)}; "
                f"Column.alias({place!r}) names a column that is meant so.",
            )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def name_of(text: str) -> str | None:
    """The name of the column that Spark shows as `text`; None if it is an expression.

    >>> name_of("t.age"), name_of("(age + 1)"), name_of("(age + 1) AS `next age`")
    ('age', None, 'next age')
    """
    if alias := _ALIAS.fullmatch(text):
        return alias.group(1) or alias.group(2)
    if _PLAIN.fullmatch(text):
        last: str = re.findall(_PART, text)[-1]
        return last.strip("`")
    return None


def quoted(name: str) -> str:
    """The name of a column as Spark's SQL takes it, dots and all.

    >>> quoted("Sepal.Length")
    '`Sepal.Length`'
    """
    return "`" + name.replace("`", "``") + "`"


def refuse_clash(df: DataFrame, names: Sequence[str]) -> None:
    """Outputs may not have the names of columns.

    Raises
    ------
    ColumnNameError
        The dataframe has a column of the name of an output.
    """
    taken = {column.casefold() for column in df.columns}
    if clashing := [name for name in names if name.casefold() in taken]:
        raise ColumnNameError(
            f"the dataframe has a column {', '.join(map(repr, clashing))} already",
            "rename or drop it: outputs are added under their own names.",
        )
