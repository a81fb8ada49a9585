"""A saved model is one whole ONNX file, or a clear error."""

import subprocess
import sys

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from sklearn.preprocessing import StandardScaler

import sparkbird
from sparkbird import artifact
from sparkbird.errors import ArtifactError, OutputError

X = np.random.default_rng(0).normal(size=(20, 3))


@pytest.fixture
def compiled():
    return sparkbird.compile(StandardScaler().fit(X))


def test_a_saved_model_comes_back(compiled, tmp_path):
    compiled.save(tmp_path / "m.onnx")
    loaded = sparkbird.load(tmp_path / "m.onnx")
    assert (loaded.digest, loaded.schema) == (compiled.digest, compiled.schema)
    np.testing.assert_array_equal(loaded.transform(X), compiled.transform(X))
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_plain_onnxruntime_gives_the_same(compiled, tmp_path):
    compiled.save(tmp_path / "m.onnx")
    session = ort.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(session.run(["transform"], {"X": X})[0], compiled.transform(X))


def test_the_file_is_standard_onnx_and_says_what_it_is(compiled):
    proto = compiled.to_onnx()
    onnx.checker.check_model(proto, full_check=True)
    keys = {entry.key for entry in proto.metadata_props}
    assert keys == {artifact.DIGEST, artifact.SCHEMA, artifact.VERSIONS, artifact.REMARKS}


def test_equal_models_have_equal_digests(compiled):
    assert sparkbird.compile(StandardScaler().fit(X)).digest == compiled.digest
    assert sparkbird.compile(StandardScaler().fit(X + 1)).digest != compiled.digest


# fmt: off
DAMAGED = {
    "empty":      (lambda content: b"",                                  "is not a whole model"),
    "cut short":  (lambda content: content[:-1],                         "is not a whole model"),
    "a head":     (lambda content: content[: len(content) // 2],         "is not a whole model"),
    "foreign":    (lambda content: b"\x08\x0a" * 200,                    "is not a whole model"),
    "flipped":    (lambda content: content[:99] + b"\xff" + content[100:], "digest does not match"),
    "prolonged":  (lambda content: content + b"\n",                      "is not a whole model"),
}
# fmt: on


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_refused(compiled, tmp_path, damage):
    spoil, message = DAMAGED[damage]
    path = tmp_path / "m.onnx"
    path.write_bytes(spoil(compiled.to_bytes()))
    with pytest.raises(ArtifactError, match=message) as caught:
        sparkbird.load(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"cannot read .*nowhere\.onnx: No such file"):
        sparkbird.load(tmp_path / "nowhere.onnx")


def test_a_file_that_cannot_be_written_leaves_nothing_behind(compiled, tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        compiled.save(tmp_path / "no" / "m.onnx")
    assert not (tmp_path / "no").exists()


def test_loading_and_predicting_need_no_onnx_and_no_training_library(compiled, tmp_path):
    compiled.save(tmp_path / "m.onnx")
    code = (
        "import sys, numpy as np, sparkbird;"
        f"model = sparkbird.load({str(tmp_path / 'm.onnx')!r});"
        "model.transform(np.zeros((2, 3)));"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "onnxruntime" in loaded
    assert loaded.isdisjoint({"onnx", "sklearn", "pandas", "pydantic"})
    assert "sparkbird.compiler" not in done.stdout.split()


def test_a_compiled_model_can_be_pickled(compiled):
    import pickle

    again = pickle.loads(pickle.dumps(compiled))
    np.testing.assert_array_equal(again.transform(X), compiled.transform(X))
