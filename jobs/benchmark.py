"""Measure sparkbird against its peers: ``python jobs/benchmark.py``; see ``--help``.

The same as ``sparkbird bench``.
"""

import sys

from sparkbird.cli import main

if __name__ == "__main__" and (code := main(["bench", *sys.argv[1:]])):
    sys.exit(code)
