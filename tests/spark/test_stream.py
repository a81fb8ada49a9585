"""The streaming job: files as they arrive, each row once, whatever is killed and when."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn.linear_model import LinearRegression

import sparkbird
from sparkbird import cli
from sparkbird.errors import (
    ColumnNameError,
    ConfigError,
    InputError,
    InvalidValueError,
    OutputError,
)
from sparkbird.job.stream import config
from sparkbird.job.stream.run import run

ROOT = Path(__file__).parents[2]
FILES, ROWS = 12, 20
pytestmark = pytest.mark.spark

JOB = """\
name: test-stream
model: {{path: {here}/model.onnx}}
input: {{path: {here}/arriving, max_files_per_trigger: 1}}
outputs: {{score: predict}}
keep: [id, month]
output: {{path: {here}/scores, partition_by: [month]}}
checkpoint: {here}/checkpoint
form: {form}
"""


@pytest.fixture(scope="module")
def model():
    X = pd.DataFrame({"a": [0.0, 1.0, 3.0], "b": [1.0, 0.0, 5.0]})
    return LinearRegression().fit(X, [1.0, 2.0, 4.0])


@pytest.fixture
def here(tmp_path, model):
    sparkbird.compile(model).save(tmp_path / "model.onnx")
    (tmp_path / "arriving").mkdir()
    return tmp_path


def arrive(here, numbers):
    """One file for each number, whole from the start; its rows tell which file they are of."""
    for number in numbers:
        ids = np.arange(number * ROWS, (number + 1) * ROWS)
        rows = pd.DataFrame({"id": ids, "month": ids % 2, "a": ids / 7, "b": ids % 5 * 1.0})
        draft = here / f"{number}.part"
        rows.to_parquet(draft)
        draft.replace(here / "arriving" / f"{number}.parquet")


def job(here, form="batches", *changes):
    text = JOB.format(here=here, form=form)
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text


def score(spark, text):
    said = io.StringIO()
    result = run(config.loads(text), spark, Console(file=said, width=200))
    return result, said.getvalue()


def check_once(spark, here, model, files):
    """Each row of so many files is there once, with what the original gives."""
    found = pd.DataFrame(
        [row.asDict() for row in spark.read.parquet(str(here / "scores")).collect()]
    ).sort_values("id", ignore_index=True)
    ids = np.arange(files * ROWS)
    assert found["id"].tolist() == ids.tolist()
    X = pd.DataFrame({"a": ids / 7, "b": ids % 5 * 1.0})
    np.testing.assert_allclose(found["score"], model.predict(X), rtol=1e-12)
    assert found["month"].tolist() == (ids % 2).tolist()


def commits(here):
    """The batches that Spark knows to be done."""
    folder = here / "checkpoint" / "commits"
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdigit())


def forget(here, number):
    """As if the job had been killed after a batch was written, and before that was noted."""
    for name in (str(number), f".{number}.crc"):
        (here / "checkpoint" / "commits" / name).unlink()


def started(here, form):
    (here / "stream.yaml").write_text(job(here, form))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [sys.executable, str(ROOT / "jobs" / "stream.py"), "--conf", "stream.yaml"]
    with (here / "said.txt").open("w") as said:
        return subprocess.Popen(
            command, cwd=here, env=environment, stdout=said, stderr=said, start_new_session=True
        )


def killed_in_the_middle(here, form):
    """Start the job, and kill it and its JVM when it has done some of the batches."""
    process = started(here, form)
    deadline = time.monotonic() + 200
    while len(commits(here)) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL, (here / "said.txt").read_text()


@pytest.mark.endurance
@pytest.mark.parametrize("form", ["columns", "batches"])
def test_each_row_is_written_once_though_the_job_is_killed(spark, here, model, form):
    arrive(here, range(FILES))
    killed_in_the_middle(here, form)
    done = commits(here)
    assert 2 <= len(done) < FILES

    again = started(here, form)
    assert again.wait(200) == 0, (here / "said.txt").read_text()
    assert f"scored {(FILES - len(done)) * ROWS} rows" in (here / "said.txt").read_text()
    assert commits(here) == [*range(FILES)]
    check_once(spark, here, model, FILES)

    arrive(here, [FILES, FILES + 1])
    result, said = score(spark, job(here, form))
    assert (result.batches, result.rows) == (2, 2 * ROWS)
    assert f"batch {FILES}: {ROWS} rows" in said
    check_once(spark, here, model, FILES + 2)

    forget(here, commits(here)[-1])
    score(spark, job(here, form))
    check_once(spark, here, model, FILES + 2)
    assert not any(here.rglob("*.part"))


def test_a_batch_that_is_repeated_replaces_its_own_folder(spark, here, model):
    arrive(here, range(3))
    result, _ = score(spark, job(here))
    assert (result.batches, result.rows) == (3, 3 * ROWS)
    folders = sorted(path.name for path in (here / "scores").glob("batch=*"))
    assert folders == ["batch=0", "batch=1", "batch=2"]
    (here / "scores" / "batch=2" / "month=0" / "left.parquet").write_bytes(b"of a killed run")
    left = here / "scores" / ".batch=2.0123456789ab.part"
    left.mkdir()
    forget(here, 2)
    score(spark, job(here))
    check_once(spark, here, model, 3)
    assert not left.exists()


def test_nothing_new_is_nothing_to_do(spark, here, model):
    arrive(here, range(2))
    score(spark, job(here))
    result, said = score(spark, job(here))
    assert (result.batches, result.rows) == (0, 0)
    assert "scored 0 rows in 0 batches" in said
    check_once(spark, here, model, 2)


@pytest.mark.parametrize("form", ["columns", "batches"])
def test_rows_that_the_model_refuses_end_the_stream_with_their_reason(spark, here, model, form):
    arrive(here, range(1))
    score(spark, job(here, form))
    rows = pd.DataFrame({"id": [0, 1], "month": [0, 1], "a": [np.nan, 1.0], "b": [1.0, 1.0]})
    rows.to_parquet(here / "arriving" / "holes.parquet")
    with pytest.raises(InvalidValueError, match="1 of 2 rows do not keep to it"):
        score(spark, job(here, form))
    check_once(spark, here, model, 1)
    score(spark, job(here, form, ("keep:", "on_invalid: 'null'\nkeep:")))
    found = spark.read.parquet(str(here / "scores"))
    assert found.count() == ROWS + 2
    assert found.filter("score IS NULL").count() == 1


def test_columns_go_to_a_table_of_the_catalog(spark, here):
    arrive(here, range(2))
    place = (f"{{path: {here}/scores, partition_by: [month]}}", "{table: streamed}")
    try:
        score(spark, job(here, "columns", place))
        score(spark, job(here, "columns", place))
        assert spark.table("streamed").count() == 2 * ROWS
    finally:
        spark.sql("DROP TABLE IF EXISTS streamed")


def test_output_without_its_checkpoint_is_left_alone(spark, here, model):
    for form in ("columns", "batches"):
        folder = here / form
        folder.mkdir()
        (folder / "arriving").mkdir()
        sparkbird.compile(model).save(folder / "model.onnx")
        arrive(folder, range(1))
        score(spark, job(folder, form))
        fresh = ("/checkpoint\n", "/other-checkpoint\n")
        with pytest.raises(OutputError, match="is not the checkpoint of a stream that wrote it"):
            score(spark, job(folder, form, fresh))
        other = {"columns": "batches", "batches": "columns"}[form]
        with pytest.raises(OutputError, match=f"was written in the form '{form}'"):
            score(spark, job(folder, other))
        check_once(spark, folder, model, 1)


def refused(here):
    """Changes to the job, the error that they end with, and what it says."""
    return {
        "inside": (("/scores,", "/arriving/scores,"), OutputError, "lies within input.path"),
        "checkpoint": (("/checkpoint\n", "/scores\n"), OutputError, "give each a folder"),
        "partition": (("partition_by: [month]", "partition_by: [day]"), OutputError, "'day'"),
        "batch": (("{score: predict}", "{batch: predict}"), ColumnNameError, "called 'batch'"),
        "input": (("/arriving,", "/nowhere,"), InputError, "cannot read"),
        "output": (("predict}", "predict_proba}"), ConfigError, "asks the model"),
    }


@pytest.mark.parametrize("name", refused(""))
def test_what_cannot_work_is_refused_before_rows_are_read(spark, here, name):
    arrive(here, range(1))
    change, error, said = refused(here)[name]
    with pytest.raises(error, match=said):
        score(spark, job(here, "batches", change))
    assert not (here / "checkpoint").exists()
    assert not (here / "scores").exists()


def test_no_files_yet_need_a_schema(spark, here, model):
    with pytest.raises(InputError, match="cannot read"):
        score(spark, job(here))
    columns = "schema: 'id long, month long, a double, b double', max_files"
    text = job(here, "batches", ("max_files", columns))
    assert score(spark, text)[0].rows == 0
    arrive(here, range(1))
    assert score(spark, text)[0].rows == ROWS
    check_once(spark, here, model, 1)


WRONG = [
    (("max_files_per_trigger: 1", "max_files: 1"), 3, "unknown key 'max_files'"),
    (("max_files_per_trigger: 1", "max_files_per_trigger: 0"), 3, "greater than 0"),
    (("max_files_per_trigger", "format: csv, max_files_per_trigger"), 3, "give 'schema'"),
    (("checkpoint: ", "chekpoint: "), 7, "unknown key 'chekpoint'"),
    (("form: batches", "form: folders"), 8, "'columns' or 'batches'"),
    (("form: batches", "trigger: -3"), 8, "greater than 0"),
    (("form: batches", "trigger: hourly"), 8, "available-now"),
    (("{path: X/scores, partition_by: [month]}", "{table: t}"), 1, "give output.path"),
    (("{path: X/scores, partition_by: [month]}", "{mode: append}"), 6, "unknown key 'mode'"),
    (("{score: predict}", "{}"), 4, "at least one entry"),
    (("keep: [id, month]", "columns: 3"), 5, "columns"),
]


@pytest.mark.parametrize(("change", "line", "fact"), WRONG)
def test_a_mistake_is_named_with_its_line(change, line, fact):
    with pytest.raises(ConfigError) as caught:
        config.loads(job("X", "batches", change), source="stream.yaml")
    assert f"stream.yaml:{line}: " in caught.value.fact
    assert fact in caught.value.fact
    assert caught.value.hint


def test_the_configuration_in_the_repository_is_one(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = config.load("conf/stream.yaml")
    assert found.form == "batches"
    assert config.loads(job("X", "columns", ("form", "trigger: 30\nform"))).trigger == 30


def test_the_command_takes_several_files_and_assignments_and_its_exit_codes_tell(here, capsys):
    (here / "stream.yaml").write_text(job(here, "columns"))
    (here / "prod.yaml").write_text("name: ${env:JOB}\n")
    files = ["stream", f"--conf={here}/stream.yaml", f"--conf={here}/prod.yaml"]
    assert cli.main([*files, "--set", "trigger=hourly"]) == 2
    said = capsys.readouterr().err
    assert "the environment variable JOB is not set" in said
    files += ["--set", "name=own"]
    assert cli.main([*files, "--set", "trigger=60", "--print-config"]) == 0
    assert "trigger: 60" in capsys.readouterr().out
    assert cli.main([*files, "--set", "input.path=nowhere"]) == 3
    assert "cannot read nowhere" in capsys.readouterr().err
