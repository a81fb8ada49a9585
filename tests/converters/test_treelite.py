"""treelite: what its reference predictor gives, for the forests of several libraries."""

import lightgbm
import numpy as np
import pytest
import treelite
import xgboost
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from treelite.model_builder import Metadata, ModelBuilder, PostProcessorFunc, TreeAnnotation

import sparkbird
from sparkbird.errors import ColumnCountError, UnsupportedOptionError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).round(2)
CLASSES = np.digitize(X[:, 0] + X[:, 1], [-0.5, 0.5])
CODES = np.column_stack([X[:, 0], RNG.integers(0, 9, 300), RNG.integers(0, 40, 300)])
CODED = np.sin(CODES[:, 1]) + (CODES[:, 2] % 3 == 1)
TRAPS = (
    np.nan,
    np.inf,
    -np.inf,
    -0.0,
    -0.5,
    -1.0,
    0.5,
    2.7,
    8.9,
    39.0,
    40.0,
    64.0,
    1e9,
    -1e9,
    1e30,
)


def of_sklearn(model, targets=1):
    y = CLASSES if targets == 1 else np.column_stack([CLASSES, X[:, 2] > 0])
    return treelite.sklearn.import_model(model.fit(X, y)), X


def of_lightgbm(rows=X, y=CLASSES, **parameters):
    few = {"num_leaves": 6, "min_data_in_leaf": 3, "verbose": -1, "num_threads": 1}
    data = lightgbm.Dataset(rows, y, categorical_feature=parameters.pop("categorical", []))
    return treelite.frontend.from_lightgbm(lightgbm.train({**few, **parameters}, data, 6)), rows


def of_xgboost(rows=X, y=CLASSES, types=None, **parameters):
    data = xgboost.DMatrix(rows, y, feature_types=types, enable_categorical=types is not None)
    booster = xgboost.train({"max_depth": 3, "nthread": 1, **parameters}, data, 6)
    return treelite.frontend.from_xgboost(booster), rows


def built(comparison, threshold=0.25, *, default_left=True, dtype="float32"):
    builder = ModelBuilder(
        threshold_type=dtype,
        leaf_output_type=dtype,
        metadata=Metadata(
            num_feature=4,
            task_type="kRegressor",
            average_tree_output=False,
            num_target=1,
            num_class=[1],
            leaf_vector_shape=(1, 1),
        ),
        tree_annotation=TreeAnnotation(num_tree=1, target_id=[0], class_id=[0]),
        postprocessor=PostProcessorFunc(name="identity"),
        base_scores=[0.5],
    )
    builder.start_tree()
    builder.start_node(0)
    builder.numerical_test(
        1,
        threshold,
        default_left=default_left,
        opname=comparison,
        left_child_key=1,
        right_child_key=2,
    )
    builder.end_node()
    for node, value in ((1, 3.0), (2, -7.0)):
        builder.start_node(node)
        builder.leaf(value)
        builder.end_node()
    builder.end_tree()
    return builder.commit(), X


MODELS = {
    "forest of classes": lambda: of_sklearn(RandomForestClassifier(5, max_depth=4)),
    "forest": lambda: of_sklearn(RandomForestRegressor(5, max_depth=4)),
    "extra trees": lambda: of_sklearn(ExtraTreesRegressor(5, max_depth=4)),
    "two targets": lambda: of_sklearn(RandomForestRegressor(4, max_depth=3), 2),
    "two targets of classes": lambda: of_sklearn(RandomForestClassifier(4, max_depth=3), 2),
    "gradient boosting": lambda: of_sklearn(GradientBoostingRegressor(n_estimators=5)),
    "boosted classes": lambda: of_sklearn(GradientBoostingClassifier(n_estimators=5)),
    "histograms": lambda: of_sklearn(HistGradientBoostingClassifier(max_iter=4)),
    "isolation forest": lambda: of_sklearn(IsolationForest(n_estimators=5, max_samples=50)),
    "lightgbm": lambda: of_lightgbm(objective="regression"),
    "lightgbm, poisson": lambda: of_lightgbm(objective="poisson"),
    "lightgbm, classes": lambda: of_lightgbm(objective="multiclass", num_class=3),
    "lightgbm, one against all": lambda: of_lightgbm(
        objective="multiclassova", num_class=3, sigmoid=1.7
    ),
    "lightgbm, entropy": lambda: of_lightgbm(y=CLASSES / 2, objective="cross_entropy_lambda"),
    "lightgbm, root": lambda: of_lightgbm(objective="regression", reg_sqrt=True),
    "lightgbm, categories": lambda: of_lightgbm(
        CODES, CODED, categorical=[1, 2], min_data_per_group=3, cat_smooth=1
    ),
    "xgboost": lambda: of_xgboost(objective="reg:squarederror"),
    "xgboost, two classes": lambda: of_xgboost(y=CLASSES > 0, objective="binary:logistic"),
    "xgboost, hinge": lambda: of_xgboost(y=CLASSES > 0, objective="binary:hinge"),
    "xgboost, classes": lambda: of_xgboost(objective="multi:softprob", num_class=3),
    "xgboost, counts": lambda: of_xgboost(objective="count:poisson"),
    "xgboost, categories": lambda: of_xgboost(CODES, CODED, ["q", "c", "c"]),
    **{
        f"{comparison} {threshold} {dtype}": lambda c=comparison, t=threshold, d=dtype: built(
            c, t, dtype=d
        )
        for comparison in ("<", "<=", ">", ">=")
        for threshold in (0.25, -np.inf, np.inf)
        for dtype in ("float32", "float64")
    },
    "missing goes right": lambda: built(">", default_left=False),
}


def rows_for(model, rows):
    """Rows on and beside every threshold, and with traps in every column."""
    thresholds = [model.get_tree_accessor(i).get_field("threshold") for i in range(model.num_tree)]
    on = np.unique(np.concatenate(thresholds))
    sides = [np.nextafter(on, np.asarray(side, on.dtype)) for side in (-np.inf, np.inf)]
    values = np.concatenate([on, *sides, TRAPS]).astype(np.float64)
    count = max(len(values), 200)
    many = np.tile(rows, (-(-count // len(rows)), 1))[:count]
    chosen = np.random.default_rng(1).integers(0, rows.shape[1], count)
    many[np.arange(count), chosen] = np.resize(values, count)
    return many


@pytest.mark.parametrize("name", MODELS)
def test_treelite_and_sparkbird_agree(name):
    model, given = MODELS[name]()
    compiled = sparkbird.compile(model)
    for rows in (given, rows_for(model, given), given[:1], given[:0]):
        for method, expected in (
            ("margin", treelite.gtil.predict(model, rows, nthread=1, pred_margin=True)),
            ("predict", treelite.gtil.predict(model, rows, nthread=1)),
            ("leaf", treelite.gtil.predict_leaf(model, rows, nthread=1)),
        ):
            actual = getattr(compiled, method)(rows)
            assert actual.dtype == expected.dtype, method
            np.testing.assert_allclose(actual, expected.reshape(actual.shape), 1e-6, err_msg=method)
            assert actual.shape == expected.shape, method


def test_what_is_not_compiled_is_named():
    with pytest.raises(UnsupportedOptionError, match="operator"):
        sparkbird.compile(built("==")[0])
    model, rows = built("<")
    with pytest.raises(ColumnCountError):
        sparkbird.compile(model).predict(rows[:, :2])
