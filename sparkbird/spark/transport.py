"""How the bytes of a model come to the executors.

A broadcast brings them to each executor once. Spark Connect, which Databricks' serverless
and standard clusters speak, has none: there they travel within the function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import SparkSession
from pyspark.sql.utils import is_remote

from sparkbird.errors import ModelTooLargeError
from sparkbird.runtime.worker import Content, Inline

if TYPE_CHECKING:
    from sparkbird.model import CompiledModel

#: The most bytes that travel within functions: Spark Connect sends them with every plan, and
#: takes messages of at most 128 MiB.
INLINE = 64 * 2**20

#: What has been broadcast, by application and digest.
_broadcasts: dict[tuple[str, str], Any] = {}


def destination() -> str:
    """The name of the Spark application that functions made now are for."""
    return "connect" if is_remote() else str(_context().applicationId)


def content(model: CompiledModel) -> Content:
    """The bytes of `model` for the functions of the present application.

    Raises
    ------
    ModelTooLargeError
        There is no broadcast, and the model is too large to do without.
    """
    artefact = model.to_bytes()
    if is_remote():
        if len(artefact) > INLINE:
            raise ModelTooLargeError(
                f"the model has {len(artefact):,} bytes, and Spark Connect takes {INLINE:,}",
                "ask for fewer outputs, fit a smaller model, or use a cluster in dedicated "
                "access mode, where models are broadcast.",
            )
        return Inline(artefact)
    return _broadcast(artefact, model.digest)


def _broadcast(artefact: bytes, digest: str) -> Content:
    application = destination()
    for key in [key for key in _broadcasts if key[0] != application]:
        del _broadcasts[key]  # an application that has ended
    if (application, digest) not in _broadcasts:
        _broadcasts[application, digest] = _context().broadcast(artefact)
    shared: Content = _broadcasts[application, digest]
    return shared


def _context() -> Any:
    session = SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()
    return session.sparkContext
