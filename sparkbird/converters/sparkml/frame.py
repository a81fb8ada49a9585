"""A dataframe of Spark inside a graph: named columns of numbers, strings, vectors and texts.

N is the number of rows, K of a vector's values, T of the most tokens that a row has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sparkbird.dtypes import is_string
from sparkbird.errors import ColumnNameError, ColumnTypeError
from sparkbird.graph import op
from sparkbird.graph.sparse import Sparse, dense, nonzeros

if TYPE_CHECKING:
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array

#: All rows, none, or those of a mask [N].
Which: TypeAlias = "Array | bool"


@dataclass(frozen=True)
class Storage:
    """Which vectors of a column are sparse ones to Spark, and of which that is not known."""

    sparse: Which = False
    unknown: Which = False


DENSE, SPARSE, UNKNOWN = Storage(), Storage(sparse=True), Storage(unknown=True)


@dataclass(frozen=True)
class Column:
    """A column of a dataframe.

    values  numbers or strings [N], a vector [N, K], or tokens: strings [N, T], of which those
            that are `dtypes.NO_TOKEN` are none
    levels  what the metadata of the column say of nominal values: their names in order, or
            only how many there are
    parts   the same for each value of a vector, in order, where it is known
    name    what metadata call it as one value of a vector, where that is known
    declared  its type before it entered the graph, where that is known: "int64", "bool"
    stored  how Spark keeps its vectors: sums of them may hang on it
    """

    values: Array | Sparse
    levels: tuple[str, ...] | int | None = None
    parts: tuple[Column, ...] = ()
    name: str = ""
    declared: str = ""
    stored: Storage = UNKNOWN

    @property
    def is_whole(self) -> bool:
        """Whether it holds integers for sure, so that what is NaN in the graph was NULL."""
        return self.declared in ("int8", "int16", "int32", "int64", "uint8")

    @property
    def categories(self) -> int:
        """How many nominal values metadata give it, 0 if it counts as a number."""
        return self.levels if isinstance(self.levels, int) else len(self.levels or ())

    @property
    def is_vector(self) -> bool:
        """Whether it holds vectors."""
        return isinstance(self.values, Sparse) or (
            self.values.ndim == 2 and not is_string(self.values.dtype)
        )

    @property
    def has_tokens(self) -> bool:
        """Whether it holds arrays of strings."""
        return not isinstance(self.values, Sparse) and (
            self.values.ndim == 2 and is_string(self.values.dtype)
        )

    @property
    def is_text(self) -> bool:
        """Whether it holds strings."""
        return not isinstance(self.values, Sparse) and (
            self.values.ndim == 1 and is_string(self.values.dtype)
        )


@dataclass(frozen=True)
class Frame:
    """The columns of a dataframe by name, and which rows are dropped on the way.

    Names are found in any case, as Spark finds them.

    columns  by name, in order
    added    the names of those that stages have added
    dropped  masks [N], true where a stage that skips invalid rows has dropped one
    """

    columns: Mapping[str, Column]
    added: tuple[str, ...] = ()
    dropped: tuple[Array, ...] = field(default=())

    def __getitem__(self, name: str) -> Column:
        """The column called `name`.

        Raises
        ------
        ColumnNameError
            There is none.
        """
        spelt = {known.casefold(): known for known in self.columns}
        if name.casefold() not in spelt:
            raise ColumnNameError(
                f"there is no column {name!r}", f"there are {', '.join(self.columns)}."
            )
        return self.columns[spelt[name.casefold()]]

    def numbers(self, name: str) -> Array:
        """The numbers [N] of a column, as float64.

        Raises
        ------
        ColumnTypeError
            It holds something else.
        """
        column = self[name]
        if column.is_vector or column.is_text or column.has_tokens:
            raise _wrong_type(name, column, "numbers")
        return op.cast(column.values, dtype=np.float64)

    def vector(self, name: str, length: int | None = None) -> Array:
        """The vectors [N, K] of a column.

        Raises
        ------
        ColumnTypeError
            It holds something else, or vectors of another length.
        """
        return dense(self.sparse(name, length))

    def sparse(self, name: str, length: int | None = None) -> Array | Sparse:
        """The same; what is mostly zeros stays so."""
        column = self[name]
        if not column.is_vector:
            raise _wrong_type(name, column, "vectors")
        found = int(column.values.shape[1])
        if length is not None and found != length:
            raise ColumnTypeError(
                f"column {name!r} holds vectors of {found} values, and {length} are taken",
                "give vectors of the length that the model was fitted on.",
            )
        return column.values

    def text(self, name: str) -> Array:
        """The strings [N] of a column.

        Raises
        ------
        ColumnTypeError
            It holds something else.
        """
        column = self[name]
        if not column.is_text:
            raise _wrong_type(name, column, "strings")
        return column.values

    def tokens(self, name: str) -> Array:
        """The tokens [N, T] of a column.

        Raises
        ------
        ColumnTypeError
            It holds something else.
        """
        column = self[name]
        if not column.has_tokens:
            raise _wrong_type(name, column, _TOKENS)
        return column.values

    def with_column(self, name: str, values: Any, **attributes: Any) -> Frame:
        """The frame with a column added, which replaces one of its name."""
        column = values if isinstance(values, Column) else Column(values, **attributes)
        kept = {
            known: own for known, own in self.columns.items() if known.casefold() != name.casefold()
        }
        added = (*(known for known in self.added if known in kept), name)
        return replace(self, columns={**kept, name: column}, added=added)

    def without(self, names: Sequence[str]) -> Frame:
        """The frame without the columns called `names`."""
        kept = {name: own for name, own in self.columns.items() if name not in names}
        return replace(self, columns=kept, added=tuple(n for n in self.added if n in kept))

    def check(self, failing: Array, fact: str) -> None:
        """Rows may not be `failing` [N], but for those that have been dropped before."""
        for mask in self.dropped:
            failing = failing & ~mask
        op.check(failing, fact)

    def dropping(self, mask: Array) -> Frame:
        """The frame without the rows of `mask` [N]."""
        return replace(self, dropped=(*self.dropped, mask))


def anywhere(mask: Array) -> Array:
    """Whether a row of `mask` [N, K] holds somewhere, [N]."""
    return op.max(op.cast(mask, dtype=np.int32), axis=1) > np.int32(0)


def rows_that(which: Which, x: Array) -> Array:
    """`which` as a mask of the rows of `x`, [N]."""
    return op.rows_of(np.bool_(which), x) if isinstance(which, bool) else which


def compressed(stage: Stage, values: Array | Sparse) -> Storage:
    """How Spark keeps vectors [N, K] where it takes what is shorter, dense or sparse.

    Versions before 4.3 may count the bytes in another way, and take a sparse one rather.

    Source: mllib-local/src/main/scala/org/apache/spark/ml/linalg/Vectors.scala,
    Vector.compressedWithNNZ, getSparseSize and getDenseSize (3.5, 4.3).
    """
    length, count = float(values.shape[1]), nonzeros(values)
    sparse = 1.5 * count + 2.0 < length
    version = tuple(map(int, stage.metadata["sparkVersion"].split(".")[:2]))
    return Storage(sparse, version < (4, 3) and op.equal(1.5 * count + 2.0, np.float64(length)))


#: What a column of tokens holds, to its users.
_TOKENS = "arrays of strings"


def _wrong_type(name: str, column: Column, wanted: str) -> ColumnTypeError:
    kinds = {"vectors": column.is_vector, "strings": column.is_text, _TOKENS: column.has_tokens}
    found = next((kind for kind, holds in kinds.items() if holds), "numbers")
    return ColumnTypeError(
        f"column {name!r} holds {found} where the stage takes {wanted}",
        "say what the column is in inputs= when compiling."
        if wanted != _TOKENS
        else "no graph takes them from outside: compile the pipeline from its tokenizer on.",
    )
