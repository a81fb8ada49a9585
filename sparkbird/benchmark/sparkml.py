"""Models of Spark ML beside their own ``transform``: one session, the same rows, nothing out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkbird.benchmark.measure import rounds
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.results import Group, Measurement
from sparkbird.benchmark.session import session, through
from sparkbird.converters.native import opened
from sparkbird.spark.transform import transform

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROWS, FEATURES, FITTED_ON = 2_000_000, 28, 20_000
_QUICK = 500
_OWN = "sparkbird"
_TOWNS = [f"town {i}" for i in range(50)]


def measured(options: Options) -> Iterator[Group]:
    """Rows a second of Spark ML and of sparkbird, for each of the pipelines."""
    count = options.rows or (_QUICK if options.quick else ROWS)
    found: list[Measurement] = []
    with tempfile.TemporaryDirectory() as folder, session(folder) as spark:
        for case in options.each(PIPELINES):
            rows_of, make = PIPELINES[case]
            frame = _table(spark, folder, rows_of, count)
            times = _of_pipeline(frame, make(), options.repeats)
            found += [Measurement(case, way, count, times[way]) for way in times]
    title = f"Spark ML, {count:,} rows, local[2], from memory, nothing out"
    note = "Of the columns that Spark ML adds sparkbird gives all, or the prediction alone."
    yield Group("sparkml", "pipelines", title, _OWN, "rows/s", tuple(found), notes=(note,))


def _of_pipeline(frame: DataFrame, pipeline: Any, repeats: int) -> dict[str, tuple[float, ...]]:
    """The seconds of each way, after a round in which the JVM compiles its code."""
    model = pipeline.fit(frame.limit(FITTED_ON))
    stage, _ = opened(model)  # read once
    ways: dict[str, Callable[[], object]] = {
        _OWN: partial(through, transform(frame, stage)),
        "Spark ML": partial(through, model.transform(frame)),
        "sparkbird, prediction alone": partial(
            through, transform(frame, stage, outputs=_last(model))
        ),
    }
    rounds(ways, 1)
    return rounds(ways, repeats)


def _last(model: Any) -> str:
    """The column that its users want."""
    stage = getattr(model, "stages", [model])[-1]
    name = "predictionCol" if hasattr(stage, "predictionCol") else "outputCol"
    return str(stage.getOrDefault(name))


def _table(spark: SparkSession, folder: str, rows_of: Callable[..., Any], count: int) -> DataFrame:
    """The rows from Parquet, held in memory."""
    path = Path(folder) / rows_of.__name__
    if not path.exists():
        rows_of(spark, count).write.parquet(str(path))
    frame = spark.read.parquet(str(path)).cache()
    frame.count()
    return frame


def vectors(spark: SparkSession, count: int) -> DataFrame:
    """Dense vectors [N, 28] and a label by some of their values."""
    from pyspark.ml.feature import VectorAssembler
    from pyspark.sql import functions as F  # noqa: N812

    names = [f"x{i}" for i in range(FEATURES)]
    columns = [F.randn(seed=i).alias(name) for i, name in enumerate(names)]
    frame = spark.range(0, count, numPartitions=4).select(*columns)
    late = F.col("x0") * F.col("x1") + F.sin(F.col("x2") * 3) > 0
    label = F.when(late, 1.0).otherwise(0.0).alias("label")
    assembled = VectorAssembler(inputCols=names, outputCol="features").transform(frame)
    return assembled.select("features", label)


def people(spark: SparkSession, count: int) -> DataFrame:
    """Two strings, numbers, NULL among them, and a label."""
    import pandas as pd

    rng = np.random.default_rng(0)
    age = rng.integers(18, 90, count).astype(np.float64)
    income = rng.lognormal(10, 1, count)
    made = pd.DataFrame(
        {
            "town": rng.choice(_TOWNS, count),
            "size": rng.choice(["s", "m", "l"], count),
            "age": np.where(rng.random(count) < 0.05, np.nan, age),
            "income": income,
            "label": (age * income > 1e6).astype(np.float64),
        }
    )
    return spark.createDataFrame(made).repartition(4)


def _forest() -> Any:
    from pyspark.ml.classification import RandomForestClassifier

    return RandomForestClassifier(numTrees=100, maxDepth=10, seed=0)


def _boosted() -> Any:
    from pyspark.ml.classification import GBTClassifier

    return GBTClassifier(maxIter=100, maxDepth=5, seed=0)


def _raw_table() -> Any:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import (
        Imputer,
        OneHotEncoder,
        StandardScaler,
        StringIndexer,
        VectorAssembler,
    )

    strings, indices, hot = ["town", "size"], ["town_i", "size_i"], ["town_v", "size_v"]
    return Pipeline(
        stages=[
            StringIndexer(inputCols=strings, outputCols=indices, handleInvalid="keep"),
            OneHotEncoder(inputCols=indices, outputCols=hot),
            Imputer(inputCols=["age"], outputCols=["age_known"]),
            VectorAssembler(inputCols=[*hot, "age_known", "income"], outputCol="assembled"),
            StandardScaler(inputCol="assembled", outputCol="features"),
            LogisticRegression(maxIter=10),
        ]
    )


def _scaler() -> Any:
    from pyspark.ml.feature import StandardScaler

    return StandardScaler(inputCol="features", outputCol="scaled")


#: What is measured: the rows, and the estimator.
PIPELINES: dict[str, tuple[Callable[..., Any], Callable[[], Any]]] = {
    "RandomForestClassifier, 100 trees, depth 10": (vectors, _forest),
    "GBTClassifier, 100 trees, depth 5": (vectors, _boosted),
    "raw table: StringIndexer to LogisticRegression": (people, _raw_table),
    "StandardScaler alone": (vectors, _scaler),
}
