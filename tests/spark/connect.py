"""Code in a process of its own, in a session of Spark Connect: two kinds do not live in one."""

import os
import subprocess
import sys

import pytest

#: Of tests that start a server: one after the other, since all servers take the same port.
MARKS = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("connect")]

_BEFORE = """
import warnings
warnings.simplefilter("ignore")
from tests.spark.conftest import connected
spark = connected("local[2]", {"spark.driver.memory": "1g"})
assert type(spark).__module__ == "pyspark.sql.connect.session"
"""


def marked(test):
    """`test` with these marks."""
    for mark in MARKS:
        test = mark(test)
    return test


def require():
    """Skip the test that calls it where Spark Connect cannot run."""
    for library in ("grpc", "grpc_status"):
        pytest.importorskip(library, reason="Spark Connect needs pyspark[connect]")


def run(code):
    """What `code` prints, which has `spark`; it has to come to its end."""
    require()
    done = subprocess.run(
        [sys.executable, "-c", f"{_BEFORE}{code}\nprint('ended')"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"},
    )
    assert done.stdout.endswith("ended\n"), done.stderr[-3000:]
    return done.stdout
