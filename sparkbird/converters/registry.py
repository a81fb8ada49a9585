"""The table of converters, and what it takes to use one: the ledger of a class.

A converter is a function ``(model, x) -> results``. `x` is a matrix [N, F] or a `Table`; the
results are one value per method of the model, or the bare value of the one method it has.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, TypeAlias

from sparkbird.converters.container import as_configured
from sparkbird.converters.fitted import require_fitted
from sparkbird.converters.redefined import redefined
from sparkbird.errors import (
    NotFittedError,
    SparkbirdError,
    UnsupportedError,
    UnsupportedModelError,
    UnsupportedOptionError,
)
from sparkbird.graph import trace
from sparkbird.graph.op import Array
from sparkbird.graph.sparse import Vectors
from sparkbird.graph.table import Table

#: The value of one method. A list is what several targets give.
Value: TypeAlias = "Array | Table | list[Array] | Vectors"
Results: TypeAlias = "dict[str, Value]"
Function: TypeAlias = Callable[[Any, Any], Any]

#: The parts of a composite model: how Python reaches each, and the part itself.
Parts: TypeAlias = Callable[[Any], Iterable[tuple[str, object]]]

#: The names of the columns, None if they are known by position, and how many there are.
Columns: TypeAlias = "tuple[Sequence[str] | None, int | None]"

#: The top-level package of a model class, and the module of ours that converts its models.
#: Other packages name theirs as an entry point of the group ``sparkbird.converters``.
PACKAGES = {
    "catboost": "sparkbird.converters.catboost",
    "category_encoders": "sparkbird.converters.category_encoders",
    "imblearn": "sparkbird.converters.imblearn",
    "lightgbm": "sparkbird.converters.lightgbm",
    "sklearn": "sparkbird.converters.sklearn",
    "sparkbird": "sparkbird.converters.sparkml",
    "skorch": "sparkbird.converters.skorch",
    "torch": "sparkbird.converters.torch",
    "treelite": "sparkbird.converters.treelite",
    "xgboost": "sparkbird.converters.xgboost",
}


def _of_sklearn(model: Any) -> Columns:
    """The columns of a model that follows scikit-learn's convention."""
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [*map(str, names)], getattr(model, "n_features_in_", None)


@dataclass(frozen=True)
class Converter:
    """A conversion and its ledger: what becomes of each parameter of the class.

    consumes
        Parameters the converter reads, itself or in the attributes they are fitted into.
    ignores
        Parameters that change training, speed or messages, never a prediction.
    refuses
        Parameters that must keep their default, each with the way out.
    objections
        The reasons why this very model is refused, all of them.
    parts
        The models inside this one.
    columns
        The names of all columns that the model takes, None if it knows them by position, and
        how many there are, None if it does not say.
    column_types
        The element type of each input column as far as the model tells, by position; None
        where it does not.
    welcome
        Further columns that the model takes if they are among those given, and their types.
    series
        Whether this very model takes a sequence of values [N] and not a table: text, labels.
        Asked of the parts if it is not said.
    spelling
        How the model spells the name of a column, if not as it is given.
    strict
        Whether a parameter in no list must keep its default. Off for users' own converters
        that give no ledger.
    """

    function: Function
    consumes: frozenset[str] = frozenset()
    ignores: frozenset[str] = frozenset()
    refuses: Mapping[str, str] = field(default_factory=dict)
    objections: Callable[[Any], Iterable[UnsupportedError]] = lambda _: ()
    parts: Parts = lambda _: ()
    columns: Callable[[Any], Columns] = _of_sklearn
    column_types: Callable[[Any], Mapping[int, str]] = lambda _: {}
    welcome: Callable[[Any, Collection[str]], Mapping[str, str]] = lambda *_: {}
    series: Callable[[Any], bool] | None = None
    spelling: Callable[[str], str] | None = None
    strict: bool = True


#: What a class without converter has: no result and no ledger.
_NONE = Converter(lambda *_: {}, strict=False)

_converters: dict[str, Converter] = {}

#: The classes that are not compiled, each with the reason and the way out.
_refused: dict[str, tuple[str, str]] = {}

#: Names of classes that are compiled by way of another one, and have their ledgers elsewhere.
_listed: list[str] = []


