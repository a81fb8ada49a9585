"""Small files and folders below one folder: on this machine, or on what Hadoop knows.

Names are relative to that folder, with slashes.
"""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlparse

from sparkbird.errors import OutputError
from sparkbird.job.source import first_line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Files(Protocol):
    """What a job does with files of its own."""

    root: str

    def read(self, name: str) -> str | None:
        """What a file says, None if there is none."""

    def write(self, name: str, text: str) -> None:
        """Let a file say that: before or after, nothing in between."""

    def create(self, name: str, text: str) -> bool:
        """The same if there is no such file; one of several who try at once succeeds."""

    def names(self, folder: str) -> list[str]:
        """What is in a folder, in alphabetical order; nothing if there is none."""

    def below(self, folder: str) -> list[str]:
        """The files in a folder and in those within it, as names in it."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file or folder."""

    def move(self, name: str, to: str) -> None:
        """Move a file or a folder to a place where nothing is."""

    def delete(self, name: str) -> None:
        """Leave nothing there."""

    def age(self, name: str) -> float:
        """How many seconds ago a file was written; infinite if there is none."""

    def stamp(self, uri: str) -> str:
        """What changes when a file anywhere does: its size and the time of its last change."""


def files(spark: SparkSession, path: str) -> Files:
    """The files below `path`, which need not be there yet.

    Raises
    ------
    OutputError
        It is not on this machine, and Spark Connect has no other door to it.
    """
    scheme = urlparse(path).scheme
    if scheme == "file" or (not scheme and _is_local(spark)):
        return Local(path)
    return Hadoop(spark, path)


def _is_local(spark: SparkSession) -> bool:
    """Whether paths without a scheme are on this machine."""
    try:
        default = spark._jsparkSession.sessionState().newHadoopConf().get("fs.defaultFS")  # noqa: SLF001
    except AttributeError:  # Spark Connect
        return True
    return bool(default is None or default.startswith("file:"))


class Local:
    """Files of this machine."""

    def __init__(self, path: str) -> None:
        self._folder = _local(path).absolute()
        self.root = str(self._folder)

    def read(self, name: str) -> str | None:  # noqa: D102  as Files
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> None:  # noqa: D102
        place = self._folder / name
        draft = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
        place.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)

    def create(self, name: str, text: str) -> bool:  # noqa: D102
        place = self._folder / name
        draft = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
        place.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        try:
            place.hardlink_to(draft)  # with its content, or not at all
        except FileExistsError:
            return False
        except OSError:  # a file system without links: the file is empty for a moment
            return _created(place, text)
        finally:
            draft.unlink()
        return True

    def names(self, folder: str) -> list[str]:  # noqa: D102
        place = self._folder / folder
        return sorted(child.name for child in place.iterdir()) if place.is_dir() else []

    def below(self, folder: str) -> list[str]:  # noqa: D102
        place = self._folder / folder
        found = (path for path in place.rglob("*") if path.is_file())
        return sorted(path.relative_to(place).as_posix() for path in found)

    def exists(self, name: str) -> bool:  # noqa: D102
        return (self._folder / name).exists()

    def move(self, name: str, to: str) -> None:  # noqa: D102
        place = self._folder / to
        if place.exists():
            raise OutputError(f"{place} is in the way", "look who wrote it.")
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            (self._folder / name).rename(place)
        except OSError as error:
            raise OutputError(f"cannot move {name} to {place}: {error.strerror}") from error

    def delete(self, name: str) -> None:  # noqa: D102
        place = self._folder / name
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)

    def age(self, name: str) -> float:  # noqa: D102
        import time

        try:
            return time.time() - (self._folder / name).stat().st_mtime
        except FileNotFoundError:
            return float("inf")

    def stamp(self, uri: str) -> str:  # noqa: D102
        status = _local(uri).stat()
        return f"{status.st_size} {status.st_mtime_ns}"


def _created(place: Path, text: str) -> bool:
    try:
        with place.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def _local(uri: str) -> Path:
    parsed = urlparse(uri)
    return Path(unquote(parsed.path) if parsed.scheme == "file" else uri)


