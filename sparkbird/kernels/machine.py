"""The processor that kernels are made for, and how it looks up bytes in a table.

A lane looks up ``table[index]``. Three processors' ways to do that with many lanes at a time
are known here; whatever else there is has no kernels, and its forests stay in ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from sparkbird.kernels.emit import U8, Function, Value

#: Rows of a tile: what one instruction of AVX-512 compares.
TILE = 64

#: A register of 512 bits, in bytes: what tables are multiples of.
REGISTER = 64


@dataclass(frozen=True)
class Machine:
    """A processor as LLVM knows it.

    name      of the instructions that look up
    cpu       the name that tells how long its instructions take
    features  what it has, in LLVM's spelling
    lookup    (function, tables, index) -> the bytes at `index` [64] of a table of 64 bytes for
              each 64 in `tables`, which are vectors of 64 bytes
    permutes  whether it looks up whole registers of 512 bits in each other
    tiles     how many tiles are best walked down a tree together: what a level asks is read
              once for them, and there are registers for so many
    """

    name: str
    cpu: str
    features: str
    lookup: Callable[[Function, list[Value], Value], Value]
    permutes: bool
    tiles: int


def permuted(function: Function, tables: list[Value], index: Value) -> Value:
    """By AVX-512 VBMI, 64 or 128 entries at a time.

    Source: Intel 64 and IA-32 Architectures Software Developer's Manual, VPERMB and VPERMI2B.
    """
    kind = U8.of(TILE)
    if len(tables) == 1:
        return function.call("llvm.x86.avx512.permvar.qi.512", kind, tables[0], index)
    name = "llvm.x86.avx512.vpermi2var.qi.512"
    halves = [
        function.call(name, kind, tables[i], index, tables[i + 1]) for i in range(0, len(tables), 2)
    ]
    return halves[0] if len(halves) == 1 else (index > 127).select(halves[1], halves[0])


def shuffled(function: Function, tables: list[Value], index: Value) -> Value:
    """By AVX2, 16 entries at a time: those of other tables give 0.

    Source: Intel 64 and IA-32 Architectures Software Developer's Manual, VPSHUFB.
    """
    half = U8.of(TILE // 2)
    found = []
    for lanes in (range(32), range(32, 64)):
        own = index.shuffled(lanes)
        total = function.constant(0, half)
        for number in range(4 * len(tables)):
            sixteen = [number % 4 * 16 + lane % 16 for lane in range(32)]
            entries = tables[number // 4].shuffled(sixteen)
            own_or_none = function.call(
                "llvm.uadd.sat.v32i8", half, own ^ (16 * number), function.constant(112, half)
            )
            total = total | function.call("llvm.x86.avx2.pshuf.b", half, entries, own_or_none)
        found.append(total)
    return found[0].shuffled(range(64), found[1])


#: The ways from the best one down, and what a processor must have for each. Tiles of 1, 2 and 4
#: for 500 trees of depth 8 were measured to cost 2.0, 1.5 and 1.35 ns a row and tree by AVX-512
#: VBMI, 2.6, 2.35 and 2.8 by AVX2.
_WAYS = (
    ("AVX-512 VBMI", permuted, True, 4, ("avx512vbmi", "avx512bw", "avx512dq", "avx512vl")),
    ("AVX2", shuffled, False, 2, ("avx2",)),
)


@cache
def host() -> Machine | None:
    """The processor at work, if kernels can be made for it; llvmlite may be missing."""
    try:
        from llvmlite import binding
    except ImportError:
        return None
    return machine(binding.get_host_cpu_name(), dict(binding.get_host_cpu_features()))


def lacking() -> str:
    """Why there are no kernels, or nothing."""
    if host():
        return ""
    try:
        import llvmlite  # noqa: F401
    except ImportError:
        return "llvmlite is not installed: pip install 'sparkbird[fast]'"
    return "the processor has neither AVX2 nor AVX-512 VBMI"


def machine(cpu: str, features: dict[str, bool]) -> Machine | None:
    """The processor called `cpu` with these `features`, if kernels can be made for it."""
    for name, lookup, permutes, tiles, needed in _WAYS:
        if all(features.get(feature, False) for feature in needed):
            signs = ",".join(f"{'+' if has else '-'}{feature}" for feature, has in features.items())
            return Machine(name, cpu, signs, lookup, permutes, tiles)
    return None
