"""The ledger of every converter against the class that is installed."""

import inspect
import pkgutil
import warnings
from importlib.util import find_spec

import pytest
from sklearn.experimental import (  # makes their classes be there
    enable_halving_search_cv,  # noqa: F401
    enable_iterative_imputer,  # noqa: F401
)
from sklearn.utils import all_estimators

import sparkbird
from sparkbird.converters import converter_for, qualified_name, refused
from sparkbird.converters.registry import ledger, parameters
from sparkbird.converters.sklearn.version import installed
from sparkbird.errors import UnsupportedModelError, UnsupportedOptionError

#: Parameters of other supported versions of scikit-learn, not of every one.
OF_OTHER_VERSIONS = {
    "algorithm",  # AdaBoostClassifier, until 1.7
    "base_estimator",  # chains up to 1.8, SelfTrainingClassifier up to 1.7
    "chain_method",  # ClassifierChain, since 1.5
    "clip",  # MaxAbsScaler, since 1.8
    "estimator",  # SelfTrainingClassifier, since 1.6
    "handle_missing",  # SplineTransformer, since 1.8
    "force_int_remainder_cols",
    "loss",  # MLPRegressor, since 1.7
    "multi_class",
    "n_alphas",
    "n_iter",
    "priors",  # NearestCentroid, since 1.6
    "quantile_method",  # KBinsDiscretizer, since 1.7
    "store_cv_results",  # RidgeCV, since 1.5
    "store_cv_values",  # RidgeCV, until 1.6
    "transform_input",
    "use_legacy_attributes",  # LogisticRegression, since 1.8
    "verbose_feature_names_out",
}

#: The parameters without default, and what may be given for them.
REQUIRED = {"transformers": (), "steps": (("step", None),), "transformer_list": ()}

#: The packages that a class needs beside its own.
NEEDS = {"category_encoders.glmm.GLMMEncoder": "statsmodels"}

#: The classes that not every supported version of scikit-learn has.
SINCE = {
    "sklearn.frozen.FrozenEstimator": (1, 6),
    "sklearn.model_selection.FixedThresholdClassifier": (1, 5),
    "sklearn.model_selection.TunedThresholdClassifierCV": (1, 5),
}


def is_installed(name):
    packages = {name.partition(".")[0], NEEDS.get(name, "sparkbird")}
    return all(map(find_spec, packages)) and installed() >= SINCE.get(name, (1, 4))


#: Classes of Spark ML have their ledgers in `converters.sparkml.stages`.
ELSEWHERE = "pyspark."
NAMES = [n for n in sparkbird.supported() if is_installed(n) and not n.startswith(ELSEWHERE)]


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


#: What a class must have one of to score new rows.
SCORES = ("predict", "transform", "decision_function", "score_samples", "kneighbors")


def test_every_estimator_of_scikit_learn_is_compiled_or_refused_with_a_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every = {qualified_name(cls): cls for _, cls in all_estimators()}
    reasons = refused()
    assert {name for name in every if name not in NAMES} - {*reasons} == set()
    assert {*NAMES} & {*reasons} == set()
    here = [every[name] for name in reasons if name in every]
    scoring = [cls for cls in here if any(hasattr(cls, method) for method in SCORES)]
    assert len(scoring) <= 8


@pytest.mark.parametrize(
    "name", [n for n in refused() if is_installed(n) and not n.startswith(ELSEWHERE)]
)
def test_a_refused_class_is_refused_with_its_reason_and_its_way_out(name):
    reason, way_out = refused()[name]
    if name.rpartition(".")[2] not in dir(pkgutil.resolve_name(name.rpartition(".")[0])):
        pytest.skip("a class of another version")
    with pytest.raises(UnsupportedModelError) as caught:
        converter_for(class_of(name)())
    assert (caught.value.fact, caught.value.hint) == (f"{name} is not compiled: {reason}", way_out)
