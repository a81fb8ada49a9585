"""Forests by the shape of their tables: the six of the Hummingbird paper, from made-up rows.

Source: Nakandala et al., "A Tensor Compiler for Unified Machine Learning Prediction
Serving", OSDI 2020, section 6.1.1 and table 7. Its tables cannot be shipped; what a forest costs
depends on how many trees, nodes, features, classes and rows there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Shape:
    """A table of N rows and F features, all float32; with 0 classes, a number to predict.

    flags   how many of the features are 0 or 1
    """

    rows: int
    features: int
    classes: int
    flags: int = 0


#: As in the paper, with 44 of Covtype's features 0 or 1.
SHAPES = {
    "Fraud": Shape(285_000, 28, 2),
    "Epsilon": Shape(500_000, 2_000, 2),
    "Year": Shape(515_000, 90, 0),
    "Covtype": Shape(581_000, 54, 7, 44),
    "Higgs": Shape(11_000_000, 28, 2),
    "Airline": Shape(115_000_000, 13, 2),
}


@dataclass(frozen=True)
class Forest:
    """A forest to be trained: of how many trees, how deep, by which library, on which rows.

    depth     the most steps down; 0 is as many as there are
    trained   the most rows that it is trained on
    """

    library: str
    shape: str
    trees: int
    depth: int
    trained: int

    @property
    def name(self) -> str:
        """What it is called.

        >>> Forest("LightGBM", "Higgs", 500, 8, 50_000).name
        'LightGBM, Higgs, 500 x depth 8'
        """
        depth = f"depth {self.depth}" if self.depth else "any depth"
        return f"{self.library}, {self.shape}, {self.trees} x {depth}"

    def quick(self) -> Forest:
        """A tiny one like it."""
        return replace(self, trees=4, depth=self.depth and 3, trained=400)


def made(shape: Shape, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows [N, F] and what is to be predicted of them [N]: classes as integers, or numbers."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, shape.features), np.float32)
    x[:, shape.features - shape.flags :] = x[:, shape.features - shape.flags :] > 0
    signal = x[:, 0] * x[:, 1] + np.sin(3 * x[:, 2]) + x[:, 3:10].mean(axis=1)
    signal += 0.7 * rng.standard_normal(rows, np.float32)
    if not shape.classes:
        return x, signal
    bounds = np.quantile(signal, np.linspace(0, 1, shape.classes + 1)[1:-1])
    return x, np.digitize(signal, bounds)


def trained(forest: Forest, cache: Path | None) -> Any:
    """The fitted model; if there is a cache, from there, where it is put if it was not there."""
    if cache is None:
        return _fitted(forest)
    import joblib

    path = cache / f"{_key(forest)}.joblib"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".part")
        joblib.dump(_fitted(forest), draft)
        draft.replace(path)
    return joblib.load(path)


def _key(forest: Forest) -> str:
    """One name for one forest of one version of its library: of another it may be unreadable."""
    from importlib import import_module

    version = import_module(LIBRARIES[forest.library][0]).__version__
    said = f"{forest} {SHAPES[forest.shape]} {version}"
    return f"{forest.library}-{forest.shape}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def _fitted(forest: Forest) -> Any:
    shape = SHAPES[forest.shape]
    wide = shape.features > 100  # fewer rows then, or training takes hours
    x, y = made(shape, forest.trained // 10 if wide else forest.trained, seed=0)
    return LIBRARIES[forest.library][1](forest, bool(shape.classes)).fit(x, y)


def _random_forest(forest: Forest, classes: bool) -> Any:  # noqa: FBT001
    """Each split looks at the root of the features, for numbers too: else training takes hours."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestClassifier if classes else RandomForestRegressor
    depth = forest.depth or None
    return kind(forest.trees, max_depth=depth, max_features="sqrt", n_jobs=-1, random_state=0)


def _lightgbm(forest: Forest, classes: bool) -> Any:  # noqa: FBT001
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMClassifier if classes else LGBMRegressor
    leaves = 2**forest.depth
    return kind(n_estimators=forest.trees, max_depth=forest.depth, num_leaves=leaves, verbose=-1)


def _xgboost(forest: Forest, classes: bool) -> Any:  # noqa: FBT001
    from xgboost import XGBClassifier, XGBRegressor

    kind = XGBClassifier if classes else XGBRegressor
    return kind(n_estimators=forest.trees, max_depth=forest.depth)


#: Of each library its module, and its model by a forest and whether it is of classes.
LIBRARIES: dict[str, tuple[str, Callable[[Forest, bool], Any]]] = {
    "RandomForest": ("sklearn", _random_forest),
    "LightGBM": ("lightgbm", _lightgbm),
    "XGBoost": ("xgboost", _xgboost),
}
