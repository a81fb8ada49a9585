"""The commands of the README, in order, in a folder where a newcomer would be."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_readme import ROOT, commands

#: How commands begin that are not run here, and why.
LEFT_OUT = {
    "pip": "an environment is what the tests run in",
    "pytest": "these are the tests",
    "sparkbird bench": "it measures for minutes: tests/test_benchmark.py runs it on tiny sizes",
    "cp dist/": "tests/spark/test_shipping.py does so",
    "venv-pack": "tests/spark/test_shipping.py packs one",
    "spark-submit --archives": "tests/spark/test_shipping.py runs it where there are executors",
    "spark-submit --py-files": "tests/spark/test_shipping.py runs it where there are executors",
    "spark-submit --properties-file conf/spark-gpu.conf": "it needs GPUs: tests/spark/test_gpu.py",
}
#: Where the exit code is an answer.
ANSWERS = {"sparkbird doctor": {0, 1}}


def starting(command, table):
    return next((value for start, value in table.items() if command.startswith(start)), None)


@pytest.mark.endurance
@pytest.mark.spark
def test_each_command_of_the_readme_does_what_it_says(tmp_path):
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "jobs").symlink_to(ROOT / "jobs")
    programs = Path(sys.executable).parent
    ran = []
    for command in commands():
        if starting(command, LEFT_OUT):
            continue
        words = shlex.split(command, comments=True)
        done = subprocess.run(
            [str(programs / words[0]), *words[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        said = f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        assert done.returncode in (starting(command, ANSWERS) or {0}), said
        assert "Traceback" not in done.stderr, said
        ran.append(words[1])
        if words[1] == "demo":  # whose model and rows stand for the newcomer's
            folder = tmp_path / "sparkbird-demo"
            shutil.copy(folder / "model.joblib", tmp_path)
            shutil.copy(folder / "flights" / "part-00.parquet", tmp_path / "rows.parquet")
    wanted = {"demo", "score", "stream", "baseline", "compile", "check", "explain", "doctor"}
    assert wanted <= {*ran}
    assert (tmp_path / "sparkbird-demo" / "nightly" / "flown=2013-03-01").exists()
    assert (tmp_path / "sparkbird-demo" / "nightly.html").exists()
