"""HashingTF, CountVectorizerModel, IDFModel and Word2VecModel."""

import json

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import IDF, CountVectorizer, HashingTF, Tokenizer, VectorAssembler, Word2Vec

import sparkbird
from sparkbird.errors import UnsupportedOptionError
from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check


def texts(spark):
    rng = np.random.default_rng(0)
    words = [*"abcdefgh", "", "zwölf", "日本", "longer-than-four"]
    made = [" ".join(rng.choice(words, rng.integers(0, 9))) for _ in range(60)]
    return spark.createDataFrame(
        [(text, float("a" in text)) for text in made], "text string, label double"
    )


def unseen(spark):
    made = ["", " ", "never seen", "a never a", "x " * 90 + "a", "A b \U0001d54a"]
    return spark.createDataFrame([(text, 0.0) for text in made], "text string, label double")


def of_words(stage, more=unseen, note="", **options):
    def pipeline():
        first = Tokenizer(inputCol="text", outputCol="words")
        return Pipeline(stages=[first, stage(inputCol="words", outputCol="found", **options)])

    return Case(pipeline, texts, more, note=note or f"{stage.__name__} {options}")


def vectors(**options):
    return of_words(Word2Vec, seed=1, maxIter=1, **options)


def to_the_end():
    return Pipeline(
        stages=[
            Tokenizer(inputCol="text", outputCol="words"),
            HashingTF(inputCol="words", outputCol="counts", numFeatures=64),
            IDF(inputCol="counts", outputCol="weights", minDocFreq=3),
            CountVectorizer(inputCol="words", outputCol="terms", minDF=2.0),
            VectorAssembler(inputCols=["weights", "terms", "label"], outputCol="features"),
            LogisticRegression(maxIter=3),
        ]
    )


CASES = [
    of_words(HashingTF, numFeatures=16),
    of_words(HashingTF, numFeatures=1000, binary=True),
    of_words(HashingTF, note="HashingTF of 2^18 features", numFeatures=2**18),
    of_words(CountVectorizer),
    of_words(CountVectorizer, vocabSize=4, binary=True),
    of_words(CountVectorizer, minTF=2.0),
    of_words(CountVectorizer, minTF=0.25),
    of_words(CountVectorizer, minTF=0.2, binary=True, minDF=0.3),
    vectors(vectorSize=3, minCount=1),
    vectors(vectorSize=8, minCount=20, windowSize=2),
    vectors(vectorSize=2, minCount=2, maxSentenceLength=3),
    Case(to_the_end, texts, unseen, note="counts, weights and a prediction"),
    Case(lambda: IDF(inputCol="features", outputCol="found"), rows.vectors, note="of vectors"),
    Case(
        lambda: IDF(inputCol="features", outputCol="found", minDocFreq=70),
        rows.vectors,
        note="of vectors, of which few are common",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)


def test_the_hash_of_spark_2_is_refused(spark, tmp_path):
    path = tmp_path / "model"
    HashingTF(inputCol="words", outputCol="found").write().save(str(path))
    (part,) = (path / "metadata").glob("part-*")
    part.write_text(json.dumps({**json.loads(part.read_text()), "sparkVersion": "2.4.8"}))
    with pytest.raises(UnsupportedOptionError, match=r"Spark 2\.4\.8"):
        sparkbird.compile(path)
