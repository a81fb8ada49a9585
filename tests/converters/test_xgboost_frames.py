"""XGBoost: categories of dataframes, and SciPy matrices, whose zeros are missing values."""

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from xgboost import XGBClassifier, XGBRegressor

import sparkbird
from sparkbird.errors import (
    ColumnNameError,
    ColumnTypeError,
    InvalidValueError,
    UnsupportedOptionError,
)
from tests.converters.boundaries import assert_equal
from tests.converters.test_hist_gradient_boosting import string_columns
from tests.converters.test_xgboost import few
from tests.parity import NUMBERS, Case, check, parameters, since


def frame_of(seed=0, rows=200):
    """Strings and numbers as categories, in no order, some of them missing; and numbers."""
    rng = np.random.default_rng(seed)
    city = pd.Categorical(rng.choice(["x", "b", "yy", ""], rows), categories=["x", "b", "", "yy"])
    frame = pd.DataFrame(
        {
            "city": city,
            "size": pd.Categorical(rng.choice([30, -5, 9], rows), categories=[9, 30, -5]),
            "age": rng.normal(40, 10, rows),
        }
    )
    target = (frame["city"] == "x") * 3.0 + (frame["size"] == 9) * 2.0 + frame["age"] / 40
    frame.loc[::17, "city"] = None
    frame.loc[3::19, "size"] = None
    return frame, target.to_numpy()


def recoded(frame):
    """The same rows, the categories in another order."""
    return frame.assign(
        city=pd.Categorical(frame["city"].astype(object), categories=["", "yy", "x", "b"]),
        size=pd.Categorical(frame["size"].astype("Int64"), categories=[-5, 9, 30]),
    )


MODELS = [
    XGBRegressor(enable_categorical=True, **few()),
    XGBRegressor(enable_categorical=True, max_cat_to_onehot=1, **few()),
    XGBRegressor(enable_categorical=True, booster="dart", rate_drop=0.5, **few()),
]


@pytest.mark.parametrize("model", MODELS, ids=["one-hot", "sets", "dart"])
@pytest.mark.parametrize("said", [True, False], ids=["inputs", "no inputs"])
def test_categories_are_found_by_their_values(model, said):
    frame, y = frame_of()
    model.fit(frame, y)
    compiled = sparkbird.compile(model, inputs=frame if said else None)
    for rows in (frame, recoded(frame), frame_of(1)[0], frame[:1]):
        methods = {"margin": lambda x: model.predict(x, output_margin=True), "leaf": model.apply}
        assert_equal(compiled, model, rows, {"predict": model.predict, **methods})


def test_categories_of_a_booster_are_its_own_too():
    frame, y = frame_of()
    booster = xgb.train({}, xgb.DMatrix(frame, y, enable_categorical=True), 3)
    rows = recoded(frame)
    expected = booster.predict(xgb.DMatrix(rows, enable_categorical=True))
    np.testing.assert_array_equal(sparkbird.compile(booster).predict(rows), expected)


@pytest.mark.parametrize(
    ("column", "value", "is_last"),
    [("city", "zz", True), ("city", "a", False), ("size", 31, True), ("size", 8, False)],
)
def test_an_unseen_category_fails_a_check(column, value, is_last):
    """XGBoost says that it does so, but refuses only one that sorts behind all others."""
    frame, y = frame_of()
    model = XGBRegressor(enable_categorical=True, **few()).fit(frame, y)
    compiled = sparkbird.compile(model)
    rows = frame[:2].assign(**{column: pd.Categorical([value] * 2)})
    with pytest.raises(InvalidValueError, match=f"a category of column '{column}'"):
        compiled.predict(rows)
    if is_last:
        with pytest.raises(ValueError, match="category not in the training set"):
            model.predict(rows)


def test_categories_beyond_ascii_are_refused_since_xgboost_confuses_them():
    frame, y = frame_of()
    frame["city"] = frame["city"].cat.rename_categories({"x": "é", "": "ü", "yy": "d"})
    model = XGBRegressor(enable_categorical=True, **few()).fit(frame, y)
    in_ascii = XGBRegressor(enable_categorical=True, **few()).fit(*frame_of())
    assert (model.predict(frame) != in_ascii.predict(frame_of()[0])).any()
    with pytest.raises(UnsupportedOptionError, match="letters beyond ASCII"):
        sparkbird.compile(model)


def test_numbers_for_strings_and_strings_for_numbers_are_refused():
    frame, y = frame_of()
    model = XGBRegressor(enable_categorical=True, **few()).fit(frame, y)
    for column, kind in (("city", "float64"), ("size", "string")):
        types = {"city": "string", "size": "float64", "age": "float64"} | {column: kind}
        with pytest.raises(ColumnTypeError, match=f"column '{column}' has"):
            sparkbird.compile(model, inputs=types)


def test_a_missing_value_of_ones_own_among_categories_is_refused():
    frame, y = frame_of()
    model = XGBRegressor(enable_categorical=True, missing=0.0, **few()).fit(frame, y)
    with pytest.raises(UnsupportedOptionError, match=r"missing=0\.0 among categories"):
        sparkbird.compile(model)


