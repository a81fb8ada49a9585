"""Forests of decision trees, free of the library that trained them, and how they are computed."""

from sparkbird.trees.choose import leaf_index, leaf_sum
from sparkbird.trees.forest import Forest, less_than, narrowed
from sparkbird.trees.options import using

__all__ = ["Forest", "leaf_index", "leaf_sum", "less_than", "narrowed", "using"]
