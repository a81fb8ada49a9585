"""Boosters in the files of their own libraries, read by path."""

import json
from pathlib import Path

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost

import sparkbird
from sparkbird.converters.native import SUFFIXES
from sparkbird.errors import ArtifactError, UnsupportedModelError
from sparkbird.job import models
from tests.rows import gaussian

X, Y = gaussian()
NAN = np.where(np.arange(X.size).reshape(X.shape) % 11, X, np.nan)


def by_lightgbm(path):
    model = lightgbm.LGBMClassifier(n_estimators=4, min_child_samples=3, verbose=-1).fit(X, Y)
    model.booster_.save_model(path)
    return lightgbm.Booster(model_file=path).predict


def by_xgboost(path):
    xgboost.XGBClassifier(n_estimators=4, max_depth=3).fit(X, Y).save_model(path)
    return lambda rows: xgboost.Booster(model_file=path).predict(xgboost.DMatrix(rows))


def by_catboost(path):
    model = catboost.CatBoostClassifier(iterations=4, allow_writing_files=False, verbose=0)
    model.fit(X, Y).save_model(path)
    return catboost.CatBoost().load_model(path).predict


WRITERS = {".txt": by_lightgbm, ".json": by_xgboost, ".ubj": by_xgboost, ".cbm": by_catboost}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_booster_is_read_from_the_file_of_its_library(suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    predict = WRITERS[suffix](str(path))
    for compiled in (sparkbird.compile(path), sparkbird.compile(str(path))):
        np.testing.assert_allclose(compiled.predict(NAN), predict(NAN), rtol=1e-6)
    read = models.read(str(path), models.kind_of(str(path)))
    np.testing.assert_allclose(sparkbird.compile(read).predict(X), predict(X), rtol=1e-6)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_none_is_named_with_its_library(suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    with pytest.raises(ArtifactError, match="there is no model at"):
        sparkbird.compile(path)
    path.write_text("not a model")
    with pytest.raises(ArtifactError, match=f"{SUFFIXES[suffix]} cannot read"):
        sparkbird.compile(path)


def saved_by_spark(folder, booster):
    """As ``xgboost.spark`` writes a model; its JSON is cut anywhere."""
    text = booster.save_raw("json").decode()
    metadata = {"class": "xgboost.spark.estimator.SparkXGBClassifierModel", "uid": "uid"}
    for name, lines in (
        ("metadata", [json.dumps(metadata)]),
        ("model", [text[i : i + 1000] for i in range(0, len(text), 1000)]),
    ):
        (folder / name).mkdir()
        (folder / name / "part-00000").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("folder", [str, Path])
def test_a_folder_of_xgboost_in_spark_holds_a_booster(folder, tmp_path):
    booster = xgboost.XGBClassifier(n_estimators=4, max_depth=3).fit(X, Y).get_booster()
    saved_by_spark(tmp_path, booster)
    compiled = sparkbird.compile(folder(tmp_path))
    expected = booster.predict(xgboost.DMatrix(NAN))
    np.testing.assert_allclose(compiled.predict(NAN), expected, rtol=1e-6)


def test_a_folder_of_xgboost_that_is_cut_short_is_named(tmp_path):
    booster = xgboost.XGBClassifier(n_estimators=4, max_depth=3).fit(X, Y).get_booster()
    saved_by_spark(tmp_path, booster)
    (tmp_path / "model" / "part-00000").write_text("{")
    with pytest.raises(ArtifactError, match="xgboost cannot read"):
        sparkbird.compile(tmp_path)


def test_a_pickle_is_not_unpickled_by_its_name(tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(b"anything")
    with pytest.raises(UnsupportedModelError, match="PosixPath"):
        sparkbird.compile(path)
