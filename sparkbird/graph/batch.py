"""Linear models of the same rows as one matrix product.

ONNX Runtime takes as long for one column of weights as for sixteen. Each result is the sum of
the same products in the same order, whichever columns are beside it.

N is the number of rows, F of columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sparkbird.graph.rewrite import Rewriting, constant_of
from sparkbird.graph.tensor import Node, Tensor, ordered, tensor

#: Only these: of float32, processors may take a single column another way than several.
_DTYPE = np.dtype(np.float64)


def batched(outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same outputs, products with the same matrix [N, F] taken together."""
    alike: dict[tuple[Node, int], list[Node]] = {}
    for node in ordered(outputs.values()):
        if _is_linear(node):
            alike.setdefault((node.operands[0].node, node.operands[0].result), []).append(node)
    group = {node: nodes for nodes in alike.values() if len(nodes) > 1 for node in nodes}
    graph, ready = Rewriting(), dict[Node, Tensor]()
    for node in ordered(outputs.values()):
        if node in group and group[node][0] is node:
            x = graph.value(node.operands[0])
            ready.update(zip(group[node], _together(x, group[node]), strict=True))
        graph.put(node, ready[node] if node in ready else graph.renewed(node))
    return {name: graph.value(output) for name, output in outputs.items()}


def _is_linear(node: Node) -> bool:
    """Whether a node is `x` by constants, to which constants [K] are added."""
    if node.op != "Gemm" or node.attributes or len(node.operands) != 3:
        return False
    weights, added = map(constant_of, node.operands[1:])
    if node.operands[0].dtype != _DTYPE:
        return False
    return weights is not None and added is not None and added.shape == weights.shape[1:]


def _together(x: Tensor, nodes: Sequence[Node]) -> list[Tensor]:
    """The result of each of the `nodes`, from one product of `x`."""
    weights, added = (
        np.concatenate([n.operands[i].node.attributes["value"] for n in nodes], axis=-1)
        for i in (1, 2)
    )
    widths = [n.operands[1].shape[1] for n in nodes]
    place = nodes[0].place
    product = Node("Gemm", (x, tensor(weights), tensor(added)), place=place)
    whole = Tensor(product, x.dtype, (x.shape[0], int(weights.shape[1])))
    lengths = tensor(np.array(widths, np.int64))
    split = Node("Split", (whole, lengths), {"axis": 1}, results=len(nodes), place=place)
    return [Tensor(split, x.dtype, (x.shape[0], width), i) for i, width in enumerate(widths)]
