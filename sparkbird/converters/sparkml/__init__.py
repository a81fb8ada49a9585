"""pyspark.ml: a pipeline of stages as one graph, from the raw columns on.

Models are read from the form in which Spark ML saves them (`persisted`); what becomes of a
dataframe (`frame`) in each stage is in a table (`stages`), filled by the other modules here.
"""

from sparkbird.converters.sparkml import (
    assembly,
    binning,
    categories,
    expansion,
    factorization,
    feature_hasher,
    formula,
    imputer,
    indexers,
    interaction,
    pipeline,
    products,
    recommendation,
    refused,
    scalers,
    selectors,
    survival,
    terms,
    tokens,
    topics,
    transformer,
    trees,
)

__all__ = [
    "assembly",
    "binning",
    "categories",
    "expansion",
    "factorization",
    "feature_hasher",
    "formula",
    "imputer",
    "indexers",
    "interaction",
    "pipeline",
    "products",
    "recommendation",
    "refused",
    "scalers",
    "selectors",
    "survival",
    "terms",
    "tokens",
    "topics",
    "transformer",
    "trees",
]
