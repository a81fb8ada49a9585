"""What a compiled model takes and gives, as plain data that travels in the artefact.

N is the number of rows.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from sparkbird.errors import SchemaError

#: The one graph input of a model that was fitted on an array without names.
MATRIX = "X"

#: The graph output that tells which check a row failed: 0 for none, k for ``checks[k - 1]``.
#: No column may have this name.
INVALID = "sparkbird.invalid"

#: The graph output, one number for all rows, that is finite only if no row fails a check.
SCREEN = "sparkbird.screen"

#: How the rows of a model are laid out.
Layout: TypeAlias = Literal["columns", "matrix", "series"]


@dataclass(frozen=True)
class Column:
    """A column that the model reads, and the name of its element type (`sparkbird.dtypes`)."""

    name: str
    dtype: str


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
    """

    name: str
    kind: Literal["array", "list", "object", "pandas"]
    tensors: tuple[Tensor, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """A condition on rows under which the original model would raise."""

    place: str
    fact: str


@dataclass(frozen=True)
class Schema:
    """The columns that the model reads, in order, and the outputs it can give.

    layout
        ``columns``: each column is a graph input [N] of its own name. ``matrix``: all
        columns together are the one graph input ``X`` [N, F], known by position. ``series``:
        the model takes a sequence of N values and not a table, as models of text do; its one
        column is a graph input [N].
    names
        All columns the model was fitted on, in order, those that it never reads included.
    row_bytes
        The size of the widest intermediate result, in bytes a row.
    whole
        Whether a row's result depends on the rows beside it: batches must not be cut.
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
    row_bytes: int = 0
    whole: bool = False
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
            columns=tuple(Column(**column) for column in raw["columns"]),
            names=tuple(raw["names"]),
            outputs=tuple(_output(output) for output in raw["outputs"]),
            checks=tuple(Check(**check) for check in raw["checks"]),
            row_bytes=raw["row_bytes"],
            whole=raw.get("whole", False),
            padded=raw.get("padded", False),
            screened=raw.get("screened", False),
        )

    def __str__(self) -> str:
        takes = "\n".join(f"  {column.name}: {column.dtype}" for column in self.columns)
        if self.layout == "matrix":
            takes = f"  {MATRIX}: {self.columns[0].dtype}[N, {len(self.columns)}]"
        gives = "\n".join(f"  {_described(output)}" for output in self.outputs)
        return f"takes\n{takes}\ngives\n{gives}"


def _output(raw: dict) -> Output:  # type: ignore[type-arg]
    tensors = tuple(Tensor(**{**t, "lengths": tuple(t["lengths"])}) for t in raw["tensors"])
    return Output(raw["name"], raw["kind"], tensors, tuple(raw["names"]))


def _described(output: Output) -> str:
    shapes = (
        f"{tensor.dtype}[{', '.join(['N', *map(str, tensor.lengths)])}]"
        for tensor in output.tensors
    )
    return f"{output.name}: {', '.join(shapes)}"
