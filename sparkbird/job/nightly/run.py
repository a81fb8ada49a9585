"""A run: the dates that are wanted, one after another, each published whole or not at all."""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from sparkbird.errors import CheckError, ConfigError, SparkbirdError
from sparkbird.job import baseline, models, record
from sparkbird.job.exits import exit_code
from sparkbird.job.files import Files, files
from sparkbird.job.nightly import publish
from sparkbird.job.nightly.day import Day, Work
from sparkbird.job.nightly.ledger import Entry, Ledger
from sparkbird.job.nightly.lock import Lock, held
from sparkbird.job.nightly.places import Place, place
from sparkbird.job.nightly.slices import require_dates
from sparkbird.job.score import session_for
from sparkbird.job.source import first_line
from sparkbird.job.told import Told

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from rich.console import Console

    from sparkbird.job.config import Config

#: Where the result of the last run is, and those of all, below the table.
RESULT, RUNS = "_RESULT.json", "_sparkbird/runs"

#: Runs before that the report has beside the last one.
SHOWN = 14


@dataclass(frozen=True)
class Asked:
    """The dates of a run.

    dates  in order
    late   those of them that are scored only if they were before, and their rows have changed
    force  whether dates are scored again although nothing has changed
    """

    dates: Sequence[date]
    late: frozenset[date] = field(default_factory=frozenset)
    force: bool = False


def run(
    config: Config,
    asked: Asked,
    spark: SparkSession | None = None,
    console: Console | None = None,
) -> record.Result:
    """Score and publish the dates that are asked for, and give what became of each.

    What went wrong is in the result, too, which is also written below the table; dates that were
    published before it stay.

    Raises
    ------
    ConfigError
        The configuration has no dates.
    """
    from rich.console import Console

    if config.date is None:
        raise ConfigError(
            "a run by date needs the section 'date'",
            "leave --date, --from and --to out to score a table as a whole.",
        )
    if (config.output.path is None) == (config.run.folder is None):
        raise ConfigError(
            "a run keeps what it has done in output.path, or beside output.table in run.folder",
            "give run.folder for a table of the catalog, and for no other.",
        )
    require_dates(config)
    told = Told(config, console or Console(stderr=True))
    run_ = _Run(config, asked, f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}", told)
    with session_for(config.name, spark) as session:
        return run_.all(session)


@dataclass
class _Run:
    config: Config
    asked: Asked
    run_id: str
    told: Told
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    dates: list[record.Date] = field(default_factory=list)
    model: record.Model | None = None
    plan: str = ""

    def all(self, spark: SparkSession) -> record.Result:
        own = files(spark, str(self.config.run.folder or self.config.output.path))
        error: Exception | None = None
        self.told.event("started", run_id=self.run_id, job=self.config.name, where=own.root)
        try:
            with held(own, self.run_id) as lock:
                for one in self._each(spark, own, lock):
                    self.dates.append(one)
                    self.told.event("date", run_id=self.run_id, **one.model_dump(mode="json"))
        except Exception as raised:  # noqa: BLE001  whatever it is, it is recorded
            error = raised
            self.told.event("failed", run_id=self.run_id, traceback=traceback.format_exc())
        result = self._result(own, spark, error)
        before = [*_before(own)]
        self._keep(own, result)
        self.told.ended(result, before)
        return result

    def _each(self, spark: SparkSession, own: Files, lock: Lock) -> Iterator[record.Date]:
        ledger, target = Ledger(own), place(spark, own, self.config)
        for entry in ledger.entries():
            self._recover(own, target, ledger, entry)
        known = self.config.checks.baseline
        said = self.config.model
        model = models.found(said.path, said.kind, device=said.device)
        work = Work(self.config, self.run_id, model, spark, own, target, lock, ledger, self.told)
        work.baseline = baseline.load(known) if known else None
        for one in self.asked.dates:
            day = Day(work, one)
            try:
                found = day.score(late=one in self.asked.late, force=self.asked.force)
            except CheckError:
                if day.found:
                    yield day.found
                raise
            finally:
                self.model, self.plan = work.identity, work.plan
            if found is not None:
                yield found

    def _recover(self, own: Files, target: Place, ledger: Ledger, entry: Entry) -> None:
        """Finish what a run that was killed was about to publish, and sweep up behind it."""
        if entry.state == "publishing":
            target.publish(entry.date, [part.folder for part in entry.parts.values()])
            entry = entry.model_copy(update={"state": "done"})
            ledger.write(entry)
            self.told.say(f"{entry.date}: published what run {entry.run_id} had scored")
        if entry.state == "done":
            own.delete(publish.drafts(entry.date))

    def _result(self, own: Files, spark: SparkSession, error: Exception | None) -> record.Result:
        return record.Result(
            run_id=self.run_id,
            job=self.config.name,
            status="failed" if error else "done",
            exit_code=exit_code(error),
            started=self.started,
            ended=datetime.now(UTC),
            model=self.model,
            where=self.config.output.table or own.root,
            dates=(*self.dates,),
            plan=self.plan,
            versions=_versions(spark),
            error=_error(error),
        )

    def _keep(self, own: Files, result: record.Result) -> None:
        text = result.model_dump_json(indent=1)
        own.write(f"{RUNS}/{result.run_id}.json", text)
        if result.error is None or result.error.kind != "LockedError":  # that is the other's
            own.write(RESULT, text)


def _before(own: Files) -> Iterator[record.Result]:
    """The runs before, those that this version can read, the oldest first."""
    for name in own.names(RUNS)[-SHOWN:]:
        with suppress(ValidationError):
            yield record.Result.model_validate_json(own.read(f"{RUNS}/{name}") or "")


def _error(error: Exception | None) -> record.Error | None:
    if error is None:
        return None
    if isinstance(error, SparkbirdError):
        return record.Error(kind=type(error).__name__, fact=error.fact, hint=error.hint)
    hint = "it can be run again, and goes on where it stopped; run.log has the traceback."
    return record.Error(kind=type(error).__name__, fact=first_line(error), hint=hint)


def _versions(spark: SparkSession) -> dict[str, str]:
    import platform
    from importlib.metadata import version

    import onnxruntime

    return {
        "sparkbird": version("sparkbird"),
        "onnxruntime": onnxruntime.__version__,
        "Spark": spark.version,
        "Python": platform.python_version(),
    }
