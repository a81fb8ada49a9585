"""Categories that are numbers."""

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import IndexToString, StringIndexer, TargetEncoder, VectorIndexer
from pyspark.ml.linalg import Vectors

import sparkbird
from sparkbird.errors import UnsupportedOptionError
from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check

NAN, INFINITY = float("nan"), float("inf")


def named(**options):
    return lambda: IndexToString(inputCol="t", outputCol="o", **options)


def there_and_back(**options):
    return lambda: Pipeline(
        stages=[
            StringIndexer(inputCol="town", outputCol="t", **options),
            IndexToString(inputCol="t", outputCol="o"),
        ]
    )


def values(*given, column="t double"):
    return lambda spark: spark.createDataFrame([(value,) for value in given], column)


def towns(*given):
    columns = "town string, size string, label double"
    return lambda spark: spark.createDataFrame([(town, "s", 0.0) for town in given], columns)


def indexed(how="error", most=5):
    return lambda: VectorIndexer(
        inputCol="features", outputCol="o", handleInvalid=how, maxCategories=most
    )


def dense(*given):
    def made(spark):
        return spark.createDataFrame(
            [(Vectors.dense(*v), 0.0) for v in given], ["features", "label"]
        )

    return made


def coded(spark):
    """Vectors of -1, 0 and 2.5, of 0 to 3, of a number, of 0 and 1 and of 0 to 3 again."""
    rng = np.random.default_rng(7)
    columns = [rng.choice(v, 60) for v in ([-1.0, 0.0, 2.5], [0, 1, 2, 3], [0.0, 1.0])]
    x = np.stack([*columns[:2], rng.normal(size=60), columns[2], rng.permutation(columns[1])], 1)
    made = [Vectors.dense(*row) for row in x]
    made[::3] = [Vectors.sparse(5, *_nonzero(row)) for row in x[::3]]
    return spark.createDataFrame([(value, 0.0) for value in made], ["features", "label"])


def _nonzero(row):
    return np.flatnonzero(row).tolist(), row[row != 0].tolist()


def without_zero(spark):
    values = [(float(i % 3 + 1), float(i % 2), 0.5 * i) for i in range(20)]
    return dense(*values)(spark)


def encoded(**options):
    names = {"inputCols": ["a", "b"], "outputCols": ["p", "q"]}
    return lambda: TargetEncoder(labelCol="label", **names, **options)


def categories(*more, types="a double, b double, label double"):
    """Two columns of categories and a label that follows them; one row for each of `more`."""

    def made(spark):
        rng = np.random.default_rng(9)
        a, b = rng.integers(0, 4, 50), rng.integers(0, 3, 50)
        labels = (a + b + rng.integers(0, 3, 50) > 3).astype(int)
        kind = int if types.startswith("a int") else float
        found = [(kind(i), kind(j), float(l)) for i, j, l in zip(a, b, labels, strict=True)]
        return spark.createDataFrame([*found, *((v, kind(0), 1.0) for v in more)], types)

    return made


def to_score(*given, types="a double, b double, label double"):
    first = 1 if types.startswith("a int") else 1.0
    return lambda spark: spark.createDataFrame([(v, first, 0.0) for v in given], types)


def continuous(spark):
    return categories()(spark).selectExpr("a", "b", "label * 0.7 + a * 0.1 + b / 3 AS label")


ODD = [-1.0, 7.0, 1.5, INFINITY, 2147483647.0]
INTEGERS = "a int, b int, label double"

CASES = [
    Case(
        named(labels=["x", "ł", ""]),
        values(0.0, 1.0, 2.0, 1.99, -0.5, -0.0),
        refused=values(3.0, -1.0, NAN, INFINITY, 1e300),
    ),
    Case(named(labels=["x", "y"]), values(0, 1, 1, column="t int")),
    Case(there_and_back(), rows.strings, refused=towns("Rome", None)),
    Case(there_and_back(handleInvalid="keep"), rows.strings, towns("Rome", None)),
    Case(there_and_back(handleInvalid="skip"), rows.strings, towns("Rome", "Oslo", None)),
    Case(indexed(), coded, refused=dense((9.0, 0, 0, 0, 0), (0, 1, 1, 1, NAN), (0, 0.5, 1, 1, 1))),
    Case(indexed("keep"), coded, dense((9.0, 7.0, NAN, 2.0, NAN), (-0.0, 0, INFINITY, 1, 3))),
    Case(indexed("skip"), coded, dense((9.0, 7.0, 1.0, 2.0, 0.0), (-1.0, 0, INFINITY, 1, 3))),
    Case(indexed(most=2), coded, dense((9.0, 7.0, 1.0, 1.0, 0.0))),
    Case(indexed(most=90), rows.categories),
    Case(indexed(), without_zero, refused=dense((0.0, 1.0, 1.0))),
    Case(indexed("keep"), without_zero, dense((4.0, 1.0, 1.0)), dense((0.0, 1.0, 1.0))),
    Case(encoded(), categories(), refused=to_score(*ODD, None, NAN)),
    Case(encoded(handleInvalid="keep"), categories(), to_score(*ODD, None, NAN)),
    Case(encoded(smoothing=3.7, handleInvalid="keep"), categories(), to_score(*ODD)),
    Case(encoded(smoothing=0.3, targetType="continuous"), continuous),
    Case(encoded(targetType="continuous", handleInvalid="keep"), continuous, to_score(None)),
    Case(encoded(), categories(None, None, types=INTEGERS), note="NULL among integers"),
    Case(
        encoded(handleInvalid="keep"),
        categories(None, types=INTEGERS),
        to_score(None, 9, -1, types=INTEGERS),
        note="NULL among integers",
    ),
    Case(
        lambda: TargetEncoder(inputCol="a", outputCol="o", labelCol="label"),
        categories(),
        refused=to_score(8.0),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)


def test_null_that_looks_like_nan_is_refused(spark, tmp_path):
    path = str(tmp_path / "model")
    encoded(handleInvalid="keep")().fit(categories(None)(spark)).write().save(path)
    compiled = sparkbird.compile(path)
    with pytest.raises(sparkbird.errors.InvalidValueError, match="NULL from NaN"):
        compiled.transform(to_score(None)(spark).toArrow())


def test_labels_that_nobody_says_are_refused(spark, tmp_path):
    path = str(tmp_path / "model")
    named()().write().save(path)
    with pytest.raises(UnsupportedOptionError, match="IndexToString without labels"):
        sparkbird.compile(path)
