"""A file of bytes at a path as Spark understands it: on HDFS, in a bucket, on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pyspark.sql.utils import is_remote

from sparkbird.errors import ArtifactError, OutputError


def written(session: Any, path: str, content: bytes) -> None:
    """Write `content` to `path`, and see that Spark finds it there.

    Raises
    ------
    OutputError
        It cannot be written, or Spark does not find it.
    """
    failures = []
    for way in _ON_CONNECT if is_remote() else (_by_hadoop,):
        try:
            way(session, path, content)
            if read(session, path) == content:
                return
            failures.append("Spark does not find there what was written")
        except Exception as error:  # noqa: BLE001, PERF203  of Java, gRPC or Python
            failures.append(str(error).partition("\n")[0])
    raise OutputError(
        f"cannot write {path}: {'; '.join(failures)}",
        "choose a folder that Spark can write to; on Spark Connect one that this machine can, too.",
    )


def read(session: Any, path: str) -> bytes:
    """The bytes of the file `path`.

    Raises
    ------
    ArtifactError
        There is no such file.
    """
    try:
        (row,) = session.read.format("binaryFile").load(path).select("content").collect()
    except Exception as error:
        raise ArtifactError(
            f"cannot read {path}: {error}".partition("\n")[0], "give the path of a saved model."
        ) from error
    return bytes(row.content)


def _by_hadoop(session: Any, path: str, content: bytes) -> None:
    place = session._jvm.org.apache.hadoop.fs.Path(path)  # noqa: SLF001  there is no other door
    conf = session._jsparkSession.sessionState().newHadoopConf()  # noqa: SLF001
    stream = place.getFileSystem(conf).create(place)
    try:
        stream.write(bytearray(content))
    finally:
        stream.close()


def _by_session(session: Any, path: str, content: bytes) -> None:
    """The server puts it on its default file system, unless that is a disk."""
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "file"
        local.write_bytes(content)
        session.copyFromLocalToFs(str(local), path)


def _by_python(_: Any, path: str, content: bytes) -> None:
    url = urlsplit(path)
    if url.scheme not in ("", "file"):
        raise OSError(f"Spark Connect writes no files to {url.scheme}:")
    local = Path(url2pathname(url.path))
    local.parent.mkdir(parents=True, exist_ok=True)
    local.write_bytes(content)


def _by_fsspec(_: Any, path: str, content: bytes) -> None:
    import fsspec

    with fsspec.open(path, "wb") as file:
        file.write(content)


_ON_CONNECT: tuple[Callable[[Any, str, bytes], None], ...] = (
    _by_session,
    _by_python,
    _by_fsspec,
)
