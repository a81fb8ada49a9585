"""Other ways to score boosted trees on a GPU: nvForest and Hummingbird.

Rows are on the device when a call begins, and its results are there when it comes back. Forests
are LightGBM's, of two classes. N is the number of rows, F of features.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sparkbird.benchmark.measure import attempted, installed
from sparkbird.benchmark.ways import Way

if TYPE_CHECKING:
    from lightgbm import LGBMClassifier

#: How many rows Hummingbird is given at a time: for each it makes an index of each tree.
BATCH = 100_000
#: The rows whose probabilities are compared with those of LightGBM before anything is timed.
COMPARED = 10_000
#: Both round thresholds to float32, which now and then sends a row the other way: of more rows
#: than one in a thousand a probability may not be off by more than this.
CLOSE, ASTRAY = 1e-4, 1e-3

#: Scores the rows that it was made for; what it gives is on the device.
Call: TypeAlias = Callable[[], Any]


@dataclass(frozen=True)
class Task:
    """A forest, and where it is scored, as PyTorch calls it."""

    model: LGBMClassifier
    device: str = "cuda"


@dataclass(frozen=True)
class Peer:
    """A way to score a forest.

    made     of a task, gives what makes a `Call` of rows [N, F] in the host's memory
    fetched  what a call gave, as an array of the host
    needs    the modules that it takes
    """

    made: Callable[[Task], Callable[[np.ndarray], Call]]
    fetched: Callable[[Any], np.ndarray]
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """Peers that are here, what each makes of a forest, and the reasons why others are not."""

    task: Task
    makers: Mapping[str, Callable[[np.ndarray], Call]]
    absent: Mapping[str, str]

    def ways(self, rows: np.ndarray, calls: int) -> tuple[dict[str, Way], dict[str, str]]:
        """The ways to score these rows, in so many calls a round, and why others cannot.

        What each gives is compared with LightGBM's first.
        """
        expected = self.task.model.predict_proba(rows[:COMPARED])[:, 1]

        def way_of(name: str) -> Way:
            call = self.makers[name](rows)
            facts = compared(PEERS[name].fetched(call()), expected)
            return Way(len(rows), call, calls, facts)

        found, failing = attempted({name: partial(way_of, name) for name in self.makers})
        return found, {**self.absent, **failing}


def prepared(task: Task) -> Prepared:
    """What each peer makes of a forest."""
    lacking = {
        name: [module for module in peer.needs if not installed(module)]
        for name, peer in PEERS.items()
    }
    makers, failing = attempted(
        {name: partial(PEERS[name].made, task) for name in PEERS if not lacking[name]}
    )
    absent = {name: f"no {' and '.join(missing)}" for name, missing in lacking.items() if missing}
    return Prepared(task, makers, {**absent, **failing})


def compared(probabilities: np.ndarray, expected: np.ndarray) -> dict[str, float]:
    """How far probabilities [N], [N, 1] or [N, 2] are from those of the first rows, [M].

    Raises
    ------
    ValueError
        They are others.
    """
    found = probabilities.reshape(len(probabilities), -1)[: len(expected), -1]
    apart = np.abs(found.astype(np.float64) - expected)
    astray = ~(apart <= CLOSE)  # those that are NaN too
    if astray.mean() > ASTRAY:
        raise ValueError(f"{astray.sum():,} of {len(expected):,} rows differ from LightGBM's")
    return {"greatest difference": float(apart.max()), "rows off by 1e-4": float(astray.sum())}


def by_nvforest(
    task: Task, *, precision: str | None = None, optimised: bool = False
) -> Callable[[np.ndarray], Call]:
    """A file of LightGBM as nvForest loads it, or with the layout that it finds best for rows.

    It computes in the precision of the file, which is double, if no other is named.
    """
    import cupy
    import nvforest

    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.txt"
        task.model.booster_.save_model(path)
        loaded = nvforest.load_model(path, model_type="lightgbm", device="gpu", precision=precision)
    device = cupy.cuda.Device()

    def call_of(rows: np.ndarray) -> Call:
        there = cupy.asarray(rows)
        best = {"data": there, "predict_method": "predict_proba"}
        forest = loaded.optimize(**best) if optimised else loaded

        def call() -> Any:
            found = forest.predict_proba(there)
            device.synchronize()
            return found

        return call

    return call_of


def by_hummingbird(task: Task, *, strategy: str) -> Callable[[np.ndarray], Call]:
    """PyTorch's operators one by one, by one of Hummingbird's strategies."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from hummingbird.ml import convert

        extra = {"tree_implementation": strategy}
        model = convert(task.model, "torch", device=task.device, extra_config=extra).model
    wait = torch.cuda.synchronize if task.device == "cuda" else lambda: None

    def call_of(rows: np.ndarray) -> Call:
        parts = torch.from_numpy(rows).to(task.device).split(BATCH)

        def call() -> Any:
            found = torch.cat([model(part)[1] for part in parts])  # behind the labels
            wait()
            return found

        return call

    return call_of


def _of_cupy(found: Any) -> np.ndarray:
    return np.asarray(found.get())


def _of_torch(found: Any) -> np.ndarray:
    return np.asarray(found.cpu().numpy())


_SINGLE = partial(by_nvforest, precision="single")
_BEST = partial(_SINGLE, optimised=True)
_GATHERED = partial(by_hummingbird, strategy="tree_trav")
_PERFECT = partial(by_hummingbird, strategy="perf_tree_trav")
_NVFOREST, _TORCH = ("nvforest", "cupy"), ("hummingbird", "torch")

#: Every peer.
# fmt: off
PEERS: dict[str, Peer] = {
    "nvForest, as loaded":         Peer(by_nvforest, _of_cupy,  _NVFOREST),
    "nvForest, single":            Peer(_SINGLE,     _of_cupy,  _NVFOREST),
    "nvForest, single, optimised": Peer(_BEST,       _of_cupy,  _NVFOREST),
    "Hummingbird, tree_trav":      Peer(_GATHERED,   _of_torch, _TORCH),
    "Hummingbird, perf_tree_trav": Peer(_PERFECT,    _of_torch, _TORCH),
}
# fmt: on
