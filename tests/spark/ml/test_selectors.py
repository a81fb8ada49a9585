"""Some values of a vector."""

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import (
    ChiSqSelector,
    MaxAbsScaler,
    OneHotEncoder,
    StringIndexer,
    UnivariateFeatureSelector,
    VarianceThresholdSelector,
    VectorAssembler,
    VectorSizeHint,
    VectorSlicer,
)

import sparkbird
from sparkbird.errors import ColumnTypeError, UnsupportedOptionError
from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check


def selected(kind, **options):
    return lambda: kind(featuresCol="features", outputCol="o", **options)


def univariate(feature, label, **options):
    def made():
        selector = UnivariateFeatureSelector(featuresCol="features", outputCol="o", **options)
        return selector.setFeatureType(feature).setLabelType(label)

    return made


def sliced(**options):
    return lambda: VectorSlicer(inputCol="features", outputCol="o", **options)


def assembled(**options):
    """A slice of a vector that is assembled of an encoded string, a number and a vector."""
    return lambda: Pipeline(
        stages=[
            StringIndexer(inputCol="town", outputCol="t"),
            OneHotEncoder(inputCol="t", outputCol="v", dropLast=False),
            VectorAssembler(inputCols=["label", "v"], outputCol="inner"),
            VectorAssembler(inputCols=["inner", "t", "label"], outputCol="features"),
            VectorSlicer(inputCol="features", outputCol="o", **options),
        ]
    )


def hinted_categories(spark):
    hint = VectorSizeHint(inputCol="features", size=3)
    return hint.transform(rows.categories(spark))


def hint(how):
    return lambda: Pipeline(
        stages=[
            VectorSizeHint(inputCol="features", size=4, handleInvalid=how),
            MaxAbsScaler(inputCol="features", outputCol="o"),
        ]
    )


CASES = [
    Case(selected(ChiSqSelector, numTopFeatures=2), hinted_categories),
    Case(selected(ChiSqSelector, selectorType="fpr", fpr=0.9), hinted_categories),
    Case(selected(ChiSqSelector, selectorType="percentile", percentile=0.4), hinted_categories),
    Case(selected(VarianceThresholdSelector), rows.hinted, rows.extremes),
    Case(selected(VarianceThresholdSelector, varianceThreshold=0.9), rows.hinted),
    Case(selected(VarianceThresholdSelector, varianceThreshold=0.5), rows.hinted, rows.extremes),
    Case(univariate("continuous", "categorical"), rows.hinted, note="saved out of order"),
    Case(
        univariate("continuous", "continuous", selectionMode="fpr"),
        rows.hinted,
        note="by F values",
    ),
    Case(
        univariate("categorical", "categorical"),
        hinted_categories,
        note="by chi squared",
    ),
    Case(sliced(indices=[3, 0]), rows.hinted, rows.extremes),
    Case(sliced(indices=[1]), rows.hinted),
    Case(assembled(names=["label", "t"]), rows.strings),
    Case(assembled(indices=[6, 2], names=["inner_v_Bergen", "inner_label"]), rows.strings),
    Case(hint("error"), rows.vectors, rows.extremes),
    Case(hint("optimistic"), rows.vectors),
    Case(hint("skip"), rows.vectors),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)


def test_names_that_are_in_no_metadata_are_refused(spark, tmp_path):
    path = str(tmp_path / "model")
    sliced(names=["a"])().write().save(path)
    with pytest.raises(UnsupportedOptionError, match="names"):
        sparkbird.compile(path, inputs={"features": "vector[4]"})


def test_vectors_too_short_are_refused(spark, tmp_path):
    path = str(tmp_path / "model")
    sliced(indices=[1, 4])().write().save(path)
    with pytest.raises(ColumnTypeError, match="vectors of 4 values"):
        sparkbird.compile(path, inputs={"features": "vector[4]"})


def test_a_selector_that_selects_nothing_is_refused(spark, tmp_path):
    path = str(tmp_path / "model")
    model = selected(VarianceThresholdSelector, varianceThreshold=1e9)().fit(rows.vectors(spark))
    model.write().save(path)
    with pytest.raises(UnsupportedOptionError, match="no value at all"):
        sparkbird.compile(path)
