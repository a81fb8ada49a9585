"""The time that rows are predicted to take: the sum over the pieces of a plan.

It is that of `runtime.scoring.score_columns` on one thread, from Arrow columns to arrays. How near
it comes is what `benchmark.costs` measures, and says: mostly within 1.5 times, and too low rather
than too high, because prices are those of operators alone, whose data are in a cache already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparkbird.costs import graphs
from sparkbird.costs.families import counted
from sparkbird.dtypes import BY_NAME
from sparkbird.prices import Prices, current
from sparkbird.prices.fit import cost
from sparkbird.runtime.batches import LEAST_APART
from sparkbird.runtime.graph import Graph
from sparkbird.runtime.scoring import WHOLE_ROWS, rows_of_a_run
from sparkbird.schema import MATRIX

if TYPE_CHECKING:
    from sparkbird.runtime.pieces import Piece
    from sparkbird.runtime.sessions import Session
    from sparkbird.schema import Schema

#: The rows of a batch, as Spark sends them by conf/spark.conf.
BATCH = 10_000

#: A matrix of up to so many bytes is written to a cache.
NEAR_BYTES = 4 * 2**20

#: As many families of operators are named.
_NAMED = 4


@dataclass(frozen=True)
class Share:
    """What a piece of the work is predicted to take.

    kind     "columns", "look-up", "forest" or "graph"
    seconds  of a row
    details  the seconds of a row by family of operators, the greatest first; "" is launching
    """

    kind: str
    what: str
    seconds: float
    details: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        named = [f"{family or 'launches'} {_amount(s)}" for family, s in self.details[:_NAMED] if s]
        return f"{_amount(self.seconds):>8}  {self.what}" + (f": {', '.join(named)}" * bool(named))


@dataclass(frozen=True)
class Predicted:
    """The pieces, for batches of `rows`, by the `prices` of a machine.

    `lacking` says what is not counted, as it depends on the rows: the time is at least this.
    """

    shares: tuple[Share, ...]
    rows: int
    prices: Prices
    lacking: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Of a row."""
        return sum(share.seconds for share in self.shares)

    def __str__(self) -> str:
        head = f"predicted µs a row, batches of {self.rows:,}, one thread"
        least = f", at least: {'; '.join(self.lacking)}" * bool(self.lacking)
        total = f"{_amount(self.seconds):>8}  in all{least}"
        return "\n".join([f"{head} ({self.prices.machine}):", *map(str, self.shares), total])


def predicted(session: Session, *, rows: int = BATCH, prices: Prices | None = None) -> Predicted:
    """What a row of a batch of `rows` takes in a session on the CPU.

    Raises
    ------
    ConfigError
        The file of prices is not fit for it.
    """
    prices = prices or current()
    pieces = [*session.pieces()]
    shares = [_columns(session, pieces, rows, prices)]
    shares += [_share(piece, _run(session, rows), prices) for piece in pieces]
    return Predicted(tuple(shares), rows, prices, tuple(_lacking(session, pieces)))


def _lacking(session: Session, pieces: Sequence[Piece]) -> Iterator[str]:
    """What depends on the rows."""
    if session.schema.padded:
        yield "a text counts as one word"
    if any(node.operator == "Loop" for p in pieces if p.graph for node in Graph(p.graph).nodes):
        yield "a loop counts as done once"


def _run(session: Session, rows: int) -> int:
    """The rows of each of the runs that a batch goes through the session in, if all had as many."""
    if session.schema.whole:
        return rows
    runs = -(-rows // rows_of_a_run(session))
    each = -(-rows // runs)
    return each if runs == 1 else -(-each // WHOLE_ROWS) * WHOLE_ROWS


def of_columns(schema: Schema, rows: int, *, side_by_side: bool) -> dict[str, float]:
    """What it comes to, for all rows, to make arrays of Arrow columns, or one of all of them."""
    columns = schema.columns
    numbers = rows * len(schema.names) if side_by_side else 0
    near = numbers * BY_NAME[columns[0].dtype].numpy.itemsize <= NEAR_BYTES
    return {
        "call": 1,
        "column": len(columns),
        "near_number" if near else "far_number": numbers,
        "string": rows * sum(column.dtype == "string" for column in columns),
    }


def _columns(session: Session, pieces: Sequence[Piece], rows: int, prices: Prices) -> Share:
    matrix = any(MATRIX in Graph(piece.graph).inputs for piece in pieces if piece.graph)
    few = session.schema.layout == "matrix" and rows < LEAST_APART
    ns = cost(of_columns(session.schema, rows, side_by_side=matrix or few), prices.own["columns"])
    return Share("columns", "columns to arrays", 1e-9 * ns / rows)


def _share(piece: Piece, rows: int, prices: Prices) -> Share:
    if not piece.graph:
        units = dict(piece.units) | {"call": piece.units["call"] / rows}
        return Share("forest", piece.what, 1e-9 * cost(units, prices.own["kernels"]))
    if piece.looked_up:
        units = {"call": 1 / rows, "distinct": graphs.keys(piece.graph) / rows, "row": 1.0}
        return Share("look-up", piece.what, 1e-9 * cost(units, prices.own["lookups"]))
    seen = min(rows, graphs.keys(piece.graph)) if piece.distinct else rows
    details: dict[str, float] = {}
    for family, ns in _graph(graphs.work(piece.graph, seen, piece.given), seen, prices):
        details[family] = details.get(family, 0.0) + 1e-9 * ns / rows
    what = f"{piece.what}, for distinct values" if piece.distinct else piece.what
    ordered = sorted(details.items(), key=lambda detail: -detail[1])
    return Share("graph", what, sum(details.values()), tuple(ordered))


def _graph(work: graphs.Work, rows: int, prices: Prices) -> Iterator[tuple[str, float]]:
    """The nanoseconds of each operator, with its family."""
    run = prices.operators["run"]
    yield "", run["call"] + work.handed * run["value"] + work.strings * run["string"]
    for node in work.applied:
        family, units = counted(node)
        yield "", run["launch"]
        if family:
            yield family, cost(units, prices.operators[family])
    for forest in work.forests:
        yield "trees", cost(forest.counts(rows), prices.strategies["cpu"]["ensemble"])


def _amount(seconds: float) -> str:
    """µs, in three digits.

    >>> _amount(1.2345e-6), _amount(1.2e-10)
    ('1.23', '0.00012')
    """
    return f"{1e6 * seconds:.3g}"
