"""One logical date: its parts are scored, counted, checked and published."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, cast

from sparkbird.errors import CheckError
from sparkbird.job import baseline, record, source, target
from sparkbird.job.faults import original
from sparkbird.job.files import files
from sparkbird.job.nightly import counted, publish, schemas
from sparkbird.job.nightly.ledger import Entry, Ledger, Part
from sparkbird.job.nightly.slices import (
    Slice,
    digest,
    input_of,
    of_date,
    rows_of,
    sliced,
    stamps,
    tells_files,
)
from sparkbird.job.plan import compiled_for, planned
from sparkbird.job.progress import progress

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from sparkbird.job.baseline import Baseline
    from sparkbird.job.config import Config
    from sparkbird.job.files import Files
    from sparkbird.job.models import Found
    from sparkbird.job.nightly.lock import Lock
    from sparkbird.job.nightly.places import Place
    from sparkbird.job.told import Told
    from sparkbird.model import CompiledModel

#: What each row says of where it comes from.
STAMPS = ("model_name", "model_version", "model_digest", "run_id", "scored_at")


@dataclass
class Work:
    """What a run does for each of its dates.

    found     the model; one that is not compiled is, for the first table
    baseline  what columns held when all was well
    identity  of the model, once it is compiled
    """

    config: Config
    run_id: str
    found: Found
    spark: SparkSession
    files: Files
    place: Place
    lock: Lock
    ledger: Ledger
    told: Told
    baseline: Baseline | None = None
    identity: record.Model | None = None
    plan: str = ""

    def compiled(self, table: DataFrame) -> CompiledModel:
        """The model, compiled for the first table that asks."""
        if self.identity:
            return cast("CompiledModel", self.found.model)
        found = compiled_for(self.found.model, table, self.config)
        self.found = replace(self.found, model=found)
        own, known = self.config.model, self.found
        self.identity = record.Model(
            name=own.name or known.name,
            version=own.version or known.version,
            digest=found.digest,
            uri=known.uri,
        )
        self.plan = found.explain()
        return found


@dataclass
class Day:
    """A date of a run.

    ahead  the checks that were made before any row was read
    found  what became of it, as far as is known
    """

    work: Work
    date: date
    stages: list[record.Stage] = field(default_factory=list)
    ahead: tuple[record.Check, ...] = ()
    found: record.Date | None = None

    def score(self, *, late: bool, force: bool) -> record.Date | None:
        """What became of the date; None if it was not to be looked at.

        Raises
        ------
        CheckError
            Its rows do not pass a check; nothing of them is published.
        """
        start = time.monotonic()
        known = self.work.ledger.read(self.date.isoformat())
        if late and known is None:
            return None
        place = input_of(self.work.config, self.date)
        table = source.table(self.work.spark, place)
        entry, uris = self._entry(table)
        unchanged = known is not None and known.state == "done" and known.same(entry)
        if known and known.record and unchanged and entry.rows and not force:
            return known.record.model_copy(update={"status": "unchanged"})
        resumed = known is not None and known.state == "scoring" and known.same(entry)
        if known and resumed and entry.rows:
            entry = entry.model_copy(update={"parts": known.parts})
        else:
            self.work.files.delete(publish.drafts(entry.date))
        before = len(entry.parts)
        self._look_ahead(entry)
        entry = self._scored(entry, table, uris)
        found = self._record(entry, resumed=before, start=start)
        self.found = found.model_copy(update={"status": "failed"})
        self._require_passed(found)
        self._published(entry, found)
        return found.model_copy(
            update={"seconds": time.monotonic() - start, "stages": (*self.stages,)}
        )

    def _entry(self, table: DataFrame) -> tuple[Entry, list[str]]:
        """What the ledger will say, and the files of the date."""
        work, config = self.work, self.work.config
        assert config.date
        model = work.compiled(table)
        assert work.identity
        # Of a table whose catalog knows its partitions these are the files of the date alone.
        known = stamps(of_date(table, config, self.date), work.files)
        # Parts hold what these checks and this baseline asked to be counted and put aside.
        done = config.model_dump(exclude={"name", "model", "run"})
        baselined = work.baseline.model_dump_json() if work.baseline else ""
        return Entry(
            date=self.date.isoformat(),
            run_id=work.run_id,
            state="scoring",
            model=work.identity.name,
            version=work.identity.version,
            work=digest(model.digest, sorted(done.items(), key=str), baselined),
            rows=digest(*known.items()) if known else "",
            columns=schemas.columns_of(table),
        ), [*known]

    def _look_ahead(self, entry: Entry) -> None:
        """Make the checks that need no rows.

        Raises
        ------
        CheckError
            One of them does not pass.
        """
        if action := self.work.config.checks.schema_action:
            last = self.work.ledger.before(entry.date)
            self.ahead = (*schemas.checked(action, last, entry.columns),)
        self.found = record.Date(date=entry.date, status="failed", checks=self.ahead)
        self._require_passed(self.found)

    def _scored(self, entry: Entry, table: DataFrame, uris: list[str]) -> Entry:
        """The entry with all parts, each noted as soon as its rows are written."""
        config = self.work.config
        assert config.date
        divisible = uris and tells_files(table, input_of(config, self.date))
        slices = sliced(uris if divisible else (), config.date.parts)
        for number, part in enumerate(slices, 1):
            if part.name in entry.parts:
                continue
            start = time.monotonic()
            what = f"{entry.date}, part {number} of {len(slices)}"
            folder = f"{self.work.run_id}-{part.name}"
            with progress(self.work.spark, f"scoring {what}", self.work.told.console):
                counts = self._written(table, part, f"{publish.drafts(entry.date)}/{folder}")
            seconds = time.monotonic() - start
            own = Part(folder=folder, seconds=seconds, counted=counts)
            entry = entry.model_copy(update={"parts": {**entry.parts, part.name: own}})
            self.work.lock.require()
            self.work.ledger.write(entry)
            rows = int(counts["rows"])
            self.stages.append(record.Stage(name=f"score {what}", seconds=seconds, rows=rows))
            self.work.told.event("part", run_id=self.work.run_id, date=entry.date, **counts)
        return entry

    def _written(self, table: DataFrame, part: Slice, folder: str) -> dict[str, float]:
        """Score and write a part, and give what was counted in it."""
        from py4j.protocol import Py4JJavaError
        from pyspark.errors import PySparkException
        from pyspark.sql import Observation

        frame = self._frame(table, part)
        config, seen = self.work.config, Observation(f"sparkbird-{self.work.run_id}-{part.name}")
        prediction = next(iter(config.outputs))
        counts = counted.observed(config.checks, prediction)
        if known := self.work.baseline:
            counts += baseline.observed(known, frame.schema)
        noted = frame.observe(seen, *counts)
        partition = (counted.ASIDE, *config.output.partition_by)
        writer = noted.write.format(config.output.draft_format).options(**config.output.options)
        try:
            writer.partitionBy(*partition).save(f"{self.work.files.root}/{folder}")
        except (PySparkException, Py4JJavaError) as error:
            raise original(error) from error
        return {name: value for name, value in seen.get.items() if value is not None}

    def _frame(self, table: DataFrame, part: Slice) -> DataFrame:
        """The rows of a part as they are written, and whether each is put aside."""
        config = self.work.config
        assert config.date
        place = input_of(config, self.date)
        rows = of_date(rows_of(self.work.spark, table, place, part), config, self.date)
        plan = planned(rows, self.work.compiled(table), config)
        counted.require(config.checks, plan)
        target.check_partitions(plan, config.output)
        if place.path is not None:
            read = files(self.work.spark, place.path).root
            target.refuse_overlap(self.work.files.root, read)
        if config.date.column in plan.columns:
            plan = plan.drop(config.date.column)
        return plan.select("*", *self._stamps(), counted.aside(config.checks))

    def _stamps(self) -> list[Column]:
        from pyspark.sql import functions as F  # noqa: N812

        config, identity = self.work.config, self.work.identity
        assert config.date
        assert identity
        if not config.date.stamp:
            return []
        now = datetime.now(UTC)
        values = (identity.name, identity.version, identity.digest, self.work.run_id, now)
        return [F.lit(value).alias(name) for name, value in zip(STAMPS, values, strict=True)]

    def _record(self, entry: Entry, *, resumed: int, start: float) -> record.Date:
        counts = counted.added(part.counted for part in entry.parts.values())
        aside, known = int(counts["aside"]), self.work.baseline
        distributions = baseline.distributions(known, counts) if known else ()
        unseen = baseline.unseen(known, counts) if known else {}
        checks = counted.checked(self.work.config.checks, counts, distributions, unseen)
        return record.Date(
            date=entry.date,
            status="done",
            rows=int(counts["rows"]) - aside,
            refused=int(counts["refused"]),
            quarantined=aside,
            resumed=resumed,
            seconds=time.monotonic() - start,
            checks=(*self.ahead, *checks),
            distributions=distributions,
            stages=(*self.stages,),
        )

    def _require_passed(self, found: record.Date) -> None:
        failing = [check for check in found.checks if not check.passed and check.action == "fail"]
        if failing:
            said = "; ".join(
                f"{check.name} of {check.column or 'the date'} is {check.value:g}, not "
                f"{check.bound}"
                for check in failing
            )
            raise CheckError(
                f"{self.date}: {said}",
                "nothing of that date was published; what was there before stays.",
            )

    def _published(self, entry: Entry, found: record.Date) -> None:
        """Its rows where readers look for them."""
        start = time.monotonic()
        self.work.lock.require()
        entry = entry.model_copy(update={"state": "publishing", "record": found})
        self.work.ledger.write(entry)
        self.work.place.publish(entry.date, [part.folder for part in entry.parts.values()])
        self.work.ledger.write(entry.model_copy(update={"state": "done"}))
        self.work.files.delete(publish.drafts(entry.date))
        self.stages.append(record.Stage(name="publish", seconds=time.monotonic() - start))
