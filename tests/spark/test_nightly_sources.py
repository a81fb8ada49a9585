"""Nights whose rows are in tables of the catalog, in a database, or in formats of packages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sparkbird.job import config
from sparkbird.job.nightly import day
from sparkbird.job.nightly.run import Asked, run
from tests.spark import nights
from tests.spark.nights import DAYS, FILES, JOB, ROWS, content, data, published

ROOT = Path(__file__).parents[2]

#: Processes of tests that run side by side have one folder for tables.
TABLE = f"nights_{os.getpid()}"


@pytest.fixture
def here(tmp_path):
    return nights.made(tmp_path)


def job(here, source):
    text = JOB.format(here).replace(f'{{path: "{here}/in/day={{date}}"}}', source)
    assert source in text
    return text.replace("{column: day}", "{column: day, rows: \"night = DATE '{date}'\"}")


def arrived(spark, here):
    """All rows, with their day in a column."""
    return spark.read.parquet(f"{here}/in").withColumnRenamed("day", "night")


@pytest.fixture
def orc(spark, here):
    """A table of the catalog, with a folder for each day and names that are no words."""
    spark.sql(f"DROP TABLE IF EXISTS {TABLE}")
    rows = arrived(spark, here).withColumnRenamed("city", "a city")
    writer = rows.repartition(FILES).write.format("orc").partitionBy("night", "a city")
    writer.saveAsTable(TABLE)
    yield
    spark.sql(f"DROP TABLE IF EXISTS {TABLE}")


class Stopped(BaseException):
    """As if the process had been killed."""


def test_a_table_is_scored_by_parts_of_its_files_and_gone_on_with(spark, here, orc, monkeypatch):
    text = job(here, f"{{table: {TABLE}}}")
    whole, parts = day.Day._written, []

    def once(self, table, part, folder):
        if parts:
            raise Stopped
        parts.append(part)
        return whole(self, table, part, folder)

    with monkeypatch.context() as patched:
        patched.setattr(day.Day, "_written", once)
        with pytest.raises(Stopped):
            run(config.loads(text), Asked([DAYS[0]]), spark)
    assert parts[0].files
    found = run(config.loads(text), Asked(DAYS), spark)
    assert [(one.rows, one.resumed) for one in found.dates] == [
        (FILES * ROWS, 1),
        (FILES * ROWS, 0),
    ]
    assert sorted(published(here)["id"]) == sorted(
        row.id for row in spark.table(TABLE).select("id").collect()
    )
    again = run(config.loads(text), Asked(DAYS), spark)
    assert [one.status for one in again.dates] == ["unchanged", "unchanged"]


def test_a_view_that_tells_no_files_is_scored_as_a_whole(spark, here, capfd):
    arrived(spark, here).createOrReplaceTempView("all_nights")
    spark.sql(f"CREATE OR REPLACE TEMP VIEW {TABLE}_view AS SELECT DISTINCT * FROM all_nights")
    found = run(config.loads(job(here, f"{{table: {TABLE}_view}}")), Asked(DAYS), spark)
    assert [one.rows for one in found.dates] == [FILES * ROWS] * 2
    assert len(published(here)) == 2 * FILES * ROWS
    assert "_metadata" not in capfd.readouterr().err


@pytest.fixture
def database(spark, here):
    """The address of a database in memory, Derby, which Spark brings along, with all rows."""
    url = f"jdbc:derby:memory:nights{os.getpid()};create=true"
    driver = {"driver": "org.apache.derby.iapi.jdbc.AutoloadedDriver"}
    arrived(spark, here).write.jdbc(url, "nights", "overwrite", driver)
    return url


def test_a_database_is_read(spark, here, database, monkeypatch):
    monkeypatch.setenv("NIGHTS", database)
    source = "{format: jdbc, options: {url: '${env:NIGHTS}', dbtable: nights}}"
    (here / "job.yaml").write_text(job(here, source))
    told = config.load(here / "job.yaml")
    found = run(told, Asked(DAYS), spark)
    assert [one.rows for one in found.dates] == [FILES * ROWS] * 2, found.error
    rows = content(here)
    assert sorted(rows["id"]) == sorted(row.id for row in arrived(spark, here).collect())
    again = run(told, Asked(DAYS), spark)  # nothing tells whether it has changed
    assert [one.status for one in again.dates] == ["done", "done"]
    assert content(here).equals(rows)
    assert database not in str(told.input)


@pytest.mark.parametrize("form", ["delta", "iceberg"])
def test_a_table_of_a_package_has_one_copy_of_each_date(spark, here, form):
    """Where spark-defaults.conf of SPARK_CONF_DIR names the package, its catalog, its extensions."""
    catalog = spark.conf.get("spark.sql.catalog.spark_catalog", "")
    if form not in catalog.casefold():
        pytest.skip(f"the catalog of this session knows no tables of {form}")
    name = f"{TABLE}_{form}"
    spark.sql(f"DROP TABLE IF EXISTS {name}")
    text = JOB.format(here).replace(f"{{path: {here}/out}}", f"{{table: {name}, format: {form}}}")
    text += f"run: {{folder: {here}/kept}}\n"
    for _ in range(2):
        found = run(config.loads(text), Asked(DAYS, force=True), spark)
        assert [one.rows for one in found.dates] == [FILES * ROWS] * 2
        assert spark.table(name).count() == 2 * FILES * ROWS
    nights.write(here, DAYS[0], 0)
    run(config.loads(text), Asked(DAYS), spark)
    assert {row.day for row in spark.table(name).select("day").collect()} == {DAYS[1]}
    assert not data(here / "out")
    spark.sql(f"DROP TABLE {name}")


#: A catalog of Hive knows which files are of which partition; it is of a session of its own.
_HIVE = """
import sys
from pathlib import Path
from pyspark.sql import SparkSession
from sparkbird.job import config
from sparkbird.job.nightly.run import Asked, run
from tests.spark import nights
from tests.spark.test_nightly_sources import arrived, job

here = nights.made(Path(sys.argv[1]))
builder = SparkSession.builder.master("local[2]").enableHiveSupport()
spark = builder.config("spark.sql.warehouse.dir", f"{here}/warehouse").getOrCreate()
rows = arrived(spark, here)
rows.write.format("parquet").partitionBy("night").saveAsTable("nights")
told = config.loads(job(here, "{table: nights}"))
first = run(told, Asked(nights.DAYS), spark)
rows.where(f"night = DATE '{nights.DAYS[1]}'").write.insertInto("nights")
again = run(told, Asked(nights.DAYS), spark)
print("found", [day.rows for day in first.dates], [(day.status, day.rows) for day in again.dates])
"""


@pytest.mark.endurance
def test_of_a_table_of_hive_those_dates_alone_are_scored_again_whose_files_changed(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _HIVE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1"},
    )
    rows = FILES * ROWS
    expected = [("unchanged", rows), ("done", 2 * rows)]
    assert f"found {[rows, rows]} {expected}" in done.stdout, done.stderr[-3000:]
