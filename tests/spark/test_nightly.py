"""Dates are scored once, checked before they are published, and gone on with after a failure."""

import json
import os
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sparkbird
from sparkbird.errors import ConfigError
from sparkbird.job import baseline, config
from sparkbird.job.nightly import places
from sparkbird.job.nightly.ledger import Ledger
from sparkbird.job.nightly.run import Asked, run
from tests.spark import nights
from tests.spark.nights import DAYS, FILES, JOB, ROWS, content, data, published, score, write


@pytest.fixture
def here(tmp_path):
    return nights.made(tmp_path)


def test_each_row_says_by_what_it_was_scored(spark, here):
    found = score(spark, here)
    assert (found.status, found.exit_code, found.rows) == ("done", 0, 2 * FILES * ROWS)
    table = published(here)
    assert table["id"].tolist() == [100_000 * f + i for f in range(FILES) for i in range(ROWS)] * 2
    model = sparkbird.load(here / "model.onnx")
    np.testing.assert_array_equal(table["late"], model.predict(table[["a", "b"]]))
    said = {name: {*table[name]} for name in ("model_name", "model_version", "model_digest")}
    assert said == {"model_name": {"late"}, "model_version": {"3"}, "model_digest": {model.digest}}
    assert {*table["run_id"]} == {found.run_id}
    assert spark.read.parquet(f"{here}/out").schema["day"].dataType.simpleString() == "date"
    kept = json.loads((here / "out" / "_RESULT.json").read_text())
    assert (kept["run_id"], kept["model"]["version"]) == (found.run_id, "3")


