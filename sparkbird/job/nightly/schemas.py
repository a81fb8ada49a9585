"""What has become of the columns of the input since the date before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sparkbird.job.record import Check

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from sparkbird.job.nightly.ledger import Entry
    from sparkbird.job.nightly.settings import Checks


def columns_of(table: DataFrame) -> dict[str, str]:
    """The types of a table's columns by their names, as Spark writes them."""
    return {field.name: field.dataType.simpleString() for field in table.schema.fields}


def checked(checks: Checks, before: Entry | None, now: Mapping[str, str]) -> Iterator[Check]:
    """The check of the schema, if it is asked for and there is a date to compare with."""
    if checks.schema_action is None or before is None or not before.columns:
        return
    found = [*_changes(before.columns, now)]
    said = f": {', '.join(found)}" if found else ""
    yield Check(
        name="changed columns",
        value=len(found),
        bound=f"none since {before.date}{said}",
        passed=not found,
        action=checks.schema_action,
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