def test_a_model_that_lost_its_categories_is_refused():
    """A slice does, and so does XGBoost before 3.1."""
    frame, y = frame_of()
    part = xgb.train({}, xgb.DMatrix(frame, y, enable_categorical=True), 3)[:2]
    with pytest.raises(UnsupportedOptionError, match="keeps no categories for column 'city'"):
        sparkbird.compile(part)
    part.feature_names = None
    codes = np.column_stack([frame["city"].cat.codes, frame["size"].cat.codes, frame["age"]])
    rows = xgb.DMatrix(codes, feature_types=["c", "c", "q"])
    compiled = sparkbird.compile(part, inputs=codes)
    np.testing.assert_array_equal(compiled.predict(codes), part.predict(rows))


def test_columns_of_other_names_are_refused():
    frame, y = frame_of()
    model = make_pipeline(
        make_column_transformer((StandardScaler(), ["age"]), verbose_feature_names_out=False),
        XGBRegressor(**few()),
    ).set_output(transform="pandas")
    model.fit(frame[["age"]], y)
    compiled = sparkbird.compile(model, inputs=frame[["age"]])
    np.testing.assert_array_equal(compiled.predict(frame), model.predict(frame[["age"]]))
    model[-1].get_booster().feature_names = ["height"]
    with pytest.raises(ColumnNameError, match="called height"):
        sparkbird.compile(model, inputs=frame[["age"]])


# SciPy matrices


def with_zeros():
    frame, _ = string_columns()
    rng = np.random.default_rng(3)
    frame = frame.fillna(dict.fromkeys(frame.select_dtypes("number"), 5.0))
    frame = frame.assign(age=np.where(rng.random(len(frame)) < 0.5, 0.0, frame["age"]))
    return frame, ((frame["city"] == "a") ^ (frame["age"] == 0)).to_numpy(int)


def texts():
    rng = np.random.default_rng(0)
    rows = [" ".join(rng.choice(["aa", "bb", "cc", "dd"], 3)) for _ in range(120)]
    frame = pd.DataFrame({"text": rows})
    return frame, frame["text"].str.contains("aa").to_numpy(int)


def encoded(*, sparse_output=True, sparse_threshold=1.0):
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=sparse_output)
    return make_column_transformer(
        (encoder, ["city"]), remainder="passthrough", sparse_threshold=sparse_threshold
    )


def of_numbers(transformer):
    return make_column_transformer((transformer, ["age"]), sparse_threshold=1.0)


def of_texts(transformer):
    return make_column_transformer((transformer, "text"))


STEPS = [
    (encoded(), with_zeros),
    (encoded(sparse_threshold=0.0), with_zeros),
    (encoded(sparse_output=False), with_zeros),
    (make_pipeline(encoded(), SelectKBest(k=3)), with_zeros),
    (make_pipeline(encoded(), TruncatedSVD(2, random_state=0)), with_zeros),
    *since(
        (1, 7),
        lambda: [
            (of_numbers(KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf")), with_zeros)
        ],
    ),
    (of_texts(CountVectorizer()), texts),
    (of_texts(TfidfVectorizer()), texts),
    (of_texts(HashingVectorizer(n_features=16, alternate_sign=False)), texts),
]
SCALED = [
    make_pipeline(encoded(), MaxAbsScaler()),
    make_pipeline(encoded(), StandardScaler(with_mean=False)),
    make_pipeline(encoded(), make_union(MaxAbsScaler(), "passthrough")),
]
CASES = [
    *(Case(make_pipeline(steps, XGBClassifier(**few())), rows) for steps, rows in STEPS),
    *(
        # Not the least number, of which scaling makes a 0 that is stored.
        Case(
            make_pipeline(steps, XGBClassifier(**few())),
            with_zeros,
            numbers=tuple(number for number in NUMBERS if number != 5e-324),
        )
        for steps in SCALED
    ),
    Case(make_pipeline(encoded(), XGBClassifier(booster="gblinear", n_jobs=1)), with_zeros),
]


@pytest.mark.parametrize(("case", "dtype"), parameters(CASES))
def test_what_a_scipy_matrix_does_not_store_is_missing(case, dtype):
    check(case, dtype)


def test_to_store_no_zeros_makes_a_difference():
    """The cases above would show nothing otherwise."""
    frame, y = with_zeros()
    model = make_pipeline(encoded(), XGBClassifier(**few())).fit(frame, y)
    matrix = model[0].transform(frame)
    assert (model[1].predict_proba(matrix) != model[1].predict_proba(matrix.toarray())).any()


@pytest.mark.parametrize(
    ("steps", "rows"),
    [
        (make_pipeline(encoded(), PolynomialFeatures(2)), with_zeros),
        (of_numbers(SplineTransformer(sparse_output=True)), with_zeros),
        (of_texts(HashingVectorizer(n_features=16)), texts),
    ],
    ids=["polynomial features", "splines", "terms of opposite signs"],
)
def test_a_scipy_matrix_that_may_store_zeros_is_refused(steps, rows):
    frame, y = rows()
    model = make_pipeline(steps, XGBClassifier(**few())).fit(frame, y)
    with pytest.raises(UnsupportedOptionError, match="cannot be told what the one stores"):
        sparkbird.compile(model, inputs=frame)
