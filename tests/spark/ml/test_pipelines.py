"""Whole pipelines over raw tables with strings, numbers and NULL: in memory, saved, as a column."""

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import (
    GBTClassifier,
    LogisticRegression,
    OneVsRest,
    RandomForestClassifier,
)
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import BinaryClassificationEvaluator, RegressionEvaluator
from pyspark.ml.feature import (
    IDF,
    HashingTF,
    Imputer,
    IndexToString,
    NGram,
    OneHotEncoder,
    QuantileDiscretizer,
    RegexTokenizer,
    RFormula,
    SQLTransformer,
    StandardScaler,
    StopWordsRemover,
    StringIndexer,
    Tokenizer,
    VectorAssembler,
    VectorIndexer,
)
from pyspark.ml.regression import GeneralizedLinearRegression, LinearRegression
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder, TrainValidationSplit

import sparkbird
from tests.spark.ml.parity import compare

pytestmark = pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool")


def people(spark):
    """Towns and jobs, one of each NULL; ages and incomes, some of them NULL; a text; two labels."""
    rng = np.random.default_rng(7)
    towns = rng.choice(["Oslo", "Łódź", "São Paulo", "Bergen"], 80).tolist()
    jobs = rng.choice(["cook", "nurse", "pilot"], 80).tolist()
    ages = rng.integers(18, 80, 80).astype(float).tolist()
    incomes = rng.normal(30.0, 9.0, 80).round(2).tolist()
    words = ["good", "bad", "The", "food", "room", "very", "Ärger"]
    texts = [" ".join(rng.choice(words, rng.integers(1, 8))) for _ in range(80)]
    for place in range(3, 80, 11):
        ages[place], incomes[place - 1] = None, None
    answers = [
        float((income or 30.0) + 4 * (job == "cook") > 31.0)
        for income, job in zip(incomes, jobs, strict=True)
    ]
    kinds = np.array(["low", "mid", "high"])[rng.integers(0, 3, 80)].tolist()
    columns = (
        "town string, job string, age double, income double, text string, answer double, "
        "kind string"
    )
    made = [*zip(towns, jobs, ages, incomes, texts, answers, kinds, strict=True)]
    return spark.createDataFrame(made, columns)


def strangers(spark):
    """Rows that training has not seen the like of."""
    made = [
        ("Rome", "cook", 1e9, -1.0, "", 0.0, "low"),
        (None, "nurse", None, None, "unknown  words", 1.0, "mid"),
        ("Oslo", None, 30.0, None, "good", 1.0, "high"),
        ("oslo", "PILOT", -0.0, 31.0, " good  bad ", 1.0, "low"),
    ]
    return spark.createDataFrame(made, people(spark).schema)


def prepared(*, how="keep"):
    return [
        StringIndexer(
            inputCols=["town", "job"], outputCols=["town_index", "job_index"], handleInvalid=how
        ),
        OneHotEncoder(
            inputCols=["town_index", "job_index"],
            outputCols=["town_vector", "job_vector"],
            handleInvalid=how if how == "keep" else "error",
        ),
        Imputer(inputCols=["age", "income"], outputCols=["age_full", "income_full"]),
        VectorAssembler(
            inputCols=["town_vector", "job_vector", "age_full", "income_full"], outputCol="raw"
        ),
        StandardScaler(inputCol="raw", outputCol="features", withMean=True),
    ]


def tokens():
    return [
        RegexTokenizer(inputCol="text", outputCol="words", pattern="\\W+"),
        StopWordsRemover(inputCol="words", outputCol="kept"),
        NGram(inputCol="kept", outputCol="grams", n=2),
        HashingTF(inputCol="grams", outputCol="counts", numFeatures=64),
        IDF(inputCol="counts", outputCol="features"),
    ]


def searched():
    model = LogisticRegression(labelCol="answer", maxIter=3)
    grid = ParamGridBuilder().addGrid(model.regParam, [0.0, 0.5]).build()
    judge = BinaryClassificationEvaluator(labelCol="answer")
    search = CrossValidator(
        estimator=model, estimatorParamMaps=grid, evaluator=judge, numFolds=2, seed=1
    )
    return [*prepared(), search]


def split():
    model = LinearRegression(labelCol="answer", maxIter=3)
    grid = ParamGridBuilder().addGrid(model.regParam, [0.1, 0.5]).build()
    judge = RegressionEvaluator(labelCol="answer")
    search = TrainValidationSplit(estimator=model, estimatorParamMaps=grid, evaluator=judge, seed=1)
    return [*prepared(), search]


