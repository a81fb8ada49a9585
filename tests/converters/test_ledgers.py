"""The ledger of every converter against the class that is installed."""

import inspect
import pkgutil

import pytest

import sparkbird
from sparkbird.converters import converter_for, qualified_name
from sparkbird.converters.registry import ledger, parameters
from sparkbird.errors import UnsupportedOptionError

#: Parameters of other supported versions of scikit-learn, not of every one.
OF_OTHER_VERSIONS = {
    "use_legacy_attributes",  # LogisticRegression, since 1.8
    "clip",  # MaxAbsScaler, since 1.8
    "force_int_remainder_cols",
    "multi_class",
    "n_alphas",
    "n_iter",
    "store_cv_values",
    "transform_input",
    "verbose_feature_names_out",
}

#: The parameters without default, and what may be given for them.
REQUIRED = {"transformers": (), "steps": (("step", None),), "transformer_list": ()}

NAMES = sparkbird.supported()


def class_of(name):
    return pkgutil.resolve_name(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_registered_name_is_that_of_a_class(name):
    assert qualified_name(class_of(name)) == name


def takes_keywords(cls):
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(cls.__init__).parameters.values())


def of_the_same_module(name):
    """The parameters of all classes beside this one: they may share a ledger."""
    module = name.rpartition(".")[0]
    beside = [other for other in NAMES if other.rpartition(".")[0] == module]
    return {parameter for other in beside for parameter in parameters(class_of(other))}


@pytest.mark.parametrize("name", [name for name in NAMES if ledger(name).strict])
def test_every_parameter_is_in_exactly_one_list(name):
    entry, cls = ledger(name), class_of(name)
    lists = [*entry.consumes, *entry.ignores, *entry.refuses]
    assert sorted(lists) == sorted(set(lists)), "a parameter is in two lists"
    assert set(parameters(cls)) - set(lists) == set(), "parameters in no list"
    unknown = set(lists) - of_the_same_module(name) - OF_OTHER_VERSIONS
    assert takes_keywords(cls) or unknown == set(), "lists name what no class has"


@pytest.mark.parametrize(
    ("name", "parameter"),
    [(name, parameter) for name in NAMES for parameter in sorted(ledger(name).refuses)],
)
def test_a_refused_parameter_is_refused_with_its_way_out(name, parameter):
    cls = class_of(name)
    needed = {
        key: REQUIRED.get(key)
        for key, default in parameters(cls).items()
        if default is inspect.Parameter.empty
    }
    model = cls(**needed | {parameter: "not the default"})
    with pytest.raises(UnsupportedOptionError, match=f"{parameter}='not the default'") as caught:
        converter_for(model)
    assert caught.value.hint == ledger(name).refuses[parameter]
