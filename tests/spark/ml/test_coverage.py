"""Every class of pyspark.ml that scores rows is compiled, with three cases or more, or refused."""

import importlib
import inspect
from collections import Counter
from pathlib import Path

import pytest
from pyspark.ml import Estimator, Model, Pipeline, Transformer
from pyspark.ml.param import Params

from sparkbird.converters.sparkml import stages
from tests.spark.ml.test_formula import FORMULAS
from tests.spark.ml.test_pipelines import PIPELINES

MODULES = ("feature", "classification", "regression", "clustering", "recommendation", "fpm")

#: Models that are not called after their estimator.
NAMED_OTHERWISE = {
    "clustering.LDA": "clustering.LocalLDAModel",
    "feature.QuantileDiscretizer": "feature.Bucketizer",
    "Pipeline": "PipelineModel",
}


def scorers():
    """The classes of pyspark.ml that score rows: transformers and models."""
    for module in (*MODULES, "tuning", "pipeline"):
        members = inspect.getmembers(importlib.import_module(f"pyspark.ml.{module}"))
        for name, kind in members:
            own = inspect.isclass(kind) and kind.__module__ == f"pyspark.ml.{module}"
            hidden = name.startswith("_") or inspect.isabstract(kind)
            if own and issubclass(kind, Transformer) and not hidden:
                yield qualified(kind)


def qualified(kind):
    module = kind.__module__.removeprefix("pyspark.ml.")
    return kind.__name__ if module == "pipeline" else f"{module}.{kind.__name__}"


#: All of them but LDAModel, of which there are but two kinds.
SCORERS = sorted({*scorers()} - {"clustering.LDAModel"})


def model_of(stage):
    """The name of what a stage becomes when it is fitted."""
    name = qualified(type(stage))
    if not isinstance(stage, Estimator) or isinstance(stage, Model):
        return name
    module = name.partition(".")[0]
    for ending, kind in (("Classifier", "ClassificationModel"), ("Regressor", "RegressionModel")):
        if name.endswith(ending) and module in ("classification", "regression"):
            return name.removesuffix(ending) + kind
    return NAMED_OTHERWISE.get(name, f"{name}Model")


def models_in(stage):
    """The names of all models that a stage holds, its own among them."""
    stage = getattr(stage, "made", stage)  # that of a test around it
    yield model_of(stage)
    inner = stage.getStages() if isinstance(stage, Pipeline) else []
    for parameter in ("estimator", "classifier"):
        if stage.hasParam(parameter):
            inner = [*inner, stage.getOrDefault(parameter)]
    for part in inner:
        if isinstance(part, Params):
            yield from models_in(part)


@pytest.fixture(scope="module")
def cases(spark):
    """How many cases hold each class."""
    found = [Pipeline(stages=make()) for make in PIPELINES.values()]
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.spark.ml.{path.stem}")
        found += [case.stage() for case in getattr(module, "CASES", ())]
    count = Counter(name for stage in found for name in {*models_in(stage)})
    count["feature.RFormulaModel"] += len(FORMULAS)
    return count


def test_there_are_as_many_classes_as_there_were():
    assert len(SCORERS) >= 60


@pytest.mark.parametrize("name", SCORERS)
def test_a_class_is_compiled_or_refused_with_a_reason(name):
    refused = stages.refused()
    assert (name in stages.supported()) != (name in refused)
    assert all(refused.get(name, ("reason", "way out")))


def test_few_classes_are_refused():
    assert len(stages.refused()) <= 4


@pytest.mark.parametrize("name", sorted({*SCORERS} & {*stages.supported()}))
def test_a_class_has_three_cases_or_more(name, cases):
    assert cases[name] >= 3
