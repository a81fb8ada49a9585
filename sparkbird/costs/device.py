"""Whether forests are sooner done on a GPU than on the CPU, by the prices of both.

Only forests are asked about: their sums are the same on both to the last bit, so that predictions
do not hang on where they were made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparkbird.costs.predict import BATCH, predicted
from sparkbird.kernels.cuda.layout import FEW_LEVELS
from sparkbird.prices import Prices, current, shipped
from sparkbird.runtime.forests import Found, forests
from sparkbird.runtime.graph import Graph
from sparkbird.runtime.sessions import open_session

if TYPE_CHECKING:
    from sparkbird.kernels.trees import Trees
    from sparkbird.prices import Accelerator

#: A GPU is used where it is at least so many times as fast: it has to be shared, and its prices
#: are those of one device.
MARGIN = 2.0


@dataclass(frozen=True)
class Choice:
    """What forests take, in seconds.

    cpu     a row, on one core
    call    a batch on a GPU, beside its rows
    gpu     a row there
    device  that it was priced for
    """

    cpu: float
    call: float
    gpu: float
    device: str

    def rows(self, cores: int = 1) -> float:
        """From how many rows of a batch on a GPU wins over so many cores; `inf` if it never does.

        >>> Choice(cpu=1e-6, call=1e-4, gpu=1e-8, device="").rows()
        204.08163265306123
        """
        gained = self.cpu / cores - MARGIN * self.gpu
        return MARGIN * self.call / gained if gained > 0 else math.inf

    def __str__(self) -> str:
        least = self.rows()
        when = f"from {math.ceil(least):,} rows of a batch on" if least < math.inf else "never"
        return (
            f"auto takes a GPU for the forests {when}: predicted µs a row {1e6 * self.cpu:.3g} on "
            f"one core, {1e6 * self.gpu:.3g} and {1e6 * self.call:.3g} a batch on {self.device}"
        )


def choice(content: bytes, outputs: Sequence[str]) -> Choice | None:
    """What the forests behind the `outputs` of an artefact take; None if there are none.

    Raises
    ------
    ConfigError
        The file of prices is not fit for it.
    """
    session = open_session(content, outputs, device="cpu")
    names = dict.fromkeys(name for result in session.results for name in result.names)
    found = [*forests(Graph(Graph(content).part(names)))]
    if not found:
        return None
    shares = predicted(session, rows=BATCH).shares
    cpu = sum(share.seconds for share in shares if share.kind == "forest")
    cpu += sum(s for share in shares for family, s in share.details if family == "trees")
    prices = _prices()
    gpu = 1e-9 * sum(_row(one, prices) for one in found)
    return Choice(cpu, 1e-9 * prices.call * len(found), gpu, prices.device)


def _prices() -> Accelerator:
    known: Prices = current()
    found = known.gpu or shipped().gpu
    assert found, "the prices that come along have those of a GPU"
    return found


def _row(found: Found, prices: Accelerator) -> float:
    """The nanoseconds of a row: its numbers are sent, it goes down the trees, sums come back."""
    trees = found.trees
    width = len({*trees.feature[trees.inner].tolist()})
    size = width * trees.threshold.dtype.itemsize
    size += (len(trees.roots) if found.values is None else found.outputs) * found.dtype.itemsize
    levels = len(trees.levels) - 1
    steps = len(trees.roots) * levels if levels <= FEW_LEVELS else _steps(trees)
    price = prices.step if levels <= FEW_LEVELS else prices.walked
    return size * prices.byte + steps * price


def _steps(trees: Trees) -> float:
    """How many levels a row goes down in all trees together, if all leaves are as likely."""
    leaves = [int((~trees.inner[nodes]).sum()) for nodes in trees.levels]
    mean = sum(level * count for level, count in enumerate(leaves)) / max(1, sum(leaves))
    return len(trees.roots) * mean
