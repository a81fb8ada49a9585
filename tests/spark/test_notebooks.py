"""The notebooks of jobs/notebooks run as plain Python, with and without what Databricks brings."""

import re
import textwrap
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

import sparkbird

FOLDER = Path(__file__).parents[2] / "jobs" / "notebooks"
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.py"))
FIRST, SEPARATOR = "# Databricks notebook source", "# COMMAND ----------"
DAY = date(2026, 11, 27)


class Widgets:
    """The widgets of `dbutils`: defined with a default, and set by who runs the notebook."""

    def __init__(self, given):
        self.given, self.defined = given, {}

    def text(self, name, default, label):
        self.defined[name] = default

    def dropdown(self, name, default, choices, label):
        assert default in choices
        self.defined[name] = default

    def get(self, name):
        return self.given.get(name, self.defined[name])


class Databricks:
    """What a notebook finds there: widgets, and what it showed."""

    def __init__(self, **given):
        self.widgets, self.shown = Widgets(given), []

    def names(self):
        return {
            "dbutils": self,
            "display": self.shown.append,
            "displayHTML": self.shown.append,
        }


def text(name):
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def cells(name):
    """The cells as Databricks reads them."""
    first, rest = text(name).split("\n", 1)
    assert first == FIRST
    return [cell.strip("\n") for cell in rest.split(f"{SEPARATOR}\n")]


def is_magic(cell):
    return cell.startswith("# MAGIC")


@threadpool_limits.wrap(limits=1)  # on a busy machine threads wait for one another
def execute(name, databricks=None):
    """Run a notebook, and give the names that it defined."""
    names = {"__name__": "__main__", **(databricks.names() if databricks else {})}
    exec(compile(text(name), f"{name}.py", "exec"), names)
    return names


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_in_the_source_format_of_databricks(name):
    found = cells(name)
    assert is_magic(found[0])
    assert re.match(r"# MAGIC %md\n# MAGIC # \S", found[0]), "a title comes first"
    for cell in found:
        assert cell, "no cell is empty"
        assert SEPARATOR not in cell, "a separator stands alone on its line"
        if is_magic(cell):
            lines = cell.split("\n")
            assert lines[0] == "# MAGIC %md"
            assert all(re.match(r"# MAGIC( |$)", line) for line in lines)
        else:
            assert "# MAGIC" not in cell, "a cell is text or code"
            compile(cell, name, "exec")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_short_and_tells_where_it_runs(name):
    assert len(text(name).splitlines()) < 110
    assert "as plain Python" in textwrap.shorten(cells(name)[0].replace("# MAGIC", ""), 10_000)


def test_the_quick_start_scores_flights(spark, here, capsys):
    found = execute("quick_start", Databricks())
    assert found["report"].ok
    row = found["scored"].first()["late"]
    assert {*row.asDict()} == {"predict", "predict_proba"}
    said = capsys.readouterr().out
    assert "forest" in said
    assert "predict_proba" in said


def test_a_pipeline_of_spark_ml_is_migrated(spark, here, capsys):
    found = execute("spark_ml", Databricks())
    assert found["before"].columns == found["after"].columns
    assert "0 of 300 predictions differ" in capsys.readouterr().out


def test_the_notebook_of_gpus_runs_without_one(spark, here, capsys):
    execute("gpu", Databricks())
    assert re.search("(?m)^0 of .* between auto and cpu", capsys.readouterr().out)


@pytest.mark.gpu
def test_the_notebook_of_gpus_runs_on_one(spark, here, capsys):
    execute("gpu", Databricks(device="cuda"))
    assert re.search("(?m)^0 of .* between cuda and cpu", capsys.readouterr().out)


def test_a_stream_scores_each_file_once(spark, here, capsys):
    found = execute("streaming", Databricks(folder=str(here / "flights")))
    counts = [
        int(n.replace(",", "")) for n in re.findall("([0-9,]+) rows", capsys.readouterr().out)
    ]
    arrived = found["arrived"]
    assert counts == [arrived.where("month <= 6").count(), arrived.count()]
    assert len(pd.read_parquet(here / "flights" / "scored")) == arrived.count()


JOB = """
name: nightly
model: {{path: {0}/model.onnx}}
input: {{path: "{0}/in/day={{date}}"}}
outputs: {{late: predict}}
output: {{path: {0}/out}}
date: {{column: day}}
checks: {{rows: {{at_least: {1}}}}}
"""


@pytest.fixture
def nightly(here):
    """The arguments of the notebook for a table of one date, of so many rows at least."""
    rows = pd.DataFrame({"a": [0.5, -1.0, 2.0, -3.0], "b": [1.0, 2.0, 3.0, 4.0]})
    model = LogisticRegression().fit(rows, rows["a"] > 0)
    sparkbird.compile(model, rows).save(here / "model.onnx")
    (here / "in" / f"day={DAY}").mkdir(parents=True)
    rows.to_parquet(here / "in" / f"day={DAY}" / "0.parquet")

    def arguments(at_least):
        (here / "job.yaml").write_text(JOB.format(here, at_least))
        return {"configuration": str(here / "job.yaml"), "date": str(DAY)}

    return arguments


def test_the_nightly_job_shows_its_report(spark, here, nightly):
    databricks = Databricks(**nightly(at_least=4))
    found = execute("nightly", databricks)
    assert (found["result"].status, found["result"].rows) == ("done", 4)
    (page,) = databricks.shown
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert str(DAY) in page
    assert len(pd.read_parquet(here / "out" / f"day={DAY}")) == 4


def test_the_nightly_job_fails_after_it_has_shown_why(spark, here, nightly):
    databricks = Databricks(**nightly(at_least=5))
    with pytest.raises(AssertionError, match="CheckError"):
        execute("nightly", databricks)
    (page,) = databricks.shown
    assert "Failed" in page
    assert not (here / "out" / f"day={DAY}").exists()


def test_the_nightly_notebook_is_plain_python_too(spark, here, nightly):
    nightly(at_least=4)
    (here / "conf").mkdir()
    (here / "job.yaml").rename(here / "conf" / "nightly.yaml")
    (here / "in" / f"day={DAY}").rename(here / "in" / "day=2013-03-01")
    execute("nightly")
    assert "2013-03-01" in (here / "nightly.html").read_text(encoding="utf-8")


#: MLflow warns of its own advice and keeps connections to SQLite.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning:mlflow")
@pytest.mark.filterwarnings("ignore::UserWarning:mlflow")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.slow
def test_a_model_of_a_registry_is_scored_by_its_alias(spark, here, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy", reason="mlflow-skinny has no store of its own")
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_LOGGING", "false")
    address = f"sqlite:///{here}/mlflow.db"
    mlflow.set_tracking_uri(address)
    mlflow.set_registry_uri(address)
    mlflow.set_experiment("late")  # another test may have left one of another store
    try:
        found = execute("mlflow_registry", Databricks(model="late"))
        version = mlflow.MlflowClient().get_model_version_by_alias("late", "champion")
    finally:
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)
    assert str(version.version) == str(found["version"])
    table = found["table"].reset_index(drop=True)
    scored = found["scored"].select("id", "late").toPandas().set_index("id")["late"]
    expected = found["model"].predict(table[found["columns"]])
    assert (scored.loc[table["id"]].to_numpy() == expected).all()
