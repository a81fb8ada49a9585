"""The scoring job: every row once, whole or not at all, and errors before rows are read."""

import io
import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from pyarrow import dataset
from rich.console import Console
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sparkbird
from sparkbird.errors import (
    ArtifactError,
    ColumnCountError,
    ColumnNameError,
    ColumnTypeError,
    ConfigError,
    InputError,
    InvalidValueError,
    OutputError,
)
from sparkbird.job import config, score

ROOT = Path(__file__).parents[2]
ROWS = 300
pytestmark = pytest.mark.spark

JOB = """\
model: {{path: {here}/model.onnx}}
input: {{path: {here}/table}}
outputs: {{label: predict, chance: predict_proba}}
keep: [id, month]
output: {{path: {here}/scores, partition_by: [month]}}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A fitted model, its artefact, and a table of two files with one NaN in the last row."""
    here = tmp_path_factory.mktemp("job")
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(ROWS, 3)), columns=["a", "b", "c c"])
    labels = np.where(rows["a"] > rows["b"], "yes", "no")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels)
    joblib.dump(model, here / "model.joblib")
    sparkbird.compile(model).save(here / "model.onnx")
    table = rows.assign(id=range(ROWS), month=[i % 3 + 1 for i in range(ROWS)], words="w")
    (here / "table").mkdir()
    table[:200].to_parquet(here / "table" / "0.parquet")
    table[200:].to_parquet(here / "table" / "1.parquet")
    table.assign(a=table["a"].where(table["id"] != ROWS - 1)).to_parquet(here / "holes.parquet")
    table.to_csv(here / "table.csv", index=False)
    return here, model, table


@pytest.fixture
def job(made, tmp_path):
    """The job as text over the files made, writing below `tmp_path`."""
    here, _, _ = made
    return JOB.format(here=here).replace(f"{here}/scores", f"{tmp_path}/scores")


def run(text, spark):
    return score.run(config.loads(text), spark, Console(file=io.StringIO()))


def written(folder):
    """What lies in the folder, as any reader of Parquet sees it."""
    table = dataset.dataset(folder / "scores", format="parquet", partitioning="hive").to_table()
    return table.sort_by("id").to_pandas() if "id" in table.column_names else table.to_pandas()


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_every_row_is_written_once_with_what_the_original_gives(spark, made, job, tmp_path):
    _, model, table = made
    result = run(job, spark)
    found = written(tmp_path)
    X = table[["a", "b", "c c"]]
    assert found["id"].tolist() == [*range(ROWS)]
    assert found["label"].tolist() == model.predict(X).tolist()
    np.testing.assert_allclose(np.stack(found["chance"]), model.predict_proba(X), rtol=1e-12)
    assert sorted(found.columns) == ["chance", "id", "label", "month"]
    assert {p.name for p in (tmp_path / "scores").glob("month=*")} == {
        "month=1",
        "month=2",
        "month=3",
    }
    assert (result.rows, result.refused) == (ROWS, 0)
    assert result.columns == ("id", "month", "label", "chance")
    assert result.digest in sparkbird.load(made[0] / "model.onnx").digest
    assert "scored 300 rows in" in str(result)
    assert files(tmp_path)[0] == "scores"  # and no folder of drafts beside it


def test_an_existing_table_is_an_error_unless_said_otherwise(spark, job, tmp_path):
    run(job, spark)
    before = files(tmp_path)
    with pytest.raises(OutputError, match="is there already"):
        run(job, spark)
    assert files(tmp_path) == before


@pytest.mark.parametrize(("mode", "rows"), [("overwrite", ROWS), ("append", 2 * ROWS)])
def test_a_table_is_overwritten_or_appended_to(spark, job, tmp_path, mode, rows):
    again = job.replace("output: {", f"output: {{mode: {mode}, ")
    run(again, spark)
    run(again, spark)
    assert len(written(tmp_path)) == rows
    assert [p.name for p in tmp_path.iterdir()] == ["scores"]


APPENDS = [
    ("keep: [id, month]", "keep: [month]", "has the columns"),
    ("partition_by: [month]", "partition_by: [id]", "is partitioned by month"),
    ("partition_by: [month]", "options: {}", "is partitioned by month"),
]


