"""Vectors multiplied and divided."""

import numpy as np
import pytest
from pyspark.ml.feature import DCT, PCA, ElementwiseProduct, Normalizer, VectorSizeHint
from pyspark.ml.linalg import Vectors

import sparkbird
from sparkbird.errors import UnsupportedOptionError
from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check

INFINITY = float("inf")


def of_features(kind, **options):
    return lambda: kind(inputCol="features", outputCol="o", **options)


def weighted(*weights):
    return of_features(ElementwiseProduct, scalingVec=Vectors.dense(*weights))


def of_length(length, scale=1.0):
    """Vectors of a length, all of them dense but the last."""

    def made(spark):
        x = np.random.default_rng(length).normal(size=(20, length)) * scale
        vectors = [(Vectors.dense(*row),) for row in x]
        vectors += [(Vectors.sparse(length, [length - 1], [2.5]),)]
        df = spark.createDataFrame(vectors, ["features"])
        return VectorSizeHint(inputCol="features", size=length).transform(df)

    return made


def dense(*values):
    def made(spark):
        found = [(Vectors.dense(*value), 0.0) for value in values]
        return spark.createDataFrame(found, ["features", "label"])

    return made


NO_ZEROS = dense(
    (float("nan"), 1.0, 3.0, -1.0), (INFINITY, 1.0, 0.0, 2.0), (-INFINITY, INFINITY, 1.0, 1.0)
)
LARGE = dense((1e300, -1e300, 0.0, -0.0), (1e-300, 0.0, 1e-310, 5e-324), (0.0, 0.0, 0.0, 0.0))
INFINITE = dense((INFINITY, 0.0, 1.0, 2.0), (1.0, 1.0, 1.0, -INFINITY))
NAN = dense((float("nan"), 1.0, 3.0, -1.0), (0.0, 0.0, float("nan"), 0.0))

CASES = [
    Case(weighted(1.0, -2.5, 0.0, 1e6), rows.hinted, rows.extremes),
    Case(weighted(0.1, 0.2, 0.3, 0.4), rows.vectors, rows.extremes, note="length from weights"),
    Case(
        of_features(ElementwiseProduct, scalingVec=Vectors.sparse(4, [1, 3], [2.0, 0.3])),
        rows.hinted,
        rows.extremes,
    ),
    *(
        Case(of_features(Normalizer, p=p), rows.hinted, more, refused)
        for p, more, refused in (
            (1.0, NO_ZEROS, dense((float("nan"), 0.0, 1.0, 1.0))),
            (2.0, NO_ZEROS, None),
            (2.0, LARGE, None),
            (2.5, NO_ZEROS, None),
            (40.0, LARGE, None),
        )
    ),
    Case(of_features(Normalizer, p=INFINITY), rows.hinted, rows.extremes),
    Case(of_features(Normalizer, p=INFINITY), rows.hinted, LARGE),
    Case(of_features(PCA, k=2), rows.vectors, NAN),
    Case(of_features(PCA, k=4), rows.vectors, LARGE),
    Case(of_features(PCA, k=1), of_length(9), note="of nine"),
    *(
        Case(of_features(DCT, inverse=inverse), of_length(length), rtol=1e-9)
        for length, inverse in ((1, False), (5, True), (8, False), (12, True), (31, False))
    ),
    Case(of_features(DCT), rows.hinted, NAN, INFINITE, rtol=1e-9),
    Case(of_features(DCT, inverse=True), rows.hinted, NAN, INFINITE, rtol=1e-9),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)


def test_large_vectors_are_transformed_as_closely_as_their_length_allows(spark, tmp_path):
    df = of_length(50, 1e6)(spark)
    DCT(inputCol="features", outputCol="o").write().save(str(tmp_path / "dct"))
    compiled = sparkbird.compile(str(tmp_path / "dct"), inputs=df)
    found = np.stack(compiled.transform(df.toArrow())["o"])
    expected = DCT(inputCol="features", outputCol="o").transform(df).select("o").collect()
    np.testing.assert_allclose(found, [row.o.toArray() for row in expected], 0, 1e6 * 7 * 1e-9)


def test_weights_that_are_infinite_are_refused(spark, tmp_path):
    path = str(tmp_path / "model")
    weighted(1.0, INFINITY)().write().save(path)
    with pytest.raises(UnsupportedOptionError, match="scalingVec"):
        sparkbird.compile(path)


def test_the_length_of_vectors_must_be_said_where_the_model_does_not(spark, tmp_path):
    path = str(tmp_path / "model")
    Normalizer(inputCol="features", outputCol="o").write().save(path)
    with pytest.raises(sparkbird.errors.ColumnTypeError, match="inputs="):
        sparkbird.compile(path)
    compiled = sparkbird.compile(path, inputs={"features": "vector[4]"})
    assert len(compiled.transform(rows.vectors(spark).toArrow())["o"][0]) == 4
