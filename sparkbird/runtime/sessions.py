"""One inference session for each model and worker process: a small cache, bounded in bytes."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sparkbird import artifact
from sparkbird.dtypes import BY_NAME, STRING
from sparkbird.errors import ArtifactError, SparkbirdError
from sparkbird.runtime.forests import forest_nodes
from sparkbird.runtime.graph import Graph
from sparkbird.runtime.inference import Inference
from sparkbird.runtime.memory import trim
from sparkbird.runtime.part import Result
from sparkbird.runtime.pieces import Piece
from sparkbird.runtime.providers import Placement, placed
from sparkbird.schema import Output, Schema

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
    row_bytes  what the widest intermediate result takes, in bytes a row
    kernels    whether kernels run forests
    on_gpu     whether they do so on a GPU
    plan       how forests are run, in words
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
    on_gpu: bool
    plan: str
    pieces: Callable[[], Iterator[Piece]]


class Sessions:
    """The sessions of this process by model and outputs, least recently used first.

    `loads` counts how often a session was made.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.loads = 0
        self._kept: OrderedDict[tuple[str, tuple[str, ...], str], Session] = OrderedDict()
        self._lock = Lock()

    def get(
        self,
        digest: str,
        content: Callable[[], bytes],
        outputs: Sequence[str],
        *,
        device: str = "auto",
    ) -> Session:
        """The session for these outputs of the model called `digest`.

        `content` gives the bytes of the model if need be.
        """
        key = digest, tuple(outputs), device
        with self._lock:
            session = self._kept.get(key)
            if session is None:
                session = self._kept[key] = open_session(content(), outputs, device=device)
                self.loads += 1
                self._evict()
            self._kept.move_to_end(key)
            return session

    def _evict(self) -> None:
        while len(self._kept) > 1 and self._weight > self.capacity:
            self._kept.popitem(last=False)

    @property
    def _weight(self) -> int:
        return sum(session.size + RUNS_BYTES for session in self._kept.values())


#: The sessions of this process.
SESSIONS = Sessions()


def open_session(content: bytes, outputs: Sequence[str], *, device: str = "auto") -> Session:
    """A session for the `outputs` of the artefact `content`, with one thread.

    One thread keeps sums in the order of the trees, and leaves the other cores to Spark's
    other tasks.

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
        placement = _placed(device, content, results)
        found = Inference(content, schema, results, placement)
    except SparkbirdError:
        raise
    except Exception as error:  # ONNX Runtime's errors share no base class but this
        raise ArtifactError(
            f"ONNX Runtime {ort.__version__} cannot load the model: {error}",
            "sparkbird writes models for onnxruntime 1.21 and later.",
        ) from error
    trim()
    return _session(found, schema, asked, on_gpu=placement.forests)


def _session(
    found: Inference, schema: Schema, outputs: tuple[Output, ...], *, on_gpu: bool
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
        on_gpu=on_gpu,
        plan=str(found.plan),
        pieces=found.pieces,
    )


def _placed(device: str, content: bytes, results: Sequence[Result]) -> Placement:
    """Where these results are computed."""
    import onnxruntime as ort

    names = dict.fromkeys(name for result in results for name in result.names)
    graph = Graph(Graph(content).part(names)) if device == "cuda" else None
    forests = graph is not None and any(forest_nodes(graph))
    return placed(device, ort.get_available_providers(), forests=forests)


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
