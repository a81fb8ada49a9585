"""Vectors of many values: mostly zeros they travel as entries, others are refused by name."""

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import (
    IDF,
    FeatureHasher,
    HashingTF,
    Normalizer,
    Tokenizer,
    VectorAssembler,
    VectorSizeHint,
)
from pyspark.ml.linalg import Vectors

import sparkbird
from sparkbird.errors import SchemaError
from sparkbird.spark.backend import newest

WIDE = 2**18


def texts(spark):
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(300)]
    made = [" ".join(rng.choice(words, rng.integers(0, 30))) for _ in range(200)]
    return spark.createDataFrame(
        [(text, float("word1" in text)) for text in made], "text string, label double"
    )


@pytest.fixture(scope="module")
def text_model(spark):
    """Texts to 2**18 counts, to weights, to a class."""
    stages = [
        Tokenizer(inputCol="text", outputCol="words"),
        HashingTF(inputCol="words", outputCol="counts", numFeatures=WIDE),
        IDF(inputCol="counts", outputCol="features"),
        LogisticRegression(maxIter=2),
    ]
    return Pipeline(stages=stages).fit(texts(spark))


def half_full(spark):
    """A vector of 800 values that are all there or all zeros, and a word."""
    full, empty = Vectors.dense([1.5] * 800), Vectors.sparse(800, [], [])
    rows = [(full, "a"), (empty, "b"), (Vectors.dense([0.0] * 799 + [2.0]), None)]
    given = spark.createDataFrame(rows, ["v", "word"])
    return VectorSizeHint(inputCol="v", size=800).transform(given)


def beside_hashes(_):
    """Of 1,100 values Spark keeps those vectors dense that have more than 731."""
    hashed = FeatureHasher(inputCols=["word"], outputCol="hashed", numFeatures=300)
    return Pipeline(stages=[hashed, VectorAssembler(inputCols=["v", "hashed"], outputCol="o")])


def same(ours, theirs, names):
    """Both have the same vectors, and keep them alike."""
    found, expected = ours.select(names).collect(), theirs.select(names).collect()
    assert [[*map(type, row)] for row in found] == [[*map(type, row)] for row in expected]
    for name in names:
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one[name].toArray(), other[name].toArray(), 1e-12)


@pytest.mark.skipif(newest() == "pandas", reason="since Spark 4.1")
def test_all_columns_are_those_of_spark(text_model, spark):
    given = texts(spark)
    ours, theirs = sparkbird.transform(given, text_model), text_model.transform(given)
    assert ours.columns == theirs.columns
    same(ours, theirs, ["counts", "features", "probability"])
    assert ours.schema["counts"].metadata["ml_attr"] == {"num_attrs": WIDE}


@pytest.mark.skipif(newest() == "pandas", reason="since Spark 4.1")
def test_vectors_that_are_compressed_are_kept_as_spark_keeps_them(spark):
    given = half_full(spark)
    model = beside_hashes(spark).fit(given)
    same(sparkbird.transform(given, model), model.transform(given), ["o"])
    nothing = given.limit(0)
    assert sparkbird.transform(nothing, model).collect() == []


@pytest.mark.parametrize("wanted", [None, "prediction", ["prediction", "probability"]])
def test_no_row_of_a_graph_holds_all_zeros_of_a_text(wanted, text_model):
    score = sparkbird.udf(text_model, wanted)
    assert score.schema.row_bytes < 10_000
    assert sparkbird.compile(text_model, outputs=wanted).schema.row_bytes < 10_000


@pytest.mark.skipif(newest() == "pandas", reason="since Spark 4.1")
def test_a_function_gives_long_vectors_as_they_are(text_model, spark):
    given = texts(spark)
    counts = sparkbird.udf(text_model, "counts")("text").alias("counts")
    same(given.select(counts), text_model.transform(given), ["counts"])


def test_a_pandas_udf_gives_none(text_model):
    with pytest.raises(SchemaError, match="sparse vectors of 262,144 values"):
        sparkbird.udf(text_model, "counts", _backend="pandas")


def test_more_than_fits_is_refused_in_pandas_with_a_way_out(text_model, spark):
    # As rows: toPandas of Spark 4.3 warns of columns with pandas 3.
    found = [row.asDict() for row in texts(spark).collect()]
    few, many = pd.DataFrame(found[:3]), pd.DataFrame(found * 5)
    compiled = sparkbird.compile(text_model)
    assert compiled.transform(few)["counts"][0].shape == (WIDE,)
    with pytest.raises(SchemaError, match=r"(?s)'counts' holds vectors of 262,144 .*outputs="):
        compiled.transform(many)
    with pytest.raises(SchemaError, match="'features' holds vectors of 262,144"):
        compiled.features(many)
    less = sparkbird.compile(text_model, outputs=["prediction", "probability"])
    assert {*less.transform(many).columns} == {*many.columns, "prediction", "probability"}


def test_long_vectors_that_are_not_sparse_are_refused(text_model, spark):
    scaled = Normalizer(inputCol="features", outputCol="scaled")
    model = Pipeline(stages=[*text_model.stages, scaled]).fit(texts(spark))
    with pytest.raises(SchemaError, match=r"(?s)'scaled' holds vectors of 262,144 .*outputs="):
        sparkbird.transform(texts(spark), model)
