"""KMeansModel, BisectingKMeansModel and GaussianMixtureModel."""

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.clustering import BisectingKMeans, GaussianMixture, KMeans
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.ml.linalg import Vectors

import sparkbird
from sparkbird.errors import InvalidValueError, UnsupportedOptionError
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


NAMES = [*"abcdef"]


def assembled(kind, *, scaled=False, **options):
    """A model behind what makes a vector: a sparse one if it has two values or fewer."""

    def pipeline():
        stages = [VectorAssembler(inputCols=NAMES, outputCol="features")]
        if scaled:
            stages.append(StandardScaler(inputCol="features", outputCol="scaled"))
        last = kind(featuresCol="scaled" if scaled else "features", **options)
        return Pipeline(stages=[*stages, last])

    return pipeline


def two_heaps(spark):
    """Two points, which become two centers that are whole numbers."""
    points = [(0.0, 0.0, 0.0, 0.0, 0.0, 0.0), (2.0, 0.0, 0.0, 0.0, 0.0, 0.0)] * 5
    return spark.createDataFrame(points, NAMES)


def between(spark):
    """Rows halfway between the two, or so near to that that rounding decides."""
    rng = np.random.default_rng(4)
    found = [(1.0, *[float(i < ones) for i in range(5)]) for ones in range(6)]
    for off in (0.0, 1e-16, 1e-12, 1e-9, 1e-7, 1e-6):
        for size in (0.1, 3.0, 700.0, 1e6):
            others = (rng.normal(size=5) * size * (rng.random(5) < 0.4)).tolist()
            found += [(1.0 - off, *others), (1.0 + off, *others)]
    return spark.createDataFrame(found, NAMES)


def few_numbers(spark):
    """Whole numbers and tenths, most of them 0, so that many rows lie between centers."""
    rng = np.random.default_rng(6)
    x = rng.integers(-2, 3, (200, 6)) * (rng.random((200, 6)) < 0.4) / rng.choice([1, 10], (200, 1))
    return spark.createDataFrame(x[(x != 0).any(axis=1)].tolist(), NAMES)


def of_one_value(spark):
    """Rows with one value, of which all products are exact."""
    return few_numbers(spark).where(
        "int(a <> 0) + int(b <> 0) + int(c <> 0) + int(d <> 0) + int(e <> 0) + int(f <> 0) = 1"
    )


def one_row(spark):
    return between(spark).limit(1)


CASES = [
    Case(lambda: KMeans(k=3, seed=1), rows.vectors, EXTREMES, NO_NUMBERS),
    Case(lambda: KMeans(k=7, seed=1, predictionCol="cluster"), rows.vectors, EXTREMES, NO_NUMBERS),
    Case(lambda: KMeans(k=4, seed=2, distanceMeasure="cosine"), rows.hinted, FAR, NOWHERE),
    Case(lambda: KMeans(k=3, seed=1), far_from_zero, note="far from zero"),
    Case(lambda: KMeans(k=5, seed=1), on_a_grid, note="on a grid"),
    Case(lambda: KMeans(k=40, seed=1), of_one_length, note="of one length"),
    Case(lambda: KMeans(k=2, seed=1, initMode="random", maxIter=1), on_a_grid, note="ties"),
    Case(assembled(KMeans, k=2, seed=1), two_heaps, between, note="between two centers"),
    Case(assembled(KMeans, k=2, seed=1), two_heaps, one_row, note="one row"),
    Case(
        assembled(KMeans, k=9, seed=2, initMode="random", maxIter=1),
        few_numbers,
        note="many rows between centers",
    ),
    Case(
        assembled(KMeans, scaled=True, k=5, seed=2, initMode="random", maxIter=1),
        few_numbers,
        note="scaled, and still sparse or not",
    ),
    Case(
        assembled(KMeans, k=4, seed=2, distanceMeasure="cosine", initMode="random", maxIter=1),
        of_one_value,
        note="angles along the axes",
    ),
    Case(assembled(BisectingKMeans, k=2, seed=1), two_heaps, between, note="a tree of two"),
    Case(assembled(BisectingKMeans, k=7, seed=1), few_numbers, note="a tree of few numbers"),
    Case(lambda: BisectingKMeans(k=4, seed=1), rows.vectors, FAR, NO_NUMBERS, note="a tree"),
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


#: Dense, they have the first of the two centers; sparse, one of them has the second, whichever
#: of the two that is.
HALFWAY = made(Vectors.dense(1.0, 1.0, 0.0, 0.0, 0.0), Vectors.dense(1.0, 1.5, 0.0, 0.0, 0.0))


@pytest.mark.parametrize("kind", [KMeans, BisectingKMeans])
def test_what_hangs_on_whether_a_vector_is_sparse_is_refused(kind, spark, tmp_path):
    points = made(Vectors.dense(0.0, 0.0, 0.0, 0.0, 0.0), Vectors.dense(2.0, 0.0, 0.0, 0.0, 0.0))
    model = kind(k=2, seed=1).fit(points(spark))
    model.write().save(str(tmp_path / "model"))
    compiled = sparkbird.compile(str(tmp_path / "model"))
    with pytest.raises(InvalidValueError, match="hangs on whether it is sparse"):
        compiled.transform(HALFWAY(spark).toArrow())
    scored = sparkbird.udf(compiled, on_invalid="null")("features")
    assert None in [row[0] for row in HALFWAY(spark).select(scored).collect()]


def test_angles_that_hang_on_the_order_of_a_sum_are_refused(spark, tmp_path):
    centers = made(Vectors.dense(1.0, 0.0, 0.0), Vectors.dense(0.0, 1.0, 0.0))
    model = KMeans(k=2, seed=1, distanceMeasure="cosine").fit(centers(spark))
    model.write().save(str(tmp_path / "model"))
    compiled = sparkbird.compile(str(tmp_path / "model"))
    given = made(Vectors.dense(1.0, 1.0, 0.5))(spark)
    expected = [row.prediction for row in model.transform(given).collect()]
    # One product alone for each center: any order will do.
    assert compiled.prediction(given.toArrow()).tolist() == expected
    several = made(Vectors.dense(1.0, 2.0, 3.0), Vectors.dense(2.0, 1.0, 3.0))
    model = KMeans(k=2, seed=1, distanceMeasure="cosine").fit(several(spark))
    model.write().save(str(tmp_path / "other"))
    compiled = sparkbird.compile(str(tmp_path / "other"))
    with pytest.raises(InvalidValueError, match="hangs on its machine"):
        compiled.transform(made(Vectors.dense(1.0, 1.0, 2.0))(spark).toArrow())
