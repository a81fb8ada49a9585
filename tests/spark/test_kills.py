"""Jobs that are killed, twenty times in all, end with exactly one copy of each row."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.spark.test_nightly import DAYS, FILES, JOB, data, here, write  # noqa: F401  a fixture

ROOT = Path(__file__).parents[2]
DRIVERS, OTHERS = 8, 12
ROWS = 5_000

pytestmark = [pytest.mark.endurance, pytest.mark.spark]


@pytest.fixture
def job(here):  # noqa: F811
    for day in DAYS:
        write(here, day, ROWS)
    path = here / "job.yaml"
    path.write_text(JOB.format(here))
    return path


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1"}


def started(job):
    arguments = ["--conf", str(job), "--from", str(DAYS[0]), "--to", str(DAYS[1])]
    command = [sys.executable, str(ROOT / "jobs" / "score.py"), *arguments]
    return subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def counts(folder):
    """The rows of each date that readers see, and how many different ones."""
    found = {}
    for path in data(folder / "out"):
        found.setdefault(path.parts[-2], []).append(pd.read_parquet(path)["id"])
    return {day: (sum(map(len, ids)), pd.concat(ids).nunique()) for day, ids in found.items()}


def test_a_job_whose_driver_is_killed_again_and_again_is_ended_by_the_last_one(job, here):  # noqa: F811
    whole = (FILES * ROWS, FILES * ROWS)
    first = started(job)
    before = time.monotonic()
    first.communicate(timeout=300)
    assert first.returncode == 0
    took = time.monotonic() - before
    random.seed(os.environ.get("PYTEST_XDIST_TESTRUNUID", "0"))
    for number in range(DRIVERS):
        # Rows that have changed, so that there is something to do each time.
        write(here, DAYS[number % 2], ROWS + number % 4)
        process = started(job)
        time.sleep(random.uniform(0.3, 1.0) * took)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        for day, (rows, different) in counts(here).items():
            assert rows == different, day
            assert rows in {FILES * (ROWS + i) for i in range(4)}, day
    for day in DAYS:
        write(here, day, ROWS)
    last = started(job)
    said, _ = last.communicate(timeout=300)
    assert last.returncode == 0, said
    assert counts(here) == {f"day={day}": whole for day in DAYS}


def test_a_job_whose_executors_and_workers_are_killed_has_one_copy_of_each_row(job, here):  # noqa: F811
    script = Path(__file__).with_name("killed.py")
    command = [sys.executable, str(script), str(job), "0", str(OTHERS)]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=560, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line.split() for line in done.stdout.splitlines() if line.endswith(f" {FILES * ROWS}")]
    assert len(lines) == OTHERS, done.stdout
    for kind, status, rows, different in lines:
        assert kind in ("executor", "worker")
        assert status in ("done", "failed")
        assert int(rows) == int(different) == FILES * ROWS


def test_of_two_jobs_at_once_one_scores_and_the_other_is_refused(job, here):  # noqa: F811
    both = [started(job) for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes == [0, 5], said
    assert any("has been writing to" in text for text in said)
    assert counts(here) == {f"day={day}": (FILES * ROWS, FILES * ROWS) for day in DAYS}
