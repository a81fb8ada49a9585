"""The table of the stages of Spark ML, and what it takes to use one.

A stage is a function ``(stage, frame) -> frame`` that adds what `model.transform` adds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sparkbird.converters import registry
from sparkbird.converters.sparkml.frame import Frame
from sparkbird.converters.sparkml.persisted import Stage
from sparkbird.errors import (
    SparkbirdError,
    UnsupportedError,
    UnsupportedModelError,
    UnsupportedOptionError,
)
from sparkbird.graph import trace

Function: TypeAlias = Callable[[Stage, Frame], Frame]

#: The columns that a stage reads, each with what it takes it for if nobody says what it is:
#: "float64", "string", "vector[K]".
Reads: TypeAlias = Callable[[Stage], Mapping[str, str]]

#: The columns that a stage adds, or may add.
Adds: TypeAlias = Callable[[Stage], Iterable[str]]

#: Of the columns given, those that a stage reads because they are there, and their types.
Welcome: TypeAlias = Callable[[Stage, Collection[str]], Mapping[str, str]]

#: Parameters of columns: which ones there are is read by `reads`, and by the functions.
COLUMNS = """
    inputCol inputCols outputCol outputCols featuresCol predictionCol probabilityCol
    rawPredictionCol leafCol
"""

#: Parameters that training alone asks for, in many classes.
TRAINING = """
    labelCol weightCol maxIter tol seed solver checkpointInterval aggregationDepth
    maxBlockSizeInMB validationIndicatorCol standardization regParam elasticNetParam
