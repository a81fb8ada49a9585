"""The command as an entry point: of the script `sparkbird`, ``python -m`` and a wheel task."""

from __future__ import annotations

import sys

from sparkbird.cli import main


def run() -> None:
    """Run one command, and return if all went well.

    A wheel task of Databricks calls this, and takes any SystemExit, that of 0 too, for a failure.
    """
    if code := main():
        sys.exit(code)


if __name__ == "__main__":
    run()
