# Databricks notebook source
# MAGIC %md
# MAGIC # From Spark ML
# MAGIC A `PipelineModel` that Spark ML has fitted becomes one graph, from the raw columns to the
# MAGIC prediction. Nothing is trained again.
# MAGIC
# MAGIC The notebook needs sparkbird with its extras `cpu` and `fast`. It runs on classic compute,
# MAGIC on serverless compute where that has Spark ML, and as plain Python.

# COMMAND ----------

from pyspark.ml import Pipeline
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.feature import StringIndexer, VectorAssembler
from pyspark.sql import functions as F  # noqa: N812

import sparkbird
from sparkbird.spark.session import local_session

spark = local_session("from Spark ML")  # on Databricks the session that is there

# COMMAND ----------

# MAGIC %md
# MAGIC ## A pipeline as there are many

# COMMAND ----------

city = F.element_at(
    F.array(*map(F.lit, ["Bern", "Chur", "Genf"])), (F.col("id") % 3 + 1).cast("int")
)
age, income = 18 + F.col("id") * 37 % 60, F.pow(10.0, 4 + F.col("id") * 13 % 100 / 50)
people = spark.range(300).select("id", city.alias("city"), age.alias("age"), income.alias("income"))
people = people.withColumn("label", (F.col("age") * F.col("income") > 5e6).cast("double"))

stages = [
    StringIndexer(inputCol="city", outputCol="town", handleInvalid="keep"),
    VectorAssembler(inputCols=["town", "age", "income"], outputCol="features"),
    RandomForestClassifier(numTrees=5, maxDepth=3, seed=0),
]
fitted = Pipeline(stages=stages).fit(people)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The same columns as before
# MAGIC `transform` adds the columns that the pipeline's own `transform` adds, of the same types
# MAGIC and in the same order. A job keeps its shape: only this line changes.

# COMMAND ----------

before = fitted.transform(people)
after = sparkbird.transform(people, fitted)
assert after.columns == before.columns
after.select("id", "rawPrediction", "prediction").show(5, truncate=False)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The same values
# MAGIC Compared on real rows, before the old line is deleted.

# COMMAND ----------

old = {row.id: row.prediction for row in before.select("id", "prediction").collect()}
new = {row.id: row.prediction for row in after.select("id", "prediction").collect()}
print(f"{sum(old[key] != new[key] for key in old)} of {len(old)} predictions differ")
assert old == new

# COMMAND ----------

# MAGIC %md
# MAGIC ## The prediction alone
# MAGIC Who needs no vectors asks for the prediction, and the vectors are not brought back from
# MAGIC Python.

# COMMAND ----------

predict = sparkbird.udf(fitted, inputs=people)
people.withColumn("buys", predict("city", "age", "income")).show(5)
