"""The demo on few flights, as a newcomer runs it."""

import subprocess
import sys

import pytest
from pyarrow import dataset

from sparkbird.job import config

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def test_the_demo_scores_every_flight_and_writes_only_to_its_folder(tmp_path):
    """In a process and a folder of its own: the demo starts and stops Spark itself."""
    program = "from sparkbird.cli import app; app()"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, "demo", "--rows", "3000", "--out", "here"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3,000 flights scored by both: 0 labels differ" in done.stdout
    assert "rows per second" in done.stdout
    assert "memory of a worker" in done.stdout
    assert "\x1b[" not in done.stdout  # no terminal, no colours
    assert "Traceback" not in done.stderr

    assert [p.name for p in tmp_path.iterdir()] == ["here"]
    assert sorted(p.name for p in (tmp_path / "here").iterdir()) == [
        "flights",
        "flights.yaml",
        "model.joblib",
        "model.onnx",
        "scores",
        "spark.log",
    ]
    assert config.load(tmp_path / "here" / "flights.yaml").model.path == "here/model.onnx"
    scores = dataset.dataset(tmp_path / "here" / "scores", partitioning="hive").to_table()
    assert len(set(scores["id"].to_pylist())) == len(scores) == 3000
    assert set(scores["month"].to_pylist()) == set(range(1, 13))
