"""What a compiled model takes and gives, as plain data that travels in the artefact.

N is the number of rows.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias

from sparkbird.errors import SchemaError

#: The one graph input of a model that was fitted on an array without names.
MATRIX = "X"

#: The graph output that tells which check a row failed: 0 for none, k for ``checks[k - 1]``.
#: No column may have this name.
INVALID = "sparkbird.invalid"

#: The graph output, one number for all rows, that is finite only if no row fails a check.
SCREEN = "sparkbird.screen"

#: The output [N] that tells which rows the model drops from a dataframe.
DROPPED = "sparkbird.dropped"

#: How the rows of a model are laid out.
Layout: TypeAlias = Literal["columns", "matrix", "series"]


#: How a type of vectors is written.
_VECTOR = re.compile(r"vector\[(\d+)\]")


@dataclass(frozen=True)
class Column:
    """A column that the model reads, and the name of its element type (`sparkbird.dtypes`).

    `lengths` are those of its values, if these are vectors: [N, *lengths]. `reader` is the stage
    that takes it, where the model has stages: errors name it.
    """

    name: str
    dtype: str
    lengths: tuple[int, ...] = ()
    reader: str = ""

    @classmethod
    def of(cls, name: str, kind: str) -> Column:
        """The column of a `kind`: the name of an element type, or ``vector[5]``."""
        if found := _VECTOR.fullmatch(kind):
            return cls(name, "float64", (int(found[1]),))
        return cls(name, kind)

    @property
    def kind(self) -> str:
        """The name of its element type, or that of its vectors: ``vector[5]``."""
        return f"vector[{self.lengths[0]}]" if self.lengths else self.dtype

    @property
    def taker(self) -> str:
        """Who takes it, as an error says it."""
        return self.reader or "the model"


@dataclass(frozen=True)
class Tensor:
    """A graph output ``[N, *lengths]``, and the NumPy type in which the original gives it."""

    name: str
    dtype: str
    lengths: tuple[int, ...]
    numpy: str


@dataclass(frozen=True)
class Output:
    """The result of one method, made of one or more graph outputs.

    kind
        ``array``: one tensor. ``list``: a list of arrays, as `predict_proba` of several
        targets gives. ``object``: columns [N] of different types, put together as an array
        of objects. ``pandas``: the same as a dataframe with the column names `names`.
        ``tokens``: a list of strings for each row, in one tensor [N, T] in which those that
        are `dtypes.NO_TOKEN` are none of them. ``sparse``: vectors of `width` values, which are
        mostly zeros; the others are in three tensors, their rows, their columns and themselves,
        each as long as there are such values. ``compressed``: the same, but the original keeps
        those dense that have many values. ``dense``: an array [N, K] as vectors of Spark ML.
    row_bytes, kernel_row_bytes, folded_row_bytes
        The size of the widest intermediate result on the way to it, in bytes a row: in ONNX
        Runtime alone, where kernels run the forests, and where these take the model's columns.
    """

    name: str
    kind: Literal["array", "list", "object", "pandas", "tokens", "sparse", "compressed", "dense"]
    tensors: tuple[Tensor, ...]
    names: tuple[str, ...] = ()
    width: int = 0
    row_bytes: int = 0
    kernel_row_bytes: int = 0
    folded_row_bytes: int = 0

    @property
    def as_vectors(self) -> Output:
        """The same as vectors of Spark ML, if it is an array of float64 [N, K]."""
        tensor = self.tensors[0]
        are_vectors = self.kind == "array" and len(tensor.lengths) == 1
        return replace(self, kind="dense") if are_vectors and tensor.dtype == "float64" else self

    @property
    def is_sparse(self) -> bool:
        """Whether it is vectors of which there are the entries alone."""
        return self.kind in ("sparse", "compressed")

    @cached_property
    def length(self) -> int:
        """How many values a row has, 1 if it is no vector."""
        return self.width or math.prod(self.tensors[0].lengths)


@dataclass(frozen=True)
class Check:
    """A condition on rows under which the original model would raise."""

    place: str
    fact: str


@dataclass(frozen=True)
class Schema:
    """The columns that the model reads, in order, and the outputs it can give.

    layout
        ``columns``: each column is a graph input [N] of its own name. ``matrix``: all that the
        model was fitted on are the one graph input ``X`` [N, F], known by position; it may hold
        anything in place of those not read. ``series``: the model takes a sequence of N values
        and not a table, as models of text do; its one column is a graph input [N].
    names
        All columns the model was fitted on, in order, those that it never reads included.
    whole
        Whether a row's result depends on the rows beside it: batches must not be cut.
    adds
        The names of the outputs that are columns which the model adds to a dataframe, in that
        order, as those of Spark ML do: its ``transform`` gives them beside the columns given.
    padded
        Whether texts are cut into pieces, of which each row has as many as the longest text.
    screened
        Whether the graph has the output `SCREEN`, so that its checks need no computing as a rule.
    """

    layout: Layout
    columns: tuple[Column, ...]
    names: tuple[str, ...]
    outputs: tuple[Output, ...]
    checks: tuple[Check, ...] = ()
    whole: bool = False
    adds: tuple[str, ...] = ()
    padded: bool = False
    screened: bool = False

    def output(self, name: str) -> Output:
        """The output called `name`."""
        for output in self.outputs:
            if output.name == name:
                return output
        given = ", ".join(output.name for output in self.outputs)
        raise SchemaError(f"the model has no output {name!r}", f"it gives {given}.")

    @property
    def row_bytes(self) -> int:
        """The size of the widest intermediate result of all, in bytes a row."""
        return max(output.row_bytes for output in self.outputs)

    @cached_property
    def places(self) -> tuple[int, ...]:
        """For each column, its position among all that the model was fitted on."""
        if len(self.columns) == len(self.names):
            return tuple(range(len(self.names)))
        place = {name: i for i, name in enumerate(self.names)}
        return tuple(place[column.name] for column in self.columns)

    @property
    def default_output(self) -> str:
        """What the model is asked for when nothing is said: its first output."""
        return self.outputs[0].name

    def to_json(self) -> str:
        """The schema as one JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """The schema that `to_json` wrote."""
        raw = json.loads(text)
        return cls(
            layout=raw["layout"],
            columns=tuple(_column(**column) for column in raw["columns"]),
            names=tuple(raw["names"]),
            outputs=tuple(_output(output) for output in raw["outputs"]),
            checks=tuple(Check(**check) for check in raw["checks"]),
            whole=raw.get("whole", False),
            adds=tuple(raw.get("adds", ())),
            padded=raw.get("padded", False),
            screened=raw.get("screened", False),
        )

    def __str__(self) -> str:
        takes = "\n".join(f"  {column.name}: {column.kind}" for column in self.columns)
        if self.layout == "matrix":
            takes = f"  {MATRIX}: {self.columns[0].dtype}[N, {len(self.names)}]"
            if (read := len(self.columns)) < len(self.names):
                takes += f", of which {read} {'columns are' if read > 1 else 'column is'} read"
        gives = "\n".join(f"  {_described(output)}" for output in self.outputs)
        return f"takes\n{takes}\ngives\n{gives}"


def _column(
    name: str, dtype: str, lengths: list[int] | tuple[int, ...] = (), reader: str = ""
) -> Column:
    return Column(name, dtype, tuple(lengths), reader)


def _output(raw: dict) -> Output:  # type: ignore[type-arg]
    tensors = tuple(Tensor(**{**t, "lengths": tuple(t["lengths"])}) for t in raw["tensors"])
    return Output(**{**raw, "tensors": tensors, "names": tuple(raw["names"])})


def _described(output: Output) -> str:
    if output.is_sparse:
        return f"{output.name}: sparse float64[N, {output.width}]"
    shapes = (
        f"{tensor.dtype}[{', '.join(['N', *map(str, tensor.lengths)])}]"
        for tensor in output.tensors
    )
    lists = "lists of " if output.kind == "tokens" else ""
    return f"{output.name}: {lists}{', '.join(shapes)}"
