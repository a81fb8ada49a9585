"""LocalLDAModel, and DistributedLDAModel, which is refused."""

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.clustering import LDA
from pyspark.ml.feature import CountVectorizer, Tokenizer
from pyspark.ml.linalg import Vectors

import sparkbird
from sparkbird.errors import UnsupportedModelError
from tests.spark.ml.parity import Case, check


def documents(spark):
    rng = np.random.default_rng(0)
    topics = ["cat dog bird fish", "bond share fund bank", "goal ball team match"]
    made = [
        " ".join(rng.choice([*topics[i % 3].split(), "the"], rng.integers(1, 12)))
        for i in range(60)
    ]
    return spark.createDataFrame([(text,) for text in made], "text string")


def odd_documents(spark):
    made = ["", "unknown words", "cat", "cat " * 400, "bond bond goal", "the the the dog ball"]
    return spark.createDataFrame([(text,) for text in made], "text string")


def counts(spark):
    rng = np.random.default_rng(1)
    x = rng.poisson(1.0, (60, 6)) * rng.integers(0, 2, (60, 6)) * rng.choice([1.0, 0.5], (60, 1))
    made = [Vectors.dense(row) for row in x]
    made += [
        Vectors.sparse(6, [1, 4], [2.0, 0.0]),
        Vectors.sparse(6, [], []),
        Vectors.dense([0.0] * 6),
    ]
    return spark.createDataFrame([(value,) for value in made], ["features"])


def odd_counts(spark):
    made = [
        [1e6, 0, 0, 0, 0, 1e6],
        [1e-9] * 6,
        [float("nan"), 1, 1, 1, 1, 1],
        [49.0, 50, 51, 0, 0, 0],
    ]
    return spark.createDataFrame([(Vectors.dense(row),) for row in made], ["features"])


def negative_counts(spark):
    return spark.createDataFrame([(Vectors.dense([-1.0, 2, 0, 0, 0, 0]),)], ["features"])


def of_texts(**options):
    def pipeline():
        return Pipeline(
            stages=[
                Tokenizer(inputCol="text", outputCol="words"),
                CountVectorizer(inputCol="words", outputCol="features"),
                LDA(maxIter=4, seed=1, subsamplingRate=0.9, **options),
            ]
        )

    return Case(pipeline, documents, odd_documents, note=f"texts {options}")


def of_counts(rows=odd_counts, **options):
    return Case(lambda: LDA(maxIter=4, **options), counts, rows, negative_counts, note=f"{options}")


CASES = [
    of_texts(k=3),
    of_texts(
        k=2, docConcentration=[0.1, 0.9], topicConcentration=0.3, optimizeDocConcentration=False
    ),
    of_counts(k=2),
    of_counts(k=5, seed=3, topicDistributionCol="shares"),
    of_counts(k=70, docConcentration=[0.02], optimizeDocConcentration=False),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)


def test_a_start_that_is_another_each_time_is_refused(spark):
    model = LDA(maxIter=1, k=2, optimizer="em").fit(counts(spark).limit(40))
    with pytest.raises(UnsupportedModelError, match="others each time"):
        sparkbird.compile(model)
