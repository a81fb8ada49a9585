"""What `import sparkbird` offers, and what it costs."""

import subprocess
import sys

import pytest

import sparkbird

HEAVY = {
    "mlflow",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "pydantic",
    "pyspark",
    "sklearn",
}


def loaded_by(*lines: str) -> set[str]:
    """The top-level modules in memory after `lines` have run in a fresh interpreter."""
    code = "\n".join([*lines, "import sys; print(*sys.modules)"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_the_names_are_those_that_were_decided():
    assert sparkbird.__all__ == [
        "CompiledModel",
        "check",
        "compile",
        "converts",
        "explain",
        "load",
        "spark_udf",
        "supported",
        "transform",
        "udf",
        "errors",
    ]


@pytest.mark.parametrize("name", sparkbird.__all__)
def test_every_name_is_there_and_documented(name):
    assert name in dir(sparkbird)
    assert getattr(sparkbird, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'score_batch'"):
        _ = sparkbird.score_batch


def test_importing_sparkbird_imports_nothing_else():
    assert loaded_by("import sparkbird").isdisjoint(HEAVY)


def test_the_import_test_can_fail():
    assert "onnx" in loaded_by("import sparkbird", "sparkbird.compile")


def test_a_registered_converter_imports_no_model_library():
    loaded = loaded_by(
        "import sparkbird",
        "sparkbird.converts('shop.Doubler')(lambda model, x: x * 2.0)",
    )
    assert loaded.isdisjoint({"sklearn", "lightgbm", "pyspark", "onnx", "onnxruntime"})
