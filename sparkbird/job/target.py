"""The table that a job writes: whole, or not there.

Files are written to a hidden folder beside the target and moved when all are there. Spark's
own committer does less: `overwrite` deletes the old table before the first new row is
computed, and a job that fails has then lost the one without having made the other. Moving is
a rename, which is instant on local disks and HDFS and a copy on object stores. A catalog
table is written as its format writes it: Delta Lake and Iceberg commit all or nothing.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sparkbird.errors import OutputError
from sparkbird.job.source import first_line

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.readwriter import DataFrameWriter

    from sparkbird.job.config import Input, Output


def check(frame: DataFrame, place: Output, source: Input) -> None:
    """Nothing stands in the way of writing `frame`, read from `source`, to `place`.

    Raises
    ------
    OutputError
        Something does.
    """
    check_partitions(frame, place)
    if place.table is not None:
        _check_table(frame.sparkSession, place, source)
        return
    folder = Folder(frame.sparkSession, str(place.path))
    if source.path is not None:
        refuse_overlap(folder.uri, Folder(frame.sparkSession, source.path).uri)
    if folder.exists() and place.mode == "error":
        raise OutputError(
            f"{place} is there already", "set output.mode to 'overwrite' or 'append'."
        )
    if folder.exists() and place.mode == "append":
        _check_append(frame, place, folder)
    folder.check_parent()


def check_partitions(frame: DataFrame, place: Output) -> None:
    """The columns that become folders are there, and are not all.

    Raises
    ------
    OutputError
        They are not.
    """
    unknown = [name for name in place.partition_by if name not in frame.columns]
    if unknown:
        raise OutputError(
            f"output.partition_by names {', '.join(map(repr, unknown))}, which is not written",
            f"the columns written are {', '.join(frame.columns)}.",
        )
    if len(place.partition_by) == len(frame.columns):
        raise OutputError("output.partition_by names every column", "leave one for the files.")


def write(frame: DataFrame, place: Output) -> None:
    """`frame` written to `place`; if anything fails, `place` is as it was before."""
    if place.table is not None:
        _writer(frame, place).mode(place.mode).saveAsTable(place.table)
        return
    target = Folder(frame.sparkSession, str(place.path))
    draft = target.draft()
    try:
        _writer(frame, place).save(draft.uri)
        if place.mode == "append" and target.exists():
            draft.merge_into(target)
        else:
            draft.replace(target, may_exist=place.mode != "error")
    finally:
        draft.delete()


def _writer(frame: DataFrame, place: Output) -> DataFrameWriter:
    writer = frame.write.format(place.format).options(**place.options)
    return writer.partitionBy(*place.partition_by) if place.partition_by else writer


def _check_table(spark: SparkSession, place: Output, source: Input) -> None:
    if place.table == source.table:
        raise OutputError(f"{place} is also what is read", "write to another table.")
    if place.mode == "error" and spark.catalog.tableExists(str(place.table)):
        raise OutputError(
            f"{place} is there already", "set output.mode to 'overwrite' or 'append'."
        )


def refuse_overlap(target: str, source: str) -> None:
    """Two folders, by their whole addresses, are not within one another.

    Raises
    ------
    OutputError
        They are.
    """
    if f"{target}/".startswith(f"{source}/") or f"{source}/".startswith(f"{target}/"):
        raise OutputError(
            f"output.path {target} and input.path {source} lie within one another",
            "write to a folder of its own.",
        )


def _check_append(frame: DataFrame, place: Output, folder: Folder) -> None:
    """What is appended has the columns and the folders of what is there."""
    if folder.partition_keys() != {*place.partition_by[:1]}:
        raise OutputError(
            f"{place} is partitioned by {', '.join(folder.partition_keys()) or 'nothing'}, "
            f"and output.partition_by is {', '.join(place.partition_by) or 'nothing'}",
            "partition alike, or write to another folder.",
        )
    if place.format not in ("parquet", "orc"):
        return
    there = frame.sparkSession.read.format(place.format).load(str(place.path)).dtypes
    as_files = [(n, t) for n, t in there if n not in place.partition_by]
    if as_files != [(n, t) for n, t in frame.dtypes if n not in place.partition_by]:
        raise OutputError(
            f"{place} has the columns {_listed(there)}, and {_listed(frame.dtypes)} would be "
            "appended",
            "write the same columns, or to another folder.",
        )


def _listed(dtypes: list[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {dtype}" for name, dtype in dtypes)


class Folder:
    """A folder of any file system that Hadoop knows."""

    def __init__(self, spark: SparkSession, path: str) -> None:
        try:
            self._jvm: Any = spark._jvm  # noqa: SLF001  Hadoop's files have no other door
            configuration = spark._jsparkSession.sessionState().newHadoopConf()  # noqa: SLF001
        except AttributeError as error:
            raise OutputError(
                "files cannot be moved into place through Spark Connect",
                "write to a table of the catalog: output.table.",
            ) from error
        self._spark = spark
        path_ = self._jvm.org.apache.hadoop.fs.Path(path)
        self._files = path_.getFileSystem(configuration)
        #: Hadoop's Path of it, with scheme and host.
        self.path: Any = self._files.makeQualified(path_)

    @property
    def uri(self) -> str:
        """The whole address."""
        return str(self.path.toString()).rstrip("/")

    def exists(self) -> bool:
        """Whether there is something, be it a folder or a file."""
        return bool(self._files.exists(self.path))

    def delete(self) -> None:
        """Leave nothing."""
        self._files.delete(self.path, True)  # noqa: FBT003  py4j has no keywords

    def draft(self) -> Folder:
        """A hidden folder on the same file system, next to this one or where it would grow."""
        name = f".{self.path.getName()}.{uuid.uuid4().hex[:12]}.part"
        return Folder(self._spark, f"{self._ground().toString().rstrip('/')}/{name}")

    def check_parent(self) -> None:
        """The folder that this one would grow in is one."""
        ground = self._ground()
        if not self._files.getFileStatus(ground).isDirectory():
            raise OutputError(
                f"{ground.toString()} is a file, and {self.uri} would lie in it",
                "choose another output.path.",
            )

    def partition_keys(self) -> set[str]:
        """The keys of the subfolders ``key=value``."""
        statuses = [*self._files.listStatus(self.path)]
        names = [status.getPath().getName() for status in statuses if status.isDirectory()]
        return {name.partition("=")[0] for name in names if "=" in name}

    def replace(self, target: Folder, *, may_exist: bool) -> None:
        """Become `target`; what was there comes back if that fails."""
        if not target.exists():
            self._rename(self.path, target.path)
            return
        if not may_exist:
            raise OutputError(f"{target.uri} was written in the meantime", "look who did.")
        old = target.draft()
        self._rename(target.path, old.path)
        try:
            self._rename(self.path, target.path)
        except BaseException:
            self._rename(old.path, target.path)
            raise
        old.delete()

    def merge_into(self, target: Folder) -> None:
        """Move all files to their places in `target`, or none if that fails.

        Spark's names of files are unique, so nothing can be in the way.
        """
        moved: list[Any] = []
        try:
            for path in self._data_files():
                inside = path.toString()[len(self.uri) + 1 :]
                place = self._jvm.org.apache.hadoop.fs.Path(f"{target.uri}/{inside}")
                self._rename(path, place)
                moved.append(place)
        except BaseException:
            for place in moved:
                self._files.delete(place, False)  # noqa: FBT003
            raise

    def _data_files(self) -> list[Any]:
        walk = self._files.listFiles(self.path, True)  # noqa: FBT003
        paths = []
        while walk.hasNext():
            paths.append(walk.next().getPath())
        return [path for path in paths if not path.getName().startswith(("_", "."))]

    def _rename(self, source: Any, place: Any) -> None:
        from py4j.protocol import Py4JJavaError

        try:
            self._files.mkdirs(place.getParent())
            done = self._files.rename(source, place)
        except Py4JJavaError as error:
            raise OutputError(f"cannot move files to {place}: {first_line(error)}") from error
        if not done:
            raise OutputError(f"cannot move files to {place}", "look at its permissions.")

    def _ground(self) -> Any:
        """The nearest folder above that is there."""
        above = self.path.getParent() or self.path
        while not self._files.exists(above) and above.getParent() is not None:
            above = above.getParent()
        return above
