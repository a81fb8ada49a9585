"""Kernels with what they are launched with, alone and in a row."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparkbird.kernels.cuda.driver import Device


@dataclass(frozen=True, eq=False)
class Launch:
    """A kernel, how many blocks of how many threads run it, and its arguments."""

    kernel: Any
    grid: tuple[int, int]
    block: tuple[int, int]
    shared: int
    arguments: Sequence[Any]
    places: Any

    @classmethod
    def of(
        cls,
        kernel: Any,
        grid: tuple[int, int],
        block: tuple[int, int],
        arguments: Sequence[tuple[int, Any]],
        shared: int,
    ) -> Launch:
        """Each argument is a value and its type of ctypes."""
        kept = [kind(value) for value, kind in arguments]
        places = (ctypes.c_void_p * len(kept))(*map(ctypes.addressof, kept))
        return cls(kernel, grid, block, shared, kept, places)


class LaunchGraph:
    """Launches that the driver knows as one."""

    def __init__(self, owner: Device, handle: Any) -> None:
        self.handle = handle
        weakref.finalize(self, owner._free, "cuGraphExecDestroy", handle).atexit = False  # noqa: SLF001
