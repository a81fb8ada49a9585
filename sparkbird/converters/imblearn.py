"""imbalanced-learn: pipelines with samplers, and ensembles that rebalance what they are fitted on.

A sampler acts in ``fit`` alone: what it is in a pipeline is nothing when rows are scored. The
ensembles are those of scikit-learn, with another training.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sparkbird.converters.redefined import INFERENCE
from sparkbird.converters.registry import (
    Results,
    convert,
    converter_for,
    converts,
    ledger,
    takes_series,
    transform,
)
from sparkbird.converters.sklearn.scipy_matrices import marked
from sparkbird.errors import UnsupportedError, UnsupportedOptionError

if TYPE_CHECKING:
    from imblearn.pipeline import Pipeline

    from sparkbird.graph.op import Array
    from sparkbird.graph.table import Table


def _is_sampler(step: object) -> bool:
    return hasattr(step, "fit_resample")


def _steps(model: Pipeline) -> Iterator[tuple[str, object]]:
    """The steps that do something to rows that are scored, each with the way to reach it."""
    for name, step in model.steps:
        if step not in (None, "passthrough") and not _is_sampler(step):
            yield f".named_steps[{name!r}]", step


def _step_types(model: Pipeline) -> Mapping[int, str]:
    first = next((step for _, step in _steps(model)), None)
    return converter_for(first).column_types(first) if first is not None else {}


def _objections(model: Pipeline) -> Iterator[UnsupportedOptionError]:
    if _is_sampler(model.steps[-1][1]):
        yield UnsupportedOptionError(
            "a pipeline whose last step is a sampler has no method that scores rows",
            "add the classifier as its last step.",
        )


@converts(
    "imblearn.pipeline.Pipeline",
    consumes="steps",
    ignores="memory verbose transform_input",
    parts=_steps,
    objections=_objections,
    column_types=_step_types,
    series=lambda model: any(takes_series(step) for _, step in [*_steps(model)][:1]),
)
def pipeline(model: Pipeline, x: Array | Table) -> Results:
    """Each step but the samplers on the result of the one before.

    The methods are those of the last step.

    Source: imblearn/pipeline.py, Pipeline._iter (0.14).
    """
    results: Results = {"transform": x}
    last = model.steps[-1][1]
    for part, step in _steps(model):
        if step is last:
            return convert(step, x, part=part)
        results = {"transform": marked(step, x, transform(step, x, part=part))}
        x = results["transform"]
    return results


#: Each ensemble, the one of scikit-learn whose methods of inference it inherits, and what it has
#: beside that one's parameters; none of these is read but in training. (Since scikit-learn 1.6
#: `algorithm` has no say in how rounds of boosting are summed.)
#: Source: imblearn/ensemble (0.14).
_ENSEMBLES = (
    ("BalancedBaggingClassifier", "BaggingClassifier", "sampling_strategy replacement sampler"),
    ("BalancedRandomForestClassifier", "RandomForestClassifier", "sampling_strategy replacement"),
    ("EasyEnsembleClassifier", "BaggingClassifier", "sampling_strategy replacement"),
    ("RUSBoostClassifier", "AdaBoostClassifier", "sampling_strategy replacement"),
)


def _inherit(name: str, parent: str, own: str) -> None:
    """Convert the ensemble `name` as scikit-learn's `parent`; `own` names its own parameters."""
    entry = ledger(f"sklearn.ensemble.{parent}")

    def objections(model: object) -> Iterator[UnsupportedError]:
        (ancestor,) = (c for c in type(model).__mro__ if c.__name__ == parent)
        for method in INFERENCE:
            own, theirs = (inspect.getattr_static(c, method, None) for c in (type(model), ancestor))
            if own is not theirs:
                yield UnsupportedOptionError(
                    f"this version of {name} redefines {method}() of {parent}",
                    "use imbalanced-learn 0.14.",
                )
        yield from entry.objections(model)

    inherited = {field: getattr(entry, field) for field in ("refuses", "parts", "column_types")}
    converts(
        f"imblearn.ensemble.{name}",
        consumes=" ".join(entry.consumes),
        ignores=" ".join([*entry.ignores, own]),
        objections=objections,
        series=entry.series,
        **inherited,
    )(entry.function)


for _row in _ENSEMBLES:
    _inherit(*_row)
