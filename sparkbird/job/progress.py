"""How far Spark has come, for whoever looks on: a terminal, a log file or a notebook."""

from __future__ import annotations

import html
import math
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from rich.console import Console

#: Seconds between two looks at Spark, and between two lines in a log.
LOOK = 0.5
LINE = 30.0


@dataclass(frozen=True)
class Tasks:
    """How many of the tasks that Spark knows of are done, and for how many seconds they ran.

    rows  read by them, 0 if Spark does not say
    """

    done: int
    known: int
    seconds: float
    rows: int = 0

    @property
    def left(self) -> float:
        """About how many seconds are left, if tasks take as long as those that are done."""
        return self.seconds * (self.known - self.done) / self.done if self.done else math.inf

    def __str__(self) -> str:
        left = f", about {self.left:.0f} s left" if 0 < self.left < math.inf else ""
        return f"{self.done} of {self.known} tasks{self.read}, {self.seconds:.0f} s{left}"

    @property
    def read(self) -> str:
        """The rows and how many they are a second, to be appended; nothing if there are none."""
        if not self.rows or not self.seconds:
            return ""
        return f", {self.rows:,} rows, {self.rows / self.seconds:,.0f} rows/s"


class Display(Protocol):
    """What shows progress."""

    def show(self, tasks: Tasks) -> None:
        """Show how far it has come."""

    def close(self) -> None:
        """Leave the place tidy; nothing is shown afterwards."""


@contextmanager
def progress(
    spark: SparkSession, what: str, console: Console, *, look: float = LOOK
) -> Iterator[None]:
    """Shows how many tasks of the jobs started within are done, until it is left."""
    display = display_for(console)(what, console)
    ended = Event()
    watcher = Thread(target=_watch, args=(_tracker(spark), display, ended, look), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        display.close()


def display_for(console: Console) -> Callable[[str, Console], Display]:
    """The display that suits: a notebook's, a terminal's, or lines for a log."""
    if in_notebook():
        return Notebook
    return Bar if console.is_terminal else Lines


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this process; IPython is not imported to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


class Bar:
    """A bar that moves, for a terminal."""

    def __init__(self, what: str, console: Console) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            "tasks{task.fields[read]}",
            TimeElapsedColumn(),
            "left:",
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task(what, total=None, read="")
        self._bar.start()

    def show(self, tasks: Tasks) -> None:
        """Move the bar."""
        total = tasks.known or None
        self._bar.update(self._task, completed=tasks.done, total=total, read=tasks.read)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()


class Lines:
    """A line now and then, for a log file."""

    def __init__(self, what: str, console: Console, *, every: float = LINE) -> None:
        self._what, self._console, self._every = what, console, every
        self._next = every

    def show(self, tasks: Tasks) -> None:
        """Write a line if the last one is old enough."""
        if tasks.seconds >= self._next:
            self._next = tasks.seconds + self._every
            self._console.print(f"{self._what}: {tasks}", soft_wrap=True, highlight=False)

    def close(self) -> None:
        """There is nothing to tidy."""


class Notebook:
    """A bar and a line that change, for a notebook; the line alone where that shows no HTML."""

    def __init__(self, what: str, _: Console) -> None:
        from IPython.display import display

        self._what = what
        first = self._shown(what, "<progress></progress>")
        self._handle: Any = display(first, raw=True, display_id=True)

    def show(self, tasks: Tasks) -> None:
        """Move the bar, and change the line."""
        bar = f'<progress value="{tasks.done}" max="{max(tasks.known, 1)}"></progress>'
        self._handle.update(self._shown(f"{self._what}: {tasks}", bar), raw=True)

    def close(self) -> None:
        """Say that it is over, without a bar."""
        self._handle.update(self._shown(f"{self._what}: done", ""), raw=True)

    def _shown(self, line: str, bar: str) -> dict[str, str]:
        return {"text/plain": line, "text/html": f"<div>{bar} {html.escape(line)}</div>"}


def _tracker(spark: SparkSession) -> Callable[[], tuple[int, int, int]] | None:
    """What counts the tasks done and known, and the rows read, of the jobs that this thread starts.

    None on Spark Connect, which has no status tracker.
    """
    try:
        context = spark.sparkContext
    except (AttributeError, NotImplementedError):
        return None
    group = f"sparkbird-{uuid.uuid4().hex}"
    context.setJobGroup(group, "sparkbird")
    tracker = context.statusTracker()

    store = context._jsc.sc().statusStore()  # noqa: SLF001  rows have no other door

    def count() -> tuple[int, int, int]:
        jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(group)]
        numbers = {stage for job in jobs if job for stage in job.stageIds}
        stages = [stage for stage in map(tracker.getStageInfo, numbers) if stage]
        rows = sum(store.lastStageAttempt(stage.stageId).inputRecords() for stage in stages)
        return sum(s.numCompletedTasks for s in stages), sum(s.numTasks for s in stages), rows

    return count


def _watch(
    count: Callable[[], tuple[int, int, int]] | None, display: Display, ended: Event, look: float
) -> None:
    """Show what `count` says every `look` seconds until `ended`, or until Spark is gone."""
    from py4j.protocol import Py4JError

    start = time.monotonic()
    while count and not ended.wait(look):
        try:
            done, known, rows = count()
        except (Py4JError, OSError):
            return  # Spark was stopped: whoever waits for it hears of that
        display.show(Tasks(done, known, time.monotonic() - start, rows))
