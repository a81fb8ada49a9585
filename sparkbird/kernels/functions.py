"""The kernels there are, each made when it is first needed in a process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from sparkbird.kernels import codes, levels, planes, ranks, walk
from sparkbird.kernels.library import Library
from sparkbird.kernels.machine import Machine

#: What writes each kernel, and how many arguments it takes.
_KERNELS: dict[str, tuple[Callable[..., None], int]] = {
    "codes": (codes.emit, 7),
    "levels": (levels.emit, 8),
    "levels_numbers": (levels.emit_numbers, 7),
    "planes": (planes.emit, 8),
    "planes_numbers": (planes.emit_numbers, 7),
    "ranks": (ranks.emit, 5),
    "walk": (walk.emit, 10),
    "walk_numbers": (walk.emit_numbers, 8),
}


@cache
def function(machine: Machine, kernel: str, *parameters: Any) -> Callable[..., None]:
    """The kernel of this name for a machine, with what it varies by."""
    from llvmlite import binding, ir

    emit, arguments = _KERNELS[kernel]
    module = ir.Module(kernel)
    module.triple = binding.get_default_triple()
    emit(module, kernel, machine, *parameters)
    return Library(str(module), machine).function(kernel, arguments)
