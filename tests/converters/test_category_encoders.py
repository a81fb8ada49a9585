"""category_encoders: every value, known, unknown and missing, becomes what the original makes."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import sparkbird
from sparkbird.converters.category_encoders import _CLASSES
from sparkbird.errors import UnsupportedModelError, UnsupportedOptionError
from tests import rows
from tests.parity import NUMBERS, Case, check, parameters

ce = pytest.importorskip("category_encoders", reason="2.11 needs scikit-learn 1.6")

#: category_encoders prints where no column is of strings.
pytestmark = pytest.mark.filterwarnings("ignore")


def towns():
    """Two columns of strings, one of them with missing values, and one of numbers."""
    X, y = rows.missing_strings()
    return X.assign(age=np.linspace(0, 1, len(X))), y


def complete():
    X, y = rows.strings()
    return X.assign(age=np.linspace(0, 1, len(X))), y


def amounts():
    X, y = complete()
    return X, np.arange(len(X)) % 7 * 0.5 + y


def numbers():
    """Categories that are whole numbers, and ones that are not and may be missing."""
    X, y = rows.mixed()
    halves = np.where(X.index % 9 > 0, X["count"] / 2, np.nan)
    return pd.DataFrame({"age": X["age"], "count": X["count"], "half": halves}), y


def categorical():
    X, y = complete()
    return X.assign(city=X["city"].astype("category")), y


def array():
    X, y = rows.objects()
    return X, y


def with_rare():
    """Categories seen once, seldom and often."""
    city = ["a"] * 50 + ["b"] * 40 + ["c", "d"] * 2 + ["e"] + [None] * 3
    return pd.DataFrame({"city": city, "age": np.linspace(0, 1, 98)}), np.arange(98) % 3 % 2


def one_value():
    X, y = complete()
    return X.assign(constant="same"), y


NAN = {"handle_unknown": "return_nan", "handle_missing": "return_nan"}
ERROR = {"handle_unknown": "error", "handle_missing": "error"}
CLASSES = [
    getattr(ce, name.rpartition(".")[2])
    for name, *_ in _CLASSES
    if "glmm" not in name or find_spec("statsmodels")
]
ONE_BY_ONE = [ce.TargetEncoder, ce.OrdinalEncoder, ce.LeaveOneOutEncoder, ce.CatBoostEncoder]


def case(model, given, note=""):
    """A case of equality, whose traps are for the encoded columns and not for other numbers."""
    encoded = given is numbers
    return Case(model, given, rtol=0, numbers=NUMBERS if encoded else (0.5,), note=note)


# fmt: off
CASES = [
    *(case(cls(), towns) for cls in CLASSES),
    *(case(cls(**NAN), towns) for cls in [ce.BinaryEncoder, ce.CountEncoder, ce.RankHotEncoder, *ONE_BY_ONE[:2]]),
    *(case(cls(**ERROR), complete) for cls in [ce.CountEncoder, ce.OneHotEncoder, *ONE_BY_ONE[2:]]),
    *(case(cls(cols=["count", "half"]), numbers) for cls in ONE_BY_ONE[1:]),
    *(case(cls(), categorical) for cls in [ce.CountEncoder, *ONE_BY_ONE[1:]]),
    *(case(cls(return_df=False), array) for cls in [ce.OneHotEncoder, ce.TargetEncoder]),
    *(case(cls(min_group_size=5), with_rare) for cls in [ce.CountEncoder, ce.WOEEncoder, ce.CatBoostEncoder]),
    *(case(cls(drop_invariant=True), one_value) for cls in [ce.OneHotEncoder, ce.MEstimateEncoder]),
    case(ce.BaseNEncoder(base=3, handle_unknown="indicator", handle_missing="indicator"), towns),
    case(ce.CatBoostEncoder(a=0.5, sigma=0.1, random_state=0), with_rare),
    case(ce.CountEncoder(normalize=True, min_group_size=0.1, min_group_name="rest"), with_rare),
    case(ce.CountEncoder(handle_unknown={"city": 7}, handle_missing="return_nan"), towns),
    case(ce.CountEncoder(handle_unknown="error", handle_missing="return_nan"), complete),
    case(ce.JamesSteinEncoder(model="pooled"), amounts),
    case(ce.JamesSteinEncoder(model="binary", randomized=True), complete),
    case(ce.LeaveOneOutEncoder(sigma=0.3, random_state=1), with_rare),
    case(ce.OneHotEncoder(use_cat_names=True, handle_unknown="indicator", handle_missing="indicator"), towns),
    case(ce.OneHotEncoder(handle_missing="ignore", cols=["city"]), complete, "one of two"),
    case(ce.OrdinalEncoder(index_start=5, handle_unknown=-9, handle_missing=-8), towns),
    case(ce.OrdinalEncoder(mapping=[{"col": "city", "mapping": {"a": 3, "New York": 1}}], cols=["city"]), towns),
    case(ce.QuantileEncoder(quantile=0.8, m=2.0), amounts),
    case(ce.TargetEncoder(smoothing=1.0, min_samples_leaf=2, handle_unknown=-1.5, handle_missing=9), towns),
    case(ce.TargetEncoder(cols=["age", "half"]), numbers, "as many categories as rows"),
    Case(make_pipeline(ce.TargetEncoder(), LogisticRegression()), complete, numbers=(0.5,), methods=("predict_proba",)),
    Case(make_pipeline(ce.OneHotEncoder(), LogisticRegression(max_iter=500)), towns, numbers=(0.5,), methods=("predict_proba",)),
]
# fmt: on


@pytest.mark.parametrize(("case", "dtype"), parameters(CASES))
def test_parity(case, dtype):
    check(case, dtype)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (ce.HashingEncoder(max_process=1), "no converter for .*HashingEncoder"),
        (ce.MultiHotEncoder(), "no converter for .*MultiHotEncoder"),
        (ce.TargetEncoder(composite_cols=[("city", "colour")]), "composite_cols"),
        (ce.OrdinalEncoder(handle_unknown=lambda value, _: len(value)), "function of values"),
    ],
)
def test_what_is_no_table_of_values_is_refused(model, reason):
    X, y = complete()
    with pytest.raises((UnsupportedModelError, UnsupportedOptionError), match=reason):
        sparkbird.compile(model.fit(X, y), inputs=X)


def test_an_encoder_that_tells_none_from_nan_is_refused():
    X = pd.DataFrame({"city": pd.Series(["a", "b", np.nan, "a"], dtype=object)})
    model = ce.LeaveOneOutEncoder().fit(X, [0, 1, 1, 0])
    with pytest.raises(UnsupportedOptionError, match=r"tells None from NaN in column 'city'"):
        sparkbird.compile(model, inputs=X)


def test_an_array_in_which_none_and_nan_may_differ_is_refused():
    X, y = array()
    with pytest.raises(UnsupportedOptionError, match="tells None from NaN in column 0"):
        sparkbird.compile(ce.CatBoostEncoder().fit(X, y), inputs=X)


def test_categories_of_several_types_are_refused():
    X = pd.DataFrame({"city": pd.Series(["a", 1, "a", 2], dtype=object)})
    with pytest.raises(UnsupportedOptionError, match="neither all strings nor all numbers"):
        sparkbird.compile(ce.OrdinalEncoder().fit(X), inputs={"city": "string"})


def test_the_encoder_is_left_as_it_was():
    X, y = towns()
    model = ce.OneHotEncoder(drop_invariant=True, return_df=False).fit(X, y)
    before = {name: repr(value) for name, value in vars(model).items()}
    sparkbird.compile(model, inputs=X)
    assert {name: repr(value) for name, value in vars(model).items()} == before
