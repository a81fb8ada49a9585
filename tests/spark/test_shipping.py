"""Executors that lack sparkbird get it with the job: as a wheel, or with a whole environment.

`local-cluster` has executors in processes of their own, each with a folder of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sparkbird.spark.java import ensure_java
from tests.spark.test_gpu import home_of_spark

pytestmark = [pytest.mark.spark, pytest.mark.endurance]

ROOT = Path(__file__).parents[2]

#: What an executor has without sparkbird, as the README says.
NEEDED = ("numpy", "pyarrow", "onnxruntime", "llvmlite")

APPLICATION = """
import json, sys
import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from sklearn.ensemble import RandomForestClassifier

import sparkbird

spark = SparkSession.builder.getOrCreate()
rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(300, 3)), columns=["a", "b", "c"])
model = RandomForestClassifier(20, random_state=0).fit(X, X.sum(axis=1) > 0)
df = spark.createDataFrame(X.values.tolist(), "a double, b double, c double")
found = df.select("a", "b", "c", sparkbird.udf(model, "predict_proba")().alias("p")).collect()
expected = model.predict_proba(pd.DataFrame([row[:3] for row in found], columns=["a", "b", "c"]))


def where(_):
    import importlib.util
    import sys

    import sparkbird.kernels

    yield sparkbird.__file__, sys.executable, importlib.util.find_spec("sklearn") is not None


place, python, has_sklearn = spark.sparkContext.parallelize([0], 1).mapPartitions(where).first()
equal = bool(np.array_equal(np.array([row.p for row in found]), expected))
said = {"place": place, "python": python, "has sklearn": has_sklearn, "equal": equal}
print("found", json.dumps(said))
spark.stop()
"""


def call(*command, **options):
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", folder, ROOT)
    (found,) = folder.glob("sparkbird-*.whl")
    return found


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The Python of an environment that has what executors need, and no sparkbird."""
    folder = tmp_path_factory.mktemp("bare") / "environment"
    call(sys.executable, "-m", "venv", folder)
    call(folder / "bin" / "python", "-m", "pip", "install", "-q", *NEEDED)
    return folder / "bin" / "python"


def submitted(tmp_path, *arguments):
    """What the application finds when spark-submit starts it on a cluster of one executor."""
    home = home_of_spark(tmp_path)
    (tmp_path / "application.py").write_text(APPLICATION)
    ensure_java()
    environment = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
    environment.pop("PYTHONPATH", None)
    environment.pop("PYSPARK_PYTHON", None)
    command = [home / "bin" / "spark-submit", "--master", "local-cluster[1,1,1024]"]
    command += ["--conf", f"spark.pyspark.driver.python={sys.executable}"]
    out = call(*command, *arguments, "application.py", cwd=tmp_path, env=environment)
    (line,) = [line for line in out.splitlines() if line.startswith("found ")]
    return json.loads(line.removeprefix("found "))


def test_a_wheel_goes_with_the_job(tmp_path, wheel, bare):
    shutil.copy(wheel, tmp_path / "sparkbird.zip")  # which it is; workers look into no other
    python = f"spark.pyspark.python={bare}"
    found = submitted(tmp_path, "--conf", python, "--py-files", "sparkbird.zip")
    assert found["equal"]
    assert "sparkbird.zip" in found["place"]
    assert not found["has sklearn"]


def test_a_packed_environment_goes_with_the_job(tmp_path, wheel, bare):
    pytest.importorskip("venv_pack")
    call(bare, "-m", "pip", "install", "-q", "--no-deps", wheel)
    archive = tmp_path / "environment.tar.gz"
    pack = (sys.executable, "-W", "ignore", "-m", "venv_pack")
    call(*pack, "-p", bare.parents[1], "-o", archive, "-q")
    python = "spark.pyspark.python=./environment/bin/python"
    found = submitted(tmp_path, "--conf", python, "--archives", f"{archive}#environment")
    assert found["equal"]
    assert "/work/app-" in found["place"]  # where Spark unpacks what an executor is sent
    assert not found["has sklearn"]
