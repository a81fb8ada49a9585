"""CatBoost models of drawn parameters on drawn rows: the leaves, scores and labels are equal."""

import numpy as np
import pandas as pd
from catboost import CatBoostClassifier, CatBoostRegressor
from hypothesis import given, settings, strategies as st

import sparkbird
from tests.converters.boundaries import assert_equal
from tests.converters.test_catboost import FEW, methods_of

LOSSES = {
    "Logloss": lambda y: y > 0,
    "MultiClass": lambda y: np.digitize(y, [-0.5, 0.5]),
    "MultiClassOneVsAll": lambda y: np.array(["a", "b", "c"])[np.digitize(y, [-0.5, 0.5])],
    "RMSE": lambda y: y,
    "Quantile:alpha=0.7": lambda y: y,
    "MultiRMSE": lambda y: np.column_stack([y, -y]),
}
SYMMETRIC = {"grow_policy": "SymmetricTree"}
GROWN = [{"grow_policy": "Depthwise"}, {"grow_policy": "Lossguide", "max_leaves": 9}]

growth = st.sampled_from([SYMMETRIC, *GROWN])
options = st.fixed_dictionaries(
    {
        "depth": st.integers(1, 7),
        "iterations": st.integers(1, 9),
        "border_count": st.sampled_from([1, 7, 254]),
        "nan_mode": st.sampled_from(["Min", "Max"]),
        "learning_rate": st.floats(0.01, 1.0),
        "random_seed": st.integers(0, 1000),
    }
)
of_categories = st.fixed_dictionaries(
    {
        "one_hot_max_size": st.integers(0, 12),
        "max_ctr_complexity": st.integers(1, 4),
        "model_size_reg": st.sampled_from([0.0, 0.5]),
    }
)
values = st.one_of(
    st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300, -1e300, 5e-324]),
    st.floats(width=32),
    st.floats(-3, 3),
)


def trained(loss, given, X, y, **more):
    if "Multi" in loss and loss != "MultiClass":
        given = given | SYMMETRIC  # the other trees have no vectors in their leaves
        given.pop("max_leaves", None)
    is_classifier = loss in ("Logloss", "MultiClass", "MultiClassOneVsAll")
    cls = CatBoostClassifier if is_classifier else CatBoostRegressor
    return cls(**FEW | given, loss_function=loss, **more).fit(X, LOSSES[loss](y))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    loss=st.sampled_from([*LOSSES]),
    given=st.builds(dict.__or__, options, growth),
    dtype=st.sampled_from([np.float64, np.float32]),
    drawn=st.lists(st.tuples(*[values] * 3), min_size=1, max_size=20),
)
def test_drawn_rows_reach_the_same_leaves(loss, given, dtype, drawn):
    rng = np.random.default_rng(given["random_seed"])
    X = rng.normal(size=(80, 3)).astype(dtype)
    y = X[:, 0] - X[:, 1] ** 2 + 0.5
    X[:: rng.integers(2, 9), rng.integers(3)] = np.nan
    model = trained(loss, given, X, y)
    borders = [b for each in model.get_borders().values() for b in each]
    on_borders = np.resize([*borders, 0.0], (len(borders) + 1, 3))
    with np.errstate(over="ignore"):
        rows = np.concatenate([np.array(drawn), on_borders, np.nextafter(on_borders, 9)])
        rows = np.concatenate([X, rows.astype(dtype)])
    compiled = sparkbird.compile(model, inputs=X)
    assert_equal(compiled, model, rows, methods_of(model))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    loss=st.sampled_from(["Logloss", "MultiClass", "RMSE"]),
    given=st.builds(lambda a, b, c: a | b | c, options, of_categories, growth),
    texts=st.lists(st.text(max_size=70), min_size=2, max_size=9, unique=True),
    unseen=st.text(),
)
def test_drawn_categories_reach_the_same_leaves(loss, given, texts, unseen):
    rng = np.random.default_rng(given["random_seed"])
    frame = pd.DataFrame(
        {
            "text": rng.choice(np.array(texts, object), 90),
            "x": rng.normal(size=90),
            "code": rng.integers(-5, 6, 90),
            "other": rng.choice(["u", "v", "w"], 90),
        }
    )
    y = frame["x"] + (frame["text"] == texts[0]) * 2 - (frame["code"] % 3) * (frame["other"] == "u")
    model = trained(loss, given, frame, y.to_numpy(), cat_features=["text", "code", "other"])
    compiled = sparkbird.compile(model, inputs=frame, outputs="leaf")
    other = frame.assign(text=[unseen, *frame["text"][1:]], code=frame["code"] * 7)
    methods = {"leaf": methods_of(model)["leaf"]}
    for rows in (frame, other):
        assert_equal(compiled, model, rows, methods)
