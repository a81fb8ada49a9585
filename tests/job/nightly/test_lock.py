"""One run at a time has the lock."""

import json
import os
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest

from sparkbird.errors import LockedError
from sparkbird.job.files import Local
from sparkbird.job.nightly import lock


def take(files, run_id):
    with lock.held(files, run_id):
        pytest.fail("it has it")


def test_a_second_run_is_told_who_has_it(tmp_path):
    files = Local(str(tmp_path))
    fact = r"run first on .* has been writing to .* since 20"
    with lock.held(files, "first"), pytest.raises(LockedError, match=fact):
        take(files, "second")
    with lock.held(files, "third") as third:
        third.require()
    assert [*map(int, files.names(lock.FOLDER))] == [third.number]


def test_the_lock_of_a_process_that_is_dead_is_passed_over(tmp_path):
    files = Local(str(tmp_path))
    script = (
        "import os, sys; from sparkbird.job.files import Local; from sparkbird.job.nightly import lock\n"
        "with lock.held(Local(sys.argv[1]), 'dead'): os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert ended.returncode == -9
    assert json.loads(files.read(f"{lock.FOLDER}/00000001"))["held"]
    with lock.held(files, "next") as found:
        assert found.number == 2


def test_a_lock_of_another_machine_is_passed_over_once_nobody_renews_it(tmp_path):
    files = Local(str(tmp_path))
    elsewhere = {"run_id": "far", "host": "elsewhere", "pid": 1, "started": "once", "held": True}
    files.write(f"{lock.FOLDER}/00000007", json.dumps(elsewhere))
    with pytest.raises(LockedError, match="run far on elsewhere"):
        take(files, "own")
    path = tmp_path / lock.FOLDER / "00000007"
    then = path.stat().st_mtime - lock.STALE - 1
    os.utime(path, (then, then))
    with lock.held(files, "own") as own:
        own.require()
        files.create(f"{lock.FOLDER}/00000009", json.dumps(elsewhere))
        with pytest.raises(LockedError, match="another run has taken over"):
            own.require()
    assert json.loads(files.read(f"{lock.FOLDER}/00000009"))["held"]  # not ours to let go


def test_a_lock_is_renewed_while_it_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "RENEWED", 0.01)
    files = Local(str(tmp_path))
    with lock.held(files, "own") as own:
        path = tmp_path / lock.FOLDER / f"{own.number:08}"
        os.utime(path, (0, 0))
        for _ in range(500):
            if files.age(f"{lock.FOLDER}/{own.number:08}") < 60:
                return
            lock.Event().wait(0.01)
    pytest.fail("nobody renewed it")


def test_where_files_have_no_links_a_lock_that_is_being_written_is_one(tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(Path, "hardlink_to", refused)
    files = Local(str(tmp_path))
    with lock.held(files, "own") as own, pytest.raises(LockedError, match="run own on"):
        take(files, "other")
    files.create(f"{lock.FOLDER}/{own.number + 1:08}", "")
    with pytest.raises(LockedError, match="run unknown"):
        take(files, "other")
    assert not files.create(f"{lock.FOLDER}/{own.number + 1:08}", "")


def _try(path, ready, go, lost, won, others):
    ready.release()
    go.wait()
    try:
        with lock.held(Local(path), str(os.getpid())):
            won.put(os.getpid())
            for _ in range(others):  # have tried
                lost.acquire(timeout=60)
    except LockedError:
        lost.release()


def test_of_several_who_try_at_once_one_has_it(tmp_path):
    context = get_context("spawn")
    ready, go, lost = context.Semaphore(0), context.Event(), context.Semaphore(0)
    won, count = context.Queue(), 4
    arguments = (str(tmp_path), ready, go, lost, won, count - 1)
    processes = [context.Process(target=_try, args=arguments) for _ in range(count)]
    for process in processes:
        process.start()
    for _ in processes:
        assert ready.acquire(timeout=60)
    go.set()
    for process in processes:
        process.join(60)
    assert won.get(timeout=5)
    assert won.empty()
