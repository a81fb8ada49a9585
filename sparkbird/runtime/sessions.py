"""One inference session for each model and worker process: a small cache, bounded in bytes."""

from __future__ import annotations

import logging
import os
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from sparkbird import artifact
from sparkbird.dtypes import BY_NAME, STRING
from sparkbird.errors import ArtifactError, ProviderError, SparkbirdError
from sparkbird.kernels.cuda import driver
from sparkbird.kernels.cuda.driver import DeviceMemoryError
from sparkbird.runtime.forests import forest_nodes
from sparkbird.runtime.graph import Graph
from sparkbird.runtime.inference import Inference
from sparkbird.runtime.memory import trim
from sparkbird.runtime.part import Result
from sparkbird.runtime.pieces import Piece
from sparkbird.runtime.providers import KEPT_SHARE, ON_CPU, Gpu, Placement, placed
from sparkbird.schema import Output, Schema

_LOG = logging.getLogger(__name__)
T = TypeVar("T")

#: How much the sessions kept may weigh together, in bytes: each its artefact, and what ONNX
#: Runtime keeps for the values of runs (15 MiB, measured over a thousand small pipelines). The
#: session asked for last is kept whatever it weighs.
CAPACITY = int(os.environ.get("SPARKBIRD_CACHE_BYTES", str(2**30)))
RUNS_BYTES = 15 * 2**20


@dataclass(frozen=True)
class Session:
    """Some outputs of a model, ready to run.

    run        feeds by name, more than needed or not, to the tensors of the outputs by name
    run_into   the same, into contiguous arrays that are there already; see `Inference`
    results    what `run` gives
    schema     of the whole model
    outputs    those that this session gives
    providers  of execution, the first choice first
    size       of what it was made from, in bytes
    on_device  what it takes on a GPU beside rows, in bytes
    room       what all sessions may take there
    row_bytes  what the widest intermediate result takes, in bytes a row
    kernels    whether kernels run forests
    gpu        what they do so on, or all of the model; None is the CPU
    plan       how forests are run, in words
    process    that made it: a copy of that cannot use its GPU
    pieces     what there is to do for a batch
    """

    run: Callable[[Mapping[str, Any]], dict[str, Any]]
    run_into: Callable[[Mapping[str, Any], Mapping[str, Any]], None]
    results: tuple[Result, ...]
    schema: Schema
    outputs: tuple[Output, ...]
    providers: tuple[str, ...]
    size: int
    row_bytes: int
    kernels: bool
    gpu: Gpu | None
    on_device: int
    room: float
    process: int
    plan: str
    pieces: Callable[[], Iterator[Piece]]


