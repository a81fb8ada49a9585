"""What is installed, on this machine or on those of a cluster, and whether it will do."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparkbird.doctor.cluster import probe as probe
    from sparkbird.doctor.local import findings as findings

_HOME = {"findings": "sparkbird.doctor.local", "probe": "sparkbird.doctor.cluster"}

__all__ = ["findings", "probe"]


def __getattr__(name: str) -> object:
    if home := _HOME.get(name):
        return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
