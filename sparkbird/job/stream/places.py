"""The folders of a stream: that they are fit for it, and what a killed run has left in them.

A stream goes on from its checkpoint. Output without its checkpoint would be written over, or
Spark would take new batches for those that it has written, and leave their rows out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparkbird.errors import OutputError
from sparkbird.job.files import Files, files
from sparkbird.job.target import Folder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkbird.job.stream.config import Config

#: Where Spark's sink of files notes which of them count.
_LOG = "_spark_metadata"

#: A file that makes the folder of batches, so that drafts of them grow in it.
_MARK = "_FORM"

#: The folder of a batch, and those that it grows in.
BATCH = "batch="
_DRAFT = f".{BATCH}"


def prepare(spark: SparkSession, config: Config) -> None:
    """See that nothing stands in the way of the stream, and remove what a killed run has left.

    Raises
    ------
    OutputError
        Two of the folders lie within one another, or what was written there is of another stream.
    """
    output = config.output.path
    places = {"input.path": config.input.path, "checkpoint": config.checkpoint}
    if output is not None:
        places["output.path"] = output
    _refuse_overlap({name: Folder(spark, path).uri for name, path in places.items()})
    if output is None:
        return
    there = files(spark, output)
    found = there.names("")
    for draft in found:
        if draft.startswith(_DRAFT):
            there.delete(draft)
    _refuse_others(config, there, started=files(spark, config.checkpoint).exists("offsets"))
    if config.form == "batches":
        there.write(_MARK, f"{config.form}\n")


def _refuse_overlap(places: dict[str, str]) -> None:
    for name, uri in places.items():
        for other, beside in places.items():
            if name != other and f"{uri}/".startswith(f"{beside}/"):
                raise OutputError(
                    f"{name} {uri} lies within {other} {beside}", "give each a folder of its own."
                )


def _refuse_others(config: Config, there: Files, *, started: bool) -> None:
    """What is in the output folder must come from this stream, in this form."""
    found = [name for name in there.names("") if not name.lstrip(".").startswith(_MARK)]
    written = found != [_LOG] or bool(there.names(_LOG))  # Spark makes that folder before all else
    if found and written and not started:
        raise OutputError(
            f"{config.output} is there already, and {config.checkpoint} is not the checkpoint "
            "of a stream that wrote it",
            "give the checkpoint that it was written with, or another output.path and checkpoint.",
        )
    in_batches = any(name.startswith(BATCH) for name in found)
    if (_LOG in found and config.form == "batches") or (in_batches and config.form == "columns"):
        other = "columns" if config.form == "batches" else "batches"
        raise OutputError(
            f"{config.output} was written in the form {other!r}, and form is {config.form!r}",
            f"set form to {other!r}, or give another output.path and checkpoint.",
        )
