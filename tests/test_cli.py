"""The command line: what it prints, and with which code it ends."""

import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from typer.testing import CliRunner

import sparkbird
from sparkbird.cli import app, main
from tests import device

COMMANDS = ["bench", "check", "compile", "demo", "doctor", "explain", "score", "supported"]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A fitted model, rows for it, and a model that is not supported."""
    here = tmp_path_factory.mktemp("cli")
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a", "b"])
    labels = rows["a"] > rows["b"]
    joblib.dump(
        make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels), here / "m.joblib"
    )
    joblib.dump(DBSCAN().fit(rows), here / "dbscan.pkl")
    joblib.dump(LogisticRegression(), here / "unfitted.pkl")
    rows.assign(other="x").to_parquet(here / "rows.parquet")
    rows.to_csv(here / "rows.csv", index=False)
    (here / "broken.onnx").write_bytes(b"no model")
    (here / "bad.yaml").write_text("modle: 1\n")
    return here


def run(*arguments, here, monkeypatch):
    monkeypatch.chdir(here)
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_help_names_every_command(here, monkeypatch):
    shown = run("--help", here=here, monkeypatch=monkeypatch)
    assert shown.exit_code == 0
    assert all(command in shown.output for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(here, monkeypatch, command):
    assert run(command, "--help", here=here, monkeypatch=monkeypatch).exit_code == 0


def test_a_model_is_compiled_explained_and_checked(here, monkeypatch, tmp_path):
    artefact = tmp_path / "m.onnx"
    compiled = run("compile", "m.joblib", "-o", artefact, here=here, monkeypatch=monkeypatch)
    assert compiled.exit_code == 0, compiled.output
    assert sparkbird.load(artefact).digest[:12] in compiled.stdout

    explained = run("explain", artefact, here=here, monkeypatch=monkeypatch)
    assert "predict_proba: float64[N, 2]" in explained.stdout

    for rows in ("rows.parquet", "rows.csv"):
        checked = run(
            "check", "m.joblib", rows, "--artefact", artefact, here=here, monkeypatch=monkeypatch
        )
        assert checked.exit_code == 0, checked.output
        assert "on 50 rows: equal" in checked.stdout


def test_a_sample_tells_the_types_and_outputs_can_be_chosen(here, monkeypatch, tmp_path):
    arguments = ["--sample", "rows.parquet", "--method", "predict_proba"]
    done = run(
        "compile",
        "m.joblib",
        "-o",
        tmp_path / "p.onnx",
        *arguments,
        here=here,
        monkeypatch=monkeypatch,
    )
    assert done.exit_code == 0, done.output
    assert sparkbird.load(tmp_path / "p.onnx").outputs == ("predict_proba",)


def test_a_difference_ends_with_code_1(here, monkeypatch, tmp_path):
    rows = pd.read_parquet(here / "rows.parquet")
    other = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3))
    sparkbird.compile(other.fit(rows[["a", "b"]], rows["a"] > 0)).save(tmp_path / "other.onnx")
    done = run(
        "check",
        "m.joblib",
        "rows.csv",
        "--artefact",
        tmp_path / "other.onnx",
        here=here,
        monkeypatch=monkeypatch,
    )
    assert done.exit_code == 1
    assert "NOT EQUAL" in done.stdout


ERRORS = [
    (["explain", "nothing.onnx"], 1, "cannot read nothing.onnx"),
    (["explain", "broken.onnx"], 1, "not a whole model"),
    (["explain", "nothing.joblib"], 1, "there is no model at nothing.joblib"),
    (["explain", "rows.csv"], 1, "cannot tell from its name what rows.csv is"),
    (["compile", "dbscan.pkl", "-o", "x.onnx"], 1, "it says nothing of new rows"),
    (["compile", "unfitted.pkl", "-o", "x.onnx"], 1, "not"),
    (["compile", "m.joblib", "-o", "no/such/folder/x.onnx"], 1, "cannot write"),
    (["compile", "m.joblib", "-o", "x.onnx", "--method", "leaf"], 1, "the model has no leaf"),
    (["check", "m.joblib", "nothing.parquet"], 1, "cannot read rows from nothing.parquet"),
    (["check", "m.joblib", "m.joblib"], 1, "neither .parquet nor .csv"),
    (["score", "--conf", "nothing.yaml"], 2, "cannot read the configuration nothing.yaml"),
    (["score", "--conf", "bad.yaml"], 2, "bad.yaml:1: unknown key 'modle'"),
    (["score"], 2, "--conf"),
    (["bench", "--only", "nothing"], 2, "there is no suite 'nothing'"),
    (["demo", "--rows", "10"], 1, "10 flights are too few"),
    (["nothing"], 2, "nothing"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "fact"), ERRORS, ids=[" ".join(e[0]) for e in ERRORS]
)
def test_an_error_is_a_fact_and_a_hint_without_a_traceback(
    here, monkeypatch, arguments, code, fact
):
    before = sorted(here.iterdir())
    done = run(*arguments, here=here, monkeypatch=monkeypatch)
    assert done.exit_code == code, done.output
    assert fact in done.stderr
    assert "Traceback" not in done.output
    assert sorted(here.iterdir()) == before


def test_main_gives_the_code_and_does_not_exit(here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    assert main(["explain", "nothing.onnx"]) == 1
    assert main(["score", "--conf", "bad.yaml"]) == 2
    assert main(["supported"]) == 0
    assert "hint:  " in capsys.readouterr().err


def test_supported_lists_every_class(here, monkeypatch):
    shown = run("supported", here=here, monkeypatch=monkeypatch).stdout
    missing = [name for name in sparkbird.supported() if name.rpartition(".")[2] not in shown]
    assert missing == []


def test_doctor_lists_gpus_and_how_many_processes_share_each(monkeypatch):
    from sparkbird.doctor import local as doctor

    monkeypatch.delenv("SPARKBIRD_GPU_PROCESSES", raising=False)
    for name, found in {"lacking": str, "count": lambda: 2, "device": device.device}.items():
        monkeypatch.setattr(doctor.driver, name, found)
    said = doctor._gpu().said
    assert said.startswith("none 0, 8 GiB, for 8 processes; none 1, 8 GiB")
    assert said.endswith("CUDA 13.0")


def test_doctor_finds_what_is_needed(here, monkeypatch):
    from sparkbird.doctor import local as doctor

    monkeypatch.setattr(doctor, "_java", lambda: doctor.Finding("Java", "21"))
    done = run("doctor", here=here, monkeypatch=monkeypatch)
    assert done.exit_code == 0, done.output
    assert "ok  numpy" in done.stdout
    assert "CPUExecutionProvider" in done.stdout


def test_doctor_ends_with_code_1_if_java_is_missing(here, monkeypatch):
    from sparkbird.doctor import local as doctor

    monkeypatch.setattr(doctor, "_java", lambda: doctor.Finding("Java", "there is none", ok=False))
    done = run("doctor", here=here, monkeypatch=monkeypatch)
    assert done.exit_code == 1
    assert "NO  Java" in done.stdout


def test_the_command_starts_without_loading_what_it_does_not_need():
    code = "import sys, sparkbird.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded.isdisjoint(
        {"numpy", "onnx", "onnxruntime", "pandas", "pyspark", "sklearn", "pydantic"}
    )
