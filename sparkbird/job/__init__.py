"""The nightly job: a table in, a model over it, a table out, as a configuration says."""