def test_a_date_is_scored_once_and_again_only_if_asked_or_changed(spark, here):
    score(spark, here)
    before, files = content(here), data(here / "out")
    again = score(spark, here)
    assert [day.status for day in again.dates] == ["unchanged", "unchanged"]
    assert data(here / "out") == files
    forced = score(spark, here, DAYS[0], force=True)
    assert [day.status for day in forced.dates] == ["done"]
    pd.testing.assert_frame_equal(content(here), before)
    assert published(here).groupby("day")["run_id"].nunique().tolist() == [1, 1]
    write(here, DAYS[1], ROWS // 2)
    changed = score(spark, here)
    assert [day.status for day in changed.dates] == ["unchanged", "done"]
    assert published(here).groupby("day").size().tolist() == [FILES * ROWS, FILES * ROWS // 2]


def test_late_rows_are_scored_and_dates_that_never_were_are_not(spark, here):
    score(spark, here, DAYS[0])
    write(here, DAYS[0], ROWS + 1)
    unknown = date(2026, 11, 25)
    write(here, unknown)
    found = score(spark, here, unknown, *DAYS, late=frozenset({unknown, DAYS[0]}))
    assert [(day.date, day.rows) for day in found.dates] == [
        ("2026-11-26", FILES * (ROWS + 1)),
        ("2026-11-27", FILES * ROWS),
    ]


def test_a_date_without_rows_leaves_none_of_those_before(spark, here):
    score(spark, here)
    write(here, DAYS[0], 0)
    found = score(spark, here, DAYS[0])
    assert [(day.status, day.rows) for day in found.dates] == [("done", 0)]
    assert {*published(here)["day"]} == {f"day={DAYS[1]}"}


CHECKS = """
checks:
  rows: {at_least: 120}
  columns:
    margin: {nulls: 0, least: -1.0, greatest: 1.0, action: ACTION}
    a: {nulls: 0.5}
"""


def test_what_does_not_pass_is_not_published_and_what_was_there_stays(spark, here):
    score(spark, here)
    before = content(here)
    write(here, DAYS[1], ROWS - 1)
    failing = score(spark, here, text=CHECKS.replace("ACTION", "warn"))
    assert (failing.exit_code, failing.error.kind) == (4, "CheckError")
    assert "2026-11-27: rows of the date is 117, not at least 120" in failing.error.fact
    pd.testing.assert_frame_equal(content(here), before)
    bounds = score(spark, here, DAYS[0], text=CHECKS.replace("ACTION", "fail"), force=True)
    assert "values of margin is" in bounds.error.fact
    pd.testing.assert_frame_equal(content(here), before)


def test_rows_out_of_bounds_go_aside_and_all_others_are_published(spark, here):
    found = score(spark, here, DAYS[0], text=CHECKS.replace("ACTION", "quarantine"))
    aside = pd.concat(map(pd.read_parquet, data(here / "out" / "_quarantine")))
    inside = published(here)
    assert found.dates[0].quarantined == len(aside) > 0
    assert found.dates[0].rows == len(inside) > 0
    assert len(aside) + len(inside) == FILES * ROWS
    assert (aside["margin"].abs() > 1).all()
    assert (inside["margin"].abs() <= 1).all()


class Stopped(BaseException):
    """The run ends here."""


def test_a_run_that_died_is_gone_on_with_part_by_part(spark, here, monkeypatch):
    write_entry, written = Ledger.write, []

    def dying(self, entry):
        write_entry(self, entry)
        written.append(entry.state)
        if len(written) == 2:
            raise Stopped

    monkeypatch.setattr(Ledger, "write", dying)
    with pytest.raises(Stopped):
        score(spark, here, DAYS[0])
    monkeypatch.undo()
    assert not data(here / "out")
    found = score(spark, here, DAYS[0])
    assert [(day.resumed, day.rows) for day in found.dates] == [(2, FILES * ROWS)]
    assert len(published(here)) == FILES * ROWS
    assert not (here / "out" / "_sparkbird" / "drafts" / "2026-11-26").exists()


def test_parts_that_other_checks_counted_are_scored_again(spark, here):
    """What the new checks ask for was not counted in them, and would pass as none."""
    failing = score(spark, here, DAYS[0], text=CHECKS.replace("ACTION", "fail"))
    assert failing.exit_code == 4
    tighter = CHECKS.replace("ACTION", "quarantine").replace("least: -1.0", "least: -0.5")
    found = score(spark, here, DAYS[0], text=tighter)
    assert (found.status, found.dates[0].resumed) == ("done", 0)
    assert (published(here)["margin"] >= -0.5).all()


def test_a_run_that_died_while_publishing_is_ended_by_the_next_of_whatever_date(
    spark, here, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr(places.Folder, "publish", lambda *_: (_ for _ in ()).throw(Stopped))
        with pytest.raises(Stopped):
            score(spark, here, DAYS[0])
    assert not data(here / "out")
    score(spark, here, DAYS[1])
    assert published(here).groupby("day").size().tolist() == [FILES * ROWS] * 2


def test_a_configuration_without_dates_is_refused(spark, here):
    text = JOB.format(here)
    with pytest.raises(ConfigError, match="needs the section 'date'"):
        run(config.loads(text.replace("date: {column: day}", "")), Asked(DAYS), spark)
    with pytest.raises(ConfigError, match="nothing tells which rows"):
        run(config.loads(text.replace("day={date}", "day=2026-11-26")), Asked(DAYS), spark)


MISTAKES = [
    ("{z: {nulls: 0}}", "names 'z', which is neither read nor added"),
    ("{a: {psi: 0}}", "checks.baseline names none"),
    ("{late: {least: 0}}", "least of boolean"),
    ("{a: {unseen: 0}}", "unseen of double"),
]


@pytest.mark.parametrize(("columns", "fact"), MISTAKES)
def test_checks_that_suit_no_column_are_found_before_anything_is_scored(spark, here, columns, fact):
    found = score(spark, here, text=f"checks: {{columns: {columns}}}\n")
    assert (found.exit_code, found.error.kind) == (2, "ConfigError")
    assert fact in found.error.fact
    assert not data(here / "out")


def test_logs_and_numbers_are_written(spark, here):
    text = f"run: {{log: {here}/log.jsonl, metrics: [{here}/m.prom, {here}/m.json]}}\n"
    found = score(spark, here, text=text)
    events = [json.loads(line) for line in Path(here / "log.jsonl").read_text().splitlines()]
    assert {event["run_id"] for event in events} == {found.run_id}
    assert [event["event"] for event in events].count("part") == 2 * FILES
    assert events[-1]["event"] == "ended"
    numbers = (here / "m.prom").read_text()
    assert 'sparkbird_exit_code{job="nightly"} 0' in numbers
    assert f'sparkbird_rows{{job="nightly"}} {FILES * ROWS}' in numbers
    same = json.loads((here / "m.json").read_text())
    assert (same["run_id"], same["exit_code"]) == (found.run_id, 0)
    assert [(one["date"], one["rows"]) for one in same["dates"]] == [
        (str(day), FILES * ROWS) for day in DAYS
    ]
    assert all(one["rows_per_second"] > 0 for one in same["dates"])


def test_what_has_moved_from_the_baseline_is_not_published_and_the_report_says_so(spark, here):
    score(spark, here, DAYS[0])
    known = baseline.baseline_of(spark.read.parquet(f"{here}/out"), ["margin", "city"])
    baseline.save(known, here / "baseline.json")
    text = f"""
checks:
  baseline: {here}/baseline.json
  columns: {{margin: {{psi: 0.5, ks: 0.5}}, city: {{unseen: 0.0, action: warn}}}}
run: {{report: {here}/report.html}}
"""
    same = score(spark, here, DAYS[0], text=text, force=True)
    assert same.status == "done"
    (margin,) = same.dates[0].distributions
    assert margin.shares == pytest.approx(margin.baseline)
    assert margin.psi < 1e-6
    assert margin.mean == pytest.approx(published(here)["margin"].mean())
    place = here / "in" / f"day={DAYS[1]}"
    for file in place.iterdir():
        pd.read_parquet(file).assign(a=5.0, city="Rome").to_parquet(file)
    moved = score(spark, here, DAYS[1], text=text)
    assert moved.exit_code == 4
    assert "PSI of margin is" in moved.error.fact
    assert {*published(here)["day"]} == {f"day={DAYS[0]}"}
    (failed,) = moved.dates
    assert (failed.status, failed.rows, moved.rows) == ("failed", FILES * ROWS, 0)
    assert [c.name for c in failed.checks if not c.passed][:2] == ["PSI", "KS"]
    page = (here / "report.html").read_text()
    assert "PSI of margin is" in page
    assert "failed: the run ended" in page
    assert moved.run_id in page


def test_a_schema_that_changes_ends_the_run_before_a_row_is_read(spark, here):
    text = "checks: {schema: fail}\n"
    assert score(spark, here, DAYS[0], text=text).dates[0].checks == ()  # nothing to compare with
    place = here / "in" / f"day={DAYS[1]}"
    for file in place.iterdir():
        pd.read_parquet(file).assign(city=1, shop="x").to_parquet(file)
    found = score(spark, here, DAYS[1], text=text)
    assert found.exit_code == 4
    assert f"none since {DAYS[0]}: city was string and is bigint, shop is new" in found.error.fact
    assert not found.dates[0].stages
    assert {*published(here)["day"]} == {f"day={DAYS[0]}"}
    warned = score(spark, here, DAYS[1], text="checks: {schema: warn}\n")
    assert (warned.exit_code, warned.dates[0].checks[0].passed) == (0, False)


#: Processes of tests that run side by side have one folder for tables.
TABLE = f"nightly_{os.getpid()}"


@pytest.fixture
def table(spark, here):
    text = JOB.format(here).replace(f"{{path: {here}/out}}", f"{{table: {TABLE}}}")
    spark.sql(f"DROP TABLE IF EXISTS {TABLE}")
    yield text + f"run: {{folder: {here}/kept}}\n"
    spark.sql(f"DROP TABLE IF EXISTS {TABLE}")


def in_table(spark):
    found = spark.table(TABLE).groupBy("day").count().orderBy("day").collect()
    return {row["day"]: row["count"] for row in found}


def test_a_table_of_the_catalog_has_one_copy_of_each_date(spark, here, table, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(places.Table, "publish", lambda *_: (_ for _ in ()).throw(Stopped))
        with pytest.raises(Stopped):
            run(config.loads(table), Asked([DAYS[0]]), spark)
    found = run(config.loads(table), Asked(DAYS), spark)
    assert [day.status for day in found.dates] == ["unchanged", "done"]
    assert in_table(spark) == dict.fromkeys(DAYS, FILES * ROWS)
    write(here, DAYS[0], ROWS - 1)
    write(here, DAYS[1], 0)
    found = run(config.loads(table), Asked(DAYS), spark)
    assert [day.rows for day in found.dates] == [FILES * (ROWS - 1), 0]
    assert in_table(spark) == {DAYS[0]: FILES * (ROWS - 1)}
    assert spark.table(TABLE).columns[-1] == "day"
    with pytest.raises(ConfigError, match=r"run\.folder"):
        run(config.loads(table[: table.index("run:")]), Asked(DAYS), spark)


def test_rows_of_a_table_go_aside_beside_what_a_run_keeps(spark, here, table):
    text = table + CHECKS.replace("ACTION", "quarantine")
    found = run(config.loads(text), Asked([DAYS[0]]), spark)
    aside = pd.concat(map(pd.read_parquet, data(here / "kept" / "_quarantine")))
    assert found.dates[0].quarantined == len(aside) > 0
    assert in_table(spark) == {DAYS[0]: FILES * ROWS - len(aside)}
