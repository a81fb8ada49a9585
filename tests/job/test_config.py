"""A configuration says what it may say; every mistake is named with its line."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from sparkbird.errors import ConfigError
from sparkbird.job.config import Config, load, loads
from sparkbird.job.stream import config as stream

CONF = Path(__file__).parents[2] / "conf"

GOOD = """\
model:
  path: model.onnx
input:
  path: flights
outputs:
  late: predict
output:
  path: scores
"""

#: What is appended to, or replaced in, the good configuration; the line; what the error says.
MISTAKES = [
    ("modle: {}\n", None, 9, "unknown key 'modle'", "did you mean 'model'?"),
    ("  path: scores", "  pth: scores", 8, "unknown key 'pth' in output", "did you mean 'path'?"),
    ("  path: scores", "  mode: append", 7, "give either 'path' or 'table'", "output has path"),
    ("  path: flights", "  table: f\n  format: csv", 3, "has its own format", "input has path"),
    (
        "  path: model.onnx",
        "  kind: pickle",
        1,
        "the key 'path' is missing in model",
        "model needs",
    ),
    (
        "  kind: joblib\n",
        "model",
        2,
        "model.kind: must be 'onnx', 'pickle', 'lightgbm', 'xgboost' or 'catboost', not 'joblib'",
        "trust",
    ),
    ("  late: predict", "  late: 1", 6, "outputs.late: must be a text, not 1", "quote"),
    ("  late: predict", "  {}", 5, "outputs: must have at least one entry", "outputs: the columns"),
    ("columns: carrier\n", None, 9, "columns: must be a list or a mapping", "columns: the table's"),
    ("columns: [a, 2]\n", None, 9, "columns.1: must be a text, not 2", "quote"),
    ("columns: {a: 2}\n", None, 9, "columns.a: must be a text, not 2", "quote"),
    ("keep: id\n", None, 9, "keep: must be a list, not 'id'", "keep: a list"),
    ("name: ''\n", None, 9, "name: must not be empty", "name: the name"),
    (
        "on_invalid: skip\n",
        None,
        9,
        "on_invalid: must be 'raise' or 'null'",
        "on_invalid: an error",
    ),
    ("  mode: replace\n", None, 9, "must be 'error', 'overwrite' or 'append'", "output.mode: what"),
    ("  options: [1]\n", None, 9, "output.options: must be a mapping", "output.options: the"),
    ("  partition_by: month\n", None, 9, "output.partition_by: must be a list", "a list of"),
    ("model: {path: other}\n", None, 9, "'model' is said twice, first on line 1", "keep one"),
    ("name: [\n", None, 10, "not YAML", "check quotes"),
    ("name: 'é\n", None, 10, "not YAML", "check quotes"),
]


def changed(change, into):
    if into is None:
        return GOOD + change
    if into == "model":
        return GOOD.replace("model:\n", "model:\n" + change)
    return GOOD.replace(change, into)


@pytest.mark.parametrize(("change", "into", "line", "fact", "hint"), MISTAKES)
def test_a_mistake_is_named_with_its_line_and_a_way_out(change, into, line, fact, hint):
    with pytest.raises(ConfigError) as caught:
        loads(changed(change, into), source="conf/job.yaml")
    assert caught.value.fact.startswith(f"conf/job.yaml:{line}: ")
    assert fact in caught.value.fact
    assert hint in caught.value.hint


@pytest.mark.parametrize("section", ["model", "input", "outputs", "output"])
def test_a_missing_section_is_named(section):
    lines = GOOD.splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if line.startswith(f"{section}:"))
    del lines[start : start + 2]
    with pytest.raises(ConfigError, match=f"c.yaml:1: the key '{section}' is missing"):
        loads("".join(lines), source="c.yaml")


def test_all_mistakes_are_named_at_once_in_the_order_of_their_lines():
    text = (
        "# a job\nmodle: {path: m}\ninput:\n  pth: a\noutputs: {late: predict}\noutput: {path: b}\n"
    )
    with pytest.raises(ConfigError) as caught:
        loads(text, source="c.yaml")
    assert caught.value.fact.splitlines() == [
        "3 mistakes in c.yaml:",
        "  - c.yaml:2: the key 'model' is missing in the configuration",
        "  - c.yaml:2: unknown key 'modle'",
        "  - c.yaml:4: unknown key 'pth' in input",
    ]


@pytest.mark.parametrize("text", ["", "- a list", "only words", "3"])
def test_what_is_no_mapping_is_no_configuration(text):
    with pytest.raises(ConfigError, match=r"c\.yaml:1: a configuration is a mapping"):
        loads(text, source="c.yaml")


def test_what_is_left_out_has_a_default():
    config = loads(GOOD)
    assert config.model.kind == "onnx"
    assert (config.input.format, config.output.format, config.output.mode) == (
        "parquet",
        "parquet",
        "error",
    )
    assert (config.columns, config.keep, config.on_invalid) == (None, None, "raise")


def test_everything_can_be_said():
    config = loads(
        """
        name: nightly
        model: {path: m.joblib, kind: pickle, device: cpu}
        input:
          path: in
          format: csv
          options: {header: true, sep: ";"}
          schema: a double, b string
        columns: {age: years}
        outputs: {label: predict, probabilities: predict_proba}
        keep: [id]
        on_invalid: "null"
        output: {path: out, format: orc, mode: append, partition_by: [label], options: {compression: zlib}}
        """
    )
    assert config.input.ddl == "a double, b string"
    assert config.input.options == {"header": True, "sep": ";"}
    assert config.columns == {"age": "years"}
    assert config.output.partition_by == ("label",)
    assert Config.model_validate(config.model_dump(by_alias=True, exclude_unset=True)) == config


def test_a_configuration_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*No such file"):
        load(tmp_path / "nothing.yaml")


def test_a_configuration_that_is_not_text_is_an_error(tmp_path):
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not text in UTF-8"):
        load(tmp_path / "c.yaml")


def test_yaml_cannot_make_objects():
    with pytest.raises(ConfigError, match="not YAML"):
        loads(GOOD + "name: !!python/name:os.getcwd ''\n")


def keys(schema):
    """The keys of each section; what pydantic says of them changes with its versions."""
    sections = {"Config": schema, **schema["$defs"]}
    return {name: sorted(section.get("properties", ())) for name, section in sections.items()}


@pytest.mark.parametrize(("name", "root"), [("score", Config), ("stream", stream.Config)])
def test_the_schema_for_editors_knows_the_keys_of_the_configuration(name, root):
    known = json.loads((CONF / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert keys(known) == keys(root.model_json_schema())


@pytest.mark.parametrize(
    ("name", "schema"), [("flights", "score"), ("nightly", "score"), ("stream", "stream")]
)
def test_an_editor_finds_nothing_wrong_with_them(name, schema):
    known = json.loads((CONF / f"{schema}.schema.json").read_text(encoding="utf-8"))
    text = (CONF / f"{name}.yaml").read_text(encoding="utf-8")
    jsonschema.validate(yaml.safe_load(text), known)


@pytest.mark.parametrize("name", ["flights.yaml", "nightly.yaml"])
def test_the_configurations_in_the_repository_are_ones(name):
    load(CONF / name)
