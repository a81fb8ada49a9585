"""KMeansModel, BisectingKMeansModel and GaussianMixtureModel."""

import pytest
from pyspark.ml.clustering import BisectingKMeans, GaussianMixture, KMeans
from pyspark.ml.linalg import Vectors

import sparkbird
from sparkbird.errors import UnsupportedOptionError
from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check

NAN, INFINITY = float("nan"), float("inf")


def made(*vectors):
    return lambda spark: spark.createDataFrame([(v, 0.0) for v in vectors], ["features", "label"])


#: What is infinitely far from all centers has the first one.
EXTREMES = made(
    Vectors.dense(1e6, -1e6, 0.5, -0.0),
    Vectors.dense(0.0, INFINITY, 3.0, -INFINITY),
    Vectors.dense(1e200, 1.0, 1.0, 1.0),
    Vectors.sparse(4, [], []),
)

NO_NUMBERS = made(Vectors.dense(NAN, 0.0, 3.0, 1.0), Vectors.sparse(4, [2], [NAN]))

#: What has no angle.
NOWHERE = made(Vectors.dense(0.0, 0.0, -0.0, 0.0), Vectors.sparse(4, [1], [NAN]))

FAR = made(Vectors.dense(1e6, -1e6, 0.5, -0.0), Vectors.dense(1e-6, 0.0, 0.0, 0.0))

#: Of a mixture: densities of 0, and NaN.
UNLIKELY = made(
    Vectors.dense(1e6, -1e6, 0.5, -0.0),
    Vectors.dense(9.0, -9.0, 0.5, 1.0),
    Vectors.dense(1e200, 1.0, 1.0, 1.0),
    Vectors.dense(NAN, 0.0, 3.0, 1.0),
    Vectors.sparse(4, [], []),
)

#: Not refused by Spark: what it makes of them hangs on the order of its sums.
ENDLESS = made(Vectors.dense(0.0, INFINITY, 3.0, 0.0), Vectors.dense(1.0, 1.0, -INFINITY, 1.0))


def far_from_zero(spark):
    """So far that the short way to a distance loses all digits."""
    given = rows.vectors(spark, classes=3).collect()
    moved = [
        (Vectors.dense(*(1e8 + 10.0 * row.label + row.features.toArray())), row.label)
        for row in given
    ]
    return spark.createDataFrame(moved, ["features", "label"])


def on_a_grid(spark):
    """Points that lie between two centers exactly, and on them."""
    points = [(float(i), float(j)) for i in range(-2, 3) for j in range(-2, 3)]
    return spark.createDataFrame([(Vectors.dense(*point),) for point in points], ["features"])


def of_one_length(spark):
    """Vectors of length 1: the short way is as good as the other."""
    found = [v / v.norm(2) for (v,) in rows.vectors(spark).select("features").collect()]
    return spark.createDataFrame([(Vectors.dense(v),) for v in found], ["features"])


def one_point(spark):
    return spark.createDataFrame([(Vectors.dense(1.0, 2.0),)] * 3, ["features"])


CASES = [
    Case(lambda: KMeans(k=3, seed=1), rows.vectors, EXTREMES, NO_NUMBERS),
    Case(lambda: KMeans(k=7, seed=1, predictionCol="cluster"), rows.vectors, EXTREMES, NO_NUMBERS),
    Case(lambda: KMeans(k=4, seed=2, distanceMeasure="cosine"), rows.hinted, FAR, NOWHERE),
    Case(lambda: KMeans(k=3, seed=1), far_from_zero, note="far from zero"),
    Case(lambda: KMeans(k=5, seed=1), on_a_grid, note="on a grid"),
    Case(lambda: KMeans(k=40, seed=1), of_one_length, note="of one length"),
    Case(lambda: KMeans(k=2, seed=1, initMode="random", maxIter=1), on_a_grid, note="ties"),
    Case(lambda: BisectingKMeans(k=4, seed=1), rows.vectors, EXTREMES, NO_NUMBERS, note="a tree"),
    Case(lambda: BisectingKMeans(k=2), one_point, note="a root alone"),
    Case(
        lambda: BisectingKMeans(k=9, seed=3, distanceMeasure="cosine", predictionCol="c"),
        lambda spark: rows.vectors(spark).where("label >= 0"),
        FAR,
        NOWHERE,
        note="a tree of angles",
    ),
    Case(lambda: BisectingKMeans(k=6, seed=1), far_from_zero, note="a tree far from zero"),
    Case(lambda: GaussianMixture(k=2, seed=1), rows.vectors, UNLIKELY, ENDLESS, 1e-9),
    Case(lambda: GaussianMixture(k=3, seed=2, maxIter=3), on_a_grid, note="on a grid, mixed"),
    Case(
        lambda: GaussianMixture(k=2, seed=1, maxIter=2, predictionCol="c", probabilityCol=""),
        rows.vectors,
        UNLIKELY,
        rtol=1e-9,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)


def test_a_mixture_that_is_flat_but_for_rounding_is_refused(spark, tmp_path):
    given = rows.vectors(spark).collect()
    flat = [(Vectors.dense(a, b, 0.1 * a + 0.7 * b),) for a, b, *_ in (r.features for r in given)]
    model = GaussianMixture(k=2, seed=1).fit(spark.createDataFrame(flat, ["features"]))
    path = str(tmp_path / "model")
    model.write().save(path)
    with pytest.raises(UnsupportedOptionError, match="singular but for rounding"):
        sparkbird.compile(path)
