"""Spark's scheduling of GPUs, with a script that says there are two on a machine that has none."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sparkbird.spark import gpu

#: Beside the tests of the one session, not after them.
pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("gpu")]

ROOT = Path(__file__).parents[2]

#: Run in a process of its own: a session on a cluster of one executor, and what is seen in it.
APPLICATION = """
import json, sys, time
import numpy as np
from pyspark.resource import ResourceProfileBuilder, TaskResourceRequests
from sklearn.ensemble import RandomForestRegressor

import sparkbird
from sparkbird.spark import gpu
from sparkbird.spark.session import local_session

home, script, own = sys.argv[1:]
confs = {
    "spark.master": "local-cluster[1,4,1024]",
    "spark.executor.memory": "1g",
    "spark.worker.resource.gpu.amount": "2",
    "spark.worker.resource.gpu.discoveryScript": script,
    "spark.executor.resource.gpu.amount": "2",
    "spark.executorEnv.PYTHONPATH": own,
    "spark.sql.execution.arrow.maxRecordsPerBatch": "30",
}
# A quarter of a GPU for each task, or nothing said: then profiles alone ask for them.
spark = local_session("gpu", **confs, **{gpu.AMOUNT: "0.5"})


def assigned(batches):
    import pyarrow as pa

    from sparkbird.runtime import task

    rows = sum(batch.num_rows for batch in batches)
    time.sleep(0.5)  # until other tasks have started, too
    found = task.gpu(0.5)
    columns = {"number": [found.number], "assigned": [found.assigned], "rows": [rows]}
    yield pa.RecordBatch.from_pydict(columns)


def refused(make):
    try:
        make().collect()
    except Exception as error:
        return str(error)
    return ""


numbers = "number long, assigned boolean, rows long"
tasks = spark.range(0, 80, 1, 8).mapInArrow(assigned, numbers).collect()

X = np.random.default_rng(0).normal(size=(400, 3))
model = RandomForestRegressor(200, max_depth=8, random_state=0).fit(X, X.sum(axis=1))
df = spark.createDataFrame(X.tolist(), "a double, b double, c double").repartition(4)
compiled = sparkbird.compile(model, {"a": "double", "b": "double", "c": "double"})


def differences(scored):
    rows = np.array([tuple(row) for row in scored.select("a", "b", "c", "predict").collect()])
    return float(np.abs(rows[:, 3] - model.predict(rows[:, :3])).max())


score = sparkbird.udf(compiled)
auto = differences(df.withColumn("predict", score("a", "b", "c")))
profile = ResourceProfileBuilder().require(TaskResourceRequests().cpus(1).resource("gpu", 1)).build
staged = differences(sparkbird.transform(df, compiled, profile=profile))
several = sparkbird.transform(df, compiled, outputs=["predict", "leaf"], profile=profile)
wanted = lambda: sparkbird.transform(df, compiled, device="cuda", profile=profile)
from pyspark.ml import Pipeline
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.feature import VectorAssembler

