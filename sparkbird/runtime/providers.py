"""What a model runs on: a GPU or the CPU for its forests, an execution provider for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sparkbird.errors import ProviderError
from sparkbird.kernels.cuda import driver

Device: TypeAlias = Literal["auto", "cpu", "cuda"]

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

#: What each device asks of ONNX Runtime, the first provider first. ``auto`` is the CPU as
#: long as nothing says that a GPU would be faster.
PROVIDERS: dict[str, tuple[str, ...]] = {"auto": (CPU,), "cpu": (CPU,), "cuda": (CUDA, CPU)}


@dataclass(frozen=True)
class Placement:
    """Where a model runs.

    forests    whether its forests run on a GPU, by kernels
    providers  of ONNX Runtime for all else, the first choice first
    """

    forests: bool
    providers: tuple[str, ...]


#: Where a model runs if nothing else is said.
ON_CPU = Placement(forests=False, providers=(CPU,))


def placed(device: str, available: Sequence[str], *, forests: bool) -> Placement:
    """Where a model runs on `device`; `forests` tells whether it has some.

    With ``cuda`` all forests run on the GPU, whatever ONNX Runtime is `available`. What stands
    before and after them stays on the CPU: it is folded into them as a rule, or little beside
    them, and each value on its way would be copied. A model without forests runs in ONNX Runtime,
    which must be able to use a GPU.

    Raises
    ------
    ProviderError
        There is no such device, or nothing here can use it.
    """
    if device == "cuda" and forests:
        driver.device()
        return Placement(forests=True, providers=(CPU,))
    return Placement(forests=False, providers=tuple(providers(device, available)))


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
