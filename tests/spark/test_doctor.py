"""The doctor's look at a cluster: what the workers of a real one say, and what follows from it."""

import dataclasses
import io
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from sparkbird.cli import app
from sparkbird.doctor import advice, probe, process
from sparkbird.doctor.cluster import Probe
from tests.spark import connect
from tests.spark.test_gpu import home_of_spark

ROOT = Path(__file__).parents[2]


def test_workers_of_this_machine_have_what_the_driver_has(spark):
    found = probe(spark)
    [worker] = found.executors
    assert worker.executor != found.driver.executor
    assert worker.versions == found.driver.versions
    assert worker.versions["numpy"] == np.__version__
    assert worker.python == platform.python_version()
    assert (found.driver.task_cpus, worker.task_cpus, worker.omp_threads) == (0, 1, "1")
    assert worker.cpus == len(os.sched_getaffinity(0))
    assert worker.free_bytes > 2**20
    assert found.settings["spark.master"] == "local[2]"
    assert found.advice == ()
    assert found.ok


def test_settings_of_the_session_are_looked_at(spark):
    before = spark.conf.get(advice.BATCH)
    spark.conf.set(advice.BATCH, "100")
    try:
        [line] = probe(spark, tasks=1).advice
    finally:
        spark.conf.set(advice.BATCH, before)
    assert line == f"{advice.BATCH} is 100: batches of about 10,000 rows are scored fastest"


CLUSTER = """
import dataclasses, json, sys
from sparkbird.doctor import probe
from sparkbird.spark.session import local_session
spark = local_session("doctor", **{
    "spark.master": "local-cluster[2,1,1024]",
    "spark.executor.memory": "1g",
    "spark.executorEnv.PYTHONPATH": sys.argv[1],
    "spark.executorEnv.OMP_NUM_THREADS": "8",
})
spark.sparkContext.parallelize(range(2), 2).map(lambda _: __import__("time").sleep(1)).collect()
found = probe(spark, tasks=4)
print("found", json.dumps(dataclasses.asdict(found)))
spark.stop()
"""


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.xdist_group("doctor")
def test_executors_that_lack_what_the_driver_has_are_named(tmp_path):
    """Theirs have no sparkbird and no onnxruntime, so that nothing of ours can be imported."""
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    for name in ("sparkbird", "onnxruntime"):
        (lacking / f"{name}.py").write_text(f"raise ImportError('no {name}')\n")
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "SPARK_HOME": str(home_of_spark(tmp_path)), "PYTHONPATH": path}
    command = [sys.executable, "-c", CLUSTER, str(lacking)]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("found ")]
    assert lines, done.stderr[-4000:]
    found = json.loads(lines[0].removeprefix("found "))
    assert len({one["executor"] for one in found["executors"]}) == 2
    for one in found["executors"]:
        assert (one["versions"]["sparkbird"], one["versions"]["onnxruntime"]) == ("", "")
        assert one["versions"]["numpy"] == np.__version__
        assert one["kernels"] == "sparkbird is not installed"
    said = "\n".join(found["advice"])
    assert "sparkbird cannot be imported" in said
    assert "onnxruntime cannot be imported" in said
    assert "OMP_NUM_THREADS is 8, and a task has 1 cpus" in said


def worker(**changes):
    """This process as a worker in which all is well, but for `changes`."""
    well = {
        "host": "one",
        "versions": dict.fromkeys(process.PACKAGES, "1.0"),
        "task_cpus": 1,
        "omp_threads": "1",
        "has_kernels": True,
        "cache": "/cache",
    }
    return process.Process(**{**process.own(), **well, **changes})


