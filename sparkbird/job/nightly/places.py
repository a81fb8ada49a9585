"""Where the rows of a date go: a folder, or a table of the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sparkbird.job.nightly import publish

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from sparkbird.job.config import Config, Output
    from sparkbird.job.files import Files


class Place(Protocol):
    """What drafts become part of."""

    def publish(self, date: str, folders: list[str]) -> None:
        """Let what is in these drafts be all there is of a date; it may be called again."""


def place(spark: SparkSession, files: Files, config: Config) -> Place:
    """The place that a configuration names."""
    assert config.date
    if config.output.path is not None:
        return Folder(files, config.date.column)
    return Table(spark, files, config.output, config.date.column)


@dataclass(frozen=True)
class Folder:
    """A folder of files, with one for each date."""

    files: Files
    column: str

    def publish(self, date: str, folders: list[str]) -> None:
        """Move the files of the drafts to their place."""
        publish.publish(self.files, date, f"{self.column}={date}", folders)


@dataclass(frozen=True)
class Table:
    """A table of the catalog, partitioned by date.

    ``INSERT OVERWRITE`` replaces a partition, also by nothing. Delta Lake and Iceberg do so whole
    or not at all; of files, a partition that was replaced by half is replaced again by the run
    that follows.
    """

    spark: SparkSession
    files: Files
    output: Output
    column: str

    def publish(self, date: str, folders: list[str]) -> None:
        """Replace the partition of the date by the rows of the drafts."""
        publish.put_aside(self.files, date, f"{self.column}={date}", folders)
        drafts = [f"{publish.drafts(date)}/{folder}/{publish.PUBLISHED}" for folder in folders]
        rows = self._read([draft for draft in drafts if self.files.exists(draft)])
        name = str(self.output.table)
        if not self.spark.catalog.tableExists(name):
            if rows is None:
                return
            self._create(name, rows, date)
        self._overwrite(name, rows, date)

    def _read(self, drafts: list[str]) -> DataFrame | None:
        paths = [f"{self.files.root}/{draft}" for draft in drafts]
        frames = [self.spark.read.format(self.output.draft_format).load(path) for path in paths]
        found = None
        for frame in frames:  # each has its own folders of partitions
            found = frame if found is None else found.unionByName(frame)
        return found

    def _create(self, name: str, rows: DataFrame, date: str) -> None:
        from pyspark.sql import functions as F  # noqa: N812

        empty = rows.limit(0).withColumn(self.column, F.to_date(F.lit(date)))
        writer = empty.write.format(self.output.format).options(**self.output.options)
        writer.partitionBy(self.column, *self.output.partition_by).saveAsTable(name)

    def _overwrite(self, name: str, rows: DataFrame | None, date: str) -> None:
        from sparkbird.spark.columns import quoted

        table = self.spark.table(name)
        if rows is None:  # and not the table itself, which is written to
            rows = self.spark.createDataFrame([], table.schema)
        own = [quoted(column) for column in table.columns if column != self.column]
        view = "sparkbird_scored"
        rows.select(*own).createOrReplaceTempView(view)
        others = "".join(f", {quoted(other)}" for other in self.output.partition_by)
        try:
            self.spark.sql(
                f"INSERT OVERWRITE TABLE {name} "  # noqa: S608  of the configuration's own names
                f"PARTITION ({quoted(self.column)} = DATE '{date}'{others}) "
                f"SELECT {', '.join(own)} FROM {view}"
            )
        finally:
            self.spark.catalog.dropTempView(view)
