"""pyspark.ml: models in the form in which Spark ML saves them."""
