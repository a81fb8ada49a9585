#!/bin/sh
# The GPUs of a machine as Spark wants to hear of them: {"name": "gpu", "addresses": ["0", "1"]}.
# Spark runs it where executors start (spark.worker.resource.gpu.discoveryScript, or
# spark.executor.resource.gpu.discoveryScript); it has to be executable, and nvidia-smi to be there.
set -eu
addresses=$(nvidia-smi --query-gpu=index --format=csv,noheader | sed 's/.*/"&"/' | paste -s -d , -)
printf '{"name": "gpu", "addresses": [%s]}\n' "$addresses"
