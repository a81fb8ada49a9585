"""Steps in front of a forest folded into its thresholds: it then takes the model's own columns.

A column that a number comes to by monotone steps goes left just where the number is at most
some other threshold. That one is found by trying: the steps themselves are run, on numbers
between which the threshold lies, until no other number lies between. A column that comes from
strings, or from numbers by other steps, is computed for the distinct values of a batch alone.

N is the number of rows, F of features, E of thresholds in all, D of distinct values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Protocol, TypeAlias

import numpy as np

from sparkbird.dtypes import MISSING, STRING
from sparkbird.kernels import codes
from sparkbird.kernels.columns import ColumnRows
from sparkbird.kernels.forest import Matrix, Part, columns_of
from sparkbird.kernels.given import Asked, Given, plain
from sparkbird.kernels.machine import TILE
from sparkbird.kernels.memory import aligned
from sparkbird.runtime.apart import column_of
from sparkbird.runtime.bisection import greatest, greatest_key, of_keys
from sparkbird.runtime.encoded import Encoded, by_value
from sparkbird.runtime.graph import Info
from sparkbird.runtime.origins import Origin

#: How many thresholds are tried for: each takes 64 runs of the steps.
_MOST = 20_000

#: A column of an input: its name, and the position in it if it is a matrix.
Source: TypeAlias = tuple[str, int | None]

#: The rows [N, F] that a forest sees, for the inputs of the graph.
Compute = Callable[[Mapping[str, Any]], np.ndarray]


#: What columns come from, in words.
_KINDS = ("numbers", "strings", "values of numbers")


class Foldable(Protocol):
    """A forest, wherever it runs."""

    features: np.ndarray

    def work(self, values: np.dtype, coded: Collection[int]) -> dict[str, float]:
        """What a row comes to by unit, as `kernels.work` counts."""
        ...

    @property
    def parts(self) -> Sequence[Asked]:
        """Trees whose thresholds have ranks in common."""
        ...


class CannotFoldError(ValueError):
    """The steps in front of a forest stay there."""


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns of numbers that a part of a forest sees, by their own thresholds.

    origins   where each comes from
    features  the features that they are
    table     to rank them by, without the addresses of values
    kept      what the table has the addresses of
    asked     all columns of the part, as a device takes them, without the blocks of values
    among     the thresholds of these, none of a column that is taken by value
    """

    origins: list[Origin]
    features: np.ndarray
    table: np.ndarray
    kept: list[np.ndarray]
    asked: np.ndarray
    among: list[np.ndarray]


