"""`forest.cu` to kernels that can be launched, by NVRTC; what has been compiled is kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sparkbird.errors import ProviderError
from sparkbird.kernels import cache as kept
from sparkbird.kernels.cuda.driver import HINT, Device

SOURCE = files(__package__) / "forest.cu"

#: Kernels by their name, and what is defined for them alone.
KERNELS = {"rank": "RANKS", "full": "FULL", "sparse": "SPARSE", "add": "ADD"}


def kernel(device: Device, name: str, defined: Mapping[str, str | int]) -> Any:
    """The kernel of that name with what is `defined`, compiled once a process and device."""
    return _kernel(device, name, tuple(sorted(defined.items())))


@cache
def _kernel(device: Device, name: str, defined: tuple[tuple[str, str | int], ...]) -> Any:
    return device.load(compiled(name, dict(defined), device.architecture), name)


def compiled(name: str, defined: Mapping[str, str | int], architecture: str) -> bytes:
    """The machine code of a kernel for an architecture, as "sm_90".

    Raises
    ------
    ProviderError
        There is no NVRTC, or it does not know the architecture.
    """
    source = SOURCE.read_text(encoding="utf-8")
    macros = {KERNELS[name]: 1, **defined}
    options = [f"--gpu-architecture={architecture}", "--std=c++17", "--fmad=false"]
    options += [f"--define-macro={macro}={value}" for macro, value in macros.items()]
    nvrtc = _nvrtc()
    version = ".".join(map(str, _call(nvrtc, "nvrtcVersion")))
    path = kept.path(".cubin", source, *options, version)
    found = kept.read(path)
    if found is None:
        found = _compiled(nvrtc, source, options)
        kept.write(path, found)
    return found


def _nvrtc() -> Any:
    try:
        from cuda.bindings import nvrtc

        nvrtc.nvrtcVersion()
    except (ImportError, RuntimeError) as error:  # no package, or it finds no library
        raise ProviderError(f"kernels for a GPU cannot be compiled: {error}", HINT) from error
    return nvrtc


def _compiled(nvrtc: Any, source: str, options: list[str]) -> bytes:
    program = _call(nvrtc, "nvrtcCreateProgram", source.encode(), b"forest.cu", 0, [], [])[0]
    error, *_ = nvrtc.nvrtcCompileProgram(
        program, len(options), [option.encode() for option in options]
    )
    if error:
        log = b" " * _call(nvrtc, "nvrtcGetProgramLogSize", program)[0]
        _call(nvrtc, "nvrtcGetProgramLog", program, log)
        said = log.decode(errors="replace").strip("\0 \n") or str(error)
        raise ProviderError(f"NVRTC cannot compile a forest for this GPU: {said}", HINT)
    content = b" " * _call(nvrtc, "nvrtcGetCUBINSize", program)[0]
    _call(nvrtc, "nvrtcGetCUBIN", program, content)
    _call(nvrtc, "nvrtcDestroyProgram", program)
    return content


def _call(nvrtc: Any, name: str, *arguments: Any) -> list[Any]:
    error, *found = getattr(nvrtc, name)(*arguments)
    assert not error, f"{name}: {error}"
    return found
