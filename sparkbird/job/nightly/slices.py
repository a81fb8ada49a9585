"""The files of a date, and how they are scored part by part."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sparkbird.errors import ConfigError
from sparkbird.job.source import first_line

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import DataFrame, SparkSession

    from sparkbird.job.config import Config, Input
    from sparkbird.job.files import Files

#: Where a path or a condition says the date.
PLACE = "{date}"

#: The column that says which file a row is from; Spark has no slashes of an absent host in it.
_FILE = "_metadata.file_path"


@dataclass(frozen=True)
class Slice:
    """Some rows of a date: those of these files, or all of them.

    name  the same whenever the files are
    """

    name: str
    files: tuple[str, ...] = ()


def input_of(config: Config, day: date) -> Input:
    """The input of a date."""
    place = config.input
    if place.path is None or PLACE not in place.path:
        return place
    return place.model_copy(update={"path": place.path.replace(PLACE, day.isoformat())})


def require_dates(config: Config) -> None:
    """Refuse a configuration that does not tell which rows are of a date.

    Raises
    ------
    ConfigError
        Neither the path nor a condition does.
    """
    assert config.date
    if PLACE not in (config.input.path or "") + (config.date.rows or ""):
        raise ConfigError(
            "nothing tells which rows are of a date",
            f"write {PLACE} in input.path, or in date.rows: \"day = DATE '{PLACE}'\".",
        )


def of_date(rows: DataFrame, config: Config, day: date) -> DataFrame:
    """Those of the rows that are of a date.

    Raises
    ------
    ConfigError
        The condition is none of these rows.
    """
    from pyspark.errors import PySparkException

    assert config.date
    if config.date.rows is None:
        return rows
    try:
        found = rows.where(config.date.rows.replace(PLACE, day.isoformat()))
        _ = found.schema  # Spark Connect looks only when asked
    except PySparkException as error:
        raise ConfigError(
            f"date.rows: {first_line(error)}", f"the table has {', '.join(rows.columns)}."
        ) from error
    return found


def stamps(table: DataFrame, files: Files) -> dict[str, str]:
    """The files of a table, and what changes when they do; none if it has no files."""
    return {uri: files.stamp(uri) for uri in sorted(table.inputFiles())}


def digest(*parts: object) -> str:
    """What tells these parts from others."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def sliced(uris: Sequence[str], count: int) -> list[Slice]:
    """The files in at most so many slices, in order; one slice of all rows if there are none."""
    if not uris:
        return [Slice("all")]
    count = min(count, len(uris))
    bounds = [len(uris) * i // count for i in range(count + 1)]
    groups = [tuple(uris[bounds[i] : bounds[i + 1]]) for i in range(count)]
    return [Slice(digest(group), group) for group in groups]


def tells_files(table: DataFrame, place: Input) -> bool:
    """Whether Spark can say which file each row of the table at `place` is from."""
    from pyspark.errors import PySparkException

    if place.has_files:
        return True
    log = logging.getLogger("DataFrameQueryContextLogger")  # Spark's, of the question that follows
    silent, log.disabled = log.disabled, True
    try:
        _ = table.select(_FILE).schema
    except PySparkException:  # a view, or a table of a package that does not say
        return False
    finally:
        log.disabled = silent
    return True


def rows_of(spark: SparkSession, table: DataFrame, place: Input, part: Slice) -> DataFrame:
    """The rows of a slice of the table at `place`."""
    from pyspark.sql import functions as F  # noqa: N812

    if not part.files:
        return table
    if not place.has_files:
        # Of what a table of Delta Lake has, its files alone do not tell which rows are deleted.
        names = {*part.files} | {uri.replace("file:///", "file:/", 1) for uri in part.files}
        return table.where(F.col(_FILE).isin(sorted(names)))
    reader = spark.read.format(place.format).options(**place.options).schema(table.schema)
    paths = [unquote(uri) for uri in part.files]
    return reader.option("basePath", str(place.path)).load(paths)
