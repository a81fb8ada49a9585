"""Measure the prices of forests on this machine, one thread: the table of trees/prices.py.

    python jobs/calibrate.py [--device cpu|cuda]

Each strategy is timed on forests of several sizes; its prices are those, none below zero,
that come nearest to all the times in proportion.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import onnxruntime as ort

from sparkbird.graph import op
from sparkbird.graph.build import build
from sparkbird.trees import Forest, leaf_sum, using
from sparkbird.trees.choose import STRATEGIES
from sparkbird.trees.prices import PRICES
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
SECONDS = 0.4
LARGEST_PRODUCT = 2**21  # more takes seconds by gemm, and nobody wants it there


def main() -> None:
    """Print the prices, in nanoseconds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", choices=sorted(PRICES), default="cpu")
    device = parser.parse_args().device
    samples: dict[str, list[tuple[dict[str, float], float]]] = {name: [] for name in PRICES[device]}
    for trees, depth, features, outputs, batch in SIZES:
        forest = random_forest(trees, depth, features, outputs)
        work = Work.of(forest, features=features, batch=batch)
        for name, known in samples.items():
            if STRATEGIES[name].obstacle(forest) or (
                name == "gemm" and work.entries > LARGEST_PRODUCT
            ):
                continue
            seconds = timed(forest, name, features, batch, device)
            known.append((STRATEGIES[name].counts(work), 1e9 * seconds))
            print(f"# {name} {trees} x {depth}, {batch} rows: {1e6 * seconds:.2f} µs a row")
    print(f'    "{device}": {{')
    for name, known in samples.items():
        prices = ", ".join(f'"{unit}": {price:.3g}' for unit, price in fitted(known).items())
        print(f'        "{name}": {{{prices}}},')
    print("    },")


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


def timed(forest: Forest, strategy: str, features: int, batch: int, device: str) -> float:
    """The seconds that a row takes, in the fastest of several runs."""
    x = op.argument("x", np.float64, features)
    with using(strategy=strategy, device=device, batch=batch):
        proto = build({"x": x}, {"y": leaf_sum(forest, x)})
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    provider = "CUDAExecutionProvider" if device == "cuda" else "CPUExecutionProvider"
    session = ort.InferenceSession(proto.SerializeToString(), options, providers=[provider])
    rows = np.random.default_rng(1).standard_normal((batch, features))
    fastest, start = np.inf, time.perf_counter()
    while time.perf_counter() - start < SECONDS or not np.isfinite(fastest):
        before = time.perf_counter()
        session.run(None, {"x": rows})
        fastest = min(fastest, time.perf_counter() - before)
    return float(fastest) / batch


def fitted(samples: list[tuple[dict[str, float], float]]) -> dict[str, float]:
    """The prices >= 0 with the least squares of relative errors; a negative one becomes 0."""
    units = sorted({unit for counts, _ in samples for unit in counts})
    kept = units
    while True:
        table = [[counts.get(u, 0.0) / ns for u in kept] for counts, ns in samples]
        found = np.linalg.lstsq(np.array(table), np.ones(len(samples)), rcond=None)[0]
        if (found >= 0).all():
            prices = dict(zip(kept, found.tolist(), strict=True))
            return {unit: prices.get(unit, 0.0) for unit in units}
        kept = [u for u, price in zip(kept, found, strict=True) if price > found.min()]


if __name__ == "__main__":
    main()
