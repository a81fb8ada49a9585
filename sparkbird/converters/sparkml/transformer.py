"""A stage as a model: its raw columns in, the columns that it adds out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparkbird.converters.registry import converts
from sparkbird.converters.sparkml.frame import Column, Frame
from sparkbird.converters.sparkml.stages import (
    applied,
    audit,
    columns_added,
    columns_read,
    columns_welcome,
    readers,
)
from sparkbird.graph import op, trace
from sparkbird.graph.sparse import Sparse, Vectors, dense
from sparkbird.schema import DROPPED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparkbird.converters.registry import Columns, Results
    from sparkbird.converters.sparkml.persisted import Stage
    from sparkbird.graph.op import Array
    from sparkbird.graph.table import Table


#: Vectors of so many values are given with their zeros: they travel faster so.
_SHORT = 1_000

#: What the classes of trees have in their names.
_TREES = ("DecisionTree", "RandomForest", "GBT")

#: What is made of other stages, and adds a column of its own.
_FORMULA = "feature.RFormulaModel"

#: What is said of models that may be no faster than Spark's own.
_OWN_CODE = (
    "speed: no trees in it; in a session of Spark the model's own transform may be faster, as rows "
    "need not travel to Python and back (sparkbird bench --only sparkml)"
)


def _columns(stage: Stage) -> Columns:
    names = [*columns_read(stage)]
    return names, len(names)


def _types(stage: Stage) -> Mapping[int, str]:
    return dict(enumerate(columns_read(stage).values()))


@converts(
    "sparkbird.converters.sparkml.persisted.Stage",
    objections=audit,
    columns=_columns,
    column_types=_types,
    welcome=columns_welcome,
)
def transformer(stage: Stage, x: Table) -> Results:
    """Each column that `transform` adds, [N] or [N, K]: predictions first, then the last one.

    Where a stage drops rows there is one more output, which says which, [N].
    """
    current = trace.current()
    declared = current.declared
    named = zip(map(str, x.names or ()), x.columns, strict=True)
    columns = {name: Column(values, declared=declared.get(name, "")) for name, values in named}
    frame = applied(stage, Frame(columns))
    current.adds = tuple(sorted(frame.added, key=columns_added(stage).index))
    current.readers = readers(stage)
    if not _has_trees(stage):
        current.remarks.append(_OWN_CODE)
    order = sorted(current.adds, key=lambda name: name != stage_prediction(stage))
    added = {name: _given(frame[name]) for name in order}
    if frame.dropped:
        dropped = frame.dropped[0]
        for mask in frame.dropped[1:]:
            dropped = op.logical_or(dropped, mask)
        added[DROPPED] = dropped
    return added


def _given(column: Column) -> Array | Vectors:
    """The values of a column; of long vectors that are mostly zeros the entries."""
    values = column.values
    if not isinstance(values, Sparse) or values.shape[1] <= _SHORT:
        return dense(values)
    return Vectors(values.entries(), values.shape[1], compressed=column.stored.sparse is not True)


def _has_trees(stage: Stage) -> bool:
    """Whether a stage inside it walks trees, which Spark does row by row."""
    return any(word in stage.name for word in _TREES) or any(map(_has_trees, stage.stages))


def stage_prediction(stage: Stage) -> str:
    """The column that its users want first: the prediction of the last stage, or its output."""
    while stage.stages and stage.name != _FORMULA:
        stage = stage.stages[-1]
    params = stage.params
    wanted = ("featuresCol",) if stage.name == _FORMULA else ("predictionCol", "outputCol")
    names = [params.get(name) for name in wanted]
    several = params.get("outputCols") or [""]
    return str(next((name for name in names if name), several[-1]))
