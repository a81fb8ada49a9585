"""XGBoost: models drawn at random, on rows that lie where a wrong comparison shows."""

import numpy as np
from hypothesis import given, settings, strategies as st
from xgboost import XGBClassifier, XGBRegressor

import sparkbird
from tests.converters.boundaries import about
from tests.converters.test_xgboost import thresholds

FEATURES = 4
#: What lies on the bounds of codes, of float32, and of what is missing.
ODD = (np.nan, np.inf, -np.inf, 0.0, -0.0, -0.5, 0.9, 3.0, 5.0, 6.0, 31.9, 32.0, 1e39, 1e-45, -1.0)

MODELS = st.fixed_dictionaries(
    {
        "n_estimators": st.integers(1, 6),
        "max_depth": st.integers(1, 5),
        "num_parallel_tree": st.integers(1, 3),
        "booster": st.sampled_from(["gbtree", "gbtree", "dart"]),
        "tree_method": st.sampled_from(["hist", "exact", "approx"]),
        "learning_rate": st.floats(0.05, 1.0),
        "reg_lambda": st.sampled_from([0.0, 1e-3, 1.0]),
        "subsample": st.sampled_from([0.6, 1.0]),
        "missing": st.sampled_from([np.nan, np.nan, -1.0, 0.0, np.inf]),
        "base_score": st.sampled_from([None, 0.3]),
        "random_state": st.integers(0, 9),
    }
)
TARGETS = st.sampled_from(["two classes", "three classes", "two labels", "number", "two numbers"])


def trained(parameters, target, *, vectors, codes, max_cat_to_onehot, seed):
    """A model of random rows, some of whose values are missing."""
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(size=(80, FEATURES)), 1)
    X[:, 1], X[:, 2] = rng.integers(0, 6, 80), rng.integers(0, 33, 80)
    score = X[:, 0] + (X[:, 1] % 3) - (X[:, 2] % 2) + rng.normal(0, 0.1, 80)
    X[rng.random(X.shape) < 0.1] = np.nan
    several = np.column_stack([score, -X[:, 1] % 4])
    y = {
        "two classes": score > 1,
        "three classes": np.digitize(score, [0.5, 1.5]),
        "two labels": np.nan_to_num(several) > 1,
        "number": score,
        "two numbers": np.nan_to_num(several),
    }[target]
    more = {"multi_strategy": "multi_output_tree"} if vectors else {}
    if codes:
        more |= {"enable_categorical": True, "feature_types": ["q", "c", "c", "q"]}
    cls = XGBRegressor if "number" in target else XGBClassifier
    model = cls(**parameters, **more, max_cat_to_onehot=max_cat_to_onehot, n_jobs=1)
    return model.fit(X, y if cls is XGBRegressor else y.astype(int)), X


def rows_for(model, X, dtype, rng):
    """Rows of thresholds and their neighbours, of codes and of odd values."""
    found = thresholds(model)
    columns = []
    for feature in range(FEATURES):
        values = [*about(found.get(feature, np.zeros(1))), *ODD, *X[:9, feature]]
        columns.append(rng.choice(values, 60))
    with np.errstate(over="ignore"):
        return np.stack(columns, axis=1).astype(dtype)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    parameters=MODELS,
    target=TARGETS,
    vectors=st.booleans(),
    codes=st.booleans(),
    max_cat_to_onehot=st.sampled_from([1, 4, 99]),
    dtype=st.sampled_from([np.float64, np.float32]),
    seed=st.integers(0, 2**32 - 1),
)
def test_margins_leaves_and_labels_are_those_of_xgboost(
    parameters, target, vectors, codes, max_cat_to_onehot, dtype, seed
):
    vectors = vectors and parameters["tree_method"] == "hist" and parameters["booster"] == "gbtree"
    codes = codes and not vectors and parameters["tree_method"] != "exact"
    model, X = trained(
        parameters,
        target,
        vectors=vectors,
        codes=codes,
        max_cat_to_onehot=max_cat_to_onehot,
        seed=seed,
    )
    rows = rows_for(model, X, dtype, np.random.default_rng(seed))
    compiled = sparkbird.compile(model, inputs=rows)
    with np.errstate(all="ignore"):
        margin = model.predict(rows, output_margin=True)
        np.testing.assert_array_equal(compiled.margin(rows), margin)
        np.testing.assert_array_equal(compiled.predict(rows), model.predict(rows))
        finite = ~np.isinf(rows.astype(np.float32)).any(axis=1)
    np.testing.assert_array_equal(compiled.leaf(rows[finite]), model.apply(rows[finite]))
