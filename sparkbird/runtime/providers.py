"""Which execution provider of ONNX Runtime a model runs on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from sparkbird.errors import ProviderError

Device: TypeAlias = Literal["auto", "cpu", "cuda"]

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

#: What each device asks of ONNX Runtime, the first provider first. ``auto`` is the CPU as
#: long as nothing says that a GPU would be faster.
PROVIDERS: dict[str, tuple[str, ...]] = {"auto": (CPU,), "cpu": (CPU,), "cuda": (CUDA, CPU)}


def providers(device: str, available: Sequence[str]) -> list[str]:
    """The providers for `device`, all of them among the `available` ones.

    Raises
    ------
    ProviderError
        There is no such device, or this build of onnxruntime cannot use it.
    """
    if device not in PROVIDERS:
        raise ProviderError(f"unknown device {device!r}", f"choose from {', '.join(PROVIDERS)}.")
    if missing := [name for name in PROVIDERS[device] if name not in available]:
        raise ProviderError(
            f"this onnxruntime has no {missing[0]}; it has {', '.join(available)}",
            "install sparkbird[gpu] in place of sparkbird[cpu], or use device='cpu'.",
        )
    return list(PROVIDERS[device])
