"""The pieces that the work for a batch comes in, for those who want to know what it costs.

N is the number of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Given:
    """A value [N, *lengths] that a graph is given."""

    dtype: np.dtype
    lengths: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Piece:
    """What is done in one go: by a kernel, or by ONNX Runtime.

    what       in words
    units      that a kernel's work comes to, as `kernels.work` counts
    graph      that ONNX Runtime runs, a serialised ModelProto; else empty
    given      what the graph takes beside the model's columns, by name
    distinct   whether it is done for distinct values alone
    looked_up  whether strings become numbers by it
    """

    what: str
    units: Mapping[str, float] = field(default_factory=dict)
    graph: bytes = b""
    given: Mapping[str, Given] = field(default_factory=dict)
    distinct: bool = False
    looked_up: bool = False
