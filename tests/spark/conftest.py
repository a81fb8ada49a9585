"""One Spark session for each process of the suite, on two cores.

With ``SPARK_REMOTE=local[2]`` in the environment, Spark's own variable, it is one of Spark
Connect: `test_connect` runs the tables of Spark ML so.
"""

import fcntl
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

import pytest

#: What Spark itself warns of, or leaves open until the process ends.
_OF_SPARK = (
    "ignore:PySpark does not yet fully support pandas:FutureWarning",
    "ignore:is_categorical_dtype is deprecated",
    "ignore:distutils Version classes are deprecated:DeprecationWarning",
    "ignore:unclosed <socket:ResourceWarning",
    "ignore:unclosed file:ResourceWarning",
    "ignore:subprocess .* is still running:ResourceWarning",
    # Connect sets what its own server was started with once more.
    "ignore:Failed to set spark:UserWarning",
)


HERE = Path(__file__).parent

#: Servers of Spark Connect share a port: their tests are in the group "connect".
#: What another process than that of the models runs, in a session of its own: of two processes
#: neither should wait long for the other.
JOBS = {
    "test_drift",
    "test_explain",
    "test_job",
    "test_many_segments",
    "test_nightly",
    "test_nightly_sources",
    "test_notebooks",
    "test_parity_of_stages",
    "test_segments",
    "test_stream",
}


def pytest_collection_modifyitems(items):
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.spark)
        if item.get_closest_marker("spark"):
            own = item.path.is_relative_to(HERE)  # hooks are given all tests
            if own and not item.get_closest_marker("xdist_group"):
                group = "jobs" if item.path.stem in JOBS else "spark"
                item.add_marker(pytest.mark.xdist_group(group))
            if item.get_closest_marker("classic") and "SPARK_REMOTE" in os.environ:
                item.add_marker(pytest.mark.skip(reason="it looks at plans in the JVM"))
            for line in _OF_SPARK:
                item.add_marker(pytest.mark.filterwarnings(line))


@pytest.fixture(scope="session")
def spark():
    pytest.importorskip("pyspark")
    from sparkbird.spark.session import local_session

    conf = {
        "spark.driver.memory": "2g",
        # Many small plans: Java is done sooner without its second compiler.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    if remote := os.environ.get("SPARK_REMOTE"):
        session = connected(remote, conf)
    else:
        session = local_session("sparkbird-tests", **{"spark.master": "local[2]"}, **conf)
    yield session
    session.stop()


#: The lock that this process holds until it ends, if it has a server of Spark Connect.
_HELD = []


def await_port(seconds=60.0):
    """Until no other process of tests has a server of Spark Connect: all take the same port."""
    _HELD.append((Path(tempfile.gettempdir()) / "sparkbird-tests-connect.lock").open("w"))
    fcntl.flock(_HELD[-1], fcntl.LOCK_EX)
    until = time.monotonic() + seconds
    while time.monotonic() < until:  # one may be ending
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", 15002)):
                return
        time.sleep(0.2)


def connected(remote, conf):
    """A session of Spark Connect, with a server of its own if `remote` is ``local``."""
    from pyspark.sql import SparkSession

    from sparkbird.spark.java import ensure_java
    from sparkbird.spark.session import LOCAL

    ensure_java()
    await_port()
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    builder = SparkSession.builder.remote(remote)
    for key, value in {**LOCAL, **conf}.items():
        if key != "spark.master":
            builder = builder.config(key, value)
    return builder.getOrCreate()


def backends():
    """The back ends that the installed pyspark has."""
    from sparkbird.spark.backend import BACKENDS, newest

    return [name for name in BACKENDS if name == "pandas" or name == newest()]


@pytest.fixture(params=backends())
def backend(request):
    return request.param