PIPELINES = {
    "logistic": lambda: [*prepared(), LogisticRegression(labelCol="answer", maxIter=5)],
    "skipping": lambda: [*prepared(how="skip"), LogisticRegression(labelCol="answer", maxIter=5)],
    "forest": lambda: [*prepared(), RandomForestClassifier(labelCol="answer", numTrees=5, seed=1)],
    "boosted": lambda: [
        *prepared()[:4],
        VectorIndexer(inputCol="raw", outputCol="features", maxCategories=2, handleInvalid="keep"),
        GBTClassifier(labelCol="answer", maxIter=3, seed=1),
    ],
    "general": lambda: [
        *prepared(),
        GeneralizedLinearRegression(family="binomial", labelCol="answer", maxIter=3, regParam=0.1),
    ],
    "clusters": lambda: [*prepared(), KMeans(k=3, seed=1)],
    "text": lambda: [*tokens(), LogisticRegression(labelCol="answer", maxIter=3)],
    "words": lambda: [
        Tokenizer(inputCol="text", outputCol="words"),
        HashingTF(inputCol="words", outputCol="counts", numFeatures=2**10),
        IDF(inputCol="counts", outputCol="features", minDocFreq=2),
        LogisticRegression(labelCol="answer", maxIter=3),
    ],
    "formula": lambda: [
        Imputer(inputCols=["age", "income"], outputCols=["a", "i"]),
        RFormula(formula="answer ~ town + job:a + i", labelCol="answer", handleInvalid="keep"),
        LogisticRegression(labelCol="answer", maxIter=3),
    ],
    "projected": lambda: [
        Imputer(inputCols=["age", "income"], outputCols=["a", "i"]),
        SQLTransformer(statement="SELECT *, i / (a * a + 1) AS share, -a AS b FROM __THIS__"),
        QuantileDiscretizer(inputCol="i", outputCol="bin", numBuckets=4),
        VectorAssembler(inputCols=["share", "b", "bin"], outputCol="features"),
        RandomForestClassifier(labelCol="answer", numTrees=3, seed=1),
    ],
    "names": lambda: [
        StringIndexer(inputCol="kind", outputCol="label"),
        *prepared(),
        OneVsRest(classifier=LogisticRegression(maxIter=2)),
        IndexToString(inputCol="prediction", outputCol="said", labels=["low", "mid", "high"]),
    ],
    "searched": searched,
    "split": split,
    "nested": lambda: [
        Pipeline(stages=prepared()),
        Pipeline(stages=[LogisticRegression(labelCol="answer", maxIter=2)]),
    ],
}


@pytest.mark.parametrize("name", PIPELINES)
def test_the_columns_are_those_of_spark(name, spark, tmp_path):
    table = people(spark)
    model = Pipeline(stages=PIPELINES[name]()).fit(table)
    path = str(tmp_path / "model")
    model.write().save(path)
    given = table.unionAll(strangers(spark)).coalesce(1)
    expected = model.transform(given)
    scored = sparkbird.transform(given, model)
    assert scored.columns == expected.columns
    assert [f.dataType for f in scored.schema] == [f.dataType for f in expected.schema]
    collected = pd.DataFrame([tuple(row) for row in scored.collect()], columns=scored.columns)
    compare(collected, expected, given, 1e-9)
    compiled = sparkbird.compile(path)
    compare(compiled.transform(given.toArrow()), expected, given, 1e-9)
    assert compiled.transform(given.limit(0).toArrow()).columns.tolist()


@pytest.mark.parametrize("name", ["logistic", "text", "names", "clusters"])
def test_the_prediction_is_a_column_of_the_raw_ones(name, spark):
    table = people(spark)
    model = Pipeline(stages=PIPELINES[name]()).fit(table)
    given = table.unionAll(strangers(spark)).coalesce(1)
    last = "said" if name == "names" else "prediction"
    found = given.withColumn("found", sparkbird.udf(model, last)())
    expected = [row[last] for row in model.transform(given).collect()]
    assert [row.found for row in found.collect()] == expected


def test_a_pipeline_of_one_stage_and_of_none(spark, tmp_path):
    table = people(spark)
    alone = Pipeline(stages=[Imputer(inputCols=["age"], outputCols=["a"])]).fit(table)
    compare(
        sparkbird.compile(alone).transform(table.toArrow()), alone.transform(table), table, 1e-12
    )
    assert sparkbird.transform(table, PipelineModel(stages=[alone])).columns[-1] == "a"
