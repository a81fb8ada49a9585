"""The tables of Spark ML, and the stage of ours, in a session of Spark Connect.

It is another process: a session of Spark Connect and a classic one do not live in one.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: What runs there: the tables, and the tests that need neither py4j nor plans of the JVM.
TESTS = ("tests/spark/ml", "tests/spark/test_transformer.py", "tests/spark/test_pipelines.py")


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.xdist_group("connect")
def test_the_tables_pass_on_spark_connect():
    pytest.importorskip("grpc", reason="Spark Connect needs pyspark[connect]")
    pytest.importorskip("grpc_status", reason="Spark Connect needs pyspark[connect]")
    pytest.importorskip("pyspark.ml.connect.readwrite", reason="since Spark 4.0")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", *TESTS],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"SPARK_REMOTE": "local[2]"},
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert re.search(r"\d+ passed", done.stdout)
