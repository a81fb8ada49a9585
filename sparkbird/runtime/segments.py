"""Rows scored by the model of their segment. N is the number of rows.

A batch is sorted by segment, so that a model is loaded at most once for it, and its results are
put back in the order of the rows. Models come from one file (`bundle`) that lies on the
executor; those that a batch has no rows for are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa

from sparkbird.errors import ColumnTypeError, InvalidValueError, SparkbirdError
from sparkbird.runtime import bundle, task
from sparkbird.runtime.bundle import Index
from sparkbird.runtime.results import VECTOR, arrow_type, struct_type, to_arrow, to_struct
from sparkbird.runtime.scoring import OnInvalid, score_columns
from sparkbird.runtime.sessions import SESSIONS, Session
from sparkbird.schema import Output

#: What becomes of rows whose segment has no model: an error, or a NULL prediction.
Missing: TypeAlias = Literal["raise", "null"]

#: The number of the model of rows that have none.
_NONE = -1
_NAMES_SHOWN = 10

_KINDS: dict[type, tuple[str, tuple[Callable[[pa.DataType], bool], ...]]] = {
    str: ("texts", (pa.types.is_string, pa.types.is_large_string)),
    int: ("whole numbers", (pa.types.is_integer,)),
}


@dataclass(frozen=True)
class Segments:
    """The models of segments as a worker knows them.

    file       the name of the file of models, among those that Spark brings to executors
    by         what the column of segments is called, in errors
    outputs    those asked for; several, or `as_struct`, give a struct
    columns    the names of the columns of the call, that of segments first
    missing    what becomes of rows whose segment has no model, where there is no default
    threads    how many runs of rows are scored side by side, asked once a model and batch
    gpu_share  the part of a GPU's memory that a task may take
    """

    file: str
    by: str
    outputs: tuple[Output, ...]
    columns: tuple[str, ...]
    as_struct: bool = False
    device: str = "auto"
    on_invalid: OnInvalid = "raise"
    missing: Missing = "raise"
    threads: Callable[[], int] = task.cpus
    gpu_share: float = 0.0

    @property
    def __name__(self) -> str:
        """What Spark calls the column: that of the outputs."""
        return "_".join(output.name for output in self.outputs)

    def __call__(self, *arrays: pa.Array) -> pa.Array:
        """The predictions [N] for Arrow columns [N], that of segments first.

        Raises
        ------
        InvalidValueError
            Rows have no model, and `missing` is "raise"; or a model refuses some.
        ColumnTypeError
            A column is of a type that segments, or a model, do not have.
        """
        index = bundle.read(_shared(self.file))
        numbers = self._numbers(arrays[0], index)
        if len(numbers) and (numbers == numbers[0]).all():  # as in data clustered by segment
            return self._scored(index, int(numbers[0]), arrays)
        order = np.argsort(numbers, kind="stable")
        taken = [array.take(pa.array(order)) for array in arrays]
        runs = [*_runs(numbers[order])]
        parts = {-1: nulls(0, self._type)}  # no rows have a type, too
        for i in self._in_turn(index, [number for number, _, _ in runs]):
            number, start, stop = runs[i]
            rows = [array.slice(start, stop - start) for array in taken]
            parts[i] = self._scored(index, number, rows)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return pa.concat_arrays([parts[i] for i in sorted(parts)]).take(pa.array(back))

    @property
    def _type(self) -> pa.DataType:
        return struct_type(self.outputs) if self.as_struct else arrow_type(self.outputs[0])

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(output.name for output in self.outputs)

    def _numbers(self, segments: pa.Array, index: Index) -> np.ndarray:
        """The number of the model of each row, [N]."""
        noun, fitting = _KINDS[index.kind]
        kind = segments.type
        if not (pa.types.is_null(kind) or any(is_one(kind) for is_one in fitting)):
            raise ColumnTypeError(
                f"column {self.by!r} is {kind}, and the segments of the models are {noun}",
                "cast the column, or give the models by segments of its type.",
            )
        encoded = segments.dictionary_encode()
        distinct = [*encoded.dictionary.to_pylist(), None]
        none = _NONE if index.default is None else index.default
        known = np.array([index.numbers.get(segment, none) for segment in distinct], np.int64)
        places = encoded.indices.fill_null(len(distinct) - 1).to_numpy(zero_copy_only=False)
        counts = np.bincount(places, minlength=len(distinct)) * (known == _NONE)
        if self.missing == "raise" and counts.any():
            raise _without_model(self.by, dict(zip(distinct, counts.tolist(), strict=True)))
        return known[places]

    def _in_turn(self, index: Index, numbers: Sequence[int]) -> list[int]:
        """The positions of `numbers`, those first whose models are loaded: others push them out."""
        held = SESSIONS.held(self._names)
        digests = [index.places[n].digest if n != _NONE else "" for n in numbers]
        return sorted(range(len(numbers)), key=lambda i: digests[i] not in held)

    def _scored(self, index: Index, number: int, arrays: Sequence[pa.Array]) -> pa.Array:
        """The predictions for rows of one model, or NULLs if it is none."""
        if number == _NONE:
            return nulls(len(arrays[0]), self._type)
        place = {name: i for i, name in enumerate(self.columns)}

        def compute(session: Session) -> pa.Array:
            columns = [arrays[place[column.name]] for column in session.schema.columns]
            tensors, invalid = score_columns(
                session, columns, on_invalid=self.on_invalid, threads=self.threads()
            )
            outputs = session.outputs
            if any(output.kind == "dense" for output in self.outputs):
                outputs = tuple(output.as_vectors for output in outputs)
            if self.as_struct:
                return to_struct(outputs, tensors, invalid)
            return to_arrow(outputs[0], tensors, invalid)

        try:
            return SESSIONS.apply(
                compute,
                index.places[number].digest,
                lambda: index.content(number),
                self._names,
                device=self.device,
                gpu=task.gpu(self.gpu_share) if self.gpu_share else None,
            )
        except SparkbirdError as error:
            names = [repr(key) for key, own in index.numbers.items() if own == number]
            whose = f"the model of segment {_listed(names)}" if names else "the default model"
            error.place = f"{error.place} of {whose}" if error.place else whose
            raise


def _without_model(by: str, counts: dict[object, int]) -> InvalidValueError:
    """The error for rows without a model, by how many there are of each segment."""
    lacking = {segment: count for segment, count in counts.items() if count}
    shown = [
        f"{'NULL' if segment is None else repr(segment)} ({count:,})"
        for segment, count in sorted(lacking.items(), key=lambda item: -item[1])
    ]
    return InvalidValueError(
        f"{sum(lacking.values()):,} rows of a batch have no model for their segment: "
        f"column {by!r} is {_listed(shown)}",
        'add their models, give a default=, or pass missing="null" to sparkbird.udf for NULL '
        "predictions in their place.",
    )


def nulls(rows: int, arrow: pa.DataType) -> pa.Array:
    """So many NULLs; a struct is never NULL, its fields are, but for vectors of Spark ML."""
    if pa.types.is_struct(arrow) and arrow != VECTOR:
        columns = [nulls(rows, field.type) for field in arrow]
        return pa.StructArray.from_arrays(columns, fields=[*arrow])
    return pa.nulls(rows, arrow)


def _shared(file: str) -> Path:
    """Where Spark has put a file on this executor."""
    from pyspark import SparkFiles

    return Path(SparkFiles.get(file))


def _runs(numbers: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """For ascending numbers, each one, where it starts and where it stops.

    >>> [*_runs(np.array([-1, 2, 2]))]
    [(-1, 0, 1), (2, 1, 3)]
    >>> [*_runs(np.array([], int))]
    []
    """
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1)).tolist()
    for start, stop in zip(starts, [*starts, len(numbers)][1:], strict=True):
        yield int(numbers[start]), start, stop


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
