"""One inference session for each model and worker process: a small cache, bounded in bytes."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sparkbird import artifact
from sparkbird.errors import ArtifactError
from sparkbird.runtime.providers import providers
from sparkbird.schema import Schema

#: How much the artefacts of the sessions kept may weigh together, in bytes. The session
#: asked for last is kept whatever it weighs.
CAPACITY = int(os.environ.get("SPARKBIRD_CACHE_BYTES", str(2**30)))


@dataclass(frozen=True)
class Session:
    """A model ready to run: ONNX Runtime's session, and what it takes and gives."""

    run: Callable[..., list[Any]]
    schema: Schema
    metadata: dict[str, str]
    providers: tuple[str, ...]
    size: int


class Sessions:
    """The sessions of this process by digest, least recently used first.

    `loads` counts how often a session was made, for tests and for `sparkbird doctor`.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.loads = 0
        self._kept: OrderedDict[tuple[str, str, int], Session] = OrderedDict()
        self._lock = Lock()

    def get(
        self, digest: str, content: Callable[[], bytes], *, device: str = "auto", threads: int = 1
    ) -> Session:
        """The session of the model called `digest`; `content` gives its bytes if need be."""
        key = digest, device, threads
        with self._lock:
            if key not in self._kept:
                self._kept[key] = open_session(content(), device=device, threads=threads)
                self.loads += 1
                self._evict()
            self._kept.move_to_end(key)
            return self._kept[key]

    def _evict(self) -> None:
        while len(self._kept) > 1 and sum(s.size for s in self._kept.values()) > self.capacity:
            self._kept.popitem(last=False)


#: The sessions of this process.
SESSIONS = Sessions()


def open_session(content: bytes, *, device: str = "auto", threads: int = 1) -> Session:
    """A session for the artefact `content`, with `threads` threads within an operator.

    One thread keeps sums in the order of the trees, and leaves the other cores to Spark's
    other tasks.

    Raises
    ------
    ArtifactError
        ONNX Runtime cannot load the artefact.
    ProviderError
        The device is not there.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only: warnings would fill executors' logs
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    wanted = providers(device, ort.get_available_providers())
    try:
        session = ort.InferenceSession(content, options, providers=wanted)
        metadata = dict(session.get_modelmeta().custom_metadata_map)
        schema = Schema.from_json(metadata[artifact.SCHEMA])
    except Exception as error:  # ONNX Runtime's errors share no base class but this
        raise ArtifactError(
            f"ONNX Runtime {ort.__version__} cannot load the model: {error}",
            "sparkbird writes models for onnxruntime 1.21 and later.",
        ) from error
    only_what_is_asked = ort.RunOptions()
    only_what_is_asked.only_execute_path_to_fetches = True

    def run(outputs: list[str], feeds: dict[str, Any]) -> list[Any]:
        results: list[Any] = session.run(outputs, feeds, only_what_is_asked)
        return results

    return Session(run, schema, metadata, tuple(session.get_providers()), len(content))
