"""Score a table in Spark: ``spark-submit jobs/score.py --conf conf/flights.yaml``.

The same as ``sparkbird score --conf conf/flights.yaml``, in the session of spark-submit.
"""

import sys

from sparkbird.cli import main

if __name__ == "__main__" and (code := main(["score", *sys.argv[1:]])):
    sys.exit(code)  # and not for 0, which some schedulers take for a failure
