"""Configurations of several files, assignments, and variables of the environment."""

import pytest

from sparkbird.errors import ConfigError
from sparkbird.job import config, overlay

BASE = """
model: {path: model.onnx}
input: {path: table}
outputs: {late: predict}
output: {path: scores, partition_by: [month]}
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "prod.yaml").write_text(
        "model:\n  path: prod.onnx\n  device: cpu\noutput:\n  partition_by: [year]\n"
    )
    return [tmp_path / "base.yaml", tmp_path / "prod.yaml"]


def test_a_file_overrides_those_before_it_key_by_key(files):
    found = config.load(*files, assignments=["model.device=cuda", "keep=[id, month]"])
    assert (found.model.path, found.model.device) == ("prod.onnx", "cuda")
    assert (found.output.path, found.output.partition_by) == ("scores", ("year",))
    assert found.keep == ("id", "month")


def test_mistakes_are_named_with_the_file_that_made_them(files):
    files[1].write_text("model:\n  devise: cpu\n")
    with pytest.raises(ConfigError, match=r"prod\.yaml:2: unknown key 'devise'"):
        config.load(*files)
    with pytest.raises(ConfigError, match=r"--set model.kind:1: model.kind: must be"):
        config.load(files[0], assignments=["model.kind=soap"])


def test_variables_are_values_and_stay_names_where_they_are_printed(files, monkeypatch):
    files[1].write_text(
        "input:\n  options: {password: '${env:SECRET}', user: '${env:NOBODY:-me}'}\n"
    )
    monkeypatch.setenv("SECRET", "x1y2z3")
    assert config.load(*files).input.options == {"password": "x1y2z3", "user": "me"}
    text = overlay.printed(overlay.combined(files))
    assert "${env:SECRET}" in text
    assert "x1y2z3" not in text
    monkeypatch.delenv("SECRET")
    with pytest.raises(ConfigError, match=r"prod\.yaml:2: the environment variable SECRET is not"):
        config.load(*files)


@pytest.mark.parametrize("text", ["model", "=x", "a..b=x", "keep=[", ""])
def test_what_assigns_nothing_is_refused(files, text):
    with pytest.raises(ConfigError, match="--set"):
        config.load(files[0], assignments=[text])
