"""The driver's side of Spark: models as functions of columns. Needs pyspark 3.5 or later."""
