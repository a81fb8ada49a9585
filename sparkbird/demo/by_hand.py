"""The usual way: scikit-learn in a pandas_udf, to compare with."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql.functions import pandas_udf


def scored(table: DataFrame, model: Any, columns: Sequence[str], keep: Sequence[str]) -> DataFrame:
    """`keep` of `table`, and ``late`` and ``probability`` after the fitted classifier `model`."""
    score = classifier(table, model, columns)(*columns)
    return table.select(*keep, score.alias("scored")).select(*keep, "scored.*")


def classifier(table: DataFrame, model: Any, names: Sequence[str]) -> Callable[..., Column]:
    """The function of columns, written with care: one broadcast, one pass over the trees.

    No annotation here may be a string: Spark reads them.
    """
    shared = table.sparkSession.sparkContext.broadcast(model)

    def classify(*columns: pd.Series) -> pd.DataFrame:
        rows = pd.concat(columns, axis=1, keys=names)
        probabilities = shared.value.predict_proba(rows)
        late = shared.value.classes_[probabilities.argmax(axis=1)]
        return pd.DataFrame({"late": late, "probability": [*probabilities]})

    udf: Callable[..., Column] = pandas_udf(classify, "late boolean, probability array<double>")
    return udf
