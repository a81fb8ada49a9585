"""A model as a function of columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from pyspark.sql import (
    functions as F,  # noqa: N812  as all of Spark's users write it
    types as spark,
)

from sparkbird.errors import ColumnNameError, SchemaError
from sparkbird.runtime.providers import DEVICES
from sparkbird.runtime.scoring import OnInvalid
from sparkbird.runtime.segments import Missing
from sparkbird.runtime.worker import ByCount, Content, Model, Models
from sparkbird.schema import DROPPED, Output, Schema
from sparkbird.spark.backend import BACKENDS, Column, newest
from sparkbird.spark.columns import Signature, name_of, quoted
from sparkbird.spark.gpu import offered, rows_of_a_call, share
from sparkbird.spark.transport import content, destination
from sparkbird.spark.types import result_type

if TYPE_CHECKING:
    from sparkbird.model import CompiledModel

#: What a model is asked for when nothing is said, the first that it has.
_DEFAULTS = ("predict", "transform")


def udf(
    model: Any = None,
    output: str | Sequence[str] | None = None,
    *,
    models: Mapping[Any, Any] | None = None,
    by: str | None = None,
    default: Any = None,
    missing: Missing = "raise",
    inputs: Any = None,
    device: str = "auto",
    on_invalid: OnInvalid = "raise",
    nondeterministic: bool = False,
    _backend: str | None = None,
) -> ModelUDF:
    """A function of columns that gives the predictions of `model`.

    It is called with columns or their names: with the model's own names in any order, with
    others in the order of the model, with none for the model's own; of these Spark reads those
    alone that its outputs depend on. A filter on its result makes Spark compute it twice, which
    `nondeterministic` prevents and `sparkbird.explain` finds. Vectors of Spark ML come out
    as arrays, and long ones that are mostly zeros as sparse vectors; they go in as they are or,
    several times as fast, as arrays: ``pyspark.ml.functions.vector_to_array``.

    Parameters
    ----------
    model
        What `sparkbird.compile` takes, or a mapping from names to such models: they share
        one transfer of the columns and give one struct, a field for each.
    output
        The method to call; several give a struct with a field for each. None is ``predict``,
        or ``transform`` where there is no such method.
    models, by
        In place of `model`: a mapping from segments, all texts or all whole numbers, to their
        models, and the name of the column of segments. Each row is scored by the model of its
        segment. The function is called with that column first or by its name, or without it:
        then it is the table's. There may be thousands: workers read those that they need, and
        keep as many as fit ``SPARKBIRD_CACHE_BYTES``.
    default
        The model of rows whose segment has none, NULL included.
    missing
        What becomes of such rows without a default: "raise" names the segments and the number
        of rows, "null" gives those rows NULL.
    inputs
        What the columns are, for `sparkbird.compile`.
    device
        "cpu", "cuda", or "auto": a GPU for the forests of the model where an executor has one
        and it is predicted to be worth it, else the CPU.
    on_invalid
        What becomes of rows that the original model would not take: "raise" names the
        column and the number of rows, "null" gives those rows NULL.
    nondeterministic
        Whether Spark may neither copy nor move the call, as `ModelUDF.asNondeterministic` says.

    Raises
    ------
    UnsupportedError, NotFittedError, SchemaError
        The model cannot be compiled, or has no such output; or models of segments do not give
        the same.
    """
    backend = _backend or newest()
    for name, value, known in (
        ("device", device, [*DEVICES]),
        ("missing", missing, [*get_args(Missing)]),
        ("on_invalid", on_invalid, [*get_args(OnInvalid)]),
        ("_backend", backend, [*BACKENDS]),
    ):
        if value not in known:
            raise SchemaError(
                f"{name}={value!r} is unknown", f"choose from {', '.join(map(repr, known))}."
            )
    asked = {"output": output, "inputs": inputs, "device": device, "on_invalid": on_invalid}
    if models is not None and model is None:
        from sparkbird.spark.segments import segments_udf

        split = segments_udf(models, by, default, missing, backend=backend, **asked)
        return split.asNondeterministic() if nondeterministic else split
    if model is None or models is not None or by is not None or default is not None:
        raise SchemaError(
            "model stands beside models=, by= or default=, or none of them is there",
            "give one model, or models= and by= for a model per segment.",
        )
    named = model if isinstance(model, Mapping) else {"": model}
    if not named:
        raise SchemaError("there is no model in the mapping", "give at least one.")
    scorers = [
        compiled_scorer(str(name), one, backend=backend, **asked) for name, one in named.items()
    ]
    made = ModelUDF(scorers, several=isinstance(model, Mapping), backend=backend)
    return made.asNondeterministic() if nondeterministic else made


@dataclass(frozen=True)
class Scorer:
    """A compiled model, its schema, and how it is to be called."""

    name: str
    model: CompiledModel
    schema: Schema
    outputs: tuple[Output, ...]
    as_struct: bool
    device: str
    on_invalid: OnInvalid

    @property
    def returns(self) -> spark.DataType:
        """The type of its column."""
        return result_type(self.outputs, as_struct=self.as_struct)

    def wants_gpu(self, profile: Any = None) -> bool:
        """Whether workers are to use a GPU, if they have one."""
        if self.device == "auto" and offered(profile):
            choice = self.model.choice([output.name for output in self.outputs])
            return choice is not None and choice.rows() <= rows_of_a_call()
        return self.device == "cuda"

    def on_worker(self, columns: Sequence[str], shared: Content, profile: Any = None) -> Model:
        """Itself as workers know it, for a call with `columns`, where there is that `profile`."""
        return Model(
            digest=self.model.digest,
            content=shared,
            outputs=tuple(output.name for output in self.outputs),
            columns=tuple(columns.index(column.name) for column in self.schema.columns),
            as_struct=self.as_struct,
            device=self.device,
            gpu_share=share(profile) if self.wants_gpu(profile) else 0.0,
            on_invalid=self.on_invalid,
            vectors=any(output.kind == "dense" for output in self.outputs),
        )


class ModelUDF:
    """Models as a function of columns; made by `udf`.

    It can be made before there is a Spark session, and used in one after the other.
    """

    def __init__(
        self, scorers: Sequence[Scorer], *, several: bool, backend: str, deterministic: bool = True
    ) -> None:
        self._scorers = tuple(scorers)
        self._several = several
        self._backend = backend
        self._deterministic = deterministic
        self._signature = Signature.union([Signature.of(s.schema) for s in self._scorers])
        self._made: dict[tuple[str, bool], Any] = {}

    @property
    def schema(self) -> Schema | dict[str, Schema]:
        """The columns taken and the outputs given; for several models, by their names."""
        if not self._several:
            return self._scorers[0].schema
        return {scorer.name: scorer.schema for scorer in self._scorers}

    @property
    def returnType(self) -> spark.DataType:  # noqa: N802  Spark's own name for it
        """The type of the column."""
        if not self._several:
            return self._scorers[0].returns
        fields = [spark.StructField(scorer.name, scorer.returns) for scorer in self._scorers]
        return spark.StructType(fields)

    @property
    def metadata(self) -> dict[str, Any]:
        """What may be recorded beside predictions: digests, columns, outputs, type."""
        return {
            "models": {
                scorer.name: {
                    "digest": scorer.model.digest,
                    "inputs": {column.name: column.dtype for column in scorer.schema.columns},
                    "outputs": [output.name for output in scorer.outputs],
                }
                for scorer in self._scorers
            },
            "type": self.returnType.simpleString(),
            "backend": self._backend,
        }

    def __call__(self, *columns: Column | str) -> Column:
        """The column of predictions for `columns`, the model's own if there are none.

        Raises
        ------
        ColumnCountError, ColumnNameError
            They cannot be the model's.
        """
        return self.of_read(self.read(*columns))

    def read(self, *columns: Column | str) -> list[Column]:
        """Those of `columns`, the model's own if there are none, that it reads, in its order.

        Raises
        ------
        ColumnCountError, ColumnNameError
            They cannot be the model's.
        """
        given = [*columns] or self._own()
        known = {*self._signature.fitted} if self._signature.named else set()
        names = [name_among(column, known) for column in given]
        read = [given[i] for i in self._signature.positions(names)]
        return [F.col(quoted(c) if c in known else c) if isinstance(c, str) else c for c in read]

    def of_read(self, columns: Sequence[Column]) -> Column:
        """The column of predictions for `columns`, those alone that are read, in order."""
        function = self._function()
        return function(*BACKENDS[self._backend].columns(columns))

    def register(self, session: Any, name: str) -> None:
        """Make it known to SQL in `session` as `name`: a function of the columns in order.

        These are all that the model was fitted on or, if it knows them by name, those it reads.

        Before Spark 4.1 Spark hands integers among NULLs to functions of SQL as doubles, so
        there those beyond 2**53 are rounded instead of refused.
        """
        session.udf.register(name, self._function(in_sql=True))

    def asNondeterministic(self) -> ModelUDF:  # noqa: N802  Spark's own name for it
        """The same function, which Spark may neither compute twice nor move.

        ``df.withColumn("p", f()).filter("p > 0.5")`` computes the predictions twice in Spark
        up to 4.3: once for the filter and once for the column. With this they are computed
        once, and the filter is not pushed below them.
        """
        return ModelUDF(
            self._scorers, several=self._several, backend=self._backend, deterministic=False
        )

    def as_vectors(self) -> ModelUDF:
        """The same function, which gives vectors of Spark ML in place of arrays of doubles.

        Before Spark 4.1 batches go by way of pandas, which has no vectors: there it is as it was.
        """
        if self._backend == "pandas":
            return self
        scorers = [
            replace(scorer, outputs=tuple(output.as_vectors for output in scorer.outputs))
            for scorer in self._scorers
        ]
        return ModelUDF(
            scorers,
            several=self._several,
            backend=self._backend,
            deterministic=self._deterministic,
        )

    def __repr__(self) -> str:
        columns = ", ".join(self._signature.needed)
        return f"<sparkbird.udf ({columns}) -> {self.returnType.simpleString()}>"

    def _own(self) -> list[str]:
        if not self._signature.named:
            raise ColumnNameError(
                "the model was fitted on an array and does not know its columns by name",
                "call the function with columns, in the order of the array.",
            )
        return [*self._signature.read]

    def _function(self, *, in_sql: bool = False) -> Any:
        """Spark's function of the columns read, or that of SQL, made once for an application."""
        application = destination()
        if (application, in_sql) not in self._made:
            signature = self._signature
            calls = [signature.needed, signature.fitted] if in_sql else [signature.read]
            functions = {len(columns): self._on_worker(columns) for columns in calls}
            (most, function), *fewer = sorted(functions.items(), reverse=True)
            if fewer:
                function = ByCount(tuple(functions.items()))
            backend = BACKENDS[self._backend]
            make = backend.gather if self.wants_gpu() and not in_sql else backend.make
            made = make(function, most, self.returnType)
            made = made if self._deterministic else made.asNondeterministic()
            kept = {key: known for key, known in self._made.items() if key[0] == application}
            self._made = {**kept, (application, in_sql): made}
        return self._made[application, in_sql]

    def wants_gpu(self, profile: Any = None) -> bool:
        """Whether workers are to use a GPU, if they have one, by that ``ResourceProfile``."""
        return any(scorer.wants_gpu(profile) for scorer in self._scorers)

    def on_worker(self, profile: Any = None) -> Any:
        """What workers call with the Arrow columns that are read, by a ``ResourceProfile``."""
        return self._on_worker(self._signature.read, profile)

    def _on_worker(self, columns: Sequence[str], profile: Any = None) -> Any:
        """The models as workers know them, for a call with `columns`."""
        models = [(s.name, s.on_worker(columns, content(s.model), profile)) for s in self._scorers]
        return Models(tuple(models)) if self._several else models[0][1]