# fmt: off
VERSIONS = dict.fromkeys(process.PACKAGES, "1.0")
WRONG = [
    ({},                                                    {}, ""),
    ({"versions": {**VERSIONS, "onnxruntime": ""}},         {}, "onnxruntime cannot be imported: install sparkbird[cpu] or [gpu] on executors, too (one)"),
    ({"versions": {**VERSIONS, "llvmlite": "2"}},           {}, "llvmlite is 2 on executors and 1.0 on the driver: use one version (one)"),
    ({"python": "3.9.1"},                                   {}, "Python is 3.9.1 on executors"),
    ({"omp_threads": ""},                                   {}, "OMP_NUM_THREADS is not set"),
    ({"omp_threads": "4"},                                  {}, "OMP_NUM_THREADS is 4, and a task has 1 cpus"),
    ({"omp_threads": "4", "task_cpus": 4},                  {}, ""),
    ({"has_kernels": False, "kernels": "no AVX2"},          {}, "forests are left to ONNX Runtime, which is slower: no AVX2 (one)"),
    ({"cache": ""},                                         {}, "SPARKBIRD_KERNEL_CACHE"),
    ({}, {advice.BATCH: "10000"},                               ""),
    ({}, {advice.BATCH: "1000000"},                             "maxRecordsPerBatch is 1000000"),
    ({}, {advice.BATCH: "0"},                                   "maxRecordsPerBatch is 0"),
    ({}, {advice.REUSE: "false"},                               "loads the model anew"),
    ({}, {advice.REUSE: "true", advice.ARROW: "true"},          ""),
    ({}, {advice.ARROW: "false"},                               "toPandas()"),
    ({}, {advice.MASTER: "yarn", advice.MEMORY: "4g", advice.CORES: "4"}, "memoryOverhead is 410 MiB for 4 Python workers: set it to 1,024 MiB or more"),
    ({}, {advice.MASTER: "k8s://x", advice.CORES: "4", advice.OVERHEAD: "2g"}, ""),
    ({}, {advice.MASTER: "yarn", advice.CORES: "4", advice.TASK: "4"}, ""),
    ({}, {advice.MASTER: "local[4]", advice.CORES: "4"},        ""),
]
# fmt: on


@pytest.mark.parametrize(("changes", "settings", "said"), WRONG)
def test_each_thing_that_is_wrong_has_a_line(changes, settings, said):
    lines = [*advice.advice(worker(task_cpus=0), [worker(**changes)], settings)]
    assert len(lines) == bool(said)
    assert said in "".join(lines)


@pytest.mark.parametrize("settings", [settings for _, settings, said in WRONG if settings and said])
def test_what_is_recommended_settles_what_is_advised(settings):
    one = worker()
    lines = advice.recommended(one, [one], settings)
    assert lines
    assert not [*advice.advice(one, [one], {**settings, **lines})]


def test_threads_are_recommended_as_a_task_has_cpus():
    found = advice.recommended(worker(), [worker(omp_threads="")], {advice.TASK: "2"})
    assert found == {"spark.executorEnv.OMP_NUM_THREADS": "2"}


def test_one_line_names_all_machines_that_it_is_about():
    executors = [worker(host=host, omp_threads="") for host in ("two", "one", "two")]
    [line] = advice.advice(worker(), executors, {})
    assert line.endswith("(one, two)")


def test_a_table_has_room_for_some_executors_and_says_how_many_are_left():
    console = Console(width=200, record=True, file=io.StringIO())
    executors = tuple(worker(host=f"h{number}", gpus=("[A]",)) for number in range(9))
    console.print(Probe(worker(), executors, {}, (), {}).table())
    text = console.export_text()
    assert "executor 6" in text
    assert "executor 7" not in text
    assert "and 3 more executors" in text
    assert "[A]" in text


def test_the_command_shows_a_table_and_ends_by_what_is_advised(spark):
    done = CliRunner().invoke(app, ["doctor", "--spark"])
    assert done.exit_code == 0, done.output
    assert "executor 1" in done.stdout
    spark.conf.set(advice.BATCH, "100")
    try:
        done = CliRunner().invoke(app, ["doctor", "--spark"])
    finally:
        spark.conf.unset(advice.BATCH)
    assert done.exit_code == 1
    assert "NO  spark.sql.execution.arrow.maxRecordsPerBatch is 100" in done.stdout
    assert f"\n{advice.BATCH}  10000\n" in done.stdout


def test_a_setting_without_value_is_refused():
    done = CliRunner().invoke(app, ["doctor", "--spark", "--conf", "yarn"])
    assert done.exit_code == 2
    assert "'yarn' is no setting" in done.stderr


def test_the_driver_is_described_by_the_same_fields_as_a_worker():
    fields = {field.name for field in dataclasses.fields(process.Process)}
    assert {*process.own()} == fields


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.xdist_group("doctor")
def test_the_command_starts_a_session_with_the_settings_given():
    arguments = ["doctor", "--spark", "--conf", "spark.master=local[1]"]
    arguments += ["--conf", f"{advice.REUSE}=false"]
    code = f"import sys; from sparkbird.cli import main; sys.exit(main({arguments}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr[-3000:]
    assert "executor 1" in done.stdout
    assert f"NO  {advice.REUSE} is false: every task" in done.stdout


_CONNECT = """
from sparkbird.doctor import probe
found = probe(spark, tasks=4)
print("found", len(found.executors), found.executors[0].versions == found.driver.versions)
"""


@connect.marked
def test_it_works_on_spark_connect():
    assert "found 1 True" in connect.run(_CONNECT)