@pytest.mark.parametrize(("what", "into", "fact"), APPENDS)
def test_only_the_same_columns_and_partitions_are_appended(spark, job, tmp_path, what, into, fact):
    run(job, spark)
    before = files(tmp_path)
    with pytest.raises(OutputError, match=fact):
        run(job.replace(what, into).replace("output: {", "output: {mode: append, "), spark)
    assert files(tmp_path) == before


@pytest.mark.parametrize("mode", ["error", "overwrite", "append"])
def test_a_job_that_fails_leaves_everything_as_it_was(spark, made, job, tmp_path, mode):
    if mode != "error":
        run(job, spark)
    before = files(tmp_path)
    failing = job.replace(f"{made[0]}/table}}", f"{made[0]}/holes.parquet}}")
    failing = failing.replace("output: {", f"output: {{mode: {mode}, ")
    with pytest.raises(InvalidValueError, match=r"1 of \d+ rows .* column 'a' \(1\)"):
        run(failing, spark)
    assert files(tmp_path) == before


def test_rows_that_the_model_refuses_become_null_if_asked(spark, made, job, tmp_path):
    holes = job.replace(f"{made[0]}/table}}", f"{made[0]}/holes.parquet}}")
    result = run(holes + 'on_invalid: "null"\n', spark)
    found = written(tmp_path)
    assert (result.rows, result.refused) == (ROWS, 1)
    assert found["id"][found["label"].isna()].tolist() == [ROWS - 1]
    assert "1 of them with a NULL prediction" in str(result)


#: What is replaced in the job, and the error that nothing is read or written for.
MISTAKES = [
    ("/model.onnx", "/nothing.onnx", ArtifactError, "cannot read"),
    ("/model.onnx", "/table.csv", ArtifactError, "not a whole model"),
    ("/model.onnx", "/nothing, kind: pickle", ArtifactError, "there is no model at"),
    ("/model.onnx", "/table.csv, kind: pickle", ArtifactError, "cannot unpickle"),
    ("/table}", "/nothing}", InputError, "cannot read .*nothing"),
    ("input: {path: ", "input: {format: orc, path: ", InputError, "cannot read"),
    ("chance: predict_proba", "chance: leaf", ConfigError, "outputs.chance asks .* 'leaf'"),
    ("label: predict", "id: predict", ConfigError, "outputs adds 'id'"),
    ("label: predict", "ID: predict", ConfigError, "outputs adds 'ID'"),
    ("keep: [id", "keep: [day", ColumnNameError, "keep needs 'day'"),
    ("keep:", "columns: [a, b]\nkeep:", ColumnCountError, "columns lists 2 columns"),
    ("keep:", "columns: {a: z}\nkeep:", ColumnNameError, "columns needs 'z'"),
    ("keep:", "columns: {z: a}\nkeep:", ConfigError, "columns names 'z'"),
    ("keep:", "columns: {a: words}\nkeep:", ColumnTypeError, "column 'a' is string"),
    ("partition_by: [month]", "partition_by: [day]", OutputError, "partition_by names 'day'"),
    ("partition_by: [month]", "partition_by: [id, month, label, chance]", OutputError, "every"),
    ("/scores,", "/file/scores,", OutputError, "is a file"),
]


