"""What Spark ships to its Python workers: a handle on models, small enough to be copied freely."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from sparkbird.errors import ColumnCountError
from sparkbird.runtime import task
from sparkbird.runtime.batches import Known
from sparkbird.runtime.results import to_arrow, to_struct
from sparkbird.runtime.scoring import OnInvalid, score_columns
from sparkbird.runtime.sessions import SESSIONS, Session


class Content(Protocol):
    """The bytes of an artefact, wherever they are kept: Spark's ``Broadcast`` is one."""

    @property
    def value(self) -> bytes:
        """The bytes."""
        ...


@dataclass(frozen=True)
class Inline:
    """Bytes that travel within the function itself, where there is no broadcast."""

    value: bytes


@dataclass(frozen=True)
class Model:
    """One model as a worker knows it.

    digest      names the model, in the cache of sessions
    content     where its bytes are
    outputs     the outputs asked for; several, or `as_struct`, give a struct
    columns     for each column of the model, its position among the columns of the call
    threads     how many runs of rows are scored side by side, asked once a batch
    gpu_share   the part of a GPU's memory that a task may take; 0 if none is worth it to "auto"
    vectors     whether arrays [N, K] are given as vectors of Spark ML
    """

    digest: str
    content: Content
    outputs: tuple[str, ...]
    columns: tuple[int, ...]
    as_struct: bool = False
    device: str = "auto"
    on_invalid: OnInvalid = "raise"
    threads: Callable[[], int] = task.cpus
    gpu_share: float = 0.0
    vectors: bool = False

    @property
    def __name__(self) -> str:
        """What Spark calls the column: that of the outputs."""
        return "_".join(self.outputs)

    def __call__(self, *arrays: pa.Array) -> pa.Array:
        """The predictions [N] for Arrow columns [N], one array for each column of the call."""
        return self.scored(arrays, {})

    def scored(self, arrays: Sequence[pa.Array], known: Known) -> pa.Array:
        """The same; the values that are `known` of columns are those that other models took."""
        columns = [arrays[i] for i in self.columns]

        def compute(session: Session) -> tuple[dict[str, np.ndarray], np.ndarray, Session]:
            tensors, invalid = score_columns(
                session,
                columns,
                on_invalid=self.on_invalid,
                threads=self.threads(),
                known=known,
            )
            return tensors, invalid, session

        tensors, invalid, session = SESSIONS.apply(
            compute,
            self.digest,
            lambda: self.content.value,
            self.outputs,
            device=self.device,
            gpu=task.gpu(self.gpu_share) if self.gpu_share else None,
        )
        given = session.outputs
        outputs = [output.as_vectors for output in given] if self.vectors else given
        if self.as_struct:
            return to_struct(outputs, tensors, invalid)
        return to_arrow(outputs[0], tensors, invalid)


@dataclass(frozen=True)
class Models:
    """Several models over the columns of one call: one struct, a field for each model."""

    models: tuple[tuple[str, Model], ...]

    @property
    def __name__(self) -> str:
        """What Spark calls the column."""
        return "_".join(name for name, _ in self.models)

    def __call__(self, *arrays: pa.Array) -> pa.StructArray:
        """The predictions of every model, [N] each, as a struct.

        A column that several take as the same type is made ready for them once.
        """
        known: Known = {}
        columns = [model.scored(arrays, known) for _, model in self.models]
        return pa.StructArray.from_arrays(columns, names=[name for name, _ in self.models])


@dataclass(frozen=True)
class ByCount:
    """A function that can be called with fewer or more columns: by their number, what does it."""

    functions: tuple[tuple[int, Model | Models], ...]

    @property
    def __name__(self) -> str:
        """What Spark calls the column."""
        return self.functions[0][1].__name__

    def __call__(self, *arrays: pa.Array) -> pa.Array:
        """The predictions [N] for as many Arrow columns [N] as there are.

        Raises
        ------
        ColumnCountError
            They are too many or too few.
        """
        for count, function in self.functions:
            if count == len(arrays):
                return function(*arrays)
        counts = " or ".join(str(count) for count, _ in self.functions)
        raise ColumnCountError(
            f"the model takes {counts} columns and was given {len(arrays)}",
            "give those that it reads, or all that it was fitted on, in its order.",
        )
