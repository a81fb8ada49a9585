"""Batches through a session, and the rows that the original model would refuse.

N is the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa

from sparkbird.dtypes import MISSING, STRING
from sparkbird.errors import InvalidValueError
from sparkbird.kernels.cuda.driver import DeviceMemoryError
from sparkbird.runtime.apart import column_of
from sparkbird.runtime.batches import Known, feeds
from sparkbird.runtime.encoded import Encoded
from sparkbird.runtime.memory import RESULTS
from sparkbird.runtime.sessions import Session
from sparkbird.schema import INVALID, MATRIX, Schema

#: What becomes of rows on which the original would raise: an error for the whole batch, or
#: a NULL prediction for those rows alone.
OnInvalid: TypeAlias = Literal["raise", "null"]

#: How many bytes the widest intermediate result of one run may take; how many it should, as
#: what an operator leaves, the next one should find in the cache; and how many rows a run has
#: at least, if they may, as an operator costs something by itself, and at most.
RUN_BYTES = 64 * 2**20
CACHED_BYTES = 2 * 2**20
LEAST_ROWS, RUN_ROWS = 512, 16_384

#: The same where kernels run forests: trees may be larger than a cache, and are fetched for each
#: run anew.
LEAST_KERNEL_ROWS = 16_384

#: And on a GPU, which wants many: of one thread, whose rows are copied while others are computed,
#: and of each of several, which do that for one another.
GPU_ROWS, GPU_ROWS_OF_A_THREAD = 2**20, 2**17

#: How many bytes the widest intermediate result of one run may take there, and up to how few
#: rows it is tried with half of them if that was too much.
GPU_RUN_BYTES, GPU_LEAST_ROWS = 512 * 2**20, 64

_NO_ROWS = np.zeros(0, np.bool_)

#: Runs have a multiple of so many rows, which a graph may work on together.
WHOLE_ROWS = 16

#: What a piece of a text takes in ONNX Runtime, in bytes: a string of C++, and copies of it.
PIECE_BYTES = 100


def score(
    session: Session,
    inputs: Mapping[str, np.ndarray],
    *,
    on_invalid: OnInvalid = "raise",
    threads: int = 1,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The tensors of the session's outputs by name, each [N, ...], and which rows are invalid [N].

    Rows go through the session in runs, `threads` of them at a time; where a row's result
    depends on the rows beside it, in one. A session itself has one thread: within an
    operator, several would add up trees in an order of their own.

    Raises
    ------
    InvalidValueError
        Rows are invalid and `on_invalid` is "raise".
    """
    schema = session.schema
    rows = len(next(iter(inputs.values())))
    if session.gpu and not rows:  # ONNX Runtime reduces no empty tensors there
        return {r.name: np.empty((0, *r.lengths), r.dtype) for r in session.results}, _NO_ROWS
    runs = [] if schema.whole or rows <= 1 else _runs(session, inputs, rows, threads)
    several = len(runs) > 1 or bool(runs and session.gpu)  # these are halved if need be
    results = _in_runs(session, inputs, runs, threads) if several else session.run(inputs)
    failed = results.pop(INVALID, None)
    if failed is None:
        return results, np.zeros(rows, np.bool_)
    if on_invalid == "raise" and failed.any():
        raise refused(schema, inputs, failed)
    return results, failed != 0


