"""Which vectors are sparse ones to Spark, which sums may hang on: as the stages say it."""

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import (
    DCT,
    IDF,
    PCA,
    Binarizer,
    ElementwiseProduct,
    FeatureHasher,
    Interaction,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    PolynomialExpansion,
    RobustScaler,
    StandardScaler,
    VarianceThresholdSelector,
    VectorAssembler,
    VectorIndexer,
    VectorSizeHint,
    VectorSlicer,
)
from pyspark.ml.linalg import SparseVector, Vectors

from sparkbird.converters.sparkml.frame import Column, Frame, rows_that
from sparkbird.converters.sparkml.persisted import read
from sparkbird.converters.sparkml.stages import applied

NAMES = [*"abcdefg"]

#: Makes vectors, of which those with at most three values are sparse.
ASSEMBLER = (VectorAssembler, {"inputCols": NAMES, "outputCol": "v"})

STAGES = [
    (StandardScaler, {}),
    (StandardScaler, {"withMean": True}),
    (RobustScaler, {}),
    (RobustScaler, {"withCentering": True}),
    (MaxAbsScaler, {}),
    (MinMaxScaler, {}),
    (Normalizer, {}),
    (ElementwiseProduct, {"scalingVec": Vectors.dense([2.0] * 7)}),
    (IDF, {}),
    (PCA, {"k": 2}),
    (DCT, {}),
    (Binarizer, {"threshold": 0.5}),
    (Binarizer, {"threshold": -0.5}),
    (PolynomialExpansion, {"degree": 2}),
    (VectorSlicer, {"indices": [0, 2, 5]}),
    (VectorIndexer, {"maxCategories": 2}),
]


def mostly_zeros(spark):
    rng = np.random.default_rng(8)
    x = rng.normal(size=(60, 7)).round(1) * (rng.random((60, 7)) < rng.random((60, 1)))
    x[:7] = np.tril(np.ones((7, 7)))  # from one value to seven
    x[7] = 0.0
    return spark.createDataFrame(x.tolist(), NAMES)


def check(stages, spark, folder):
    """The stages say of each row of their last column what Spark does."""
    given = mostly_zeros(spark)
    model = Pipeline(stages=stages).fit(given)
    model.write().save(str(folder / "model"))
    found = model.transform(given).select("o").collect()
    expected = [isinstance(row.o, SparseVector) for row in found]
    columns = given.toArrow().to_pydict()
    frame = Frame({name: Column(np.array(values)) for name, values in columns.items()})
    stored = applied(read(folder / "model"), frame)["o"].stored
    unknown = rows_that(stored.unknown, np.zeros(len(expected)))
    assert np.where(unknown, expected, stored.sparse).tolist() == expected
    assert not unknown.all()


@pytest.mark.parametrize(("kind", "options"), STAGES)
def test_what_a_scaler_or_a_selector_keeps_sparse(kind, options, spark, tmp_path):
    made, names = ASSEMBLER
    check([made(**names), kind(inputCol="v", outputCol="o", **options)], spark, tmp_path)


def test_what_the_selectors_keep_sparse(spark, tmp_path):
    made, names = ASSEMBLER
    selector = VarianceThresholdSelector(featuresCol="v", outputCol="o", varianceThreshold=0.2)
    check([made(**names), VectorSizeHint(inputCol="v", size=7), selector], spark, tmp_path)


@pytest.mark.parametrize(
    "stages",
    [
        lambda: [FeatureHasher(inputCols=["a", "b"], outputCol="o", numFeatures=3)],
        lambda: [
            Binarizer(inputCol="a", outputCol="i", threshold=0.5),
            OneHotEncoder(inputCol="i", outputCol="o", dropLast=False),
        ],
        lambda: [
            VectorAssembler(inputCols=NAMES[:3], outputCol="v"),
            VectorAssembler(inputCols=NAMES[3:6], outputCol="w"),
            Interaction(inputCols=["v", "w", "g"], outputCol="o"),
        ],
        lambda: [
            FeatureHasher(inputCols=["a", "b"], outputCol="h", numFeatures=30),
            VectorAssembler(inputCols=["h", "c"], outputCol="o"),
        ],
    ],
)
def test_what_makes_vectors_makes_them_sparse_or_not(stages, spark, tmp_path):
    check(stages(), spark, tmp_path)
