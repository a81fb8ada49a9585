"""One file of many models, and how it comes to the executors: once each, on their disks.

Workers read models from there one by one, so that thousands take no memory; a broadcast would
be read whole by each of them. Spark Connect brings files as well, and of any size.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.utils import is_remote

from sparkbird.runtime import bundle
from sparkbird.runtime.bundle import Key

#: What has been given to Spark: the application, or the session of Spark Connect, and the file.
_given: set[tuple[str, str]] = set()


def written(models: Iterable[tuple[Key | None, str, bytes]]) -> Path:
    """A file of `models`, named after its content, which is there until this process ends."""
    folder = _folder()
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as draft:
        path = Path(draft.name)
    try:
        digest = bundle.write(path, models)
    except BaseException:
        path.unlink()
        raise
    return path.replace(folder / f"sparkbird-{digest}.models")


def share(path: Path) -> None:
    """See that the present application, or session of Spark Connect, has the file."""
    session = SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()
    give, name = _by_connect(session) if is_remote() else _by_context(session)
    if (name, path.name) not in _given:
        give(path)
        _given.add((name, path.name))


def _by_connect(session: Any) -> Any:
    return lambda path: session.addArtifacts(str(path), file=True), session.session_id


def _by_context(session: Any) -> Any:
    context = session.sparkContext
    return lambda path: context.addFile(str(path)), context.applicationId


@cache
def _folder() -> Path:
    return Path(_temporary().name)


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    """Executors fetch files from it while the application runs."""
    return tempfile.TemporaryDirectory(prefix="sparkbird-")
