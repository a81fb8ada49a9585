"""The flavour on disk: what is in the folder, what it says, what pyfunc gives of it."""

import json

import numpy as np
import pandas as pd
import pytest

import sparkbird
from sparkbird.errors import ArtifactError, SchemaError, UnsupportedOptionError
from tests.mlflow import models

mlflow = pytest.importorskip("mlflow")

import sparkbird.mlflow as flavor  # noqa: E402


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "model"


def described(folder):
    return mlflow.models.Model.load(str(folder))


def test_the_flavour_tells_version_digest_and_outputs(folder):
    compiled = sparkbird.compile(models.regressor())
    flavor.save_model(compiled, folder)
    said = described(folder).flavors["sparkbird"]
    assert said["sparkbird_version"] == sparkbird.__version__
    assert said["digest"] == compiled.digest == flavor.load_model(str(folder)).digest
    assert said["outputs"] == [*compiled.outputs]


def test_what_is_to_be_installed_is_pinned_and_trains_nothing(folder):
    flavor.save_model(models.labeller(), folder, input_example=models.people().head(3))
    lines = (folder / "requirements.txt").read_text().splitlines()
    names, pins = zip(*(line.split("==") for line in lines), strict=True)
    assert names[:4] == ("mlflow", "sparkbird", "numpy", "pyarrow")
    assert names[4] in ("onnxruntime", "onnxruntime-gpu")
    assert len(names) == 5
    assert all(pins)
    assert "scikit-learn" not in (folder / "conda.yaml").read_text()


def test_requirements_can_be_said_by_the_user(folder):
    flavor.save_model(models.regressor(), folder, extra_pip_requirements=["shop==1.0"])
    assert "shop==1.0" in (folder / "requirements.txt").read_text()


def test_there_is_no_pickle_in_the_folder(folder):
    flavor.save_model(models.regressor(), folder)
    assert {path.name for path in folder.iterdir()} == {
        "MLmodel",
        "conda.yaml",
        "model.onnx",
        "python_env.yaml",
        "requirements.txt",
    }


def columns(schema):
    return [(spec["name"], spec["type"]) for spec in json.loads(schema.to_json())]


def test_the_signature_is_that_of_the_schema(folder):
    flavor.save_model(models.labeller(), folder, input_example=models.people().head(3))
    signature = described(folder).signature
    assert columns(signature.inputs) == [
        ("city", "string"),
        ("age", "double"),
        ("income", "double"),
    ]
    assert [spec.type.name for spec in signature.outputs.inputs] == ["string"]


def test_integers_of_the_example_stay_integers(folder):
    X = pd.DataFrame({"n": [1, 2, 3, 4], "x": [0.5, 1.0, 2.0, 4.0]})
    from sklearn.linear_model import LinearRegression

    flavor.save_model(LinearRegression().fit(X, X["n"] * 2.0), folder, input_example=X)
    assert columns(described(folder).signature.inputs) == [("n", "long"), ("x", "double")]
    predict = mlflow.pyfunc.load_model(str(folder)).predict
    np.testing.assert_allclose(predict(X), X["n"] * 2.0)


def test_a_model_of_an_array_has_columns_without_names(folder):
    from sklearn.preprocessing import StandardScaler

    X = np.arange(12.0).reshape(4, 3)
    model = StandardScaler().fit(X)
    flavor.save_model(model, folder, input_example=X)
    signature = described(folder).signature
    assert not signature.inputs.has_input_names()
    assert [str(spec.type) for spec in signature.outputs.inputs] == ["Array(double)"]
    loaded = mlflow.pyfunc.load_model(str(folder))
    np.testing.assert_array_equal(loaded.predict(X), model.transform(X))
    np.testing.assert_array_equal(loaded.predict(pd.DataFrame(X)), model.transform(X))


def test_a_column_that_is_never_read_is_in_the_signature_still(folder):
    """Positions in a call of MLflow's own functions count it."""
    from tests.spark.models import boosted

    flavor.save_model(boosted(named=True), folder)
    said = columns(described(folder).signature.inputs)
    assert [name for name, _ in said] == [*"abcdefgh"]
    assert {name for name, kind in said if kind == "double"} == {"c", "f"}


def test_a_signature_of_the_user_says_what_the_columns_are(folder):
    from mlflow.models import infer_signature

    X = models.people()
    given = infer_signature(X, models.labeller().predict(X))
    flavor.save_model(models.labeller(), folder, signature=given)
    assert described(folder).signature == given
    kinds = {column.name: column.dtype for column in flavor.load_model(str(folder)).schema.columns}
    assert kinds == {"city": "string", "age": "float64", "income": "float64"}


def test_the_example_is_saved(folder):
    X = models.people().head(3)
    flavor.save_model(models.labeller(), folder, input_example=X)
    saved = described(folder).load_input_example(str(folder))
    pd.testing.assert_frame_equal(saved, X)


def test_pyfunc_gives_what_the_original_gives(folder):
    X = models.people()
    flavor.save_model(models.labeller(), folder, input_example=X.head(3))
    loaded = mlflow.pyfunc.load_model(str(folder))
    np.testing.assert_array_equal(loaded.predict(X), models.labeller().predict(X))
    assert loaded.get_raw_model().digest == described(folder).flavors["sparkbird"]["digest"]


def test_the_first_of_the_outputs_wanted_is_what_pyfunc_gives(folder):
    X = models.people()
    wanted = ["predict_proba", "predict"]
    flavor.save_model(models.labeller(), folder, outputs=wanted, input_example=X.head(3))
    assert described(folder).flavors["sparkbird"]["outputs"] == wanted
    predicted = mlflow.pyfunc.load_model(str(folder)).predict(X)
    np.testing.assert_allclose(predicted, models.labeller().predict_proba(X), rtol=1e-12)


def test_parameters_of_a_prediction_are_refused():
    from sparkbird.mlflow.predictor import Predictor

    predictor = Predictor(sparkbird.compile(models.regressor()))
    with pytest.raises(UnsupportedOptionError, match="params= has 'num_iteration'"):
        predictor.predict(models.people(), params={"num_iteration": 3})


def test_another_artefact_in_the_folder_is_seen(folder):
    flavor.save_model(models.regressor(), folder)
    sparkbird.compile(models.steeper()).save(folder / "model.onnx")
    with pytest.raises(ArtifactError, match="another artefact than its MLmodel says"):
        flavor.load_model(str(folder))


def test_an_unknown_keyword_is_refused(folder):
    with pytest.raises(SchemaError, match="save_model knows no code_paths"):
        flavor.save_model(models.regressor(), folder, code_paths=["shop"])
