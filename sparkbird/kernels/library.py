"""LLVM's intermediate representation to functions that can be called; see `cache`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from sparkbird.kernels import cache

if TYPE_CHECKING:
    from sparkbird.kernels.machine import Machine

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
            version = ".".join(map(str, binding.llvm_version_info))
            path = cache.path(".o", module, machine.cpu, machine.features, version)
            known = cache.read(path)
            if known is None:
                _optimise(parsed, target, binding)
            self._engine.set_object_cache(partial(_keep, path), lambda _: known)
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


def _keep(path: Path | None, _: Any, content: bytes) -> None:
    cache.write(path, content)


def _optimise(module: Any, target: Any, binding: Any) -> None:
    options = binding.create_pipeline_tuning_options(speed_level=2)
    # Kernels are written in vectors, and unrolled as far as it pays.
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    passes = binding.create_pass_builder(target, options)
    passes.getModulePassManager().run(module, passes)
