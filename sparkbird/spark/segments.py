"""A model for each segment as one function of columns."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyspark.sql import (
    functions as F,  # noqa: N812  as all of Spark's users write it
    types as spark,
)

from sparkbird.errors import SchemaError, SparkbirdError
from sparkbird.runtime.bundle import Key
from sparkbird.runtime.segments import Missing, Segments
from sparkbird.schema import Schema
from sparkbird.spark import bundles, gpu
from sparkbird.spark.agreement import Agreement
from sparkbird.spark.backend import Column
from sparkbird.spark.columns import Signature, quoted
from sparkbird.spark.udf import ModelUDF, Scorer, compiled_scorer, name_among


@dataclass(frozen=True)
class Bundle:
    """Models that agree, in a file, and how they are called.

    path       of the file
    by         the name of the column of segments
    first      one of the models, whose outputs are those of all
    schema     the columns that any of them reads, and the outputs of all
    digests    of the models by segment; None is the default
    missing    what becomes of rows whose segment has no model
    """

    path: Path
    by: str
    first: Scorer
    schema: Schema
    digests: dict[Key | None, str]
    missing: Missing

    @property
    def signature(self) -> Signature:
        """The columns of a call: that of segments, and those of the models."""
        own = Signature.of(self.schema)
        fitted = dict.fromkeys((self.segment, *own.fitted))
        read = dict.fromkeys((self.segment, *own.read))
        return Signature(tuple(fitted), tuple(read), own.named)

    @property
    def segment(self) -> str:
        """The name of the place of segments; an array's columns have names that mean nothing."""
        clashes = self.schema.layout == "matrix" and self.by in self.schema.names
        return f"{self.by} of segments" if clashes else self.by

    def on_worker(self, columns: Sequence[str], profile: Any = None) -> Segments:
        """Itself as workers know it, for a call with `columns`."""
        one = self.first
        return Segments(
            file=self.path.name,
            by=self.by,
            outputs=one.outputs,
            columns=tuple(columns),
            as_struct=one.as_struct,
            device=one.device,
            on_invalid=one.on_invalid,
            missing=self.missing,
            gpu_share=gpu.share(profile) if one.device == "cuda" else 0.0,
        )


class SegmentsUDF(ModelUDF):
    """A model for each segment as a function of columns; made by `udf`.

    It is called with the column of segments and those of the models: by their names in any
    order, or segments first and then the models' columns in their order. Without the column of
    segments, or without any, it takes that of the table which `by` names.
    """

    def __init__(self, bundle: Bundle, *, backend: str, deterministic: bool = True) -> None:
        self._bundle = bundle
        self._backend = backend
        self._deterministic = deterministic
        self._signature = bundle.signature
        self._made: dict[tuple[str, bool], Any] = {}

    @property
    def schema(self) -> Schema:
        """The columns that any of the models reads, and the outputs that all of them give."""
        return self._bundle.schema

    @property
    def returnType(self) -> spark.DataType:  # noqa: N802  Spark's own name for it
        """The type of the column."""
        return self._bundle.first.returns

    @property
    def metadata(self) -> dict[str, Any]:
        """What may be recorded beside predictions: digests by segment, columns, outputs, type."""
        digests = dict(self._bundle.digests)
        default = digests.pop(None, None)
        return {
            "by": self._bundle.by,
            "models": digests,
            "default": default,
            "inputs": {column.name: column.dtype for column in self.schema.columns},
            "outputs": [output.name for output in self._bundle.first.outputs],
            "type": self.returnType.simpleString(),
            "backend": self._backend,
        }

    def read(self, *columns: Column | str) -> list[Column]:
        """Those of `columns` that it reads, that of segments first.

        Raises
        ------
        ColumnCountError, ColumnNameError
            They cannot be the models'.
        """
        given = [*columns] or self._own()
        if self._is_without_segment(given):
            given = [F.col(quoted(self._bundle.by)).alias(self._bundle.segment), *given]
        return super().read(*given)

    def of_read(self, columns: Sequence[Column]) -> Column:
        """The column of predictions for `columns`, those alone that are read, in order."""
        bundles.share(self._bundle.path)
        return super().of_read(columns)

    def register(self, session: Any, name: str) -> None:
        """Make it known to SQL in `session` as `name`: of segments and the models' columns."""
        bundles.share(self._bundle.path)
        super().register(session, name)

    def asNondeterministic(self) -> SegmentsUDF:  # noqa: N802  Spark's own name for it
        """The same function, which Spark may neither compute twice nor move."""
        return SegmentsUDF(self._bundle, backend=self._backend, deterministic=False)

    def as_vectors(self) -> SegmentsUDF:
        """The same function, which gives vectors of Spark ML in place of arrays of doubles."""
        if self._backend == "pandas":
            return self
        one = self._bundle.first
        first = replace(one, outputs=tuple(output.as_vectors for output in one.outputs))
        return SegmentsUDF(
            replace(self._bundle, first=first),
            backend=self._backend,
            deterministic=self._deterministic,
        )

    def wants_gpu(self, profile: Any = None) -> bool:  # noqa: ARG002  one share for all
        """Whether workers are to use a GPU: if it is asked for, as many models share it."""
        return self._bundle.first.device == "cuda"

    def _on_worker(self, columns: Sequence[str], profile: Any = None) -> Any:
        return self._bundle.on_worker(columns, profile)

    def _is_without_segment(self, given: Sequence[Column | str]) -> bool:
        """Whether the column of segments is left out: by their names, or by how many there are."""
        signature = self._signature
        known = {*signature.fitted} if signature.named else set()
        names = [name_among(column, known) for column in given]
        folded = {name.casefold() for name in names if name}
        if signature.named and self._bundle.by.casefold() in folded:
            return False
        counts = (len(signature.needed), len(signature.fitted))
        own = {name.casefold() for name in signature.fitted}
        if signature.named and None not in names and folded <= own:
            return True
        return len(given) not in counts and len(given) + 1 in counts