@dataclass(frozen=True, eq=False)
class Folded:
    """Rows of a forest by the inputs of the graph.

    fold      what is known of the steps
    values    the inputs by name
    distinct  the rows that the forest would see for distinct values, [D, F]
    places    for each column that is taken by value, which of these each row has, [N]
    """

    fold: Fold
    values: Mapping[str, Any]
    distinct: np.ndarray
    places: Sequence[np.ndarray]
    count: int
    _found: dict[int, np.ndarray] = field(default_factory=dict)

    def rank(self, part: Part, span: range, tiles: int) -> None:
        """Write the ranks of a span of rows among the thresholds of `part`, at `tiles`."""
        own = self.fold.columns(part)
        if own.origins:
            self._numbers.rank_by(own.table, own.features, part, span, tiles)
        if (coded := self.fold.coded(part)).size:
            self._rank_values(part, coded.copy(), span, tiles)

    def given(self, part: Asked) -> Given:
        """Where the values are, for a device that ranks them itself."""
        own, coded = self.fold.columns(part), self.fold.coded(part)
        blocks, block = self._numbers.blocks
        columns = own.asked.copy()
        columns["block"][own.table["place"]] = block[own.features]
        columns["block"][coded["place"]] = coded["numbers"] + len(blocks)
        distinct = self.distinct if len(coded) else None
        blocks = [*blocks, *(places.astype(np.uint8) for places in self.places)]
        return Given(blocks, columns, own.among, self.fold.dtype, distinct)

    def _rank_values(self, part: Part, table: np.ndarray, span: range, tiles: int) -> None:
        ranked = self._ranked(part)
        starts = [codes.ctypes.data + span.start for codes in self._codes]
        table["numbers"] = np.array(starts, np.uint64)[table["numbers"]]
        spread = part.spreader()
        count = -(-len(span) // TILE)
        registers, address = len(ranked) // part.tile_bytes, ranked.ctypes.data
        spread(table.ctypes.data, len(table), address, registers, part.tile_bytes, tiles, count)

    def _ranked(self, part: Part) -> np.ndarray:
        """The ranks of distinct values among a part's thresholds, in tiles as if they were rows."""
        own = self._found.get(id(part))
        if own is None:
            rows = range(len(self.distinct))
            own = self._found[id(part)] = aligned(_registers(len(rows)) * part.tile_bytes)
            Matrix(self.distinct).rank(part, rows, own.ctypes.data)
        return own

    @cached_property
    def _numbers(self) -> ColumnRows:
        """The columns of numbers, in the type of the thresholds found for them."""
        origins = {f: o for f, o in self.fold.origins.items() if not o.by_value}
        known = {
            o: np.asarray(column_of(self.values[o.source], o.position), self.fold.dtype)
            for o in {*origins.values()}
        }
        found = {feature: known[origin] for feature, origin in origins.items()}
        return ColumnRows(found, self.fold.dtype, self.count)

    @cached_property
    def _codes(self) -> list[np.ndarray]:
        """The places as bytes, in whole tiles."""
        found = []
        for places in self.places:
            found.append(aligned(-(-self.count // TILE) * TILE))
            found[-1][: self.count] = places
            found[-1][self.count :] = 0  # places of some value, too
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
        forest: Foldable,
        origins: Sequence[Origin | None],
        inputs: Mapping[str, Info],
        compute: Compute,
    ) -> None:
        asked = [origins[feature] for feature in forest.features]
        if None in asked:
            raise CannotFoldError("a column comes from several")
        self.origins = {f: o for f, o in zip(forest.features, asked, strict=True) if o}
        self._inputs, self._compute = inputs, compute
        known = self.origins.values()
        self.by_value: list[Source] = list(
            dict.fromkeys((o.source, o.position) for o in known if o.by_value)
        )
        self.numbers = sorted({o.source for o in known if not o.by_value})
        narrow = all(self._type(name) == np.float32 for name in self.numbers)
        self.dtype = np.dtype(np.float32 if narrow else np.float64)
        self._columns = {id(part): self._columns_of(part) for part in forest.parts}
        self._coded = {id(part): self._coded_of(part) for part in forest.parts}
        coded = [feature for feature, origin in self.origins.items() if origin.by_value]
        self.work = partial(forest.work, self.dtype, coded)
        self._too_many = False

    def __str__(self) -> str:
        counts = Counter(self._kind(origin) for origin in self.origins.values())
        found = " and ".join(f"{counts[kind]} from {kind}" for kind in _KINDS if counts[kind])
        return f"its columns, {found}, folded into it"

    def _kind(self, origin: Origin) -> str:
        if not origin.by_value:
            return "numbers"
        return "strings" if self._inputs[origin.source].dtype == STRING else "values of numbers"

    def rows(self, values: Mapping[str, Any]) -> Folded | None:
        """The rows of a batch, or None if it has more distinct values than a byte numbers.

        If it has of numbers, so have others: they are not tried again.
        """
        found = [*self._values(values)] if not self._too_many else []
        if len(found) < len(self.by_value):
            return None
        distinct, places = [own for own, _ in found], [own for _, own in found]
        return Folded(
            self, values, self._distinct(distinct), places, len(next(iter(values.values())))
        )

    def _values(self, values: Mapping[str, Any]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The distinct values of columns taken by value, and which each row has, while few."""
        for name, position in self.by_value:
            given = values[name]
            if isinstance(given, Encoded):
                own = given.distinct, given.places
            elif given.dtype == STRING:
                return
            else:
                own = by_value(column_of(given, position))
                self._too_many |= len(own[0]) > codes.MOST
            if len(own[0]) > codes.MOST:
                return
            yield own

    def columns(self, part: Asked) -> Columns:
        """The columns of numbers of a part."""
        return self._columns[id(part)]

    def coded(self, part: Asked) -> np.ndarray:
        """The columns of a part that are taken by value, by their sources' place among these."""
        return self._coded[id(part)]

    def _distinct(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """What the forest sees for distinct values, those of all columns side by side: [D, F]."""
        if not values:
            return np.empty((0, 0))
        given = self._nothing(max(map(len, values)))
        for (name, position), own in zip(self.by_value, values, strict=True):
            rows = slice(len(own))
            given[name][rows if position is None else (rows, position)] = own
        return self._compute(given)

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

    def _columns_of(self, part: Asked) -> Columns:
        places = [i for i, f in enumerate(part.features) if not self.origins[f].by_value]
        origins = [self.origins[part.features[place]] for place in places]
        features = np.array([part.features[place] for place in places], np.int64)
        known = [part.thresholds[place] for place in places]
        found = self._found(features, origins, known)
        table, kept = columns_of([thresholds for thresholds, _ in found], part.ranks)
        table["start"] = [start for _, start in found]
        table["place"] = places
        asked = plain(len(part.features))
        asked["coded"] = True
        asked["coded"][places], asked["start"][places] = False, table["start"]
        asked["missing"][places] = missing = self._of_missing(features)
        among = [np.empty(0, self.dtype)] * len(asked)
        for place, (thresholds, _) in zip(places, found, strict=True):
            among[place] = thresholds
        for row, place, value in zip(table, places, missing, strict=True):
            if not np.isnan(value):
                row["missing"] = np.searchsorted(part.thresholds[place], value)
            elif not part.missing[place]:
                row["missing"] = 0
        return Columns(origins, features, table, kept, asked, among)

    def _coded_of(self, part: Asked) -> np.ndarray:
        origins = [self.origins[feature] for feature in part.features]
        places = [place for place, origin in enumerate(origins) if origin.by_value]
        table = np.zeros(len(places), codes.COLUMN)
        table["place"] = places
        sources = [(origins[place].source, origins[place].position) for place in places]
        table["numbers"] = [self.by_value.index(source) for source in sources]
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
