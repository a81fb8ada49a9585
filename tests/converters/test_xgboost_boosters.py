"""XGBoost: the raw booster, links wherever a margin is, early stopping, files, refusals."""

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier, XGBRFRegressor

import sparkbird
from sparkbird.converters.registry import ledger
from sparkbird.converters.xgboost.objectives import OBJECTIVES
from sparkbird.converters.xgboost.reader import describe, forest_of
from sparkbird.errors import (
    ColumnCountError,
    ColumnTypeError,
    InvalidValueError,
    NotFittedError,
    UnsupportedModelError,
    UnsupportedOptionError,
)
from tests.converters.boundaries import assert_equal
from tests.converters.test_hist_gradient_boosting import positive_target
from tests.converters.test_tree import assert_ledger_is_whole
from tests.converters.test_xgboost import few, labels
from tests.rows import continuous, gaussian, named_numbers, three_classes, two_targets
from tests.runs import run

# The raw booster


@pytest.mark.parametrize("rows", [gaussian, three_classes])
@pytest.mark.parametrize("more", [{}, {"booster": "dart", "rate_drop": 0.5, "one_drop": 1}])
def test_a_booster_gives_what_its_own_predict_gives(rows, more):
    X, y = rows()
    booster = XGBClassifier(**few(**more)).fit(X, y).get_booster()
    assert_booster_equal(sparkbird.compile(booster), booster, X)
    again = xgb.Booster(model_file=booster.save_raw("json"))
    assert_booster_equal(sparkbird.compile(again, inputs=X), again, X)


def assert_booster_equal(compiled, booster, X):
    def given(**options):
        return lambda rows: booster.predict(xgb.DMatrix(rows), **options)

    methods = {"margin": given(output_margin=True), "leaf": given(pred_leaf=True)}
    assert_equal(compiled, booster, X, methods)
    np.testing.assert_allclose(compiled.predict(X), given()(X), 1e-6)


def test_a_booster_takes_all_trees_and_a_slice_those_of_its_rounds():
    X, y = three_classes()
    model = XGBClassifier(num_parallel_tree=2, **few()).fit(X, y)
    booster = model.get_booster()
    booster.best_iteration = 1
    for part, trees in ((booster, 30), (booster[1:3], 12), (booster[0:4:2], 12)):
        compiled = sparkbird.compile(part, inputs=X)
        assert compiled.leaf(X).shape == (len(X), trees)
        assert_booster_equal(compiled, part, X)


@pytest.mark.parametrize("more", [{}, {"booster": "gblinear"}])
def test_rows_that_no_dmatrix_takes_fail_a_check(more):
    X, y = gaussian()
    booster = xgb.train(more, xgb.DMatrix(X, y), 3)
    compiled = sparkbird.compile(booster, inputs=X)
    for value in (np.inf, -np.inf, 1e39):
        X[0, 0] = value
        with pytest.raises(ValueError, match="`inf` or a value too large"):
            xgb.DMatrix(X)
        with pytest.raises(InvalidValueError, match="beyond float32"):
            compiled.predict(X)


def test_the_names_of_a_booster_are_those_of_its_columns():
    frame, y = named_numbers()
    booster = xgb.train({"max_depth": 2}, xgb.DMatrix(frame, y), 3)
    compiled = sparkbird.compile(booster)
    expected = booster.predict(xgb.DMatrix(frame))
    np.testing.assert_array_equal(compiled.predict(frame[sorted(frame)]), expected)


def test_accelerated_failure_times_are_exponentials():
    X, y = positive_target()
    rows = xgb.DMatrix(X, label_lower_bound=y, label_upper_bound=y * 1.5)
    booster = xgb.train({"objective": "survival:aft", "max_depth": 3}, rows, 5)
    assert_booster_equal(sparkbird.compile(booster), booster, X)


@pytest.mark.parametrize(
    ("objective", "outputs"),
    [
        ("binary:logistic", 1),
        ("count:poisson", 1),
        ("binary:hinge", 1),
        ("survival:aft", 1),
        ("multi:softprob", 3),
        ("multi:softmax", 3),
    ],
)
def test_links_are_within_an_ulp_wherever_a_margin_is(objective, outputs):
    """Rows start from margins of their own, and there are no trees."""
    rng = np.random.default_rng(0)
    rows = np.concatenate([np.linspace(-200, 200, 801), rng.normal(0, 1e-7, 99), [0.0, 1e30]])
    margin = np.stack([np.roll(rows, 7 * k) for k in range(outputs)], axis=1).astype(np.float32)
    options = {"objective": objective} | ({"num_class": outputs} if outputs > 1 else {})
    bounds = {f"label_{side}_bound": np.ones(len(rows)) for side in ("lower", "upper")}
    label = np.arange(len(rows)) % 2
    booster = xgb.train(options, xgb.DMatrix(margin, label, **bounds), 0)
    expected = booster.predict(xgb.DMatrix(margin, base_margin=margin))
    found = run(OBJECTIVES[objective].link, margin)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, 1.3e-7)


