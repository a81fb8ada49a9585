"""Scores one date again and again on a cluster of this machine whose processes are killed.

``python killed.py CONFIG SEED KILLS``: prints a line for each kill: what was killed, the status of
the run, and how many rows there are, and how many different ones.
"""

import os
import random
import signal
import sys
import time
from datetime import date
from pathlib import Path
from threading import Thread

from sparkbird.job import config
from sparkbird.job.nightly.run import Asked, run
from sparkbird.spark.session import local_session

DAY = date(2026, 11, 26)
#: How the processes are known by what they were started with.
KINDS = {"executor": "CoarseGrainedExecutorBackend", "worker": "pyspark.daemon"}


def processes(kind):
    """Those of the cluster of this process: executors say its address, workers are theirs."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environment = (path / "environ").read_bytes()
        except OSError:
            continue
        if KINDS[kind] in line and f"KILLED_BY={os.getpid()}".encode() in environment:
            found.append(int(path.name))
    return found


def kill(kind, after, told):
    time.sleep(after)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        known = processes(kind)
        for pid in random.sample(known, k=len(known)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            told.append(kind)
            return
        time.sleep(0.05)


def main():
    path, seed, kills = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    random.seed(seed)
    os.environ["KILLED_BY"] = str(os.getpid())
    conf = {"spark.master": "local-cluster[2,1,1024]", "spark.log.level": "FATAL"}
    conf["spark.executor.memory"] = "1g"
    spark = local_session("killed", **conf)
    job = config.load(path)
    run(job, Asked([DAY]), spark)
    for number in range(kills):
        told = []
        killer = Thread(target=kill, args=([*KINDS][number % 2], random.uniform(0.0, 2.0), told))
        killer.start()
        status = run(job, Asked([DAY], force=True), spark).status
        killer.join()
        if status == "failed":
            run(job, Asked([DAY]), spark)
        table = spark.read.parquet(str(job.output.path))
        counts = table.count(), table.select("day", "id").distinct().count()
        sys.stdout.write(" ".join(map(str, [*told, status, *counts])) + "\n")
    spark.stop()


if __name__ == "__main__":
    main()
