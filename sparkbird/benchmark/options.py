"""What the person who runs a benchmark chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


def _silent(_: str) -> None:
    """No word on what is being done."""


@dataclass(frozen=True)
class Options:
    """How much is measured.

    repeats   the rounds
    rows      that are scored, as many as a suite takes by itself if None
    threads   of every way, where a suite measures one process
    quick     the smallest sizes, to see that everything runs; its figures say nothing
    cases     parts of the names of the cases wanted; all if empty
    cache     a folder for what takes long to train or to compile
    lleaves   an interpreter that has lleaves, if this one has it not
    progress  is told what is being done
    """

    repeats: int = 3
    rows: int | None = None
    threads: int = 1
    quick: bool = False
    cases: tuple[str, ...] = ()
    cache: Path | None = None
    lleaves: str = ""
    progress: Callable[[str], None] = _silent

    def wants(self, case: str) -> bool:
        """Whether a case is wanted.

        >>> Options(cases=("higgs",)).wants("Higgs"), Options(cases=("higgs",)).wants("Year")
        (True, False)
        """
        return not self.cases or any(part.lower() in case.lower() for part in self.cases)

    def each(self, cases: Iterable[str]) -> Iterator[str]:
        """The cases wanted, each said before it is given."""
        for case in filter(self.wants, cases):
            self.progress(case)
            yield case
