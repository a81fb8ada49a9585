"""What Spark ships to its Python workers: a handle on models, small enough to be copied freely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from sparkbird.runtime.results import to_arrow, to_struct
from sparkbird.runtime.scoring import OnInvalid, score_columns
from sparkbird.runtime.sessions import SESSIONS


class Content(Protocol):
    """The bytes of an artefact, wherever they are kept: Spark's ``Broadcast`` is one."""

    @property
    def value(self) -> bytes:
        """The bytes."""
        ...


def task_cpus() -> int:
    """How many cpus Spark gives the task at work in this process, 1 outside of one."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return max(1, int(context.cpus())) if context else 1


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
    vectors     whether arrays [N, K] are given as vectors of Spark ML
    """

    digest: str
    content: Content
    outputs: tuple[str, ...]
    columns: tuple[int, ...]
    as_struct: bool = False
    device: str = "auto"
    on_invalid: OnInvalid = "raise"
    threads: Callable[[], int] = task_cpus
    vectors: bool = False

    @property
    def __name__(self) -> str:
        """What Spark calls the column: that of the outputs."""
        return "_".join(self.outputs)

    def __call__(self, *arrays: pa.Array) -> pa.Array:
        """The predictions [N] for Arrow columns [N], one array for each column of the call."""
        session = SESSIONS.get(
            self.digest, lambda: self.content.value, self.outputs, device=self.device
        )
        tensors, invalid = score_columns(
            session,
            [arrays[i] for i in self.columns],
            on_invalid=self.on_invalid,
            threads=self.threads(),
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
        """The predictions of every model, [N] each, as a struct."""
        columns = [model(*arrays) for _, model in self.models]
        return pa.StructArray.from_arrays(columns, names=[name for name, _ in self.models])
