"""The command `sparkbird`. What a command needs is imported when it runs."""

from sparkbird.cli import (  # each registers its own
    jobs as jobs,
    machine as machine,
    models as models,
)
from sparkbird.cli.command import app, main

__all__ = ["app", "main"]
