"""StringIndexerModel and OneHotEncoderModel."""

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import OneHotEncoder, StringIndexer

from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check


def indexed(**options):
    names = {"inputCols": ["town", "size"], "outputCols": ["t", "s"]}
    return lambda: StringIndexer(**names, **options)


def encoded(indexer="error", **options):
    return lambda: Pipeline(
        stages=[
            StringIndexer(inputCol="town", outputCol="t", handleInvalid=indexer),
            OneHotEncoder(inputCol="t", outputCol="v", **options),
        ]
    )


def unseen(spark):
    columns = "town string, size string, label double"
    return spark.createDataFrame(
        [("Rome", "s", 0.0), (None, "m", 1.0), ("oslo", "l", 0.0)], columns
    )


def odd(spark):
    words = ["", " ", "a", "A", "\u00e9", "e\u0301", "nan", "null", "a", "\t"]
    return spark.createDataFrame([(word,) for word in words], "word string")


CASES = [
    Case(indexed(), rows.strings, refused=unseen),
    Case(indexed(handleInvalid="keep"), rows.strings, unseen),
    Case(indexed(handleInvalid="skip"), rows.strings, unseen),
    Case(indexed(stringOrderType="alphabetDesc"), rows.strings),
    Case(lambda: StringIndexer(inputCol="label", outputCol="l"), rows.strings, note="of numbers"),
    Case(lambda: StringIndexer(inputCol="word", outputCol="w"), odd, note="odd strings"),
    Case(encoded(), rows.strings),
    Case(encoded(dropLast=False), rows.strings),
    Case(encoded("keep", handleInvalid="keep"), rows.strings, unseen),
    Case(encoded("keep", handleInvalid="keep", dropLast=False), rows.strings, unseen),
    Case(encoded("skip"), rows.strings, unseen),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)
