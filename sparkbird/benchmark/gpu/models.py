"""What is scored on a GPU: forests, and the flights with boosted trees behind their features."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sparkbird.benchmark.shapes import Forest, trained
from sparkbird.demo import flights

if TYPE_CHECKING:
    import pandas as pd

#: The forest of the paper's experiment, see `shapes`, which peers and Spark score too.
PAPER = Forest("LightGBM", "Higgs", 500, 8, 50_000)
#: It and others that are run in another way.
FORESTS = (
    PAPER,
    Forest("LightGBM", "Higgs", 100, 6, 50_000),
    Forest("LightGBM", "Covtype", 100, 8, 50_000),
    Forest("RandomForest", "Higgs", 100, 0, 50_000),
)

#: Of the trees behind the features of flights.
TREES, LEAVES = 300, 63


@cache
def forest_of(forest: Forest) -> Any:
    """The fitted model."""
    return trained(forest, None)


@cache
def late_flights(trees: int = TREES, rows: int | None = None) -> tuple[Any, pd.DataFrame]:
    """The demo's pipeline with LightGBM behind it, and its columns of the flights, or of some."""
    from lightgbm import LGBMClassifier

    known = flights.table(rows)
    booster = LGBMClassifier(n_estimators=trees, num_leaves=LEAVES, verbose=-1, random_state=0)
    model, _ = flights.trained(known, booster)
    return model, known[flights.CATEGORIES + flights.NUMBERS]


def repeated(columns: pd.DataFrame, rows: int) -> pa.Table:
    """So many rows of a table, which are taken again and again."""
    table = pa.Table.from_pandas(columns, preserve_index=False)
    return pa.concat_tables([table] * -(-rows // len(table))).slice(0, rows)
