"""The whole way on real data: train, compile, check, score in Spark, and compare."""
