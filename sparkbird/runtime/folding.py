"""Steps in front of a forest folded into its thresholds: it then takes the model's own columns.

A column that a number comes to by monotone steps goes left just where the number is at most
some other threshold. That one is found by trying: the steps themselves are run, on numbers
between which the threshold lies, until no other number lies between. A column that comes from
strings is computed for the distinct strings of a batch alone.

N is the number of rows, F of features, E of thresholds in all, D of distinct strings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from sparkbird.dtypes import MISSING, STRING
from sparkbird.kernels import codes
from sparkbird.kernels.columns import ColumnRows
from sparkbird.kernels.forest import Forest, Matrix, Part, columns_of
from sparkbird.kernels.machine import TILE
from sparkbird.kernels.memory import aligned
from sparkbird.runtime.apart import column_of
from sparkbird.runtime.bisection import greatest, greatest_key, of_keys
from sparkbird.runtime.encoded import Encoded
from sparkbird.runtime.graph import Info
from sparkbird.runtime.origins import Origin

#: How many thresholds are tried for: each takes 64 runs of the steps.
_MOST = 20_000

#: The rows [N, F] that a forest sees, for the inputs of the graph.
Compute = Callable[[Mapping[str, Any]], np.ndarray]


class CannotFoldError(ValueError):
    """The steps in front of a forest stay there."""


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns of numbers that a part of a forest sees, by their own thresholds.

    origins   where each comes from
    features  the features that they are
    table     to rank them by, without the addresses of values
    kept      what the table has the addresses of
    """

    origins: list[Origin]
    features: np.ndarray
    table: np.ndarray
    kept: list[np.ndarray]