@pytest.mark.parametrize("objective", ["binary:logistic", "reg:logistic", "count:poisson"])
def test_the_margin_of_a_base_score_is_that_of_xgboost(objective):
    """Of some of these the logarithm of float32 is not the nearest float32 to the logarithm."""
    X, y = gaussian()
    for score in (0.148, 0.491, 0.498, 0.74, 1e-7, 0.9999999):
        model = XGBRegressor(objective=objective, base_score=score, n_estimators=0).fit(X, y)
        margin = model.predict(X, output_margin=True)
        np.testing.assert_array_equal(sparkbird.compile(model).margin(X), margin)


def test_a_weight_that_is_no_number_is_nothing_to_a_missing_value():
    X, y = gaussian()
    X[:, 0] *= 1e30
    model = XGBRegressor(booster="gblinear", reg_lambda=0, n_estimators=5, n_jobs=1)
    model.fit(X, 1e30 * y)
    assert np.isnan(model.predict(X)).all()
    rows = np.full((2, X.shape[1]), np.nan)
    assert np.isfinite(model.predict(rows)).all()
    np.testing.assert_array_equal(sparkbird.compile(model).predict(rows), model.predict(rows))


# The estimators


@pytest.mark.parametrize("more", [{}, {"booster": "dart", "rate_drop": 0.1}])
def test_a_model_that_stopped_early_is_that_of_its_best_round(more):
    """A round is `num_parallel_tree` trees for each class."""
    X, y = three_classes()
    model = XGBClassifier(
        n_estimators=40, num_parallel_tree=2, early_stopping_rounds=2, learning_rate=1.0, **more
    )
    model.fit(X[:48], y[:48], eval_set=[(X[48:], y[48:])], verbose=False)
    for best in (model.best_iteration, 2):
        model.get_booster().best_iteration = best
        compiled = sparkbird.compile(model)
        assert compiled.leaf(X).shape == (len(X), 6 * (best + 1))
        np.testing.assert_array_equal(compiled.margin(X), model.predict(X, output_margin=True))
        np.testing.assert_array_equal(compiled.predict(X), model.predict(X))


@pytest.mark.parametrize("objective", ["rank:ndcg", "rank:map", "rank:pairwise"])
@pytest.mark.parametrize("base", [None, 0.3])
def test_a_ranker_gives_its_scores(objective, base):
    X, y = gaussian()
    frame = pd.DataFrame(X).assign(qid=np.repeat([0, 1, 2], 32))
    model = XGBRanker(objective=objective, base_score=base, **few()).fit(frame, y)
    compiled = sparkbird.compile(model)
    for rows in (frame, frame.drop(columns="qid")):
        np.testing.assert_array_equal(compiled.predict(rows), model.predict(rows))


@pytest.mark.parametrize("booster", ["gbtree", "gblinear"])
@pytest.mark.parametrize("objective", ["binary:logistic", "count:poisson", "reg:squarederror"])
@pytest.mark.parametrize("base", [None, 0.3])
def test_a_model_of_no_rounds_gives_its_base_score(booster, objective, base):
    """As the margin itself, if it is not one of the user's own."""
    X, y = gaussian()
    model = XGBRegressor(booster=booster, objective=objective, base_score=base, n_estimators=0)
    model.fit(X, y)
    for each in (model, model.get_booster()):
        rows = X if each is model else xgb.DMatrix(X)
        compiled = sparkbird.compile(each, inputs=X)
        np.testing.assert_array_equal(compiled.margin(X), each.predict(rows, output_margin=True))


