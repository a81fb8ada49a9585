"""What has become of the columns of the input since the date before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sparkbird.job.record import Action, Check

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from sparkbird.job.nightly.ledger import Entry


def columns_of(table: DataFrame) -> dict[str, str]:
    """The types of a table's columns by their names, as Spark writes them."""
    return {field.name: field.dataType.simpleString() for field in table.schema.fields}


def checked(action: Action, before: Entry | None, now: Mapping[str, str]) -> Iterator[Check]:
    """The check of the schema, if there is a date to compare with."""
    if before is None or not before.columns:
        return
    found = [*_changes(before.columns, now)]
    said = f": {', '.join(found)}" if found else ""
    yield Check(
        name="changed columns",
        value=len(found),
        bound=f"none since {before.date}{said}",
        passed=not found,
        action=action,
    )


def _changes(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """What changed, in words.

    >>> [*_changes({"a": "int", "b": "int"}, {"b": "double", "c": "int"})]
    ['a is gone', 'b was int and is double', 'c is new']
    """
    for name, kind in before.items():
        if name not in now:
            yield f"{name} is gone"
        elif now[name] != kind:
            yield f"{name} was {kind} and is {now[name]}"
    yield from (f"{name} is new" for name in now if name not in before)
