"""Results of runs that never were, with numbers as a nightly scoring of flights has them."""

import math
from datetime import datetime, timedelta, timezone
from itertools import pairwise

from sparkbird.job.drift import ks, psi
from sparkbird.job.record import Check, Date, Distribution, Error, Model, Result, Stage

DECILES = (0.04, 0.07, 0.1, 0.14, 0.19, 0.25, 0.33, 0.45, 0.62)
EVEN = (0.1,) * 10
PLAN = """\
AdaptiveSparkPlan
+- Execute InsertIntoHadoopFsRelation  parquet, flights/scores
   +- CollectMetrics  checks, 3 columns
      +- Project  id, month, carrier, probability
         +- ArrowEvalPython  sparkbird udf, 1 model, on the CPU
            +- ColumnarToRow
               +- FileScan parquet  flights/table, 16 columns, 24 files

node placement
  one-hot carrier, origin, dest   Arrow kernels
  scale, impute                   ONNX Runtime, CPUExecutionProvider
  forest of 300 trees             compiled kernel, 2 threads"""


def normal(mean, edges):
    """The shares of a normal distribution of width 1 at `edges`."""
    below = [0.0, *((1 + math.erf((e - mean) / math.sqrt(2))) / 2 for e in edges), 1.0]
    return tuple(high - low for low, high in pairwise(below))


def compared(column, edges, shares, baseline, **more):
    shares = tuple(share / sum(shares) for share in shares)
    return Distribution(
        column=column,
        edges=edges,
        shares=shares,
        baseline=baseline,
        psi=psi(shares, baseline),
        ks=ks(shares, baseline),
        **more,
    )


def distributions(lean=1.0, wind=0.6):
    """A score that has hardly moved, a column that has, and one that is another."""
    score = [0.1 * (1 + lean * (i - 4.5) * 0.03) for i in range(10)]
    delays = (-10.0, -5.0, 0.0, 5.0, 15.0, 30.0, 60.0, 120.0)
    before = (0.16, 0.22, 0.2, 0.13, 0.11, 0.08, 0.06, 0.03, 0.01)
    later = (0.11, 0.16, 0.18, 0.14, 0.14, 0.12, 0.09, 0.04, 0.02)
    winds = (-1.2, -0.8, -0.4, 0.0, 0.4, 0.8, 1.2)
    return (
        compared(
            "probability",
            DECILES,
            score,
            EVEN,
            mean=0.2631,
            least=0.0031,
            greatest=0.9814,
            nulls=42,
        ),
        compared(
            "dep_delay", delays, later, before, mean=14.83, least=-32, greatest=896, nulls=612
        ),
        compared(
            "wind_speed",
            winds,
            normal(wind, winds),
            normal(0, winds),
            mean=wind,
            least=-3.1,
            greatest=4.4,
        ),
        compared(
            "seats",
            (2.0, 55.0, 140.0, 200.0),
            (0.02, 0.21, 0.38, 0.29, 0.1),
            (0.02, 0.2, 0.39, 0.3, 0.09),
            mean=137.2,
            least=2,
            greatest=450,
            nans=7,
        ),
    )


def checks(wind=0.337):
    return (
        Check(name="rows", value=112480, bound="at least 50,000", passed=True, action="fail"),
        Check(
            name="nulls",
            column="dep_delay",
            value=0.0054,
            bound="at most 0.02",
            passed=True,
            action="warn",
        ),
        Check(
            name="range",
            column="probability",
            value=0,
            bound="0 to 1",
            passed=True,
            action="fail",
            rows=0,
        ),
        Check(
            name="psi",
            column="wind_speed",
            value=wind,
            bound="below 0.25",
            passed=wind < 0.25,
            action="warn",
        ),
        Check(
            name="unseen categories",
            column="carrier",
            value=0.0019,
            bound="at most 0.001",
            passed=False,
            action="quarantine",
            rows=214,
        ),
    )


def date(day, rows=112480, **more):
    made = {
        "date": day,
        "status": "done",
        "rows": rows,
        "refused": 42,
        "quarantined": 214,
        "seconds": 9.4,
        "checks": checks(),
        "distributions": distributions(),
        "stages": (
            Stage(name="read", seconds=0.9, rows=rows),
            Stage(name="score", seconds=5.8, rows=rows),
            Stage(name="write", seconds=1.9, rows=rows),
            Stage(name="publish", seconds=0.3),
        ),
    }
    return Date(**(made | more))


