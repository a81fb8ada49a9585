"""Models that were logged with MLflow: which one a URI means, and what compiles of it."""
