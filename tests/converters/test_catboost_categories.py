"""CatBoost on categories: hashes, one for each category, and statistics of the target."""

import functools
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier, CatBoostError, CatBoostRegressor, Pool, sum_models
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import sparkbird
from sparkbird.converters.catboost import bits, cityhash
from sparkbird.converters.catboost.reader import read
from sparkbird.errors import ColumnTypeError, InvalidValueError, UnsupportedOptionError
from sparkbird.graph import op
from tests.converters.boundaries import assert_equal
from tests.converters.test_catboost import FEW, ROUNDED, methods_of
from tests.parity import Case, check, parameters
from tests.runs import run

ROWS = 240
TEXTS = ("Zürich", "a", "New York", "x" * 40, "long " * 30, "日本", "😀")


def mixed(seed=0):
    """Numbers and categories side by side: few texts, many, few whole numbers, booleans."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "city": rng.choice(TEXTS, ROWS),
            "age": rng.normal(40, 10, ROWS),
            "shop": [f"shop {i}" for i in rng.integers(0, 60, ROWS)],
            "floor": rng.integers(-2, 9, ROWS),
            "gone": np.where(rng.random(ROWS) < 0.2, np.nan, rng.normal(size=ROWS)),
            "open": rng.random(ROWS) > 0.5,
            "size": rng.choice(["s", "m", "l"], ROWS),
        }
    )


class Positions(list):
    """Positions that scikit-learn can clone: CatBoost takes no tuple of them."""

    def __deepcopy__(self, _):
        return self


CATEGORICAL = ("city", "shop", "floor", "open", "size")


def score(frame):
    """A target in which categories matter together."""
    y = 0.05 * frame["age"] + (frame["city"] == "a") * (frame["size"] == "m")
    y += 2 * (frame["city"] == "日本") + (frame["floor"] % 3) * frame["open"]
    return (y + np.nan_to_num(frame["gone"])).to_numpy()


def numbers():
    return (frame := mixed()), score(frame)


def two_classes():
    return (frame := mixed()), (score(frame) > 4).astype(int)


def three_classes():
    return (frame := mixed()), np.digitize(score(frame), [3, 5])


def as_pandas_categories():
    frame, y = two_classes()
    kept = frame.assign(**{c: frame[c].astype("category") for c in ("city", "shop", "floor")})
    return kept, y


def integers():
    """An array in which any column may be categories."""
    rng = np.random.default_rng(4)
    X = rng.integers(-3, 9, size=(ROWS, 3)) * np.array([1, 10**12, 1])
    return X, (X[:, 0] % 3 == 1) * 2.0 + (X[:, 1] > 0) + 0.1 * X[:, 2]


def objects():
    """An array of strings and numbers, which CatBoost takes as they come."""
    frame, y = two_classes()
    return frame.drop(columns="gone").to_numpy(), y


def classifier(**more):
    return CatBoostClassifier(**FEW | {"depth": 4, "cat_features": CATEGORICAL} | more)


def regressor(**more):
    return CatBoostRegressor(**FEW | {"depth": 4, "cat_features": CATEGORICAL} | more)


GROWN = {"grow_policy": "Lossguide", "max_leaves": 12, "depth": 6}

CASES = [
    Case(classifier(), two_classes, **ROUNDED),
    Case(classifier(), three_classes, methods=("predict", "predict_proba"), **ROUNDED),
    Case(classifier(one_hot_max_size=100), as_pandas_categories, methods=("predict",)),
    Case(regressor(one_hot_max_size=3, iterations=20), numbers, rtol=0),
    Case(regressor(one_hot_max_size=100, **GROWN), numbers, rtol=0),
    *(
        Case(
            regressor(cat_features=Positions(columns), **more), integers, rtol=0, dtypes=("int64",)
        )
        for columns, more in (([0, 1], {}), ([0, 1, 2], {}), ([1], {"one_hot_max_size": 50}))
    ),
    Case(classifier(cat_features=Positions([0, 2, 3, 4, 5])), objects, dtypes=("",), **ROUNDED),
    Case(
        make_pipeline(
            make_column_transformer(
                (StandardScaler(), ["age"]),
                (FunctionTransformer(), ["city", "size"]),
                remainder="drop",
            ),
            classifier(cat_features=Positions([1, 2])),
        ),
        two_classes,
        methods=("predict",),
    ),
    Case(
        make_pipeline(
            make_column_transformer(
                (StandardScaler(), ["age"]),
                remainder="passthrough",
                verbose_feature_names_out=False,
            ).set_output(transform="pandas"),
            regressor(),
        ),
        numbers,
        rtol=0,
    ),
]

#: Of one type of statistics, several ways to cut the target into classes.
CUTS = tuple(f"Borders:TargetBorderCount={n}" for n in (1, 3))


def two_labels():
    frame = mixed()
    return frame, np.column_stack([score(frame) > 4, frame["city"].isin(["a", "日本"])]).astype(int)


def two_numbers():
    frame = mixed()
    return frame, np.column_stack([score(frame), frame["floor"] % 4])


COMBINED = {"iterations": 12, "model_size_reg": 0.0, "max_ctr_complexity": 3}

#: Models whose leaves tell all that there is to see.
STATISTICS = [
    (model(**{"one_hot_max_size": 2} | COMBINED | more), rows)
    for model, rows, more in (
        (classifier, two_classes, {}),
        (classifier, two_classes, {"max_ctr_complexity": 1}),
        (classifier, three_classes, {"one_hot_max_size": 100}),
        (classifier, three_classes, GROWN),
        (regressor, numbers, {"boosting_type": "Ordered", "nan_mode": "Max"}),
        (regressor, numbers, {"counter_calc_method": "Full", "one_hot_max_size": 0}),
        (regressor, numbers, {"store_all_simple_ctr": True, "ctr_leaf_count_limit": 4}),
        (regressor, numbers, {"ctr_target_border_count": 4}),
        (
            regressor,
            numbers,
            {
                "simple_ctr": ("Borders", "Counter", "BinarizedTargetMeanValue"),
                "per_feature_ctr": ("0:Buckets:Prior=0.1",),
            },
        ),
        *(
            (model, rows, {"simple_ctr": (kind,), "combinations_ctr": (kind,)})
            for kind, model, rows in (
                ("Borders:Prior=0.3:TargetBorderType=Uniform:CtrBorderCount=3", regressor, numbers),
                ("Borders:TargetBorderCount=5", regressor, numbers),
                ("Buckets:Prior=0.7", classifier, three_classes),
                ("Buckets:TargetBorderCount=3", regressor, numbers),
                ("BinarizedTargetMeanValue:Prior=0.3", classifier, two_classes),
                ("BinarizedTargetMeanValue:TargetBorderCount=4", regressor, numbers),
                ("Counter:Prior=1:CtrBorderCount=40", classifier, two_classes),
            )
        ),
        (regressor, numbers, {"simple_ctr": CUTS, "one_hot_max_size": 0, "iterations": 30}),
        (regressor, numbers, {"simple_ctr": CUTS, "combinations_ctr": CUTS, "one_hot_max_size": 0}),
        (classifier, two_labels, {"loss_function": "MultiLogloss", "one_hot_max_size": 0}),
        (classifier, two_labels, {"loss_function": "MultiCrossEntropy", "one_hot_max_size": 0}),
        (regressor, two_numbers, {"loss_function": "MultiRMSE", "one_hot_max_size": 0}),
    )
]
SEVERAL_CUTS = range(len(STATISTICS) - 5, len(STATISTICS))


@functools.cache
def trained(number):
    """A model of `STATISTICS`, and the rows it was trained on."""
    model, rows = STATISTICS[number]
    frame, y = rows()
    return clone(model).fit(frame, y), frame


@pytest.mark.parametrize(("case", "dtype"), parameters(CASES))
def test_it_gives_what_catboost_gives(case, dtype):
    check(case, dtype)


@pytest.mark.parametrize("number", range(len(STATISTICS)))
def test_all_rows_reach_the_same_leaves(number):
    model, frame = trained(number)
    compiled = sparkbird.compile(model, inputs=frame, outputs="leaf")
    other = mixed(1).replace({"city": {"a": "unseen"}, "shop": {"shop 3": ""}})
    methods = {"leaf": methods_of(model)["leaf"]}
    for rows in (frame, other, other[-1:]):
        assert_equal(compiled, model, rows, methods)


def described(model, folder, pool=None):
    """What the JSON of a model says of its features."""
    model.save_model(folder / "model.json", format="json", pool=pool)
    return json.loads((folder / "model.json").read_text())["features_info"]


def test_the_cases_have_statistics_of_combinations_of_every_kind(tmp_path):
    """The cases above would show nothing if no combination had a number or an exact category."""
    kinds, elements = set(), set()
    for number in range(len(STATISTICS)):
        for ctr in described(trained(number)[0], tmp_path).get("ctrs", ()):
            more = {element["combination_element"] for element in ctr["elements"][1:]}
            kinds |= {(ctr["ctr_type"], bool(more))}
            elements |= more
    assert elements == {"cat_feature_value", "float_feature", "cat_feature_exact_value"}
    names = ("Borders", "Buckets", "BinarizedTargetMeanValue", "Counter")
    assert kinds == {(name, combined) for name in names for combined in (False, True)}


def hashed_by_catboost(texts, folder):
    """The hash of each text, as CatBoost writes it beside the texts of a dataset."""
    frame = pd.DataFrame({"text": texts})
    pool = Pool(frame, np.arange(len(texts)) % 2, cat_features=["text"])
    written = described(CatBoostClassifier(**FEW).fit(pool), folder, pool)["cat_features_hash"]
    found = {entry["value"]: entry["hash"] for entry in written}
    return np.array([found[text] for text in texts], np.uint32).view(np.int32)


def test_texts_of_every_length_have_the_hash_that_catboost_gives_them(tmp_path):
    rng = np.random.default_rng(0)
    alphabet = [*"abc XYZ09éßΣ日本語텄😀\U00028ad4\0"]
    lengths = [*range(70), 64, 65, 127, 128, 129, 130, 500]
    texts = ["a", "ab", "é", *("".join(rng.choice(alphabet, n)) for n in lengths for _ in range(3))]
    texts = np.array(sorted({*texts}), object)
    expected = hashed_by_catboost(texts, tmp_path)
    np.testing.assert_array_equal(cityhash.of_strings(texts), expected)
    np.testing.assert_array_equal(run(cityhash.of_strings, texts), expected)


def test_whole_numbers_have_the_hash_of_their_digits():
    around = [10**k + i for k in range(19) for i in (-1, 0, 1)]
    values = np.array([*around, *(-v for v in around), -(2**63), 2**63 - 1])
    expected = cityhash.of_strings(np.array([*map(str, values.tolist())], object))
    np.testing.assert_array_equal(cityhash.of_integers(values), expected)
    np.testing.assert_array_equal(run(cityhash.of_integers, values), expected)


def test_every_character_has_its_own_bytes():
    """They are found by undoing a hash that is not one to one."""
    characters = [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
    expected = [int.from_bytes(c.encode(), "little") for c in characters]

    def first_word(x):
        return op.take(bits.number(bits.words_of_strings(x)[0]), 0, axis=1)

    np.testing.assert_array_equal(run(first_word, np.array(characters, object)), expected)


def test_without_inputs_categories_are_strings():
    frame, y = two_classes()
    frame = frame[["city", "age", "size"]]
    model = classifier(cat_features=("city", "size")).fit(frame, y)
    np.testing.assert_array_equal(sparkbird.compile(model).predict(frame), model.predict(frame))


def test_a_model_read_from_its_bytes_is_the_same():
    frame, y = two_classes()
    model = classifier().fit(frame, y)
    read = pickle.loads(pickle.dumps(model))
    assert_equal(sparkbird.compile(read, inputs=frame), model, frame, methods_of(model))


@pytest.mark.parametrize("column", ["city", "floor"])
def test_a_missing_category_fails_a_check(column):
    frame, y = two_classes()
    model = classifier().fit(frame, y)
    compiled = sparkbird.compile(model, inputs=frame)
    rows = frame.astype({column: object})
    rows.loc[3, column] = None
    with pytest.raises((CatBoostError, TypeError)):
        model.predict(rows)
    with pytest.raises(InvalidValueError, match="1 of 240 rows"):
        compiled.predict(rows)


def test_a_category_that_is_no_whole_number_fails_a_check():
    frame, y = two_classes()
    compiled = sparkbird.compile(classifier().fit(frame, y), inputs=frame)
    for value in (0.5, 2.0**54, np.inf):
        with pytest.raises(InvalidValueError, match="neither a string nor a whole number"):
            compiled.predict(frame.assign(floor=value))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_floats_are_no_categories(dtype):
    X, y = integers()
    model = regressor(cat_features=Positions([0])).fit(X, y)
    with pytest.raises(CatBoostError):
        model.predict(X.astype(dtype))
    with pytest.raises(ColumnTypeError, match="array of floats"):
        sparkbird.compile(model, inputs=X.astype(dtype))


def test_a_column_of_float32_is_no_category():
    frame, y = two_classes()
    model = classifier().fit(frame, y)
    with pytest.raises(ColumnTypeError, match="column of float32"):
        sparkbird.compile(model, inputs=frame.astype({"floor": np.float32}))


def test_tables_of_one_combination_that_differ_in_the_cut_are_kept_apart():
    """The cases above would show nothing otherwise."""
    cuts = [
        {(c.key.categories, c.key.kind, c.key.cut) for c in read(model).ctrs}
        for model, _ in map(trained, SEVERAL_CUTS)
    ]
    assert all(len({each[:2] for each in own}) < len(own) for own in cuts)


@pytest.mark.parametrize("policy", ["FailIfCtrIntersects", "LeaveMostDiversifiedTable"])
def test_statistics_of_models_that_were_summed(policy):
    frame, y = numbers()
    one, other = (
        regressor(one_hot_max_size=0, simple_ctr=kinds, max_ctr_complexity=1).fit(frame, y)
        for kinds in (["Buckets"], ["Borders:TargetBorderCount=3", "Counter"])
    )
    summed = sum_models([one, other], ctr_merge_policy=policy)
    compiled = sparkbird.compile(summed, inputs=frame)
    for rows in (frame, mixed(1)):
        assert_equal(compiled, summed, rows, {"leaf": methods_of(summed)["leaf"]})
        np.testing.assert_allclose(compiled.predict(rows), summed.predict(rows), rtol=1e-15)


def test_statistics_of_a_model_trained_further():
    frame, y = two_labels()
    given = {"loss_function": "MultiLogloss", "one_hot_max_size": 0}
    first = classifier(**given).fit(frame, y)
    model = classifier(**given, random_seed=1).fit(frame, y, init_model=first)
    assert_equal(sparkbird.compile(model, inputs=frame), model, frame, methods_of(model))


def test_a_model_that_does_not_keep_its_statistics_is_refused():
    """CatBoost itself ends the process where one predicts with it."""
    frame, y = two_classes()
    model = classifier(final_ctr_computation_mode="Skip").fit(frame, y)
    with pytest.raises(UnsupportedOptionError, match="does not keep the statistics"):
        sparkbird.compile(model, inputs=frame)


def test_a_numeric_feature_that_is_given_strings_is_refused():
    frame, y = two_classes()
    model = classifier().fit(frame, y)
    with pytest.raises(ColumnTypeError, match="'age' is a string"):
        sparkbird.compile(model, inputs=frame.astype({"age": str}))
