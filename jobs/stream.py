"""Score files as they arrive: ``spark-submit jobs/stream.py --conf conf/stream.yaml``.

The same as ``sparkbird stream --conf conf/stream.yaml``, in the session of spark-submit.
"""

import sys

from sparkbird.cli import main

if __name__ == "__main__" and (code := main(["stream", *sys.argv[1:]])):
    sys.exit(code)  # and not for 0, which some schedulers take for a failure
