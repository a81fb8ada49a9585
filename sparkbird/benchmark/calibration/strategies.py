"""The strategies of forests in ONNX Runtime, each timed on forests of several sizes."""

from __future__ import annotations

import numpy as np

from sparkbird.benchmark.calibration.timing import Effort, nanoseconds
from sparkbird.graph import op
from sparkbird.graph.build import build, serialized
from sparkbird.prices.fit import Sample, fitted
from sparkbird.prices.units import UNITS
from sparkbird.runtime.part import Part, Result
from sparkbird.runtime.providers import ON_CPU, Gpu, Placement
from sparkbird.trees import Forest, leaf_sum, using
from sparkbird.trees.choose import STRATEGIES
from sparkbird.trees.work import Work

#: Trees, depth, features, outputs and rows of a batch.
# fmt: off
SIZES = [
    (1,   3, 28,  1, 10_000), (1,   6,  5,  3, 10_000), (10,  2, 28, 1, 10_000),
    (10,  6, 28,  3, 10_000), (50,  4, 28,  1, 10_000), (100, 6, 28, 1, 10_000),
    (100, 6, 100, 3, 10_000), (100, 8, 28,  1, 10_000), (300, 8, 28, 1,  5_000),
    (500, 8, 28,  1,  5_000), (50,  9, 28, 10,  5_000), (1,   3, 28, 1,      1),
    (100, 6, 28,  1,      1), (100, 6, 28,  3,      1), (500, 8, 28, 1,      1),
]
# fmt: on
_LARGEST_PRODUCT = 2**21  # more takes seconds by gemm, and nobody wants it there
_PLACEMENTS = {"cpu": ON_CPU, "cuda": Placement(Gpu(), products=True)}


def prices(
    device: str, known: dict[str, dict[str, float]], effort: Effort
) -> dict[str, dict[str, float]]:
    """Those of the strategies that are `known` on a device, in nanoseconds."""
    samples: dict[str, list[Sample]] = {name: [] for name in known}
    for trees, depth, features, outputs, full in SIZES:
        rows = effort.rows(full)
        forest = random_forest(effort.trees(trees), depth, features, outputs)
        work = Work.of(forest, features=features, batch=rows)
        for name, found in samples.items():
            large = name == "gemm" and work.entries > _LARGEST_PRODUCT
            if not large and not STRATEGIES[name].obstacle(forest):
                taken = _timed(forest, name, (rows, features), device, effort) / rows
                found.append((STRATEGIES[name].counts(work), taken))
    units = UNITS["strategies"]
    return {name: fitted(found, units[name]) for name, found in samples.items()}


def random_forest(trees: int, depth: int, features: int, outputs: int) -> Forest:
    """A forest of full trees on normally distributed features."""
    rng = np.random.default_rng(0)
    number = np.arange(2 ** (depth + 1) - 1)
    is_leaf = number >= 2**depth - 1

    def tree() -> Forest:
        return Forest(
            roots=np.array([0]),
            feature=rng.integers(features, size=len(number)),
            threshold=rng.standard_normal(len(number)),
            nan_left=np.zeros(len(number), np.bool_),
            left=np.where(is_leaf, number, 2 * number + 1),
            right=np.where(is_leaf, number, 2 * number + 2),
            value=rng.standard_normal((len(number), outputs)),
        )

    return Forest.join([tree() for _ in range(trees)])


def _timed(
    forest: Forest, strategy: str, shape: tuple[int, int], device: str, effort: Effort
) -> float:
    """The nanoseconds of all rows."""
    rows, features = shape
    x = op.argument("x", np.float64, features)
    with using(strategy=strategy, device=device, batch=rows):
        y = leaf_sum(forest, x)
        content = serialized(build({"x": x}, {"y": y}))
    result = Result("y", np.dtype(np.float64), (forest.n_outputs,))
    part = Part(content, [result], _PLACEMENTS[device])
    feeds = {"x": np.random.default_rng(1).standard_normal(shape)}
    return nanoseconds(lambda: part.run(feeds), effort)
