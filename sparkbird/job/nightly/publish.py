"""Drafts of a date to their place: all of them or none, whenever the process dies.

Every step can be done again. The rows that were there before stay until the new ones are beside
them; between two renames there are none, which readers on a file system may see. Delta Lake and
Iceberg have no such moment.
"""

from __future__ import annotations

from sparkbird.job.files import Files

DRAFTS, QUARANTINE = "_sparkbird/drafts", "_quarantine"

#: The folders of a part's draft: rows to publish, and rows to put aside.
PUBLISHED, ASIDE = "aside=false", "aside=true"


def drafts(date: str) -> str:
    """The folder of a date's drafts."""
    return f"{DRAFTS}/{date}"


def publish(files: Files, date: str, place: str, parts: list[str]) -> None:
    """Let what `parts` hold, folders below the date's drafts, be all that is at `place`.

    The drafts are to be deleted once it is noted that this is done, and not before.

    Raises
    ------
    OutputError
        Files cannot be moved; the same call may be made again.
    """
    _move(files, date, PUBLISHED, place, parts)
    put_aside(files, date, place, parts)


def put_aside(files: Files, date: str, place: str, parts: list[str]) -> None:
    """The same for the rows that are put aside."""
    _move(files, date, ASIDE, f"{QUARANTINE}/{place}", parts)


def _move(files: Files, date: str, kind: str, target: str, parts: list[str]) -> None:
    own = drafts(date)
    merged, old = f"{own}/merged/{kind}", f"{own}/old/{kind}"
    if not files.exists(f"{own}/ready/{kind}"):
        for part in parts:
            _merge(files, f"{own}/{part}/{kind}", merged)
        files.write(f"{own}/ready/{kind}", "")
    _replace(files, merged, target, old)


def _replace(files: Files, new: str, target: str, old: str) -> None:
    """Let `new` be at `target`, or nothing if there is no `new`; what was there goes to `old`."""
    gone = f"{old}.gone"
    if not files.exists(gone):
        if files.exists(target):
            files.move(target, old)
        files.write(gone, "")
    if files.exists(new):
        files.move(new, target)


def _merge(files: Files, folder: str, into: str) -> None:
    """Move all files below a folder to the same places below another; their names are unique."""
    for name in files.below(folder):
        if not name.rpartition("/")[2].startswith(("_", ".")):
            files.move(f"{folder}/{name}", f"{into}/{name}")
