# Databricks notebook source
# MAGIC %md
# MAGIC # One night of the nightly job
# MAGIC The rows of one date are scored, checked and published whole or not at all; a date that
# MAGIC was published and has not changed is left as it is. The report of the run is shown below.
# MAGIC
# MAGIC The notebook needs sparkbird with its extras `cpu`, `fast` and `report`. It runs on
# MAGIC classic compute with dedicated access, and as plain Python after `sparkbird demo`. On
# MAGIC serverless compute the job's folders must be on a disk that Spark and the notebook both
# MAGIC see.

# COMMAND ----------

from sparkbird.job import config, report
from sparkbird.job.nightly import dates
from sparkbird.job.nightly.run import Asked, run
from sparkbird.spark.session import local_session

spark = local_session("nightly")  # on Databricks the session that is there

# COMMAND ----------

# MAGIC %md
# MAGIC ## What to score
# MAGIC The configuration is a file as `conf/nightly.yaml`. An empty date is yesterday, by UTC.

# COMMAND ----------

configuration, day = "conf/nightly.yaml", "2013-03-01"
if "dbutils" in globals():  # Databricks, and not plain Python
    dbutils.widgets.text("configuration", "../../conf/nightly.yaml", "Configuration")
    dbutils.widgets.text("date", "", "Date")
    configuration, day = dbutils.widgets.get("configuration"), dbutils.widgets.get("date")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Score it

# COMMAND ----------

job = config.load(configuration)
days, _ = dates.wanted(day, None, None, late=0, limit=1)
result = run(job, Asked(days), spark)
print(f"{result.status}: {result.rows:,} rows, {result.where}")

# COMMAND ----------

# MAGIC %md
# MAGIC ## The report

# COMMAND ----------

if "displayHTML" in globals():
    displayHTML(report.render(result))
else:
    report.write(result, "nightly.html")

# COMMAND ----------

# MAGIC %md
# MAGIC A run that failed is recorded, too, and its report shown; the notebook fails at the very
# MAGIC end.

# COMMAND ----------

assert result.exit_code == 0, result.error
