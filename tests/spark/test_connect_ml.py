"""What works in a session of Spark Connect: the same tables as in a classic one.

It is another process: a session of Spark Connect and a classic one do not live in one.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.spark import connect

ROOT = Path(__file__).parents[2]

#: What runs there: the tables, and the tests that need neither py4j nor plans of the JVM.
TESTS = (
    "tests/spark/ml",
    "tests/spark/test_transformer.py",
    "tests/spark/test_pipelines.py",
    "tests/spark/test_parity_of_stages.py",
)
#: A part of them: some pipelines, models from their files, the stage of ours.
SOME = (
    "tests/spark/ml/test_pipelines.py",
    "tests/spark/ml/test_storage.py",
    "tests/spark/test_transformer.py",
    "tests/spark/test_parity_of_stages.py",
    "-k=drops or refuse or storage or transformer or logistic or forest or skipping",
)

#: Functions of columns, of one model, several, and one for each segment.
FUNCTIONS = tuple(
    f"tests/spark/test_{name}.py" for name in ("udf", "transform", "segments", "values", "text")
)
NIGHTLY = ("tests/spark/test_nightly.py", "tests/spark/test_nightly_sources.py")

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("connect")]


@pytest.mark.parametrize(
    "tests",
    [
        pytest.param(SOME, id="some models", marks=pytest.mark.slow),
        pytest.param(TESTS, id="models", marks=pytest.mark.endurance),
        pytest.param(FUNCTIONS, id="functions", marks=pytest.mark.endurance),
        pytest.param(NIGHTLY, id="nightly", marks=pytest.mark.endurance),
        pytest.param(("tests/mlflow",), id="mlflow", marks=pytest.mark.endurance),
    ],
)
def test_the_tests_pass_on_spark_connect(tests):
    connect.require()
    pytest.importorskip("pyspark.ml.connect.readwrite", reason="since Spark 4.0")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", *tests],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"SPARK_REMOTE": "local[2]"},
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert re.search(r"\d+ passed", done.stdout)