class Hadoop:
    """Files of any file system that Hadoop knows, with Spark's credentials."""

    def __init__(self, spark: SparkSession, path: str) -> None:
        try:
            self._jvm: Any = spark._jvm  # noqa: SLF001  Hadoop's files have no other door
            self._gateway: Any = spark.sparkContext._gateway  # noqa: SLF001
            configuration = spark._jsparkSession.sessionState().newHadoopConf()  # noqa: SLF001
        except (AttributeError, NotImplementedError) as error:
            raise OutputError(
                f"{path} cannot be reached through Spark Connect",
                "write to a folder that this machine sees, as /Volumes/... on Databricks.",
            ) from error
        self._hadoop = self._jvm.org.apache.hadoop.fs
        path_ = self._hadoop.Path(path)
        self._files = path_.getFileSystem(configuration)
        self._context = self._hadoop.FileContext.getFileContext(path_.toUri(), configuration)
        self.root = str(self._files.makeQualified(path_).toString()).rstrip("/")

    def read(self, name: str) -> str | None:  # noqa: D102
        if not self.exists(name):
            return None
        stream = self._files.open(self._path(name))
        try:
            content: bytes = self._jvm.org.apache.commons.io.IOUtils.toByteArray(stream)
        finally:
            stream.close()
        return bytes(content).decode()

    def write(self, name: str, text: str) -> None:  # noqa: D102
        draft = f"{name}.{uuid.uuid4().hex}.part"
        self._put(draft, text, overwrite=True)
        rename = getattr(self._hadoop, "Options$Rename")
        options = self._gateway.new_array(rename, 1)
        options[0] = rename.OVERWRITE
        self._context.rename(self._path(draft), self._path(name), options)

    def create(self, name: str, text: str) -> bool:  # noqa: D102
        from py4j.protocol import Py4JJavaError

        try:
            self._put(name, text, overwrite=False)
        except Py4JJavaError:
            if self.exists(name):
                return False
            raise
        return True

    def names(self, folder: str) -> list[str]:  # noqa: D102
        if not self.exists(folder):
            return []
        statuses = self._files.listStatus(self._path(folder))
        return sorted(status.getPath().getName() for status in statuses)

    def below(self, folder: str) -> list[str]:  # noqa: D102
        found = []
        if self.exists(folder):
            walk = self._files.listFiles(self._path(folder), True)  # noqa: FBT003
            while walk.hasNext():
                found.append(walk.next().getPath().toString())
        start = len(f"{self.root}/{folder}/")
        return sorted(uri[start:] for uri in found)

    def exists(self, name: str) -> bool:  # noqa: D102
        return bool(self._files.exists(self._path(name)))

    def move(self, name: str, to: str) -> None:  # noqa: D102
        from py4j.protocol import Py4JJavaError

        place = self._path(to)
        if self._files.exists(place):
            raise OutputError(f"{place.toString()} is in the way", "look who wrote it.")
        self._files.mkdirs(place.getParent())
        try:
            done = self._files.rename(self._path(name), place)
        except Py4JJavaError as error:
            raise OutputError(f"cannot move {name} to {to}: {first_line(error)}") from error
        if not done:
            raise OutputError(f"cannot move {name} to {to}", "look at its permissions.")

    def delete(self, name: str) -> None:  # noqa: D102
        self._files.delete(self._path(name), True)  # noqa: FBT003  py4j has no keywords

    def age(self, name: str) -> float:  # noqa: D102
        if not self.exists(name):
            return float("inf")
        changed = self._files.getFileStatus(self._path(name)).getModificationTime()
        return float(self._jvm.java.lang.System.currentTimeMillis() - changed) / 1e3

    def stamp(self, uri: str) -> str:  # noqa: D102
        status = self._files.getFileStatus(self._hadoop.Path(uri))
        return f"{status.getLen()} {status.getModificationTime()}"

    def _path(self, name: str) -> Any:
        return self._hadoop.Path(f"{self.root}/{name}")

    def _put(self, name: str, text: str, *, overwrite: bool) -> None:
        stream = self._files.create(self._path(name), overwrite)
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()
