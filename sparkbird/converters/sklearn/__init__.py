"""Converters for scikit-learn: one file for each of its modules."""

from sparkbird.converters.sklearn import version

version.require()

from sparkbird.converters.sklearn import (  # noqa: E402, F401  registers what they convert
    compose,
    encoders,
    ensemble,
    functions,
    hist_gradient_boosting,
    impute,
    linear_model,
    pipeline,
    preprocessing,
    svm,
    tree,
)
