"""What has been compiled is kept on disk, so that of several worker processes one compiles it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

#: Where compiled kernels are kept; "" keeps none.
CACHE = "SPARKBIRD_KERNEL_CACHE"


def path(suffix: str, *parts: str) -> Path | None:
    """The file that holds what is compiled from `parts`, if any may."""
    folder = os.environ.get(CACHE)
    if folder is None:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = str(Path(base) / "sparkbird" / "kernels")
    if not folder:
        return None
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return Path(folder) / f"{digest}{suffix}"


def read(path: Path | None) -> bytes | None:
    """The file's content, if this user wrote it: it is code that will be run."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            own = not hasattr(os, "getuid") or os.fstat(file.fileno()).st_uid == os.getuid()
            return file.read() if own else None
    except OSError:
        return None


def write(path: Path | None, content: bytes) -> None:
    """Keep `content` if that is possible: whole or not at all."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    except OSError:
        return  # the folder is full, or not ours: the next process compiles again
