"""How much memory Spark's Python workers take."""

from __future__ import annotations

from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil
    from typing_extensions import Self

_LOOK = 0.05  # seconds


class PeakMemory:
    """Watches the Python workers below this process while the context lasts.

    peak   the most bytes that one worker held in physical memory (RSS), 0 if none was seen
    """

    def __init__(self) -> None:
        self.peak = 0
        self._ended = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        while not self._ended.wait(_LOOK):
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                    if _is_worker(process):
                        self.peak = max(self.peak, process.memory_info().rss)


def _is_worker(process: psutil.Process) -> bool:
    """A child of Spark's daemon, which forks them; without a daemon, a ``pyspark.worker``."""
    parent = process.parent()
    own, above = (" ".join(p.cmdline()) if p else "" for p in (process, parent))
    return "pyspark.worker" in own or ("pyspark.daemon" in own and "pyspark.daemon" in above)
