"""The part of a model that some of its outputs need.

ONNX Runtime computes every node of a graph, whatever outputs are asked for; a forest with
its leaves would be walked twice for its predictions.
"""

from __future__ import annotations

from collections.abc import Collection

from sparkbird import wire

#: Field numbers of onnx.proto: ModelProto, GraphProto, and the names of what a graph holds.
_GRAPH = 7
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT = 1, 2
_NAME = {_INITIALIZER: 8, _INPUT: 1, _OUTPUT: 1}


def pruned(model: bytes, outputs: Collection[str]) -> bytes:
    """`model`, a serialised ModelProto, without what `outputs` do not need."""
    return b"".join(
        wire.delimited(_GRAPH, _pruned(field.content, outputs))
        if field.number == _GRAPH
        else field.whole
        for field in wire.fields(model)
    )


def _pruned(graph: memoryview, outputs: Collection[str]) -> bytes:
    """A graph's nodes stand in an order in which each follows those that it needs."""
    fields = [*wire.fields(graph)]
    needed = set(outputs)
    kept = set()
    for position in range(len(fields) - 1, -1, -1):
        field = fields[position]
        if field.number == _NODE and needed & {*wire.texts(field.content, _NODE_OUTPUT)}:
            needed |= {*wire.texts(field.content, _NODE_INPUT)}
            kept.add(position)
        elif field.number not in (_NODE, *_NAME):
            kept.add(position)
    for position, field in enumerate(fields):
        if field.number in _NAME:
            (name,) = wire.texts(field.content, _NAME[field.number])
            if name in (outputs if field.number == _OUTPUT else needed):
                kept.add(position)
    return b"".join(fields[position].whole for position in sorted(kept))
