"""A real MLflow server on this machine, for each module, and the one Spark session."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.spark.conftest import _OF_SPARK, spark  # noqa: F401  a fixture

#: What MLflow itself warns of: pydantic, its own advice, sockets it leaves open.
_OF_MLFLOW = (
    "ignore::DeprecationWarning:mlflow",
    "ignore::FutureWarning:mlflow",
    "ignore::UserWarning:mlflow",
    "ignore:unclosed:ResourceWarning",
)


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "mlflow":
            item.add_marker(pytest.mark.xdist_group("jobs"))
            for line in (*_OF_SPARK, *_OF_MLFLOW):
                item.add_marker(pytest.mark.filterwarnings(line))
            if "spark" in item.fixturenames:
                item.add_marker(pytest.mark.spark)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server with a registry in SQLite; MLflow is told to use it."""
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("flask", reason="mlflow-skinny has no server")
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with running(folder, port) as log, pytest.MonkeyPatch.context() as patch:
        wait_for(f"{address}/health", log)
        patch.setenv("MLFLOW_ENABLE_ASYNC_LOGGING", "false")
        mlflow.set_tracking_uri(address)
        mlflow.set_registry_uri(address)
        mlflow.set_experiment("tests")
        yield address
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)


@contextlib.contextmanager
def running(folder, port):
    """A server as a process, with what it says in a file."""
    options = {
        "--host": "127.0.0.1",
        "--port": str(port),
        "--workers": "1",
        "--backend-store-uri": f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination": (folder / "artifacts").as_uri(),
    }
    command = [sys.executable, "-m", "mlflow", "server"]
    command += [word for option in options.items() for word in option]
    log = folder / "server.log"
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, start_new_session=True
        )
        try:
            yield log
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)


def wait_for(url, log):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    pytest.fail(f"the server of MLflow does not answer:\n{log.read_text()}")