"""


@dataclass(frozen=True)
class Entry:
    """A stage and its ledger: what becomes of each parameter of the class.

    function    what it does to a frame
    reads       the columns that it reads
    consumes    parameters that the function reads, itself or in what was fitted
    ignores     parameters that change training alone
    objections  the reasons why this very stage is not compiled
    adds        the columns that it adds, if its parameters and stages do not say so
    welcome     the columns that it reads besides if they are there, if its stages do not say so
    """

    function: Function
    reads: Reads
    consumes: frozenset[str]
    ignores: frozenset[str]
    objections: Callable[[Stage], Iterable[UnsupportedError]] = field(default=lambda _: ())
    adds: Adds | None = None
    welcome: Welcome | None = None


#: The parameters of columns that are added, in the order in which Spark adds them.
_OUTPUTS = (
    "outputCol",
    "outputCols",
    "rawPredictionCol",
    "probabilityCol",
    "linkPredictionCol",
    "predictionCol",
    "varianceCol",
    "leafCol",
    "quantilesCol",
    "topicDistributionCol",
)

#: Classes of Scala alone, which formulas are made of.
_INNER = ("feature.ColumnPruner", "feature.VectorAttributeRewriter")

_entries: dict[str, Entry] = {}
_refused: dict[str, tuple[str, str]] = {}


def stage(
    *names: str,
    reads: Reads,
    consumes: str = "",
    ignores: str = "",
    objections: Callable[[Stage], Iterable[UnsupportedError]] = lambda _: (),
    adds: Adds | None = None,
    welcome: Welcome | None = None,
) -> Callable[[Function], Function]:
    """Register what the stages of the classes `names` do: ``feature.Binarizer``.

    `consumes` and `ignores` are names with spaces between; `COLUMNS` need not be said.
    """

    def register(function: Function) -> Function:
        for name in names:
            assert name not in _entries, f"{name} is there already"
            known = frozenset(f"{COLUMNS} {consumes}".split())
            ignored = frozenset(ignores.split())
            _entries[name] = Entry(function, reads, known, ignored, objections, adds, welcome)
        return function

    return register


def refuses(name: str, reason: str, way_out: str) -> None:
    """Say why stages of the class called `name` are not compiled, and what to do instead."""
    _refused[name] = reason, way_out


def applied(stage: Stage, frame: Frame, *, part: str = "") -> Frame:
    """The frame with what `stage` adds to it. An error says which stage it arose in."""
    with trace.at(part):
        try:
            return _entry(stage).function(stage, frame)
        except SparkbirdError as error:
            error.place = error.place or f"{trace.place()}, {stage.uid}"
            raise


def columns_read(stage: Stage) -> dict[str, str]:
    """The columns that the stage, and those inside it, read from outside, and their types.

    Those that an earlier stage adds are not among them.
    """
    return dict(_entry(stage).reads(stage))


def columns_welcome(stage: Stage, given: Collection[str]) -> dict[str, str]:
    """The columns among those `given` that the stage, and those inside it, read besides."""
    entry = _entries.get(stage.name)
    if entry and entry.welcome:
        return dict(entry.welcome(stage, given))
    found: dict[str, str] = {}
    for inner in stage.stages:
        found = columns_welcome(inner, given) | found
    return found


def columns_added(stage: Stage) -> list[str]:
    """The names of the columns that the stage, and those inside it, may add."""
    entry = _entries.get(stage.name)
    if entry and entry.adds:
        return [*entry.adds(stage)]
    found = [name for inner in stage.stages for name in columns_added(inner)]
    given = (stage.params.get(parameter) for parameter in _OUTPUTS)
    named = [[value] if isinstance(value, str) else value for value in given if value]
    return found + [name for names in named for name in names]


def readers(stage: Stage) -> dict[str, str]:
    """For each column that is read, the uid of the first stage that takes it."""
    if not stage.stages:
        return dict.fromkeys(columns_read(stage), stage.uid)
    found: dict[str, str] = {}
    for inner in stage.stages:
        found = readers(inner) | found
    return found


def audit(stage: Stage) -> Iterator[UnsupportedError]:
    """Every reason why `stage` or a stage inside it is not compiled, with its place."""
    for error in _own_refusals(stage):
        error.place = error.place or trace.place()
        yield error
    for part, inner in stage.parts:
        with trace.at(part):
            yield from audit(inner)


def supported() -> list[str]:
    """The names of the classes that are compiled."""
    return sorted(_entries)


def refused() -> dict[str, tuple[str, str]]:
    """The classes of Spark that are not compiled, each with the reason and the way out."""
    own = {name: told for name, told in _refused.items() if not name.startswith("sparkbird.")}
    return dict(sorted(own.items()))


def register() -> None:
    """Tell the registry of the classes, under the names that pyspark has for them."""
    registry.lists(_in_python(name) for name in supported() if name not in _INNER)
    for name, (reason, way_out) in refused().items():
        registry.refuses(_in_python(name), reason, way_out)


def _in_python(name: str) -> str:
    return f"pyspark.ml.{name}" if "." in name else f"pyspark.ml.pipeline.{name}"


def input_columns(stage: Stage) -> list[str]:
    """The names of its input columns: of one, or of several."""
    params = stage.params
    if "inputCols" in params:
        return [*params["inputCols"]]
    return [params["inputCol"]] if "inputCol" in params else []


def output_columns(stage: Stage) -> list[str]:
    """The names of its output columns, one for each input column."""
    params = stage.params
    if "inputCols" in params and "outputCols" in params:
        return [*params["outputCols"]]
    return [params["outputCol"]]


def reads_each(dtype: str) -> Reads:
    """Each input column is taken for `dtype`."""
    return lambda stage: dict.fromkeys(input_columns(stage), dtype)


def reads_vector(length: Callable[[Stage], Any]) -> Reads:
    """The input column or the features are a vector of so many values."""

    def reads(stage: Stage) -> dict[str, str]:
        names = input_columns(stage) or [stage.params["featuresCol"]]
        return dict.fromkeys(names, f"vector[{int(length(stage))}]")

    return reads


def _own_refusals(stage: Stage) -> Iterator[UnsupportedError]:
    name = stage.name
    if name not in _entries:
        reason, way_out = _refused.get(
            name,
            ("it has no converter", "leave this stage to Spark, and compile those behind it."),
        )
        yield UnsupportedModelError(f"{name} is not compiled: {reason}", way_out)
        return
    entry = _entries[name]
    for parameter in stage.params:
        if parameter not in entry.consumes and parameter not in entry.ignores:
            yield UnsupportedOptionError(
                f"{name}({parameter}={stage.params[parameter]!r}) is not compiled",
                f"fit {stage.uid} without {parameter}.",
            )
    yield from entry.objections(stage)


def _entry(stage: Stage) -> Entry:
    for refusal in _own_refusals(stage):
        raise refusal
    return _entries[stage.name]