def run(number=14, **more):
    """A run of a night; the one before has the number before."""
    start = datetime(2026, 3, number, 2, 15, tzinfo=timezone.utc)
    made = {
        "run_id": f"202603{number:02}T021500-7f3a",
        "job": "flights, chance of a delay (an example)",
        "status": "done",
        "exit_code": 0,
        "started": start,
        "ended": start + timedelta(seconds=24.7 + number * 37 % 11 / 4),
        "model": Model(
            name="flight_delays",
            version="7",
            digest="9c1b5e7a02d4" + "0f" * 26,
            uri="models:/flight_delays@champion",
        ),
        "where": "s3://warehouse/flights/scores",
        "dates": (
            date(
                "2026-03-11",
                status="unchanged",
                rows=108112,
                checks=(),
                distributions=(),
                stages=(),
                seconds=0.2,
            ),
            date(
                "2026-03-12",
                rows=110934,
                distributions=distributions(0.4, 0.2),
                checks=checks(0.038),
            ),
            date("2026-03-13"),
        ),
        "plan": PLAN,
        "versions": {
            "sparkbird": "0.1.0",
            "pyspark": "4.3.0",
            "onnxruntime": "1.32.0",
            "Python": "3.11.7",
        },
    }
    return Result(**(made | more))


def nights():
    """Runs of the nights before."""
    rows = [101200, 104873, 99310, 107450, 108020, 0, 106877, 109345, 111002]
    return [
        run(
            night,
            status="done" if count else "failed",
            dates=(
                date(
                    f"2026-03-{night - 1:02}",
                    rows=3 * count,
                    distributions=distributions(0.3, night / 20),
                ),
            )
            if count
            else (),
        )
        for night, count in enumerate(rows, start=5)
    ]


def failed():
    """A run that a check ended."""
    bad = Check(
        name="rows", value=1204, bound="at least 50,000", passed=False, action="fail", rows=None
    )
    return run(
        status="failed",
        exit_code=3,
        dates=(
            date(
                "2026-03-13",
                status="failed",
                rows=0,
                quarantined=0,
                refused=0,
                stages=(),
                distributions=distributions(1.0, 0.2),
                checks=(*checks(0.038)[1:], bad),
            ),
        ),
        error=Error(
            kind="CheckError",
            fact="check 'rows' of 2026-03-13: 1,204 rows, and at least 50,000 are expected",
            hint="look whether the table of the day is whole, then run again: nothing was published.",
        ),
    )


def first():
    """A first run: one date, no baseline, no checks."""
    alone = [
        d.model_copy(update={"baseline": None, "psi": None, "ks": None}) for d in distributions()
    ]
    return run(
        dates=(date("2026-03-13", checks=(), distributions=tuple(alone[:2]), quarantined=0),)
    )


def none():
    """A run that failed before it came to anything."""
    return run(
        status="failed",
        exit_code=2,
        model=None,
        dates=(),
        plan="",
        versions={},
        error=Error(kind="ConfigError", fact="conf/flights.yaml:3: unknown key 'modle'", hint=""),
    )


def empty():
    """A date without rows."""
    nothing = distributions()[0].model_copy(
        update={
            "shares": (0.0,) * 10,
            "psi": None,
            "ks": None,
            "mean": None,
            "least": None,
            "greatest": None,
        }
    )
    return run(
        dates=(date("2026-03-13", rows=0, refused=0, quarantined=0, distributions=(nothing,)),)
    )


HOSTILE = (
    "<script>alert('x')</script> \"quoted\" & <b>bold</b> " + "a_very_long_name_without_a_break" * 8
)


def hostile():
    """Names that are markup, and far too long."""
    shown = distributions()[1].model_copy(update={"column": HOSTILE})
    bad = Check(
        name=HOSTILE, column=HOSTILE, value=1e-9, bound=HOSTILE, passed=False, action="warn"
    )
    made = date("2026-03-13", distributions=(shown,), checks=(bad,))
    stages = (Stage(name=HOSTILE, seconds=1.0),)
    return run(
        job=HOSTILE,
        where=HOSTILE,
        plan=HOSTILE,
        versions={HOSTILE: HOSTILE},
        model=Model(name=HOSTILE, version=HOSTILE, digest=HOSTILE, uri=HOSTILE),
        dates=(made, made.model_copy(update={"date": HOSTILE, "stages": stages})),
        error=Error(kind=HOSTILE, fact=HOSTILE, hint=HOSTILE),
    )


PAGES = {
    "done": run,
    "failed": failed,
    "first": first,
    "none": none,
    "empty": empty,
    "hostile": hostile,
}
