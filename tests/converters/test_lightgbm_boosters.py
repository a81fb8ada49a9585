"""LightGBM: raw boosters, their files, how many trees count, and what `predict` is told."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from sklearn.pipeline import make_pipeline

import sparkbird
from sparkbird.converters.lightgbm import parameters, text
from sparkbird.converters.registry import ledger
from sparkbird.errors import (
    ColumnCountError,
    ColumnNameError,
    NotFittedError,
    UnsupportedModelError,
)
from tests.converters.boundaries import assert_equal
from tests.converters.test_hist_gradient_boosting import positive_target
from tests.converters.test_lightgbm import CATEGORIES, FEW, about_zero_with_nan, codes, ratings
from tests.converters.test_lightgbm_categories import huge_codes, methods_of
from tests.converters.test_tree import continuous_with_nan
from tests.rows import continuous, gaussian, named_numbers, three_classes, with_nan

RF = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}

#: The parameters of `train`, and rows.
BOOSTERS = [
    ({}, continuous),
    ({}, continuous_with_nan),
    ({"zero_as_missing": True}, about_zero_with_nan),
    ({"use_missing": False}, about_zero_with_nan),
    ({"boosting": "dart"}, continuous),
    (RF, continuous),
    ({"data_sample_strategy": "goss"}, continuous),
    ({"objective": "binary"}, gaussian),
    ({"objective": "binary", "sigmoid": 0.3}, gaussian),
    ({"objective": "binary", "is_unbalance": True} | RF, with_nan),
    ({"objective": "binary", "pred_early_stop": True}, gaussian),
    ({"objective": "multiclass", "num_class": 3}, three_classes),
    ({"objective": "ova", "num_class": 3, "sigmoid": 2}, three_classes),
    ({"objective": "tweedie"}, positive_target),
    ({"objective": "cross_entropy_lambda"}, ratings),
    ({"objective": "l2", "reg_sqrt": True}, continuous),
    ({"objective": "quantile", "alpha": 0.2, "extra_trees": True}, continuous),
    ({"linear_tree": True}, continuous_with_nan),
    ({"linear_tree": True, "objective": "multiclass", "num_class": 3}, three_classes),
    ({"num_leaves": 2}, continuous),
    ({"max_depth": 2, "monotone_constraints": [1, 0, 0, 0, -1]}, continuous),
    ({"min_data_in_leaf": 1000}, continuous),
    ({"interaction_constraints": [[0, 1], [2, 3, 4]], "path_smooth": 0.5}, continuous),
    ({"use_quantized_grad": True}, continuous),
    (CATEGORIES, codes),
    (CATEGORIES | {"zero_as_missing": True}, codes),
    (CATEGORIES, huge_codes),
]

# LightGBM's of `categorical_feature` among the parameters, and of parameters with several names.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


NAMED = {"ids": lambda value: getattr(value, "__name__", str(value))}


def trained(parameters, rows, trees=5):
    X, y = rows()
    return X, lgb.train(FEW | parameters, lgb.Dataset(X, y), trees)


def assert_compiled_is(booster, X):
    compiled = sparkbird.compile(booster, inputs=X)
    methods = methods_of(booster)
    np.testing.assert_allclose(compiled.predict(X), methods.pop("predict")(X), 1e-13)
    assert_equal(compiled, booster, X, methods)


@pytest.mark.parametrize("read", [False, True], ids=["", "read"])
@pytest.mark.parametrize(("parameters", "rows"), BOOSTERS, **NAMED)
def test_a_booster_gives_what_its_own_predict_gives(parameters, rows, read):
    """Also one that was read from its text, as a model of SynapseML writes it too."""
    X, booster = trained(parameters, rows)
    if read:
        booster = lgb.Booster(model_str=booster.model_to_string())
    for dtype in (np.float64, np.float32):
        assert_compiled_is(booster, X.astype(dtype))


@pytest.mark.parametrize(("parameters", "rows"), BOOSTERS[-12:], **NAMED)
def test_a_booster_is_the_same_read_tree_by_tree(parameters, rows, monkeypatch):
    X, booster = trained(parameters, rows)
    whole = sparkbird.compile(booster, inputs=X)
    monkeypatch.setattr(text, "_MOST_ITERATIONS", 1)
    assert sparkbird.compile(booster, inputs=X).to_bytes() == whole.to_bytes()


def test_a_file_of_a_booster_is_compiled(tmp_path):
    X, booster = trained({}, continuous)
    booster.save_model(tmp_path / "model.txt")
    compiled = sparkbird.compile(tmp_path / "model.txt", inputs=X)
    np.testing.assert_array_equal(compiled.predict(X), booster.predict(X))


def test_a_booster_knows_its_columns_by_name_or_by_number():
    X, y = named_numbers()
    named = lgb.train(FEW, lgb.Dataset(X, y), 5)
    for booster in (named, lgb.Booster(model_str=named.model_to_string())):
        compiled = sparkbird.compile(booster)
        assert [*compiled.schema.names] == [*X.columns]
        turned = X[X.columns[::-1]]
        np.testing.assert_array_equal(compiled.margin(turned), named.predict(X, raw_score=True))
    X, booster = trained({}, continuous)
    np.testing.assert_array_equal(sparkbird.compile(booster).predict(X), booster.predict(X))


def test_names_with_spaces_are_found_though_lightgbm_writes_them_with_underscores():
    X, y = continuous()
    frame = pd.DataFrame(X, columns=["sepal length (cm)", "a_b", "c  d", "é è", "e"])
    model = LGBMRegressor(**FEW).fit(frame, y)
    assert model.feature_name_[0] == "sepal_length_(cm)"
    for each in (model, model.booster_, make_pipeline("passthrough", model).fit(frame, y)):
        compiled = sparkbird.compile(each, inputs=frame)
        assert [*compiled.schema.names] == [*frame.columns]
        turned = frame[frame.columns[::-1]]
        np.testing.assert_array_equal(compiled.predict(turned), model.predict(frame))
    other = frame.rename(columns={"a_b": "a b", "é è": "x"})
    with pytest.raises(ColumnNameError, match="no column 'é_è'"):
        sparkbird.compile(model, inputs=other)


@pytest.mark.parametrize("first", [0, 1, 3])
@pytest.mark.parametrize("count", [1, 2, -1])
@pytest.mark.parametrize("parameters", [{}, {"objective": "binary"}, RF], **NAMED)
def test_a_booster_of_some_iterations_is_that_of_its_text(first, count, parameters):
    """`start_iteration` and `num_iteration`: where predict takes them, so does the text."""
    X, booster = trained(parameters, gaussian)
    read = lgb.Booster(
        model_str=booster.model_to_string(start_iteration=first, num_iteration=count)
    )
    assert_compiled_is(read, X)
    expected = booster.predict(X, raw_score=True, start_iteration=first, num_iteration=count)
    np.testing.assert_allclose(sparkbird.compile(read).margin(X), expected, 1e-13)


def test_columns_of_a_booster_may_be_named_by_inputs():
    X, booster = trained({}, continuous)
    frame = pd.DataFrame(X, columns=[*"abcde"])
    compiled = sparkbird.compile(booster, inputs=frame)
    np.testing.assert_array_equal(compiled.predict(frame), booster.predict(frame))


@pytest.mark.parametrize("columns", [4, 6])
@pytest.mark.parametrize("parameters", [{}, {"predict_disable_shape_check": True}], ids=str)
def test_another_number_of_columns_is_refused(columns, parameters):
    X, y = continuous()
    model = LGBMRegressor(**parameters, **FEW).fit(X, y)
    for each in (model, model.booster_):
        with pytest.raises(ColumnCountError):
            sparkbird.compile(each, inputs=np.zeros((3, columns)))


@pytest.mark.parametrize("cls", [LGBMClassifier, LGBMRegressor, LGBMRanker, lgb.DaskLGBMRanker])
def test_an_unfitted_model_is_refused(cls):
    with pytest.raises(NotFittedError):
        sparkbird.compile(cls())


def test_a_booster_without_trees_is_refused():
    X, y = continuous()
    with pytest.raises(NotFittedError, match="no trees"):
        sparkbird.compile(lgb.Booster(FEW, lgb.Dataset(X, y)), inputs=X)


def stopped(parameters, rows, read=False):
    X, y = rows()
    half = len(X) // 2
    data = lgb.Dataset(X[:half], y[:half])
    booster = lgb.train(
        FEW | parameters | {"learning_rate": 0.5, "n_estimators": 60},
        data,
        valid_sets=[data.create_valid(X[half:], y[half:])],
        callbacks=[lgb.early_stopping(2, verbose=False)],
        keep_training_booster=True,
    )
    assert 0 < booster.best_iteration < booster.current_iteration()
    return X, lgb.Booster(model_str=booster.model_to_string()) if read else booster


STOPPED = [
    ({}, continuous),
    ({"objective": "binary", "metric": "binary_logloss"}, gaussian),
    ({"objective": "multiclass", "num_class": 3}, three_classes),
    ({"linear_tree": True}, continuous),
]


@pytest.mark.parametrize("read", [False, True], ids=["", "read"])
@pytest.mark.parametrize(("parameters", "rows"), STOPPED, **NAMED)
def test_a_booster_that_stopped_early_is_that_of_its_best_iteration(parameters, rows, read):
    X, booster = stopped(parameters, rows, read)
    assert_compiled_is(booster, X)


def test_more_iterations_than_there_are_are_all():
    X, booster = stopped(*STOPPED[2])
    for best in (1, booster.current_iteration() + 5, 0, -1):
        booster.best_iteration = best
        assert_compiled_is(booster, X)


@pytest.mark.parametrize("cls", [LGBMClassifier, LGBMRegressor])
def test_an_estimator_that_stopped_early_is_that_of_its_best_iteration(cls):
    X, y = three_classes()
    model = cls(**FEW | {"n_estimators": 60}, learning_rate=0.5, early_stopping_round=2)
    model.fit(X[:48], y[:48], eval_X=(X[48:],), eval_y=(y[48:],))
    assert 0 < model.best_iteration_ < 60
    assert_compiled_is(model, X)


#: What `predict` takes as arguments, and parameters of other tasks: an estimator that was
#: given them predicts as ever.
WITHOUT_EFFECT = [
    {"start_iteration_predict": 2},
    {"start_iteration": 2},
    {"num_iteration_predict": 2},
    {"predict_raw_score": True},
    {"raw_score": True},
    {"predict_leaf_index": True},
    {"pred_leaf": True},
    {"predict_contrib": True},
    {"pred_contrib": True},
    {"pred_early_stop_freq": 1, "pred_early_stop_margin": 0.0},
    {"predict_disable_shape_check": True},
    {"task": "train"},
    {"output_model": "never written"},
    {"num_threads": 2},
    {"n_jobs": -1},
    {"device_type": "cpu"},
    {"saved_feature_importance_type": 1},
    {"importance_type": "gain"},
    {"verbosity": -1},
]


@pytest.mark.parametrize("given", WITHOUT_EFFECT, ids=str)
def test_what_predict_takes_as_arguments_is_nothing_that_an_estimator_remembers(given):
    X, y = gaussian()
    model = LGBMClassifier(**FEW | given).fit(X, y)
    assert_compiled_is(model, X)
    if {"verbosity"} ^ {*given}:
        np.testing.assert_array_equal(
            sparkbird.compile(model).predict(X), LGBMClassifier(**FEW).fit(X, y).predict(X)
        )


@pytest.mark.parametrize("name", ["num_iteration", "num_trees", "n_iter", "max_iter"])
def test_the_number_of_trees_has_many_names(name):
    X, y = continuous()
    model = LGBMRegressor(**{name: 3}, min_child_samples=3, n_jobs=1, verbose=-1).fit(X, y)
    assert sparkbird.compile(model).leaf(X).shape == (len(X), 3)
    assert_compiled_is(model, X)


@pytest.mark.parametrize("cls", [LGBMClassifier, LGBMRegressor, LGBMRanker])
def test_a_model_of_dask_is_refused_and_a_local_one_of_it_is_compiled(cls):
    """A fitted model of Dask has the attributes of a plain one; no cluster is needed here."""
    X, y = gaussian()
    fitted = cls(**FEW).fit(X, y, **({"group": [len(y)]} if cls is LGBMRanker else {}))
    distributed = getattr(lgb, f"Dask{cls.__name__}")(**FEW)
    for name, value in vars(fitted).items():
        setattr(distributed, name, value)
    with pytest.raises(UnsupportedModelError, match="collections of Dask") as caught:
        sparkbird.compile(distributed)
    assert "to_local()" in str(caught.value)
    assert_compiled_is(distributed.to_local(), X)


@pytest.mark.parametrize("cls", [LGBMClassifier, LGBMRegressor, LGBMRanker])
def test_every_name_of_every_parameter_is_in_exactly_one_list(cls):
    aliases = lgb.basic._ConfigAliases
    aliases.get("objective")
    known = {name for main, names in aliases.aliases.items() for name in (main, *names)}
    lists = (parameters.READ + parameters.EARLY_STOP + parameters.IGNORED).split()
    assert len(lists) == len({*lists})
    assert known <= {*lists}
    own = ledger(f"lightgbm.sklearn.{cls.__name__}")
    assert {*own.consumes, *own.ignores} == {*lists}
    assert not own.refuses
