"""What a task is given by Spark, and how many processes share a GPU."""

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from sparkbird.errors import ConfigError, ProviderError
from sparkbird.kernels.cuda import driver, slots
from sparkbird.runtime import task
from sparkbird.runtime.providers import Gpu
from tests import device

# fmt: off
NUMBERS = [
    ("0", None,      0),
    ("3", None,      3),
    ("3", "",        3),
    ("3", "0,1,2,3", 3),
    ("3", "2,3",     1),
    ("3", "3",       0),
    ("0", "3",       0),  # Databricks: renumbered already
    ("1", "4, 7",    1),
    ("5", "4,7",     0),
    ("0", "GPU-8f2", 0),
    ("GPU-8f2", "GPU-1c0,GPU-8f2", 1),
    ("GPU-8f2", None, 0),
]
# fmt: on


@pytest.mark.parametrize(("address", "visible", "number"), NUMBERS)
def test_an_address_becomes_the_number_that_cuda_has_for_it(address, visible, number):
    assert task.number(address, visible) == number


@pytest.fixture
def in_task(monkeypatch):
    def make(cpus=2, **resources):
        found = {name: SimpleNamespace(addresses=list(given)) for name, given in resources.items()}
        context = SimpleNamespace(cpus=lambda: cpus, resources=lambda: found)
        monkeypatch.setattr(task, "_context", lambda: context)

    return make


def test_a_task_uses_the_gpu_that_spark_has_assigned(in_task, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    in_task(gpu=["2"])
    assert task.gpu(0.25) == Gpu(2, 0.25, assigned=True)
    assert task.cpus() == 2


def test_tasks_without_one_are_spread_over_those_that_there_are(in_task, monkeypatch):
    in_task(fpga=["1"])
    monkeypatch.setattr(driver, "count", lambda: 4)
    assert task.gpu() == Gpu(os.getpid() % 4)
    monkeypatch.setattr(driver, "count", lambda: 0)
    assert task.gpu() == Gpu(0)


def test_outside_of_a_task_it_is_the_first():
    assert task.gpu(0.5) == Gpu(0, 0.5)
    assert task.assigned() is None


# Processes that share one


@pytest.fixture
def shared(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(slots.tempfile, "tempdir", None)
    held = {}
    monkeypatch.setattr(slots, "_held", held)
    yield device.device()
    for file in held.values():
        os.close(file)


def other(identity):
    """Another process that has taken a slot, until it is told to end."""
    code = f"""
import sys
from types import SimpleNamespace
from sparkbird.kernels.cuda import slots
slots.take(SimpleNamespace(identity={identity!r}, name="none", total_bytes=2**33))
print("taken", flush=True)
sys.stdin.read()
"""
    pipe = subprocess.PIPE
    found = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe)
    assert found.stdout.readline() == b"taken\n"
    return found


def test_no_more_processes_use_a_gpu_than_may(shared, monkeypatch):
    monkeypatch.setenv(slots.PROCESSES, "1")
    with other(shared.identity) as process:
        with pytest.raises(ProviderError, match=r"(?s)1 processes.*gpu\.amount.*PROCESSES"):
            slots.take(shared)
        process.kill()  # without a word: the lock goes with it
        process.wait()
        slots.take(shared, wait=10)
        slots.take(shared)  # has it already


def test_one_that_waits_gets_its_turn_when_another_ends(shared, monkeypatch):
    monkeypatch.setenv(slots.PROCESSES, "2")
    with other(shared.identity) as first, other(shared.identity) as second:
        start = time.monotonic()
        with pytest.raises(ProviderError):
            slots.take(shared, wait=0.3)
        assert time.monotonic() - start >= 0.3
        second.communicate(b"")
        slots.take(shared, wait=10)
        first.communicate(b"")


def test_as_many_may_use_it_as_its_memory_is_for(shared, monkeypatch):
    monkeypatch.delenv(slots.PROCESSES, raising=False)
    assert slots.limit(shared) == 8
    monkeypatch.setenv(slots.PROCESSES, "many")
    with pytest.raises(ConfigError, match="'many'"):
        slots.limit(shared)
