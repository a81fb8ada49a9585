"""How much a kernel does for a row, counted from what it reads; prices are elsewhere.

Instructions work on `TILE` rows at a time: a row has its share of them. T is the number of trees,
C of columns.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sparkbird.kernels.blocks import Blocks
from sparkbird.kernels.levels import HEAD, HEAD_LEVELS, LEVEL
from sparkbird.kernels.machine import REGISTER, TILE
from sparkbird.kernels.planes import GROUP
from sparkbird.kernels.program import Program
from sparkbird.kernels.variant import Variant
from sparkbird.kernels.walk import ARRIVED


def of_ranking(steps: Iterable[int], values: np.dtype, *, vectors: bool) -> dict[str, float]:
    """Of searches of so many `steps` [C] among thresholds of the type `values`.

    ranked       values
    vector_step  look-ups in two registers, by the bytes of a value
    scalar_step  steps of one value at a time
    """
    known = [*steps]
    if not vectors:
        return {"ranked": len(known), "scalar_step": sum(known)}
    return {"ranked": len(known), "vector_step": sum(_permutes(n, values) for n in known)}


def of_planes(blocks: Blocks, variant: Variant, width: int) -> dict[str, float]:
    """Of taking a row through all networks, the leaves of which add to `width` outputs.

    condition    ranks compared, by their bytes
    multiplexed  operations
    added        leaves' values, by registers of 8 bytes a row that their tables take
    stored       numbers of leaves
    """
    conditions = int(blocks.blocks["count"].sum()) * variant.ranks.size
    found = {"condition": conditions / GROUP, "multiplexed": blocks.operations / GROUP}
    if not variant.leaf.floating:
        return found | {"stored": float(blocks.blocks["size"].sum())}
    return found | {"added": blocks.registers * width * variant.leaf.size / 8}


def of_levels(program: Program, variant: Variant, width: int) -> dict[str, float]:
    """Of taking a row down all trees, the leaves of which add to `width` outputs.

    operation  instructions on the levels
    added      leaves' values, by registers of 8 bytes a row that their tables take
    walked     steps behind the levels, the mean over leaves
    fetched    values of leaves that are behind them
    stored     numbers of leaves
    """
    count, deep = float(len(program.starts) - 1), bool(program.nodes.size)
    found = {"operation": _instructions(program, variant) / TILE}
    if deep:
        found["walked"] = _steps_behind(program)
    if not variant.leaf.floating:
        return found | {"stored": count}
    if deep:
        return found | {"fetched": count * width}
    registers = _records(program, HEAD, program.starts[:-1])["registers"]
    return found | {"added": float(registers.sum()) * width * variant.leaf.size / 8}


def _permutes(steps: int, values: np.dtype) -> float:
    lanes = REGISTER // values.itemsize
    first = lanes.bit_length()
    later = sum(max(2, 2**step // lanes) / 2 for step in range(first, steps))
    return (first + later) * values.itemsize


def _instructions(program: Program, variant: Variant) -> float:
    """Those that take a tile down the levels of all trees, about."""
    wide = variant.ranks.size
    tables = 2 + wide + variant.missing
    at = program.starts[:-1]
    levels = _records(program, HEAD, at)["levels"].astype(np.int64)
    total, at = (7 * (wide + 1) + 10) * float(len(at)), at + HEAD.itemsize
    while (goes_on := levels > 0).any():
        at, levels = at[goes_on], levels[goes_on] - 1
        level = _records(program, LEVEL, at)
        registers = level["registers"].astype(np.int64)
        looked_up = np.where(registers < 4, registers, 5)  # of 4 in two halves, and one of these
        columns = level["columns"].astype(np.int64)
        total += float((tables * looked_up + columns * (wide + 1) + 4).sum())
        at = at + level["tables"] + registers * (REGISTER * tables)
    return total


def _steps_behind(program: Program) -> float:
    """The steps behind the levels, the mean over the leaves of a tree, summed over trees."""
    nodes = program.nodes
    inner = nodes["rank"] < ARRIVED
    first = nodes["child"][inner].astype(np.int64)
    is_root = np.ones(len(nodes), np.bool_)
    is_root[first] = is_root[first + 1] = False
    roots = level = np.flatnonzero(is_root)  # in the order of the trees, one behind the other
    depth, steps = np.zeros(len(nodes)), 0
    while level.size:
        depth[level] = steps
        parents = level[inner[level]]
        level = np.concatenate([nodes["child"][parents] + side for side in (0, 1)]).astype(np.int64)
        steps += 1
    leaves = np.flatnonzero(~inner)
    tree = np.searchsorted(roots, leaves, side="right") - 1
    levels = _records(program, HEAD, program.starts[:-1])["levels"]
    before = HEAD_LEVELS + levels.astype(np.float64)
    behind = 1 + np.maximum(depth[leaves] - before[tree], 0)
    return float((np.bincount(tree, behind) / np.bincount(tree)).sum())


def _records(program: Program, kind: np.dtype, at: np.ndarray) -> np.ndarray:
    """The records of a kind at some places of a program."""
    places = np.asarray(at)[:, None] + np.arange(kind.itemsize)
    found: np.ndarray = np.ascontiguousarray(program.content[places]).view(kind)[:, 0]
    return found