@pytest.mark.parametrize("form", ["json", "ubj"])
@pytest.mark.parametrize(
    ("model", "rows"),
    [
        (XGBClassifier(**few()), gaussian),
        (XGBClassifier(objective="multi:softmax", **few()), three_classes),
        (XGBClassifier(**few()), labels),
        (XGBRegressor(booster="gblinear"), two_targets),
        (XGBRFClassifier(**few()), three_classes),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else None,
)
def test_a_model_loaded_from_a_file_is_the_same(model, rows, form, tmp_path):
    X, y = rows()
    model = clone(model).fit(X, y)
    model.save_model(tmp_path / f"model.{form}")
    loaded = type(model)()
    loaded.load_model(tmp_path / f"model.{form}")
    compiled = sparkbird.compile(loaded)
    methods = {"predict": loaded.predict}
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(compiled.predict_proba(X), loaded.predict_proba(X), 1e-6)
    assert_equal(
        compiled, model, X, methods | {"margin": lambda x: model.predict(x, output_margin=True)}
    )


def test_a_model_trained_further_and_from_margins_of_its_own():
    X, y = continuous()
    first = XGBRegressor(**few()).fit(X, y)
    model = XGBRegressor(**few(max_depth=2))
    model.fit(X, y, xgb_model=first, base_margin=y / 2, sample_weight=np.linspace(0.1, 2, len(X)))
    np.testing.assert_array_equal(sparkbird.compile(model).predict(X), model.predict(X))


def test_a_model_of_the_base_class_gives_its_values():
    X, y = continuous()
    model = xgb.XGBModel(objective="reg:squarederror", **few()).fit(X, y)
    np.testing.assert_array_equal(sparkbird.compile(model).predict(X), model.predict(X))


def test_a_column_of_strings_that_was_none_is_refused():
    frame, y = named_numbers()
    model = XGBClassifier(**few()).fit(frame, y)
    with pytest.raises(ColumnTypeError, match="'age' is a string"):
        sparkbird.compile(model, inputs=frame.astype({"age": str}))


def test_too_few_columns_are_refused():
    X, y = gaussian()
    booster = XGBClassifier(**few()).fit(X, y).get_booster()
    with pytest.raises(ColumnCountError):
        sparkbird.compile(booster, inputs=X[:, :4])
    model = make_pipeline(StandardScaler(), XGBClassifier(**few())).fit(X, y)
    model.steps.insert(0, ("fewer", make_column_transformer(("passthrough", [0, 1])).fit(X)))
    with pytest.raises(ColumnCountError, match="takes 5 columns and was given 2"):
        sparkbird.compile(make_pipeline(model[0], model[2]), inputs=X)


@pytest.mark.parametrize(
    "model", [XGBClassifier(), XGBRFRegressor(), xgb.Booster()], ids=lambda m: type(m).__name__
)
def test_an_unfitted_model_is_refused(model):
    with pytest.raises(NotFittedError, match="is not fitted"):
        sparkbird.compile(model)


def test_an_objective_of_a_later_version_is_refused(monkeypatch):
    monkeypatch.delitem(OBJECTIVES, "reg:gamma")
    X, y = positive_target()
    with pytest.raises(UnsupportedOptionError, match="objective 'reg:gamma' is not compiled"):
        sparkbird.compile(XGBRegressor(objective="reg:gamma", **few()).fit(X, y))


def test_a_threshold_of_minus_infinity_is_refused():
    found = describe(XGBRegressor(**few()).fit(*continuous()).get_booster())
    tree = found.raw["model"]["trees"][0]
    tree["split_conditions"] = np.full(len(tree["split_conditions"]), -np.inf)
    with pytest.raises(UnsupportedOptionError, match="minus infinity"):
        forest_of(found, None, in_place=True)


def test_labels_of_one_value_are_refused():
    X, _ = gaussian()
    model = XGBClassifier(**few()).fit(X, np.zeros((len(X), 2), int))
    with pytest.raises(UnsupportedOptionError, match="1 classes with 2 outputs"):
        sparkbird.compile(model)


@pytest.mark.parametrize("kind", ["Classifier", "Regressor", "Ranker"])
def test_a_model_of_spark_is_refused_with_its_booster_as_the_way_out(kind):
    estimator = pytest.importorskip("xgboost.spark.estimator", exc_type=ImportError)
    cls = getattr(estimator, f"SparkXGB{kind}Model")
    X, y = gaussian()
    model = cls(XGBClassifier(**few()).fit(X, y))
    with pytest.raises(UnsupportedModelError, match=r"model\.get_booster\(\)"):
        sparkbird.compile(model)
    booster = model.get_booster()
    assert_booster_equal(sparkbird.compile(booster, inputs=X), booster, X)


@pytest.mark.parametrize(
    "cls", [XGBClassifier, XGBRegressor, XGBRanker, XGBRFClassifier, XGBRFRegressor, xgb.XGBModel]
)
def test_every_parameter_of_the_class_is_in_exactly_one_list(cls):
    name = f"xgboost.sklearn.{cls.__name__}"
    assert_ledger_is_whole(name, cls)
    known = ledger(name)
    assert {*cls().get_params()} <= {*known.consumes, *known.ignores}
