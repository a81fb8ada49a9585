"""What a model runs on: a GPU or the CPU for its forests, an execution provider for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sparkbird.errors import ProviderError
from sparkbird.kernels.cuda import driver, slots
from sparkbird.runtime.graph import Graph, Node

Device: TypeAlias = Literal["auto", "cpu", "cuda"]

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

#: What can be asked for.
DEVICES = ("auto", "cpu", "cuda")

#: A provider of ONNX Runtime, with its options.
Provider: TypeAlias = tuple[str, dict[str, str]]
_ON_CPU: Provider = (CPU, {})

#: Operators whose work grows faster than what they read: what a GPU is for, forests aside.
PRODUCTS = frozenset({"MatMul", "FusedMatMul", "Gemm", "FusedGemm", "Einsum", "Conv"})

#: What ONNX Runtime computes otherwise on a GPU than on a CPU, and how (1.31, compared in
#: tests/test_op.py).
UNLIKE = {
    "ScatterND": "adds numbers of two and four bytes alone",
    "Sign": "is 0 of NaN",
    "TopK": "finds places that there are none of where numbers are infinite",
}

#: A product with a constant of fewer numbers is done before its rows were copied to a GPU.
LEAST_NUMBERS = 2**12

#: The part of a process's memory on a GPU that the sessions which are kept may take: rows have the
#: rest.
KEPT_SHARE = 0.5

#: How long a process waits for a turn on a GPU that others use, in seconds: Spark ends idle
#: workers after one minute.
WAIT_SECONDS = 600.0


@dataclass(frozen=True)
class Gpu:
    """A GPU for a process.

    number    of those that ``CUDA_VISIBLE_DEVICES`` leaves
    share     of its memory that the process may take
    assigned  whether Spark has assigned it to the task
    """

    number: int = 0
    share: float = 1.0
    assigned: bool = False


@dataclass(frozen=True)
class Placement:
    """Where a model runs.

    gpu       where its forests run, or all of it if it has none; None is the CPU
    forests   whether it has some that run there
    products  whether ONNX Runtime can use the GPU as well, for large products of matrices
    """

    gpu: Gpu | None = None
    forests: bool = False
    products: bool = False

    @property
    def room(self) -> float:
        """What it may take of the GPU's memory."""
        return self.gpu.share * driver.device(self.gpu.number).total_bytes if self.gpu else 0.0

    def providers(self, content: bytes) -> list[Provider]:
        """What ONNX Runtime runs a part of the model by, the first choice first.

        Beside forests only products are worth the way to a GPU and back.
        """
        if not self.gpu or not self.products or (self.forests and not large(Graph(content))):
            return [_ON_CPU]
        options = {
            "device_id": str(self.gpu.number),
            "gpu_mem_limit": str(int(self.room)),
            "arena_extend_strategy": "kSameAsRequested",
            "use_tf32": "0",  # 10 bits of a float32 would do for images
        }
        return [(CUDA, options), _ON_CPU]


#: Where a model runs if nothing else is said.
ON_CPU = Placement()


def large(graph: Graph) -> list[Node]:
    """The nodes of a graph that a GPU is worth its rows' way for: products of large matrices."""
    return [node for node in graph.nodes if node.operator in PRODUCTS and _is_large(graph, node)]


def refuse_unlike(graph: Graph) -> None:
    """Refuse a graph whose results would be others on a GPU.

    Raises
    ------
    ProviderError
        It has such an operator.
    """
    for node in graph.nodes:
        if node.operator in UNLIKE:
            raise ProviderError(
                f"the model cannot run on a GPU: {node.operator} {UNLIKE[node.operator]} there, "
                f"by the {CUDA} of ONNX Runtime",
                "use device='cpu', or 'auto', which uses a GPU for forests alone.",
            )


def _is_large(graph: Graph, node: Node) -> bool:
    sizes = [known.size for name in node.inputs if (known := graph.constant(name)) is not None]
    return not sizes or max(sizes) >= LEAST_NUMBERS


def placed(
    device: str, gpu: Gpu | None, available: Sequence[str], *, forests: bool, graph: Graph
) -> Placement:
    """Where a graph runs on `device`; `forests` tells whether it has some.

    With ``cuda`` its forests run on the GPU by kernels, and large products of matrices by ONNX
    Runtime; what else stands before and after forests stays on the CPU. A graph without forests
    is run by ONNX Runtime as a whole. ``auto`` is a `gpu` that is given for forests alone, whose
    sums are those of the CPU to the last bit: predictions do not hang on what an executor has.

    Raises
    ------
    ProviderError
        There is no such device, or nothing here can use it.
    """
    if device not in DEVICES:
        raise ProviderError(f"unknown device {device!r}", f"choose from {', '.join(DEVICES)}.")
    if device == "cpu" or gpu is None or (device == "auto" and not forests):
        return ON_CPU
    products = device == "cuda" and (not forests or bool(large(graph)))
    if products and CUDA not in available:
        what = f"{large(graph)[0].operator} before or after forests" if forests else "the model"
        raise ProviderError(
            f"{what} cannot run on a GPU: this onnxruntime has no {CUDA}; "
            f"it has {', '.join(available)}",
            "install onnxruntime-gpu in place of onnxruntime, as sparkbird[gpu] in place of "
            "sparkbird[cpu] does, or use device='cpu'.",
        )
    slots.take(driver.device(gpu.number), wait=WAIT_SECONDS if device == "cuda" else 0.0)
    return Placement(gpu, forests, products)
