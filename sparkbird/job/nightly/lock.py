"""One run at a time on one output.

A lock is a file with a number; who creates the next number holds it, which only one can. One that
nobody renews any more is passed over.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, Thread

from sparkbird.errors import LockedError
from sparkbird.job.files import Files

FOLDER = "_sparkbird/lock"

#: How often a lock is renewed, and how old it is once nobody does, in seconds.
RENEWED, STALE = 10.0, 120.0


@dataclass(frozen=True)
class Lock:
    """A lock that is held."""

    files: Files
    number: int

    def require(self) -> None:
        """Refuse to go on if another run has passed this one over.

        Raises
        ------
        LockedError
            It has: this machine was asleep, or cut off, for longer than locks live.
        """
        if max(_numbers(self.files), default=0) != self.number:
            raise LockedError(
                f"another run has taken over {self.files.root}, as this one gave no sign for "
                f"{STALE:.0f} s",
                "nothing more was published; look at the other run.",
            )


@contextmanager
def held(files: Files, run_id: str) -> Iterator[Lock]:
    """The lock on `files`, renewed until it is left.

    Raises
    ------
    LockedError
        Another run has it.
    """
    known = _numbers(files)
    last = max(known, default=0)
    if last and (holder := _holder(files, last)):
        raise _refused(files, holder)
    own = _content(run_id)
    if not files.create(_name(last + 1), json.dumps(own)):
        raise _refused(files, _holder(files, last + 1) or {})
    for number in known:
        files.delete(_name(number))
    lock, ended = Lock(files, last + 1), Event()
    renewer = Thread(target=_renew, args=(lock, own, ended), daemon=True)
    renewer.start()
    try:
        yield lock
    finally:
        ended.set()
        renewer.join()
        if max(_numbers(files), default=0) == lock.number:
            files.write(_name(lock.number), json.dumps({**own, "held": False}))


def _content(run_id: str) -> dict[str, object]:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "run_id": run_id,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": started,
        "held": True,
    }


def _renew(lock: Lock, own: dict[str, object], ended: Event) -> None:
    while not ended.wait(RENEWED):
        if max(_numbers(lock.files), default=0) == lock.number:
            lock.files.write(_name(lock.number), json.dumps(own))


def _holder(files: Files, number: int) -> dict[str, object] | None:
    """Who holds a lock, if anybody does."""
    text = files.read(_name(number))
    if text is None:
        return None
    found: dict[str, object] = json.loads(text or '{"held": true}')  # it is being written
    if not found["held"] or files.age(_name(number)) > STALE or _is_dead(found):
        return None
    return found


def _is_dead(holder: dict[str, object]) -> bool:
    """Whether the process that holds it is known to be gone."""
    if holder.get("host") != socket.gethostname():
        return False
    try:
        os.kill(int(str(holder["pid"])), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # somebody else's
        return False
    return False


def _refused(files: Files, holder: dict[str, object]) -> LockedError:
    who = f"run {holder.get('run_id', 'unknown')} on {holder.get('host', 'some machine')}"
    return LockedError(
        f"{who} has been writing to {files.root} since {holder.get('started', 'just now')}",
        f"wait for it; a lock that nobody renews is passed over after {STALE:.0f} s.",
    )


def _numbers(files: Files) -> list[int]:
    return [int(name) for name in files.names(FOLDER) if name.isdigit()]


def _name(number: int) -> str:
    return f"{FOLDER}/{number:08}"
