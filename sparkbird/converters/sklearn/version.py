"""The version of scikit-learn, and of SciPy, in use: some arithmetic differs from one to the next.

Read and compared here: 1.4 to 1.9.
"""

from __future__ import annotations

import sys

import numpy as np

from sparkbird.errors import UnsupportedModelError

#: The oldest version whose arithmetic the converters follow.
OLDEST = (1, 4)


def installed(package: str = "sklearn") -> tuple[int, int]:
    """Major and minor version of the package that is loaded; the newest if none is."""
    module = sys.modules.get(package)
    if module is None:
        return (sys.maxsize, 0)
    major, minor = module.__version__.split(".")[:2]
    return int(major), int(minor)


def scalars_widen() -> bool:
    """Whether a float32 array and a float64 scalar make float64: since NumPy 2 (NEP 50)."""
    return int(np.__version__.partition(".")[0]) >= 2


def with_scalars(array: np.dtype, scalars: np.dtype) -> np.dtype:
    """The type that an array and scalars of another floating-point type make."""
    return np.result_type(array, scalars) if scalars_widen() else array


def require() -> None:
    """Refuse models of a scikit-learn that is older than the converters follow.

    Raises
    ------
    UnsupportedModelError
        It is.
    """
    if installed() < OLDEST:
        raise UnsupportedModelError(
            f"scikit-learn {'.'.join(map(str, installed()))} computes otherwise than "
            f"{'.'.join(map(str, OLDEST))} and later, whose arithmetic sparkbird follows",
            "upgrade scikit-learn on the driver; executors need none.",
        )
