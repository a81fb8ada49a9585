"""What the models of segments must have in common: they give one column, and read one table."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sparkbird.errors import ColumnCountError, ColumnNameError, SchemaError
from sparkbird.runtime.bundle import Key
from sparkbird.schema import Column, Schema
from sparkbird.spark.udf import Scorer

_SHOWN = 5

#: The segments that have something in common, by what it is.
_Groups = dict[Hashable, list[Key | None]]


@dataclass
class Agreement:
    """The models seen so far, by what they must agree in; no model is held but the first.

    outputs  by type and shape of the outputs
    classes  by the classes of classifiers, None for all else; artefacts do not tell
    columns  by what an array's columns are, None for columns that are known by name
    """

    scorers: list[Scorer] = field(default_factory=list)
    outputs: _Groups = field(default_factory=dict)
    classes: _Groups = field(default_factory=dict)
    columns: _Groups = field(default_factory=dict)
    _read: dict[str, Column] = field(default_factory=dict)
    _fitted: dict[str, None] = field(default_factory=dict)

    def add(self, key: Key | None, model: Any, scorer: Scorer) -> None:
        """Take note of the model of one segment."""
        self.scorers = self.scorers or [scorer]
        schema = scorer.schema
        self.outputs.setdefault(_given(scorer), []).append(key)
        if _tells_classes(model):
            self.classes.setdefault(_classes(model), []).append(key)
        width = len(schema.names) if schema.layout == "matrix" else None
        self.columns.setdefault(width, []).append(key)
        self._fitted |= dict.fromkeys(schema.names)
        for column in schema.columns:
            self._read.setdefault(column.name, column)

    @property
    def first(self) -> Scorer:
        """One of the models."""
        return self.scorers[0]

    @property
    def schema(self) -> Schema:
        """The columns that any of them reads, and the outputs that all of them give."""
        read = tuple(self._read[name] for name in self._fitted if name in self._read)
        outputs = tuple(self.first.schema.output(output.name) for output in self.first.outputs)
        return replace(self.first.schema, columns=read, names=tuple(self._fitted), outputs=outputs)

    def check(self) -> None:
        """All agree.

        Raises
        ------
        SchemaError
            They do not; the segments are named.
        """
        if len(self.outputs) > 1:
            raise SchemaError(
                f"the models do not give the same: {_told(self.outputs)}",
                "name an output that all have with the same type, or score them apart.",
            )
        if len({classes is None for classes in self.classes}) > 1:
            kinds: _Groups = {"classifiers": [], "other models": []}
            for classes, keys in self.classes.items():
                kinds["other models" if classes is None else "classifiers"] += keys
            raise SchemaError(
                f"some of the models are classifiers and some are not: {_told(kinds)}",
                "score them apart.",
            )
        if len(self.classes) > 1 and any(o.name != "predict" for o in self.first.outputs):
            raise SchemaError(
                "the models have different classes, so that an array's values would mean one "
                f"thing in one segment and another in the next: {_told(self.classes)}",
                "fit them on the same classes, or ask for predict alone.",
            )
        self._check_columns()

    def _check_columns(self) -> None:
        if len(self.columns) == 1:
            return
        told: _Groups = {
            "columns by name" if width is None else f"arrays of {width} columns": keys
            for width, keys in self.columns.items()
        }
        error = ColumnNameError if None in self.columns else ColumnCountError
        raise error(
            f"the models were fitted on different columns: {_told(told)}",
            "fit all of them on dataframes, or on arrays of the same columns.",
        )


def _given(scorer: Scorer) -> str:
    """The outputs with their types, and with the lengths of arrays."""
    lengths = [
        (output.kind, output.names, [tensor.lengths for tensor in output.tensors])
        for output in scorer.outputs
    ]
    return f"{scorer.returns.simpleString()} {lengths}"


def _tells_classes(model: Any) -> bool:
    """Whether it is a fitted estimator: boosters and what was saved do not tell."""
    return hasattr(model, "fit")


def _classes(model: Any) -> tuple[Any, ...] | None:
    classes = getattr(model, "classes_", None)
    return None if classes is None or not len(classes) else tuple(map(str, classes))


def _told(groups: Mapping[Hashable, Sequence[Key | None]]) -> str:
    """Each group and its segments.

    >>> _told({"bigint": ["DE", "FR"], "double": [None]})
    "bigint of segments 'DE', 'FR'; double of the default model"
    """
    return "; ".join(f"{what} of {_named(keys)}" for what, keys in groups.items())


def _named(keys: Sequence[Key | None]) -> str:
    names = [repr(key) for key in keys if key is not None]
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    shown = f"segment{'s' * (len(names) > 1)} {', '.join(names[:_SHOWN])}{more}" if names else ""
    return " and ".join(filter(None, [shown, "the default model" * (None in keys)]))