def compiled_scorer(
    name: str,
    model: Any,
    *,
    output: str | Sequence[str] | None,
    inputs: Any,
    device: str,
    on_invalid: OnInvalid,
    backend: str,
) -> Scorer:
    """`model` compiled for the outputs asked for, and no others."""
    from sparkbird.compiler import compile as compiled_for
    from sparkbird.converters.native import opened

    if output is not None and not output:
        raise SchemaError("output= is empty", "name an output, several, or leave it out.")
    wanted = [output] if isinstance(output, str) else [*dict.fromkeys(output or ())]
    model, inputs = opened(model, inputs)
    default = next((method for method in _DEFAULTS if hasattr(model, method)), None)
    compiled = compiled_for(model, inputs, outputs=wanted or default, device=device)
    schema = compiled.schema
    names = wanted or [schema.default_output]
    _refuse_dropping(schema, names)
    outputs = tuple(schema.output(one) for one in names)
    if backend == "pandas":
        _refuse_sparse(outputs)
    return Scorer(
        name=name,
        model=compiled,
        schema=schema,
        outputs=outputs,
        as_struct=not (output is None or isinstance(output, str)),
        device=compiled.device if device == "auto" else device,
        on_invalid=on_invalid,
    )


def _refuse_sparse(outputs: Sequence[Output]) -> None:
    """Before Spark 4.1 batches go by way of pandas, which has no such vectors."""
    for output in outputs:
        if output.is_sparse:
            raise SchemaError(
                f"column {output.name!r} holds sparse vectors of {output.width:,} values, which "
                "no pandas_udf gives",
                "use Spark 4.1 or later, or name the columns that you need, "
                'outputs=["prediction"].',
            )


def _refuse_dropping(schema: Schema, names: Sequence[str]) -> None:
    """A column has a value for each row: a model that drops rows must be asked which ones."""
    if DROPPED not in names and any(output.name == DROPPED for output in schema.outputs):
        raise SchemaError(
            'a stage of the model drops rows, as handleInvalid="skip" says, which no column can',
            'call sparkbird.transform(df, model), or fit with handleInvalid="keep".',
        )


def name_among(column: Column | str, known: Collection[str]) -> str | None:
    """The name of a column; dots in one that is `known` are part of it."""
    text = column if isinstance(column, str) else str(column)[len("Column<'") : -len("'>")]
    return text if text in known else name_of(text)
