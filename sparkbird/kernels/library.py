"""LLVM's intermediate representation to functions that can be called.

What has been compiled is kept on disk, so that of several worker processes one compiles it.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparkbird.kernels.machine import Machine

#: Where compiled kernels are kept; "" keeps none.
CACHE = "SPARKBIRD_KERNEL_CACHE"

_lock = Lock()


class Library:
    """The functions of `module`, LLVM's text, compiled for `machine`.

    They take 64-bit whole numbers and addresses; as a `kind` of arguments that ctypes knows, all
    may be addresses of Python's objects. While one of them is at work, other threads go on.
    """

    def __init__(self, module: str, machine: Machine) -> None:
        from llvmlite import binding

        with _lock:  # LLVM is made ready once
            binding.initialize_native_target()
            binding.initialize_native_asmprinter()
            parsed = binding.parse_assembly(module)
            target = binding.Target.from_default_triple().create_target_machine(
                cpu=machine.cpu, features=machine.features, opt=3, codemodel="jitdefault"
            )
            self._engine = binding.create_mcjit_compiler(parsed, target)
            path = _path(module, machine, binding)
            known = _read(path)
            if known is None:
                _optimise(parsed, target, binding)
            self._engine.set_object_cache(lambda _, content: _write(path, content), lambda _: known)
            self._engine.finalize_object()

    def function(
        self, name: str, arguments: int, kind: type[Any] = ctypes.c_uint64
    ) -> Callable[..., None]:
        """The function called `name`, which takes so many arguments of one kind."""
        kinds = [kind] * arguments
        address = self._engine.get_function_address(name)
        function = ctypes.CFUNCTYPE(None, *kinds)(address)
        function.library = self  # type: ignore[attr-defined]  # whose end is that of its code
        return function


def _optimise(module: Any, target: Any, binding: Any) -> None:
    options = binding.create_pipeline_tuning_options(speed_level=2)
    # Kernels are written in vectors, and unrolled as far as it pays.
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    passes = binding.create_pass_builder(target, options)
    passes.getModulePassManager().run(module, passes)


def _path(module: str, machine: Machine, binding: Any) -> Path | None:
    """The file that holds `module` compiled, if any may."""
    folder = os.environ.get(CACHE)
    if folder is None:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = str(Path(base) / "sparkbird" / "kernels")
    if not folder:
        return None
    version = ".".join(map(str, binding.llvm_version_info))
    parts: Sequence[str] = (module, machine.cpu, machine.features, version)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return Path(folder) / f"{digest}.o"


def _read(path: Path | None) -> bytes | None:
    """The file's content, if this user wrote it: it is code that will be run."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            own = not hasattr(os, "getuid") or os.fstat(file.fileno()).st_uid == os.getuid()
            return file.read() if own else None
    except OSError:
        return None


def _write(path: Path | None, content: bytes) -> None:
    """Keep `content` if that is possible: whole or not at all."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    except OSError:
        return  # the folder is full, or not ours: the next process compiles again
