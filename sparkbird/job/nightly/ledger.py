"""What has become of each date: a file a date, which a run that follows can read.

scoring     parts that are done are named, with what was counted in them
publishing  all is scored and checked; its files are on their way to their place
done        they are there
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from sparkbird.errors import OutputError
from sparkbird.job.files import Files
from sparkbird.job.record import Date

FOLDER = "_sparkbird/ledger"


class Part(BaseModel):
    """A part of a date that is scored.

    folder   of its rows, below that of the date's drafts
    counted  by name, what adds up over parts
    """

    model_config = ConfigDict(frozen=True)

    folder: str
    seconds: float
    counted: dict[str, float]


class Entry(BaseModel):
    """A date.

    work    digest of what is done: the model, its columns and outputs
    rows    digest of what it is done to: the files of the date, empty if that cannot be known
    columns of the input, by name their types
    record  of the date, once it is published or about to be
    """

    model_config = ConfigDict(frozen=True)

    date: str
    run_id: str
    state: Literal["scoring", "publishing", "done"]
    model: str
    version: str
    work: str
    rows: str
    columns: dict[str, str] = {}
    parts: dict[str, Part] = {}
    record: Date | None = None

    def same(self, other: Entry) -> bool:
        """Whether both are the same work on the same rows, as far as can be known."""
        return (self.work, self.rows) == (other.work, other.rows)


class Ledger:
    """The entries below a folder."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def read(self, date: str) -> Entry | None:
        """The entry of a date.

        Raises
        ------
        OutputError
            It is no entry: somebody else wrote it.
        """
        text = self._files.read(_name(date))
        try:
            return Entry.model_validate_json(text) if text is not None else None
        except ValidationError as error:
            raise OutputError(
                f"{self._files.root}/{_name(date)} is not what a run writes",
                "delete it, and the date is scored anew.",
            ) from error

    def write(self, entry: Entry) -> None:
        """Let that be the entry of its date."""
        self._files.write(_name(entry.date), entry.model_dump_json(indent=1))

    def entries(self) -> Iterator[Entry]:
        """All of them, by date."""
        for name in self._files.names(FOLDER):
            if name.endswith(".json") and (entry := self.read(name.removesuffix(".json"))):
                yield entry

    def before(self, date: str) -> Entry | None:
        """The entry of the last date before that which was published."""
        names = [name for name in self._files.names(FOLDER) if name < f"{date}.json"]
        read = (self.read(name.removesuffix(".json")) for name in reversed(names))
        return next((one for one in read if one and one.state == "done"), None)


def _name(date: str) -> str:
    return f"{FOLDER}/{date}.json"
