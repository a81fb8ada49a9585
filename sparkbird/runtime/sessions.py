"""One inference session for each model and worker process: a small cache, bounded in bytes."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sparkbird import artifact
from sparkbird.errors import ArtifactError, SparkbirdError
from sparkbird.runtime.providers import providers
from sparkbird.runtime.pruning import pruned
from sparkbird.schema import INVALID, Output, Schema

#: How much the artefacts of the sessions kept may weigh together, in bytes. The session
#: asked for last is kept whatever it weighs.
CAPACITY = int(os.environ.get("SPARKBIRD_CACHE_BYTES", str(2**30)))


@dataclass(frozen=True)
class Session:
    """Some outputs of a model, ready to run.

    run        feeds by name, more than needed or not, to the tensors of the outputs by name
    schema     of the whole model
    outputs    those that this session gives
    providers  of execution, the first choice first
    size       of what it was made from, in bytes
    """

    run: Callable[[Mapping[str, Any]], dict[str, Any]]
    schema: Schema
    outputs: tuple[Output, ...]
    providers: tuple[str, ...]
    size: int


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
            if key not in self._kept:
                self._kept[key] = open_session(content(), outputs, device=device)
                self.loads += 1
                self._evict()
            self._kept.move_to_end(key)
            return self._kept[key]

    def _evict(self) -> None:
        while len(self._kept) > 1 and sum(s.size for s in self._kept.values()) > self.capacity:
            self._kept.popitem(last=False)


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

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only: warnings would fill executors' logs
    wanted = providers(device, ort.get_available_providers())
    try:
        schema = artifact.schema(content)
        asked = [schema.output(name) for name in outputs]
        names = [tensor.name for output in asked for tensor in output.tensors]
        names += [INVALID] if schema.checks else []
        model = pruned(content, names)
        session = ort.InferenceSession(model, options, providers=wanted)
    except SparkbirdError:
        raise
    except Exception as error:  # ONNX Runtime's errors share no base class but this
        raise ArtifactError(
            f"ONNX Runtime {ort.__version__} cannot load the model: {error}",
            "sparkbird writes models for onnxruntime 1.21 and later.",
        ) from error
    taken = [info.name for info in session.get_inputs()]

    def run(feeds: Mapping[str, Any]) -> dict[str, Any]:
        results = session.run(names, {name: feeds[name] for name in taken})
        return dict(zip(names, results, strict=True))

    return Session(run, schema, tuple(asked), tuple(session.get_providers()), len(model))