def _rows_of_a_run(row_bytes: int, least: int) -> int:
    width = max(row_bytes, 1)
    cached = min(RUN_ROWS, max(least, CACHED_BYTES // width))
    step = min(cached, RUN_BYTES // width)
    return max(1, step - step % WHOLE_ROWS)


def rows_of_a_run(session: Session, threads: int = 1) -> int:
    """How many rows go through a session together, if they may."""
    if session.gpu:
        most = GPU_ROWS if threads == 1 else GPU_ROWS_OF_A_THREAD
        held = RUN_BYTES if session.kernels else GPU_RUN_BYTES
        return max(1, min(most, held // max(session.row_bytes, 1)))
    least = LEAST_KERNEL_ROWS if session.kernels else LEAST_ROWS
    return _rows_of_a_run(session.row_bytes, least)


def _runs(
    session: Session, inputs: Mapping[str, np.ndarray], rows: int, threads: int = 1
) -> list[slice]:
    """Which rows go through the session together; there is one run at least."""
    step = rows_of_a_run(session, threads)
    runs = [slice(start, min(start + step, rows)) for start in range(0, max(rows, 1), step)]
    if not session.schema.padded:
        return runs
    texts = [x for x in inputs.values() if x.dtype == STRING]
    lengths = np.max([*map(_lengths, texts)], axis=0) if rows else np.zeros(0)
    return [part for run in runs for part in _cut(run, lengths)]


def _lengths(texts: np.ndarray | Encoded) -> np.ndarray:
    """How long each text is, [N]."""
    if isinstance(texts, Encoded):
        return texts.mapped(_lengths(texts.distinct))
    return np.array([*map(len, texts.tolist())])


def _cut(run: slice, lengths: np.ndarray) -> Iterator[slice]:
    """`run` in parts whose rows, all as long as the longest text among them, take `RUN_BYTES`."""
    start, longest = run.start, 0
    for row in range(run.start, run.stop):
        longest = max(longest, int(lengths[row]))
        if row > start and (row + 1 - start) * longest * PIECE_BYTES > RUN_BYTES:
            yield slice(start, row)
            start, longest = row, int(lengths[row])
    yield slice(start, run.stop)


def _in_runs(
    session: Session, inputs: Mapping[str, np.ndarray], runs: Sequence[slice], threads: int
) -> dict[str, np.ndarray]:
    """The results of all rows, each run writing its own part of them."""
    rows = len(next(iter(inputs.values())))
    results = {r.name: RESULTS.empty((rows, *r.lengths), r.dtype) for r in session.results}
    if INVALID in results:
        results[INVALID].fill(0)

    def run(part: slice) -> None:
        feeds = {name: x[part] for name, x in inputs.items()}
        try:
            session.run_into(feeds, {name: result[part] for name, result in results.items()})
        except DeviceMemoryError as error:
            rows, middle = part.stop - part.start, (part.start + part.stop) // 2
            if rows < GPU_LEAST_ROWS:
                raise error.for_users(f"{rows} rows of the model") from error
            run(slice(part.start, middle))
            run(slice(middle, part.stop))

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(run, runs):
                pass
    else:
        for part in runs:
            run(part)
    return results


def score_columns(
    session: Session,
    arrays: Sequence[pa.Array],
    *,
    on_invalid: OnInvalid = "raise",
    threads: int = 1,
    known: Known | None = None,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """`score` on Arrow columns in the order of the schema, of which some values may be `known`."""
    inputs = feeds(session.schema, arrays, known)
    return score(session, inputs, on_invalid=on_invalid, threads=threads)


def refused(
    schema: Schema, inputs: Mapping[str, np.ndarray], failed: np.ndarray
) -> InvalidValueError:
    """The error for rows that failed a check; `failed` [N] numbers it from 1, 0 is none."""
    number = int(failed[failed != 0][0])
    check = schema.checks[number - 1]
    rows = failed == number
    error = InvalidValueError(
        f"{check.fact}, and {int(rows.sum())} of {len(rows)} rows do not keep to it"
        + _culprits(schema, inputs, rows),
        "clean these rows, add a step to the pipeline that handles them, "
        'or pass on_invalid="null" to sparkbird.udf for NULL predictions in their place.',
    )
    error.place = check.place
    return error


def _culprits(schema: Schema, inputs: Mapping[str, np.ndarray], rows: np.ndarray) -> str:
    """The columns with missing or infinite values in these rows, and how many."""
    if schema.layout == "matrix":
        columns = [column_of(inputs[MATRIX], i) for i in schema.places]
    else:
        columns = [inputs[column.name] for column in schema.columns]
    counts = [
        (column.name, int(_is_suspect(values[rows]).sum()))
        for column, values in zip(schema.columns, columns, strict=True)
    ]
    found = [f"{name!r} ({count})" for name, count in counts if count]
    return f": missing or infinite values in column {', '.join(found)}" if found else ""


def _is_suspect(values: np.ndarray) -> np.ndarray:
    if values.dtype == STRING:
        return np.asarray(np.equal(values, MISSING), np.bool_)
    suspect: np.ndarray = ~np.isfinite(values)
    return suspect