@dataclass(frozen=True, eq=False)
class Folded:
    """Rows of a forest by the inputs of the graph.

    fold      what is known of the steps
    values    the inputs by name: numbers, and strings by distinct ones
    distinct  the rows that the forest would see for distinct strings, [D, F]
    """

    fold: Fold
    values: Mapping[str, Any]
    distinct: np.ndarray
    count: int

    def rank(self, part: Part, span: range, tiles: int) -> None:
        """Write the ranks of a span of rows among the thresholds of `part`, at `tiles`."""
        own = self.fold.columns(part)
        if own.origins:
            self._numbers.rank_by(own.table, own.features, part, span, tiles)
        if (coded := self.fold.coded(part)).size:
            self._rank_strings(part, coded.copy(), span, tiles)

    def _rank_strings(self, part: Part, table: np.ndarray, span: range, tiles: int) -> None:
        ranked = self._ranked[id(part)]
        starts = [self._places[name].ctypes.data + span.start for name in self.fold.strings]
        table["numbers"] = np.array(starts, np.uint64)[table["numbers"]]
        spread = part.spreader()
        count = -(-len(span) // TILE)
        registers, address = len(ranked) // part.tile_bytes, ranked.ctypes.data
        spread(table.ctypes.data, len(table), address, registers, part.tile_bytes, tiles, count)

    @cached_property
    def _ranked(self) -> dict[int, np.ndarray]:
        """The ranks of distinct strings for each part, in tiles as if they were rows."""
        found = {}
        for part in self.fold.parts:
            own = found[id(part)] = aligned(_registers(len(self.distinct)) * part.tile_bytes)
            Matrix(self.distinct).rank(part, range(len(self.distinct)), own.ctypes.data)
        return found

    @cached_property
    def _numbers(self) -> ColumnRows:
        """The columns of numbers, in the type of the thresholds found for them."""
        origins = {f: o for f, o in self.fold.origins.items() if not o.strings}
        known = {
            o: np.asarray(column_of(self.values[o.source], o.position), self.fold.dtype)
            for o in {*origins.values()}
        }
        found = {feature: known[origin] for feature, origin in origins.items()}
        return ColumnRows(found, self.fold.dtype, self.count)

    @cached_property
    def _places(self) -> dict[str, np.ndarray]:
        """Which distinct string each row has, by source, in whole tiles."""
        found = {}
        for name in self.fold.strings:
            found[name] = aligned(-(-self.count // TILE) * TILE)
            found[name][: self.count] = self.values[name].places
            found[name][self.count :] = 0  # numbers of some value, too
        return found


class Fold:
    """The steps in front of `forest`, folded: it sees `compute` of `inputs`, of these `origins`.

    Raises
    ------
    CannotFoldError
        They are not monotone after all, or there are too many thresholds to try for.
    """

    def __init__(
        self,
        forest: Forest,
        origins: Sequence[Origin | None],
        inputs: Mapping[str, Info],
        compute: Compute,
    ) -> None:
        asked = [origins[feature] for feature in forest.features]
        if None in asked or any(origin.missing for origin in asked if origin):
            raise CannotFoldError("a column comes from several, or by steps that are not monotone")
        self.origins = {f: o for f, o in zip(forest.features, asked, strict=True) if o}
        self._inputs, self._compute = inputs, compute
        self.strings = sorted({o.source for o in self.origins.values() if o.strings})
        self.numbers = sorted({o.source for o in self.origins.values() if not o.strings})
        narrow = all(self._type(name) == np.float32 for name in self.numbers)
        self.dtype = np.dtype(np.float32 if narrow else np.float64)
        self.parts = forest.parts
        self._columns = {id(part): self._columns_of(part) for part in forest.parts}
        self._coded = {id(part): self._coded_of(part) for part in forest.parts}
        coded = [feature for feature, origin in self.origins.items() if origin.strings]
        self.work = partial(forest.work, self.dtype, coded)

    def __str__(self) -> str:
        strings = sum(origin.strings for origin in self.origins.values())
        counts = {"numbers": len(self.origins) - strings, "strings": strings}
        found = " and ".join(f"{count} from {kind}" for kind, count in counts.items() if count)
        return f"its columns, {found}, folded into it"

    def rows(self, values: Mapping[str, Any]) -> Folded | None:
        """The rows of a batch, or None if it has more distinct strings than a byte numbers."""
        encoded = [values[name] for name in self.strings]
        count = len(next(iter(values.values())))
        if not all(isinstance(x, Encoded) and len(x.distinct) <= codes.MOST for x in encoded):
            return None
        most = max((len(x.distinct) for x in encoded), default=0)
        return Folded(self, values, self._distinct(encoded, most), count)

    def columns(self, part: Part) -> Columns:
        """The columns of numbers of a part."""
        return self._columns[id(part)]

    def coded(self, part: Part) -> np.ndarray:
        """The columns of a part that come from strings, by the number of these in `strings`."""
        return self._coded[id(part)]

    def _distinct(self, encoded: Sequence[Encoded], most: int) -> np.ndarray:
        """What the forest sees for distinct strings, those of all columns side by side: [D, F]."""
        given = self._nothing(most)
        for name, column in zip(self.strings, encoded, strict=True):
            given[name][: len(column.distinct)] = column.distinct
        return self._compute(given) if encoded else np.empty((0, 0))

    def _nothing(self, rows: int) -> dict[str, np.ndarray]:
        """Inputs of so many rows: no strings, and zeros."""
        given = {}
        for name, info in self._inputs.items():
            shape = (rows, *(length or 1 for length in info.lengths[1:]))
            empty = np.full(shape, MISSING, STRING) if info.dtype == STRING else None
            given[name] = np.zeros(shape, info.dtype) if empty is None else empty
        return given

    def _type(self, name: str) -> np.dtype:
        dtype = self._inputs[name].dtype
        if dtype is None or dtype.kind != "f":
            raise CannotFoldError(f"{name} is not of floating-point numbers")
        return dtype

    def _columns_of(self, part: Part) -> Columns:
        places = [i for i, f in enumerate(part.features) if not self.origins[f].strings]
        origins = [self.origins[part.features[place]] for place in places]
        features = np.array([part.features[place] for place in places], np.int64)
        known = [part.thresholds[place] for place in places]
        found = self._found(features, origins, known)
        table, kept = columns_of([thresholds for thresholds, _ in found], part.ranks)
        table["start"] = [start for _, start in found]
        table["place"] = places
        for row, place, value in zip(table, places, self._of_missing(features), strict=True):
            if not np.isnan(value):
                row["missing"] = np.searchsorted(part.thresholds[place], value)
            elif not part.missing[place]:
                row["missing"] = 0
        return Columns(origins, features, table, kept)

    def _coded_of(self, part: Part) -> np.ndarray:
        origins = [self.origins[feature] for feature in part.features]
        places = [place for place, origin in enumerate(origins) if origin.strings]
        table = np.zeros(len(places), codes.COLUMN)
        table["place"] = places
        table["numbers"] = [self.strings.index(origins[place].source) for place in places]
        return table

    def _of_missing(self, features: np.ndarray) -> np.ndarray:
        """What the forest sees in columns of numbers where these are missing, [C]."""
        given = self._nothing(1)
        for name in self.numbers:
            given[name][...] = np.nan
        return self._compute(given)[0, features] if len(features) else np.zeros(0)

    def _found(
        self, features: np.ndarray, origins: Sequence[Origin], known: Sequence[np.ndarray]
    ) -> list[tuple[np.ndarray, int]]:
        """For each column its own thresholds, and how many of those known lie below all values."""
        counts = np.array([*map(len, known)], np.int64)
        if counts.sum() > _MOST:
            raise CannotFoldError(f"more than {_MOST} thresholds are to be tried for")
        if not counts.sum():
            return [(np.empty(0, self.dtype), 0) for _ in known]
        feature, place = (np.repeat(x, counts) for x in (features, np.arange(len(known))))
        types = [self._type(origin.source) for origin in origins]

        def seen(keys: np.ndarray) -> np.ndarray:
            given = self._nothing(len(keys))
            for number, origin in enumerate(origins):
                own = place == number
                column = (own,) if origin.position is None else (own, origin.position)
                given[origin.source][column] = of_keys(keys[own], types[number])
            return self._compute(given)[np.arange(len(keys)), feature]

        limits = np.concatenate(known)
        most = np.repeat([greatest_key(dtype) for dtype in types], counts)
        if (seen(-most) > seen(most)).any():
            raise CannotFoldError("a column falls as its number grows")
        keys = greatest(lambda keys: seen(keys) <= limits, most)
        none, every = keys < -most, keys == most  # numbers are at most the threshold
        return [
            (
                of_keys(keys[own & ~none & ~every], types[number]).astype(self.dtype),
                int(none[own].sum()),
            )
            for number in range(len(known))
            for own in [place == number]
        ]


def _registers(values: int) -> int:
    """How many registers tables of so many values take."""
    return 1 if values <= TILE else 2 if values <= 2 * TILE else 4
