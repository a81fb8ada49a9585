"""Strings that a graph turns into numbers first of all: for each distinct one, not for each row.

ONNX Runtime wants strings of its own, made from Python's, and looks each of them up. N is the
number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkbird.dtypes import STRING
from sparkbird.runtime.encoded import Encoded
from sparkbird.runtime.graph import Graph
from sparkbird.runtime.part import Part, Result
from sparkbird.runtime.providers import ON_CPU

_ML = "ai.onnx.ml"


@dataclass(frozen=True, eq=False)
class Lookup:
    """The numbers called `result`, [N], that `part` looks up for the strings called `strings`."""

    strings: str
    result: str
    dtype: np.dtype
    part: Part

    def run(self, values: dict[str, Any]) -> None:
        """Add the numbers to the `values` that there are."""
        given = values[self.strings]
        if not isinstance(given, Encoded):
            values |= self.part.run({self.strings: given})
            return
        found = self.part.run({self.strings: given.distinct})
        values[self.result] = given.mapped(found[self.result])


def lookups(graph: Graph) -> Iterator[Lookup]:
    """The first things that happen to columns of strings, where these are look-ups."""
    for node in graph.nodes:
        first = node.inputs[0] if node.inputs else ""
        strings = first in graph.inputs and graph.inputs[first].dtype == STRING
        if strings and node.domain == _ML and node.operator == "LabelEncoder":
            (result,), dtype = node.outputs, node.dtype("values_tensor")
            if dtype != STRING:
                part = Part(graph.part({result: dtype}), [Result(result, dtype)], ON_CPU)
                yield Lookup(first, result, dtype, part)