def converts(
    *names: str,
    consumes: str | None = None,
    ignores: str = "",
    refuses: Mapping[str, str] | None = None,
    objections: Callable[[Any], Iterable[UnsupportedError]] | None = None,
    parts: Parts | None = None,
    columns: Callable[[Any], Columns] | None = None,
    column_types: Callable[[Any], Mapping[int, str]] | None = None,
    welcome: Callable[[Any, Collection[str]], Mapping[str, str]] | None = None,
    series: Callable[[Any], bool] | None = None,
    spelling: Callable[[str], str] | None = None,
) -> Callable[[Function], Function]:
    """Register a converter for the model classes that `qualified_name` calls `names`.

    The keywords are the fields of `Converter`; `consumes` and `ignores` are names with
    spaces between. A converter that gives none of them is trusted with every parameter.

    >>> @converts("shop.features.Doubler")
    ... def doubler(model, x):
    ...     return x * 2.0
    """
    ledger: dict[str, Any] = {
        "objections": objections,
        "parts": parts,
        "columns": columns,
        "column_types": column_types,
        "refuses": refuses,
        "welcome": welcome,
        "series": series,
        "spelling": spelling,
    }

    def register(function: Function) -> Function:
        converter = Converter(
            function,
            consumes=frozenset((consumes or "").split()),
            ignores=frozenset(ignores.split()),
            strict=consumes is not None,
            **{key: value for key, value in ledger.items() if value is not None},
        )
        for name in names:
            if name in _converters and _converters[name].function is not function:
                owner = _converters[name].function
                if (owner.__module__, owner.__qualname__) != (
                    function.__module__,
                    function.__qualname__,
                ):
                    raise ValueError(f"{name} has a converter already: {owner.__qualname__}")
            _converters[name] = converter
        return function

    return register


def refuses(name: str, reason: str, way_out: str) -> None:
    """Say why the class called `name` is not compiled, and what to do instead."""
    _refused[name] = reason, way_out


def lists(names: Iterable[str]) -> None:
    """Say which classes are compiled that have no converter, nor a ledger, of their own here."""
    _listed.extend(names)


def refused() -> dict[str, tuple[str, str]]:
    """The classes that are known and not compiled, each with the reason and the way out."""
    supported()
    return dict(sorted(_refused.items()))


def convert(model: object, x: Array | Table, *, part: str = "") -> Results:
    """The results of `model` on `x`, by method. An error says where in the whole it arose.

    Raises
    ------
    UnsupportedError
        The class, a parameter or a fitted attribute has no exact counterpart.
    """
    with trace.at(part):
        try:
            converter = converter_for(model)
            results = converter.function(model, x)
            if not isinstance(results, dict):
                results = {"transform" if hasattr(model, "transform") else "predict": results}
            return as_configured(model, results)
        except SparkbirdError as error:
            error.place = error.place or trace.place()
            raise


def transform(model: object, x: Array | Table, *, part: str) -> Array | Table:
    """What a transformer makes of `x`."""
    results = convert(model, x, part=part)
    return results["transform"]


def converter_for(model: object) -> Converter:
    """The converter of the nearest registered class in the ancestry of `model`.

    Raises
    ------
    UnsupportedModelError
        No class of the ancestry is registered.
    UnsupportedOptionError
        A subclass redefines an inference method: its ancestor's converter would be wrong.
        Or a parameter has a value that the ledger does not allow.
    """
    converter = _nearest(model)
    for refusal in _refused_class(model) or _refused_options(model, converter):
        raise refusal
    return converter


def audit(model: object, *, part: str = "") -> Iterator[UnsupportedError]:
    """Every reason why `model` or a model inside it cannot be compiled, with its place.

    Raises
    ------
    NotFittedError
        One of them has not been trained.
    """
    with trace.at(part):
        converter = _nearest(model)
        for refusal in _refusals(model, converter):
            refusal.place = refusal.place or trace.place()
            yield refusal
        for inner_part, inner in converter.parts(model):
            yield from audit(inner, part=inner_part)


def takes_series(model: object) -> bool:
    """Whether `model` takes a sequence of values [N] and not a table."""
    converter = _nearest(model)
    if converter.series is not None:
        return converter.series(model)
    return any(takes_series(inner) for _, inner in converter.parts(model))


