"""The README is true: its code runs, its commands exist, its table is that of the registry."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import sparkbird
from sparkbird.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    """The code blocks of the README in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands():
    """Each command of the shell blocks, alone."""
    lines = "".join(blocks("sh")).splitlines()
    return [part.strip() for line in lines for part in line.split("&&")]


def run_blocks(names, codes):
    """The blocks one after the other, as a reader would paste them."""
    for code in codes:
        exec(compile(code, "README.md", "exec"), names)


def test_the_python_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    codes = [code for code in blocks("python") if not re.search(r"\b(spark|df)\b", code)]
    assert codes
    run_blocks({}, codes)
    assert (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize("command", commands())
def test_the_shell_commands_exist(command):
    words = command.split()
    own = {info.name or info.callback.__name__ for info in app.registered_commands}
    if words[0] == "sparkbird":
        assert words[1] in own
    else:
        assert words[0] in {"cp", "pip", "pytest", "spark-submit", "venv-pack"}
    for word in words[1:]:
        made = word.startswith(("sparkbird-demo/", "dist/"))  # by commands before
        if "/" in word and "=" not in word and not made:
            assert (ROOT / word).exists(), word


def test_the_wheel_has_the_name_that_is_said():
    assert f"dist/sparkbird-{sparkbird.__version__}-py3-none-any.whl" in README


def test_the_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_extras_exist():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = re.findall(r"'\.\[(\w+)\]'", README)
    assert extras
    assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in extras)


def test_the_table_of_what_is_supported_is_that_of_the_registry():
    """`sparkbird supported --markdown` prints what belongs between the two marks."""
    done = subprocess.run(
        [sys.executable, "-c", "from sparkbird.cli import app; app()", "supported", "--markdown"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout in README


def test_the_version_of_the_changelog_is_that_of_the_package():
    import sparkbird

    assert re.search(r"^### (\S+)$", README[README.index("## Changes") :], re.MULTILINE)[1] == (
        sparkbird.__version__
    )


def test_the_configuration_of_the_demo_is_the_one_in_conf():
    from sparkbird.demo.run import FOLDER, config_text

    conf = "conf/flights.yaml"
    assert (ROOT / conf).read_text(encoding="utf-8") == config_text(FOLDER, conf)
