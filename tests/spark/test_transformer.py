"""A compiled model as a stage in pipelines of Spark ML."""

import pytest
from pyspark.ml import PipelineModel
from pyspark.ml.feature import Binarizer

import sparkbird
from sparkbird.errors import ArtifactError, SchemaError
from sparkbird.spark import CompiledTransformer
from tests.spark import models, pipelines


@pytest.fixture(scope="module")
def rows(spark):
    return pipelines.people(spark).cache()


@pytest.fixture(scope="module")
def fitted(rows):
    return pipelines.linear().fit(rows)


def test_it_stands_in_the_place_of_a_pipeline(rows, fitted):
    stage = CompiledTransformer(fitted, inputs=rows)
    pipelines.assert_same(stage.transform(rows), fitted.transform(rows))


def test_it_is_saved_and_loaded_within_a_pipeline(rows, fitted, tmp_path):
    later = Binarizer(inputCol="prediction", outputCol="sure", threshold=0.5)
    pipeline = PipelineModel([CompiledTransformer(fitted, inputs=rows), later])
    path = str(tmp_path / "model")
    for _ in range(2):
        pipeline.write().overwrite().save(path)
    loaded = PipelineModel.load(path)
    assert [stage.uid for stage in loaded.stages] == [stage.uid for stage in pipeline.stages]
    pipelines.assert_same(loaded.transform(rows), later.transform(fitted.transform(rows)))
    [file] = (tmp_path / "model").rglob("*.onnx")
    assert sparkbird.load(file).digest == pipeline.stages[0].model.digest


def test_its_parameters_are_saved(rows, fitted, tmp_path):
    stage = CompiledTransformer(fitted, inputs=rows, outputs=["probability"], device="cpu")
    stage.write().save(str(tmp_path / "stage"))
    loaded = CompiledTransformer.load((tmp_path / "stage").as_uri())
    assert loaded.transform(rows).columns == [*rows.columns, "probability"]
    assert loaded.getOrDefault("device") == "cpu"


def test_it_holds_models_of_other_libraries(spark, tmp_path):
    df = spark.createDataFrame([(1.0, 2.0), (3.0, 5.0)], "b double, a double")
    stage = CompiledTransformer(models.scaler())
    stage.save(str(tmp_path / "stage"))
    loaded = CompiledTransformer.load(str(tmp_path / "stage"))
    expected = sparkbird.transform(df, models.scaler()).collect()
    assert loaded.transform(df).collect() == stage.transform(df).collect() == expected


def test_a_copy_scores_as_well(rows, fitted):
    stage = CompiledTransformer(fitted, inputs=rows)
    other = stage.copy({stage.outputs: ["prediction"]})
    assert other.transform(rows).columns == [*rows.columns, "prediction"]
    assert len(stage.transform(rows).columns) > len(other.transform(rows).columns)


def test_without_a_model_it_says_so(rows):
    with pytest.raises(SchemaError, match="holds no model"):
        CompiledTransformer().transform(rows)


def test_a_folder_without_its_artefact_is_named(rows, fitted, tmp_path):
    CompiledTransformer(fitted, inputs=rows).save(str(tmp_path / "stage"))
    (tmp_path / "stage" / "model.onnx").unlink()
    with pytest.raises(ArtifactError, match=r"cannot read .*model.onnx"):
        CompiledTransformer.load(str(tmp_path / "stage"))