@pytest.mark.parametrize(("what", "into", "error", "fact"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_a_mistake_is_found_before_a_row_is_read(spark, job, tmp_path, what, into, error, fact):
    (tmp_path / "file").write_text("in the way")
    assert what in job
    with pytest.raises(error, match=fact):
        run(job.replace(what, into), spark)
    assert files(tmp_path) == ["file"]


def test_a_table_is_not_written_into_the_one_that_is_read(spark, made, job, tmp_path):
    for target in (made[0], made[0] / "table", made[0] / "table" / "scores"):
        with pytest.raises(OutputError, match="lie within one another"):
            run(job.replace(f"{tmp_path}/scores", f"{target}, mode: overwrite"), spark)


def test_a_pickled_model_is_compiled_for_the_table(spark, made, job, tmp_path):
    pickled = job.replace("/model.onnx", "/model.joblib, kind: pickle")
    assert run(pickled, spark).rows == ROWS
    assert (
        written(tmp_path)["label"].tolist() == made[1].predict(made[2][["a", "b", "c c"]]).tolist()
    )


@pytest.mark.parametrize(
    "columns", ["[a, b, c c]", "{c c: c c}", "{a: a, b: b}"], ids=["list", "mapping", "partly"]
)
def test_columns_may_be_listed_or_mapped(spark, job, columns):
    assert run(f"{job}columns: {columns}\n", spark).rows == ROWS


def test_csv_is_read_with_its_schema(spark, made, job, tmp_path):
    ddl = "a double, b double, `c c` double, id int, month int, words string"
    where = f"input: {{path: {made[0]}/table.csv, format: csv, schema: '{ddl}', options: {{header: true}}}}"
    lines = [where if line.startswith("input:") else line for line in job.splitlines()]
    assert run("\n".join(lines), spark).rows == ROWS
    assert len(written(tmp_path)) == ROWS


def test_tables_of_the_catalog_are_read_and_written(spark, made, job):
    spark.read.parquet(f"{made[0]}/table").createOrReplaceTempView("job_flights")
    text = job.replace(f"path: {made[0]}/table", "table: job_flights")
    start = text.index("output: {")
    try:
        text = text[:start] + "output: {table: job_scores}\n"
        assert run(text, spark).rows == ROWS
        with pytest.raises(OutputError, match="table job_scores is there already"):
            run(text, spark)
        assert spark.table("job_scores").count() == ROWS
    finally:
        spark.sql("DROP TABLE IF EXISTS job_scores")
        spark.catalog.dropTempView("job_flights")


def test_a_table_without_rows_gives_a_table_without_rows(spark, made, job, tmp_path):
    made[2][:0].to_parquet(tmp_path / "none.parquet")
    text = job.replace(f"{made[0]}/table}}", f"{tmp_path}/none.parquet}}")
    result = run(text.replace(", partition_by: [month]", ""), spark)
    assert result.rows == 0
    found = spark.read.parquet(f"{tmp_path}/scores")
    assert found.columns == ["id", "month", "label", "chance"]
    assert found.count() == 0


def script(*arguments, here):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1"}
    return subprocess.run(
        [*arguments],
        check=False,
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


SUBMIT = [
    "spark-submit",
    "--master=local[2]",
    "--conf=spark.ui.enabled=false",
    f"--properties-file={ROOT / 'conf' / 'spark.conf'}",
]


@pytest.mark.slow
@pytest.mark.parametrize("command", [[sys.executable], SUBMIT], ids=["python", "spark-submit"])
def test_the_script_does_the_same(spark, job, tmp_path, command):
    (tmp_path / "job.yaml").write_text(job)
    program = [str(Path(sys.executable).parent / command[0]), *command[1:]]
    done = script(*program, str(ROOT / "jobs" / "score.py"), "--conf", "job.yaml", here=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "scored 300 rows in" in done.stdout
    assert "Traceback" not in done.stderr
    assert len(written(tmp_path)) == ROWS


@pytest.mark.slow
def test_the_script_says_what_is_wrong_and_leaves_nothing(job, tmp_path):
    (tmp_path / "job.yaml").write_text(job.replace("keep:", "kep:"))
    program = [sys.executable, str(ROOT / "jobs" / "score.py")]
    done = script(*program, "--conf", "job.yaml", here=tmp_path)
    assert done.returncode == 2
    assert "job.yaml:4: unknown key 'kep'" in done.stderr
    assert "did you mean 'keep'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert files(tmp_path) == ["job.yaml"]


def test_rows_of_spark_are_checked_up_to_a_limit(spark, made):
    frame = spark.read.parquet(f"{made[0]}/table")
    report = sparkbird.check(made[1], frame, "a", "b", "c c", limit=50)
    assert report.ok
    assert report.rows == 50
    assert sparkbird.check(made[1], frame).rows == ROWS