class Sessions:
    """The sessions of this process by model and outputs, least recently used first.

    `loads` counts how often a session was made.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.loads = 0
        self._kept: OrderedDict[tuple[Any, ...], Session] = OrderedDict()
        self._lock = Lock()
        self._on_cpu: set[tuple[Any, ...]] = set()

    def get(
        self,
        digest: str,
        content: Callable[[], bytes],
        outputs: Sequence[str],
        *,
        device: str = "auto",
        gpu: Gpu | None = None,
    ) -> Session:
        """The session for these outputs of the model called `digest`; see `open_session`.

        `content` gives the bytes of the model if need be.
        """
        key = digest, tuple(outputs), device, gpu
        with self._lock:
            session = self._kept.get(key)
            if session is None or (session.gpu and session.process != os.getpid()):
                session = open_session(content(), outputs, device=device, gpu=gpu)
                self._kept[key] = session
                self.loads += 1
                self._evict()
            self._kept.move_to_end(key)
            return session

    def apply(
        self,
        compute: Callable[[Session], T],
        digest: str,
        content: Callable[[], bytes],
        outputs: Sequence[str],
        *,
        device: str = "auto",
        gpu: Gpu | None = None,
    ) -> T:
        """What `compute` gives with a session.

        If the device is "auto" and the `gpu` cannot be used, one line is logged, and from then
        on it is computed on the CPU.
        """
        key = digest, tuple(outputs), gpu
        if device == "auto" and gpu and key not in self._on_cpu:
            try:
                return compute(self.get(digest, content, outputs, device=device, gpu=gpu))
            except ProviderError as error:
                self._on_cpu.add(key)
                with self._lock:
                    self._kept.pop((digest, tuple(outputs), device, gpu), None)
                level = logging.WARNING if gpu.assigned or driver.seen() else logging.INFO
                _LOG.log(level, "sparkbird runs %s on the CPU: %s", ", ".join(outputs), error.fact)
        gpu = None if device == "auto" else gpu
        return compute(self.get(digest, content, outputs, device=device, gpu=gpu))

    def held(self, outputs: Sequence[str]) -> set[str]:
        """The digests of the models of which there is a session for these outputs."""
        with self._lock:
            return {key[0] for key in self._kept if key[1] == tuple(outputs)}

    def _evict(self) -> None:
        while len(self._kept) > 1 and self._is_full:
            self._kept.popitem(last=False)

    @property
    def _is_full(self) -> bool:
        """Whether sessions weigh too much, here or on a GPU."""
        kept = self._kept.values()
        if sum(session.size + RUNS_BYTES for session in kept) > self.capacity:
            return True
        taken = Counter[Gpu | None]()
        for session in kept:
            taken[session.gpu] += session.on_device
        return any(session.gpu and taken[session.gpu] > session.room for session in kept)


#: The sessions of this process.
SESSIONS = Sessions()


def open_session(
    content: bytes, outputs: Sequence[str], *, device: str = "auto", gpu: Gpu | None = None
) -> Session:
    """A session for the `outputs` of the artefact `content`, with one thread.

    One thread keeps sums in the order of the trees, and leaves the other cores to Spark's
    other tasks. `gpu` is the one to use, for "auto" if one is given.

    Raises
    ------
    ArtifactError
        ONNX Runtime cannot load the artefact.
    SchemaError
        The model has no such output.
    ProviderError
        The device is not there.
    """
    import onnxruntime as ort

    try:
        schema = artifact.schema(content)
        asked = tuple(schema.output(name) for name in outputs)
        results = _results(asked)
        placement = _placed(device, gpu, content, results)
        found = Inference(content, schema, results, placement)
    except SparkbirdError:
        raise
    except DeviceMemoryError as error:
        raise error.for_users("the model") from error
    except Exception as error:  # ONNX Runtime's errors share no base class but this
        raise ArtifactError(
            f"ONNX Runtime {ort.__version__} cannot load the model: {error}",
            "sparkbird writes models for onnxruntime 1.21 and later.",
        ) from error
    trim()
    return _session(found, schema, asked, placement)


def _placed(device: str, gpu: Gpu | None, content: bytes, results: Sequence[Result]) -> Placement:
    """Where these results are computed."""
    import onnxruntime as ort

    if device == "cuda":
        gpu = gpu or Gpu()
    if device in ("auto", "cpu") and not gpu:
        return ON_CPU
    names = dict.fromkeys(name for result in results for name in result.names)
    graph = Graph(Graph(content).part(names))
    forests = any(forest_nodes(graph))
    available = ort.get_available_providers()
    return placed(device, gpu, available, forests=forests, graph=graph)


def _session(
    found: Inference, schema: Schema, outputs: tuple[Output, ...], placement: Placement
) -> Session:
    return Session(
        run=found.run,
        run_into=found.run_into,
        results=found.results,
        schema=schema,
        outputs=outputs,
        providers=found.providers,
        size=found.size,
        row_bytes=max(map(found.row_bytes, outputs)),
        kernels=bool(found.plan.steps),
        gpu=placement.gpu,
        on_device=found.device_bytes,
        room=KEPT_SHARE * placement.room,
        process=os.getpid(),
        plan=str(found.plan),
        pieces=found.pieces,
    )


def _results(outputs: Sequence[Output]) -> tuple[Result, ...]:
    """What a graph gives for these outputs, each once."""
    found = {
        tensor.name: Result(
            tensor.name, BY_NAME[tensor.dtype].numpy, tensor.lengths, output.kind == "tokens"
        )
        for output in outputs
        if not output.is_sparse
        for tensor in output.tensors
    }
    for output in outputs:
        if output.is_sparse:
            names = tuple(tensor.name for tensor in output.tensors)
            found[output.name] = Result(output.name, STRING, entries=names)
    return tuple(found.values())