table = df.selectExpr("a", "b", "c", "double(a + b > c) AS label")
stages = [VectorAssembler(inputCols=["a", "b"], outputCol="features")]
stages.append(RandomForestClassifier(numTrees=3, maxDepth=2, seed=0))
fitted = Pipeline(stages=stages).fit(table)
both = [
    scored.orderBy("a").collect()
    for scored in (fitted.transform(table), sparkbird.transform(table, fitted, profile=profile))
]
print("found", json.dumps({
    "rows of Spark ML": len(both[0]), "equal": both[0] == both[1],
    "tasks": [row.asDict() for row in tasks],
    "share": gpu.share(), "of profile": gpu.share(profile), "offered": gpu.offered(),
    "wants": score.wants_gpu(), "forest": str(compiled.choice(["predict"])),
    "auto": auto, "staged": staged,
    "columns": several.columns, "rows": several.count(), "leaves": len(several.first().leaf),
    "refused": refused(wanted),
}))
spark.stop()
"""


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    """A script that finds two GPUs, whether or not there are any."""
    folder = tmp_path_factory.mktemp("gpus")
    script = folder / "gpus.sh"
    script.write_text('#!/bin/sh\necho \'{"name": "gpu", "addresses": ["0", "1"]}\'\n')
    script.chmod(0o755)
    return script


def home_of_spark(folder):
    """Spark, with a folder of its own that workers may write to."""
    import pyspark

    home = folder / "spark"
    home.mkdir()
    for one in Path(pyspark.__file__).parent.iterdir():
        (home / one.name).symlink_to(one)
    return home


@pytest.fixture(scope="module")
def cluster(fake, tmp_path_factory):
    """What tasks of a cluster see that has two GPUs, as it thinks, and what executors logged."""
    home = home_of_spark(tmp_path_factory.mktemp("home"))
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "SPARK_HOME": str(home), "PYTHONPATH": path}
    env.pop("CUDA_VISIBLE_DEVICES", None)
    command = [sys.executable, "-c", APPLICATION, str(home), str(fake), path]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("found ")]
    assert lines, done.stderr[-4000:]
    logged = "".join(path.read_text() for path in home.glob("work/*/*/stderr"))
    return json.loads(lines[0].removeprefix("found ")), logged


def test_tasks_use_the_gpus_that_spark_assigns(cluster):
    found, _ = cluster
    assert {task["number"] for task in found["tasks"]} == {0, 1}
    assert all(task["assigned"] for task in found["tasks"])
    assert sum(task["rows"] for task in found["tasks"]) == 80


def test_the_share_of_a_task_is_what_is_configured_or_what_a_profile_says(cluster):
    found, _ = cluster
    assert found["share"] == 0.5
    assert found["of profile"] == 1.0
    assert found["offered"]


def test_auto_asks_for_a_gpu_and_says_why_it_is_the_cpu_after_all(cluster):
    found, logged = cluster
    assert found["wants"], found["forest"]
    assert found["auto"] == 0.0
    assert "sparkbird runs predict on the CPU: " in logged


def test_a_profile_is_for_the_stage_of_the_model_alone(cluster):
    found, _ = cluster
    assert found["staged"] == 0.0
    assert found["columns"] == ["a", "b", "c", "predict", "leaf"]
    assert found["rows"] == 400
    assert found["leaves"] == 200


def test_models_of_spark_ml_give_their_vectors_in_such_a_stage_too(cluster):
    found, _ = cluster
    assert found["rows of Spark ML"] == 400
    assert found["equal"]


def test_cuda_is_refused_where_no_task_can_have_it(cluster):
    found, _ = cluster
    assert "GPU" in found["refused"]
    assert "use device='cpu'" in found["refused"]


# fmt: off
SAID = [
    ({},                                                        1.0,  10_000),
    ({"spark.master": "local[2]"},                              0.5,  10_000),
    ({"spark.master": "local[4,2]"},                            0.25, 10_000),
    ({"spark.master": "yarn", gpu.AMOUNT: "0.2"},               0.2,  10_000),
    ({"spark.master": "yarn", gpu.AMOUNT: "2"},                 1.0,  10_000),
    ({"spark.sql.execution.arrow.maxRecordsPerBatch": "5000"},  1.0,  5_000),
    ({"spark.sql.execution.arrow.maxRecordsPerBatch": "0"},     1.0,  10_000),
]
# fmt: on


@pytest.mark.parametrize(("confs", "share", "rows"), SAID)
def test_what_the_configuration_says_of_tasks(confs, share, rows, monkeypatch):
    session = SimpleNamespace(conf=confs)
    monkeypatch.setattr(gpu.SparkSession, "getActiveSession", lambda: session)
    assert gpu.share() == share
    monkeypatch.setattr(gpu, "newest", lambda: "pandas")
    assert gpu.rows_of_a_call() == rows
    monkeypatch.setattr(gpu, "newest", lambda: "arrow")
    assert gpu.rows_of_a_call() == 65_536
    assert gpu.offered() == (gpu.AMOUNT in confs)


# What conf/ holds


def test_the_script_says_what_there_is_as_spark_wants_to_hear_it(tmp_path):
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\nprintf '0\\n1\\n5\\n'\n")
    smi.chmod(smi.stat().st_mode | stat.S_IXUSR)
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    script = ROOT / "conf" / "gpus.sh"
    done = subprocess.run([script], env=env, capture_output=True, check=True)
    assert json.loads(done.stdout) == {"name": "gpu", "addresses": ["0", "1", "5"]}


def test_the_configuration_for_gpus_is_one_that_spark_can_run(fake, tmp_path):
    lines = (ROOT / "conf" / "spark-gpu.conf").read_text().splitlines()
    confs = dict(line.split(None, 1) for line in lines if line and not line.startswith("#"))
    own = {**confs, "spark.executor.resource.gpu.discoveryScript": str(fake)}
    own |= {
        "spark.worker.resource.gpu.amount": "1",
        "spark.worker.resource.gpu.discoveryScript": str(fake),
        "spark.master": "local-cluster[1,4,1024]",
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    properties = tmp_path / "spark.conf"
    properties.write_text("".join(f"{key} {value}\n" for key, value in own.items()))
    code = """
from pyspark import TaskContext
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
seen = spark.sparkContext.range(0, 4, numSlices=4).map(
    lambda _: TaskContext.get().resources()["gpu"].addresses
).collect()
print("seen", seen)
spark.stop()
"""
    program = tmp_path / "seen.py"
    program.write_text(code)
    home = home_of_spark(tmp_path)
    from sparkbird.spark.java import ensure_java

    ensure_java()
    env = {**os.environ, "SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable}
    command = [str(home / "bin" / "spark-submit"), "--properties-file", str(properties), program]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert "seen [['0'], ['0'], ['0'], ['0']]" in done.stdout, done.stderr[-3000:]
