"""pyspark.ml: a pipeline of stages as one graph, from the raw columns on.

Models are read from the form in which Spark ML saves them (`persisted`); what becomes of a
dataframe (`frame`) in each stage is in a table (`stages`), filled by the other modules here.
"""

from sparkbird.converters import registry
from sparkbird.converters.sparkml import (
    assembly,
    binning,
    categories,
    clustering,
    expansion,
    factorization,
    feature_hasher,
    formula,
    generalized,
    imputer,
    indexers,
    interaction,
    linear,
    naive_bayes,
    one_vs_rest,
    perceptron,
    pipeline,
    products,
    projection,
    recommendation,
    refused,
    scalers,
    selectors,
    stages,
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
    "clustering",
    "expansion",
    "factorization",
    "feature_hasher",
    "formula",
    "generalized",
    "imputer",
    "indexers",
    "interaction",
    "linear",
    "naive_bayes",
    "one_vs_rest",
    "perceptron",
    "pipeline",
    "products",
    "projection",
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

registry.lists(stages.supported())
for _name, (_reason, _way_out) in stages.refused().items():
    registry.refuses(_name, _reason, _way_out)
