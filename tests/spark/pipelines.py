"""A table with strings, NULLs and numbers, and pipelines of Spark ML over it."""

from __future__ import annotations

import numpy as np
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression, RandomForestClassifier
from pyspark.ml.feature import (
    Imputer,
    OneHotEncoder,
    StandardScaler,
    StringIndexer,
    VectorAssembler,
)

COLUMNS = "key int, town string, size string, age int, income double, label double"

#: What the pipelines read.
RAW = ("town", "size", "age", "income")


def people(spark, rows=60):
    rng = np.random.default_rng(5)
    made = []
    for key in range(rows):
        town = str(rng.choice(["Oslo", "Łódź", "Bergen"]))
        size = str(rng.choice(["s", "m", "l"]))
        age = None if key % 11 == 3 else int(rng.integers(18, 80))
        income = round(float(rng.lognormal(10, 1)), 2)
        made.append((key, town, size, age, income, float((age or 40) * income > 9e5)))
    return spark.createDataFrame(made, COLUMNS)


def strangers(spark):
    """The same, among them people of a town that none of the others is from, and of none."""
    made = [(0, "Oslo", "s", 30, 1e4, 0.0), (1, "Roma", "m", None, 2e5, 1.0)]
    return spark.createDataFrame([*made, (2, None, "l", 44, 3e4, 0.0)], COLUMNS)


def features(invalid="keep"):
    return [
        StringIndexer(
            inputCols=["town", "size"],
            outputCols=["town_index", "size_index"],
            handleInvalid=invalid,
        ),
        OneHotEncoder(inputCols=["town_index", "size_index"], outputCols=["town_hot", "size_hot"]),
        Imputer(inputCols=["age"], outputCols=["age_known"]),
        VectorAssembler(
            inputCols=["town_hot", "size_hot", "age_known", "income"], outputCol="assembled"
        ),
        StandardScaler(inputCol="assembled", outputCol="features"),
    ]


def linear(invalid="keep"):
    return Pipeline(stages=[*features(invalid), LogisticRegression(maxIter=5)])


def forest(invalid="keep"):
    trees = RandomForestClassifier(numTrees=4, maxDepth=3, seed=1, leafCol="leaf")
    return Pipeline(stages=[*features(invalid), trees])


def assert_same(actual, expected, rtol=1e-12):
    """Two dataframes of Spark have the same columns, types, rows and values."""
    assert actual.schema.simpleString() == expected.schema.simpleString()
    assert [f.dataType for f in actual.schema] == [f.dataType for f in expected.schema]
    ours, theirs = (df.orderBy("key").collect() for df in (actual, expected))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        for name, mine, its in zip(actual.columns, one, other, strict=True):
            if hasattr(its, "toArray"):
                np.testing.assert_allclose(mine.toArray(), its.toArray(), rtol, rtol, err_msg=name)
            elif isinstance(its, float):
                np.testing.assert_allclose(mine, its, rtol, err_msg=name)
            else:
                assert mine == its, name
