"""Stages that are not compiled, and why."""

from __future__ import annotations

from sparkbird.converters.sparkml.stages import refuses

for _name in ("feature.BucketedRandomProjectionLSHModel", "feature.MinHashLSHModel"):
    refuses(
        _name,
        "it gives an array of vectors, which only its own joins in Spark can read",
        "leave this stage to Spark, and compile the others.",
    )

refuses(
    "sparkbird.spark.CompiledTransformer",
    "it is compiled already",
    "compile the model that it was made of, or the stages in front of it and behind it.",
)

refuses(
    "fpm.FPGrowthModel",
    "the order of the items that it predicts is that in which Spark's partitions hand over its "
    "rules, and is not stored",
    "leave this stage to Spark, and compile the others.",
)

refuses(
    "clustering.DistributedLDAModel",
    "its inference starts from random numbers that are others each time that Spark loads it",
    'compile model.toLocal(), or fit with optimizer="online".',
)
