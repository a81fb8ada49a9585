"""Iterations whose number depends on the rows, on each of them or on all rows of a batch.

N is the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable

import numpy as np

from sparkbird.graph import op, trace
from sparkbird.graph.op import Array, Body, Node, Tensor


def repeat(step: Callable[..., tuple[Array, ...]], *state: Array, limit: int) -> tuple[Array, ...]:
    """The state after ``active, *state = step(*state)``, done until no row is active.

    step
        Takes the state and gives `active` [N], a boolean for each row, and the new state, of
        the same types and shapes. It may use values from outside, and puts no checks.
    limit
        The most steps; at least 1 is done.

    A row that has come to rest goes on being computed as long as another is active: where
    its state must not move any more, `step` keeps it with `op.where`.
    """
    if not any(isinstance(value, Tensor) for value in state):
        for _ in range(limit):
            active, *rest = step(*state)
            state = tuple(rest)
            if not active.any():
                break
        return state
    before = tuple(map(op.tensor, state))
    arguments = tuple(map(_argument, before))
    active, *results = step(*arguments)
    # ONNX Runtime's CUDA provider sums no empty tensor: one more zero makes that none.
    counted = op.concat(op.cast(active, dtype=np.int32), np.zeros(1, np.int32), axis=0)
    proceed = op.sum(counted, axis=0) > np.int32(0)
    after = (proceed, *map(op.tensor, results))
    for old, new in zip(before, after[1:], strict=True):
        assert (old.dtype, old.shape) == (new.dtype, new.shape), f"{old} becomes {new}"
    outside = _outside(after, {argument.node for argument in arguments})
    body = Body((_argument(_LIMIT), _argument(_GOING), *arguments), outside, after)
    most = op.tensor(np.asarray(limit, np.int64))
    operands = (most, op.tensor(np.ones((), np.bool_)), *before, *outside)
    node = Node("Loop", operands, {"body": body}, results=len(before) + len(outside))
    return tuple(Tensor(node, value.dtype, value.shape, i) for i, value in enumerate(before))


def whole_batch(x: Array, remark: str) -> Array:
    """Which rows of `x` [N, F] count where a result depends on all rows of a batch: [N].

    Those that a check has refused do not. The runtime will not cut batches into runs, and
    `explain` gives the remark.
    """
    collected = trace.current()
    collected.whole = True
    collected.remarks.append(f"{trace.place()}: {remark}")
    counts = op.rows_of(np.True_, x)
    for _, failing in collected.checks if isinstance(x, Tensor) else ():
        counts = counts & ~failing
    return counts


#: What ONNX hands to each iteration before the state: its number, and whether it is to be done.
_LIMIT, _GOING = op.tensor(np.asarray(0, np.int64)), op.tensor(np.ones((), np.bool_))


def _argument(value: Tensor) -> Tensor:
    return Tensor(Node("Argument", attributes={"name": ""}), value.dtype, value.shape)


def _outside(results: tuple[Tensor, ...], arguments: Container[Node]) -> tuple[Tensor, ...]:
    """What `results` are made from and does not hang on `arguments`, constants left out."""
    hangs = _hanging(results, arguments)
    users = [operand for node, does in hangs.items() if does for operand in node.operands]
    return tuple(
        {
            (value.node, value.result): value
            for value in (*results, *users)
            if not hangs[value.node] and value.node.op != "Constant"
        }.values()
    )


def _hanging(results: Iterable[Tensor], arguments: Container[Node]) -> dict[Node, bool]:
    """For each node that `results` are made from: whether it hangs on one of `arguments`."""
    hangs: dict[Node, bool] = {}
    stack = [result.node for result in results]
    while stack:
        waiting = [o.node for o in stack[-1].operands if o.node not in hangs]
        if waiting:
            stack += waiting
            continue
        node = stack.pop()
        hangs[node] = node in arguments or any(hangs[o.node] for o in node.operands)
    return hangs
