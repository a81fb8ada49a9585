"""Models of Spark ML in folders elsewhere, fetched whole: by fsspec, or else by Spark itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from sparkbird.converters.sparkml.persisted import Stage, read
from sparkbird.converters.sparkml.saving import Folder
from sparkbird.errors import ArtifactError

#: What stands in front of a URL. One letter alone is a drive of Windows.
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


def is_url(path: str) -> bool:
    """Whether `path` tells where it is: ``s3://bucket/model``, ``dbfs:/models/one``."""
    return bool(_SCHEME.match(path))


def fetched(url: str) -> Stage:
    """The model that was saved to the folder `url`.

    What fsspec cannot read, Spark may: it has its own file systems and credentials.

    Raises
    ------
    ArtifactError
        There is no such folder, nothing here can read it, or it is damaged.
    """
    if urlsplit(url).scheme == "file":
        return read(url2pathname(urlsplit(url).path))
    folder = Folder()
    path = folder.path / "model"
    failures = []
    for files in _WAYS:
        try:
            for name, copy in files(url):
                target = path / name
                target.parent.mkdir(parents=True, exist_ok=True)
                copy(target)
            return replace(read(path), keeper=folder)
        except Exception as error:  # noqa: BLE001, PERF203  of each file system its own
            failures.append(f"{_NAMES[files]}: {error}".partition("\n")[0])
    raise ArtifactError(
        f"cannot read {url}: {'; '.join(failures)}",
        "install fsspec and what it needs for this kind of URL, compile where a Spark session "
        "can read it, or copy the folder to this machine.",
    )


#: A file: its path within the folder, and how it is copied to a path of this machine.
_Files = Iterator[tuple[str, Callable[[Path], Any]]]


def _by_fsspec(url: str) -> _Files:
    import fsspec

    files, root = fsspec.core.url_to_fs(url)
    found = files.find(root)
    if not found:
        raise FileNotFoundError("there is no file below it")
    for name in found:
        yield name.removeprefix(root).lstrip("/"), partial(_copied, files, name)


def _copied(files: Any, name: str, target: Path) -> None:
    files.get_file(name, str(target))


def _by_spark(url: str) -> _Files:
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is None:
        raise RuntimeError("there is no active session")
    root = urlsplit(url).path.rstrip("/") + "/"
    reader = session.read.format("binaryFile").option("recursiveFileLookup", "true")
    for row in reader.load(url).select("path", "content").toLocalIterator():
        yield row.path.partition(root)[2], partial(_put, bytes(row.content))


def _put(content: bytes, target: Path) -> None:
    target.write_bytes(content)


_NAMES = {_by_fsspec: "fsspec", _by_spark: "Spark"}
_WAYS = tuple(_NAMES)
