"""CrossValidatorModel and TrainValidationSplitModel: the best model of a search."""

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.evaluation import MulticlassClassificationEvaluator, RegressionEvaluator
from pyspark.ml.feature import MaxAbsScaler
from pyspark.ml.regression import DecisionTreeRegressor, LinearRegression
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder, TrainValidationSplit

from tests.spark.ml import rows
from tests.spark.ml.parity import Case, check

#: The models are fitted in a pool of threads, which pyspark leaves open.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool")


def linear():
    model = LinearRegression(maxIter=3)
    return model, model.regParam, [0.0, 0.5], RegressionEvaluator()


def tree():
    model = DecisionTreeRegressor(seed=1, leafCol="leaf")
    return model, model.maxDepth, [1, 3], RegressionEvaluator()


def scaled_forest():
    forest = RandomForestClassifier(seed=1, featuresCol="scaled", numTrees=3)
    stages = [MaxAbsScaler(inputCol="features", outputCol="scaled"), forest]
    return Pipeline(stages=stages), forest.maxDepth, [1, 3], MulticlassClassificationEvaluator()


def search(kind, parts, **options):
    def stage():
        model, parameter, values, judge = parts()
        grid = ParamGridBuilder().addGrid(parameter, values).build()
        return kind(estimator=model, estimatorParamMaps=grid, evaluator=judge, seed=1, **options)

    return Case(stage, rows.vectors, rtol=1e-9, note=f"{kind.__name__} {parts.__name__}")


CASES = [
    search(CrossValidator, linear, numFolds=2),
    search(CrossValidator, tree, numFolds=2, collectSubModels=True),
    search(CrossValidator, scaled_forest, numFolds=2, parallelism=2),
    search(TrainValidationSplit, linear, trainRatio=0.6),
    search(TrainValidationSplit, tree),
    search(TrainValidationSplit, scaled_forest),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_parity(case, spark, tmp_path):
    check(case, spark, tmp_path)