def qualified_name(cls: type) -> str:
    """The public name of a class: its module up to the first private part, and its own name.

    >>> from sklearn.preprocessing import StandardScaler
    >>> StandardScaler.__module__
    'sklearn.preprocessing._data'
    >>> qualified_name(StandardScaler)
    'sklearn.preprocessing.StandardScaler'
    """
    parts = cls.__module__.split(".")
    private = next((i for i, part in enumerate(parts) if part.startswith("_")), len(parts))
    return ".".join([*parts[:private], cls.__qualname__])


def supported() -> list[str]:
    """The names of all model classes that have a converter, those of private ones apart."""
    for package in {**PACKAGES, **_plugins()}:
        _load(package)
    own = [name for name in _converters if not name.startswith("sparkbird.")]
    return sorted(n for n in [*own, *_listed] if not n.rpartition(".")[2].startswith("_"))


def ledger(name: str) -> Converter:
    """The converter registered under `name`, with its ledger."""
    _load(name.partition(".")[0])
    return _converters[name]


def parameters(cls: type) -> Mapping[str, Any]:
    """The parameters of a class after scikit-learn's convention, with their defaults."""
    given = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
    return {
        p.name: p.default
        for p in given
        if p.name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }


def _require_fitted(model: object) -> None:
    try:
        require_fitted(model, qualified_name(type(model)))
    except NotFittedError as error:
        error.place = trace.place()
        raise


def _refused_options(model: Any, converter: Converter) -> list[UnsupportedError]:
    """The parameters that the ledger does not allow to have the values they have."""
    if not (converter.strict and hasattr(model, "get_params")):
        return []
    refusals: list[UnsupportedError] = []
    defaults = parameters(type(model))
    name = qualified_name(type(model))
    for parameter, value in model.get_params(deep=False).items():
        if parameter in converter.consumes or parameter in converter.ignores:
            continue
        default = defaults.get(parameter, inspect.Parameter.empty)
        if value is default or (type(value) is type(default) and value == default):
            continue
        way_out = f"leave {parameter} at its default, {default!r}, and fit again."
        refusals.append(
            UnsupportedOptionError(
                f"{name}({parameter}={value!r}) is not compiled",
                converter.refuses.get(parameter, way_out),
            )
        )
    return refusals


def _registered_ancestor(cls: type) -> type | None:
    for ancestor in cls.__mro__:
        _load(ancestor.__module__.partition(".")[0])
        if qualified_name(ancestor) in _converters:
            return ancestor
    return None


def _nearest(model: object) -> Converter:
    """The converter of the nearest registered ancestor, or one of nothing."""
    ancestor = _registered_ancestor(type(model))
    return _converters[qualified_name(ancestor)] if ancestor else _NONE


def _refusals(model: object, converter: Converter) -> Iterator[UnsupportedError]:
    """Why this very model is not compiled, the models inside it apart."""
    yield from _refused_class(model)
    yield from _refused_options(model, converter)
    _require_fitted(model)  # objections read what training leaves
    yield from converter.objections(model)


def _refused_class(model: object) -> list[UnsupportedError]:
    """Why the class has no converter, or not that of its ancestor."""
    cls = type(model)
    name = qualified_name(cls)
    ancestor = _registered_ancestor(cls)
    if name in _refused and name not in _converters:  # which its ancestor may have
        reason, way_out = _refused[name]
        return [UnsupportedModelError(f"{name} is not compiled: {reason}", way_out)]
    if ancestor is None:
        return [UnsupportedModelError.for_class(name, sorted(_converters))]
    return [
        UnsupportedOptionError(
            f"{name} redefines {method}() of {qualified_name(ancestor)}",
            f"@sparkbird.converts({name!r}) gives it a converter of its own.",
        )
        for method in redefined(cls, ancestor)  # type: ignore[arg-type]  # classes are hashable
    ]


@functools.cache
def _plugins() -> dict[str, str]:
    return {point.name: point.value for point in entry_points(group="sparkbird.converters")}


@functools.cache
def _load(package: str) -> None:
    """Import the converters of `package`, if it is one we know."""
    if module := PACKAGES.get(package) or _plugins().get(package):
        importlib.import_module(module)