def segments_udf(
    models: Any,
    by: str | None,
    default: Any,
    missing: Missing,
    *,
    backend: str,
    **asked: Any,
) -> SegmentsUDF:
    """The function for a mapping from segments to models; `asked` is what `udf` was.

    Raises
    ------
    UnsupportedError, NotFittedError, ArtifactError
        A model cannot be compiled or read; its segment is named.
    SchemaError
        The models do not agree in their outputs or columns; the segments are named.
    """
    if not isinstance(models, Mapping) or not models:
        raise SchemaError("models= is no mapping from segments to models", "give at least one.")
    if not isinstance(by, str) or not by:
        raise SchemaError("models= needs by=", "name the column of segments.")
    given: dict[Key | None, Any] = dict(zip(_keys([*models]), models.values(), strict=True))
    if default is not None:
        given[None] = default
    agreement = Agreement()
    digests: dict[Key | None, str] = {}

    def compiled() -> Iterator[tuple[Key | None, str, bytes]]:
        for key, model in given.items():
            scorer = _compiled(key, model, backend=backend, **asked)
            agreement.add(key, model, scorer)
            digests[key] = scorer.model.digest
            yield key, scorer.model.digest, scorer.model.to_bytes()
        agreement.check()

    path = bundles.written(compiled())
    found = Bundle(path, by, agreement.first, agreement.schema, digests, missing)
    return SegmentsUDF(found, backend=backend)


def _compiled(key: Key | None, model: Any, **asked: Any) -> Scorer:
    """The model of a segment, compiled or read."""
    try:
        return compiled_scorer("", model, **asked)
    except SparkbirdError as error:
        whose = "the default model" if key is None else f"the model of segment {key!r}"
        error.place = f"{error.place} of {whose}" if error.place else whose
        raise


def _keys(keys: Sequence[Any]) -> list[Key]:
    """The segments as plain texts or plain whole numbers.

    Raises
    ------
    SchemaError
        They are neither all texts nor all whole numbers.
    """
    if all(isinstance(key, str) for key in keys):
        return [str(key) for key in keys]
    if not all(hasattr(key, "__index__") and not isinstance(key, bool) for key in keys):
        kinds = ", ".join(dict.fromkeys(type(key).__name__ for key in keys))
        raise SchemaError(
            f"the segments in models= are of the types {kinds}",
            "name all by texts or all by whole numbers, as the column has them.",
        )
    return [operator.index(key) for key in keys]
