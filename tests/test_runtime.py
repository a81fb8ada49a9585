"""What runs on an executor: Arrow in, a graph, Arrow out, and the cache of sessions."""

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import numpy as np
import onnxruntime as ort
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, Normalizer, OrdinalEncoder, StandardScaler

import sparkbird
from sparkbird.dtypes import MISSING
from sparkbird.errors import (
    ArtifactError,
    ColumnCountError,
    ColumnTypeError,
    InvalidValueError,
    ProviderError,
)
from sparkbird.graph import op
from sparkbird.graph.build import build, serialized
from sparkbird.runtime import batches, task
from sparkbird.runtime.apart import column_of
from sparkbird.runtime.batches import feeds, values_of
from sparkbird.runtime.entries import by_row
from sparkbird.runtime.part import Part, Result
from sparkbird.runtime.providers import CPU, ON_CPU
from sparkbird.runtime.results import arrow_type, struct_type, to_arrow, to_struct
from sparkbird.runtime.scoring import score, score_columns
from sparkbird.runtime.sessions import RUNS_BYTES, Sessions, open_session
from sparkbird.runtime.worker import ByCount, Inline, Model, Models
from sparkbird.schema import SCREEN, Column, Output, Schema, Tensor

NAN = float("nan")
FLOAT64 = Column("x", "float64")
FLOAT32 = Column("x", "float32")
STRING = Column("x", "string")


def sliced(array):
    """`array` as a slice with an offset, as Arrow's own slicing leaves it."""
    padded = pa.concat_arrays([array[:1], array, array[:1]]) if len(array) else array
    return padded[1:-1] if len(array) else array


@pytest.mark.parametrize(
    ("array", "values"),
    [
        (pa.array([1.5, None, NAN]), [1.5, NAN, NAN]),
        (pa.array([1.5, 2.5], pa.float32()), [1.5, 2.5]),
        (pa.array([np.float16(1.5), None], pa.float16()), [1.5, NAN]),
        (pa.array([1, None, -3], pa.int8()), [1, NAN, -3]),
        (pa.array([2**53, -(2**53), None]), [2**53, -(2**53), NAN]),
        (pa.array([1, 255], pa.uint8()), [1, 255]),
        (pa.array([True, None, False]), [1, NAN, 0]),
        (pa.array([None, None]), [NAN, NAN]),
        (pa.array([1.0, 2.0, 1.0]).dictionary_encode(), [1, 2, 1]),
        (pa.array([1, None, 1]).dictionary_encode(), [1, NAN, 1]),
        (pa.array([], pa.float64()), []),
        (pa.array([], pa.null()), []),
        (pa.array([7.0]), [7]),
    ],
    ids=lambda v: str(v.type) if isinstance(v, pa.Array) else "",
)
def test_numbers_of_every_type_become_doubles(array, values):
    for given in (array, sliced(array), pa.chunked_array([array])):
        actual = values_of(FLOAT64, given)
        assert actual.dtype == np.float64
        np.testing.assert_array_equal(actual, np.array(values, float))


def test_decimals_become_the_doubles_that_python_makes_of_them():
    rng = np.random.default_rng(0)
    digits = rng.integers(-(10**17), 10**17, 500).tolist()
    decimals = [
        Decimal(d).scaleb(-int(s)) for d, s in zip(digits, rng.integers(0, 18, 500), strict=True)
    ]
    array = pa.array([*decimals, None], pa.decimal128(38, 18))
    expected = [*map(float, decimals), NAN]
    np.testing.assert_array_equal(values_of(FLOAT64, array), expected)
    np.testing.assert_array_equal(values_of(FLOAT64, sliced(array)), expected)
    assert values_of(FLOAT64, pa.array([Decimal("1e22")], pa.decimal256(50, 5)))[0] == 1e22


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["a", None, "é", "a", ""]),
        pa.array(["a", None, "é", "a", ""], pa.large_string()),
        # Since pyarrow 16.
        *(
            [pa.array(["a", None, "é", "a", ""], pa.string_view())]
            if hasattr(pa, "string_view")
            else []
        ),
        pa.array(["a", None, "é", "a", ""]).dictionary_encode(),
        pa.array(["a", None, "é", "a", ""]).dictionary_encode("encode"),
        pa.DictionaryArray.from_arrays(
            pa.array([0, 1, 2, 0, 3], pa.int8()), pa.array(["a", None, "é", ""])
        ),
    ],
    ids=lambda array: str(array.type),
)
def test_strings_of_every_type_become_objects_and_null_is_marked(array):
    for given in (array, sliced(array)):
        assert values_of(STRING, given).strings.tolist() == ["a", MISSING, "é", "a", ""]
        assert values_of(STRING, given[:0]).strings.tolist() == []
        assert values_of(STRING, given[1:2]).strings.tolist() == [MISSING]


def test_nulls_alone_are_missing_strings_too():
    assert values_of(STRING, pa.nulls(2)).strings.tolist() == [MISSING, MISSING]
    assert values_of(STRING, pa.nulls(2, pa.string())).strings.tolist() == [MISSING, MISSING]


@pytest.mark.parametrize(
    ("column", "array", "words"),
    [
        (FLOAT64, pa.array([2**53 + 1]), "'x' holds int64 that float64 cannot hold"),
        (FLOAT64, pa.array([2**53 + 1, None]), "'x' holds int64 that float64 cannot hold"),
        (FLOAT32, pa.array([0.1]), "'x' is double, and the model takes float32"),
        (FLOAT32, pa.array([2**24 + 1]), "'x' holds int64 that float32 cannot hold"),
        (FLOAT64, pa.array(["1.5"]), "cast it to a number, or declare it as a string"),
        (FLOAT64, pa.array(["1.5"]).dictionary_encode(), "'x' is dictionary"),
        (FLOAT64, pa.nulls(2, pa.string()), "'x' is string"),
        (FLOAT64, pa.array([0], pa.date32()), "(?s)'x' is date32.*turn it into a number first"),
        (FLOAT64, pa.nulls(1, pa.timestamp("us", "UTC")), "turn it into a number first"),
        (FLOAT64, pa.array([0], pa.duration("s")), "turn it into a number first"),
        (FLOAT64, pa.array([[1.0]]), "pass its elements as columns of their own"),
        (FLOAT64, pa.array([{"a": 1.0}]), "pass its elements as columns of their own"),
        (FLOAT64, pa.array([b"x"]), "'x' is binary"),
        (STRING, pa.array([1.5]), "(?s)'x' is double.*declare its own type"),
        (STRING, pa.array([1]).dictionary_encode(), "'x' is dictionary"),
        (STRING, pa.array([True]), "'x' is bool"),
        (Column("x", "int64"), pa.array([1, None]), "'x' has 1 NULLs, and int64 has no NaN"),
        (Column("x", "int64"), pa.array([1.5]), "'x' holds double that int64 cannot hold"),
    ],
)
def test_what_cannot_become_the_declared_type_is_refused_by_name(column, array, words):
    with pytest.raises(ColumnTypeError, match=words):
        values_of(column, array)


@pytest.mark.parametrize("few", [True, False])
def test_a_matrix_is_its_columns_side_by_side(few, monkeypatch):
    monkeypatch.setattr(batches, "LEAST_APART", 10 if few else 0)
    columns = (Column("x0", "float64"), Column("x1", "float64"))
    schema = Schema("matrix", columns, ("x0", "x1"), ())
    matrix = feeds(schema, [pa.array([1, 2]), pa.array([None, 0.5])])["X"]
    np.testing.assert_array_equal(matrix, [[1, NAN], [2, 0.5]])
    assert matrix[1:].shape == (1, 2)
    assert matrix.dtype == np.float64
    np.testing.assert_array_equal(column_of(matrix[1:], 1), [0.5])
    np.testing.assert_array_equal(matrix[1:][:5], [[2, 0.5]])
    assert np.asarray(matrix[5:]).shape == (0, 2)
    assert feeds(schema, [pa.array([], pa.float64())] * 2)["X"].shape == (0, 2)
    with pytest.raises(ColumnCountError, match="takes 2 columns and was given 1"):
        feeds(schema, [pa.array([1.0])])


def tensor(name, dtype, *lengths):
    return Tensor(name, dtype, lengths, "")


ROWS = np.array([True, False, False])
#: The columns and values of rows, of which the last has more than half.
PAIRS = by_row(np.array([2, 0, 2, 1, 2]), np.array([3, 1, 0, 2, 1]), np.array([4.0, 1, 2, 0, 3]), 3)
VECTOR = (
    "struct<type: int8 not null, size: int32, indices: list<element: int32 not null>, "
    "values: list<element: double not null>>"
)
NOTHING = {"type": 0, "size": 4, "indices": [], "values": []}
RESULTS = [
    (
        Output("p", "sparse", (tensor("p.0", "int64"),), width=4),
        {"p": PAIRS},
        VECTOR,
        [None, NOTHING, {**NOTHING, "indices": [0, 1, 3], "values": [2.0, 3.0, 4.0]}],
    ),
    (
        Output("p", "compressed", (tensor("p.0", "int64"),), width=4),
        {"p": PAIRS},
        VECTOR,
        [
            None,
            NOTHING,
            {"type": 1, "size": None, "indices": None, "values": [2.0, 3.0, 0.0, 4.0]},
        ],
    ),
    (
        Output("p", "array", (tensor("p", "float64"),)),
        {"p": np.array([1.0, NAN, 2.0])},
        "double",
        [None, NAN, 2.0],
    ),
    (
        Output("p", "array", (tensor("p", "string"),)),
        {"p": np.array(["a", MISSING, "b"], object)},
        "string",
        [None, None, "b"],
    ),
    (Output("p", "array", (tensor("p", "bool"),)), {"p": ~ROWS}, "bool", [None, True, True]),
    (
        Output("p", "array", (tensor("p", "uint8"),)),
        {"p": np.array([1, 255, 3], np.uint8)},
        "int16",
        [None, 255, 3],
    ),
    (
        Output("p", "array", (tensor("p", "float32", 2),)),
        {"p": np.arange(6, dtype=np.float32).reshape(3, 2)},
        "list<element: float>",
        [None, [2, 3], [4, 5]],
    ),
    (
        Output("p", "array", (tensor("p", "int64", 0),)),
        {"p": np.zeros((3, 0), np.int64)},
        "list<element: int64>",
        [None, [], []],
    ),
    (
        Output("p", "array", (tensor("p", "int32", 2, 1),)),
        {"p": np.arange(6, dtype=np.int32).reshape(3, 2, 1)},
        "list<element: list<element: int32>>",
        [None, [[2], [3]], [[4], [5]]],
    ),
    (
        Output("p", "tokens", (tensor("p", "string"),)),
        {"p": np.array([["x"], [], ["a", "", "é", MISSING], 0], object)[:3]},
        "list<element: string>",
        [None, [], ["a", "", "é", None]],
    ),
    (
        Output("p", "list", (tensor("p.0", "float64", 1), tensor("p.1", "float64", 2))),
        {"p.0": np.array([[0.0], [1], [2]]), "p.1": np.array([[3.0, 4], [5, 6], [7, 8]])},
        "list<element: list<element: double>>",
        [None, [[1], [5, 6]], [[2], [7, 8]]],
    ),
    (
        Output("p", "pandas", (tensor("p.0", "float64"), tensor("p.1", "string")), ("a", "b")),
        {"p.0": np.array([1.0, 2, 3]), "p.1": np.array(["x", "y", MISSING], object)},
        "struct<a: double, b: string>",
        [{"a": None, "b": None}, {"a": 2, "b": "y"}, {"a": 3, "b": None}],
    ),
    (
        Output("p", "object", (tensor("p.0", "int64"),)),
        {"p.0": np.array([1, 2, 3])},
        "struct<_0: int64>",
        [{"_0": None}, {"_0": 2}, {"_0": 3}],
    ),
]


@pytest.mark.parametrize(("output", "tensors", "kind", "expected"), RESULTS)
def test_results_have_exactly_the_promised_type_and_null_where_invalid(
    output, tensors, kind, expected
):
    for rows in (3, 1, 0):
        head = {name: values[:rows] for name, values in tensors.items()}
        array = to_arrow(output, head, ROWS[:rows])
        array.validate(full=True)
        assert array.type == arrow_type(output)
        assert str(array.type) == kind
        assert str(array.to_pylist()) == str(pa.array(expected[:rows], array.type).to_pylist())


def test_several_outputs_are_a_struct_of_the_promised_type():
    outputs = [Output("p", "array", (tensor("p", "int64"),)), RESULTS[6][0]]
    tensors = {"p": np.array([[1.0, 2]] * 3, np.float32)}
    outputs[0] = Output("q", "array", (tensor("q", "int64"),))
    array = to_struct(outputs, {**tensors, "q": np.arange(3)}, ROWS)
    assert array.type == struct_type(outputs)
    assert array.to_pylist()[:2] == [{"q": None, "p": None}, {"q": 1, "p": [1, 2]}]


@pytest.fixture(scope="module")
def scalers():
    X = pd.DataFrame({"a": [1.0, 2.0, 6.0], "b": [0.5, -1.0, 2.0]})
    return [sparkbird.compile(StandardScaler().fit(X * i)) for i in (1, 2, 3)]


def test_two_models_that_alternate_are_loaded_once_each(scalers):
    sessions = Sessions()
    for _ in range(5):
        for model in scalers[:2]:
            sessions.get(model.digest, model.to_bytes, ["transform"])
    assert sessions.loads == 2


def test_the_session_not_used_for_longest_goes_first(scalers):
    one, two, three = scalers
    sessions = Sessions(capacity=(len(one.to_bytes()) + RUNS_BYTES) * 2 + 100)
    for model in (one, two, one, three, one, three):
        sessions.get(model.digest, model.to_bytes, ["transform"])
    assert sessions.loads == 3, "two had to go"
    sessions.get(two.digest, two.to_bytes, ["transform"])
    assert sessions.loads == 4


def test_a_model_larger_than_the_cache_is_kept_while_it_is_used(scalers):
    sessions = Sessions(capacity=1)
    for model in (scalers[0], scalers[0], scalers[1], scalers[1]):
        sessions.get(model.digest, model.to_bytes, ["transform"])
    assert sessions.loads == 2


def test_devices_are_sessions_apart(scalers):
    sessions = Sessions()
    for device in ("auto", "cpu", "auto", "cpu"):
        sessions.get(scalers[0].digest, scalers[0].to_bytes, ["transform"], device=device)
    assert sessions.loads == 2


def test_a_damaged_artefact_is_refused():
    with pytest.raises(ArtifactError, match="cannot load the model"):
        open_session(b"no model", ["transform"])


def test_a_device_that_is_not_there_is_named(scalers):
    content = scalers[0].to_bytes()
    with pytest.raises(ProviderError, match="unknown device 'tpu'"):
        open_session(content, ["transform"], device="tpu")
    with pytest.raises(ProviderError, match=r"(?s)no CUDAExecutionProvider.*sparkbird.gpu"):
        open_session(content, ["transform"], device="cuda")


def handle(model, *outputs, **options):
    return Model(model.digest, Inline(model.to_bytes()), outputs, (0, 1), **options)


A, B = pa.array([1.0, 2.0, None]), pa.array([0.5, 1.0, 1.0])


def test_a_handle_scores_arrow_columns_in_the_order_it_was_told(scalers):
    model = scalers[0]
    expected = model.transform(pa.table({"a": A, "b": B}))
    actual = handle(model, "transform")(A, B)
    np.testing.assert_array_equal(actual.to_pylist(), expected)
    swapped = Model(model.digest, Inline(model.to_bytes()), ("transform",), (2, 0))
    np.testing.assert_array_equal(swapped(B, A, A).to_pylist(), expected)


def test_a_handle_gives_a_struct_if_told_to(scalers):
    array = handle(scalers[0], "transform", as_struct=True)(A, B)
    assert [field.name for field in array.type] == ["transform"]
    both = Models((("x", handle(scalers[0], "transform")), ("y", handle(scalers[1], "transform"))))
    assert [field.name for field in both(A, B).type] == ["x", "y"]
    assert both.__name__ == "x_y"


def test_a_column_is_made_ready_once_for_all_models_that_take_it(scalers, monkeypatch):
    made = []
    monkeypatch.setattr(
        batches, "values_of", lambda column, array: made.append(column) or values_of(column, array)
    )
    handles = [handle(model, "transform") for model in scalers[:2]]
    narrow = {"a": "float32", "b": "float32"}
    compiled = sparkbird.compile(
        StandardScaler().fit(pd.DataFrame({"a": [1.0, 2], "b": 0})), narrow
    )
    handles.append(handle(compiled, "transform"))
    a, b = A.cast(pa.float32()), B.cast(pa.float32())
    several = Models(tuple(zip("xyz", handles, strict=True)))(a, b)
    assert [(column.name, column.dtype) for column in made] == [
        ("a", "float64"),
        ("b", "float64"),
        ("a", "float32"),
        ("b", "float32"),
    ]
    for field, one in zip(several.flatten(), handles, strict=True):
        np.testing.assert_array_equal(field.to_pylist(), one(a, b).to_pylist())


def test_an_error_names_the_column_of_the_model_that_refuses_it(scalers):
    other = sparkbird.compile(StandardScaler().fit(pd.DataFrame({"c": [1.0, 2], "d": 0})))
    for models in ([other, scalers[0]], [scalers[0], other]):
        both = Models(
            tuple(
                (name, handle(model, "transform")) for name, model in zip("xy", models, strict=True)
            )
        )
        first = models[0].schema.columns[0].name
        with pytest.raises(ColumnTypeError, match=f"column '{first}' is string"):
            both(pa.array(["a", "b", "c"]), B)


def test_a_function_may_be_called_with_one_number_of_columns_or_another(scalers):
    two = handle(scalers[0], "transform")
    either = ByCount(((2, two), (3, replace(two, columns=(0, 2)))))
    assert either.__name__ == "transform"
    assert str(either(A, B)) == str(either(A, A, B)) == str(two(A, B))
    with pytest.raises(ColumnCountError, match="takes 2 or 3 columns and was given 1"):
        either(A)


def test_invalid_rows_raise_or_are_null(scalers):
    infinite = pa.array([1.0, float("inf"), None])
    with pytest.raises(InvalidValueError, match=r"(?s)1 of 3 rows.*column 'a' \(1\).*Hint"):
        handle(scalers[0], "transform")(infinite, B)
    assert handle(scalers[0], "transform", on_invalid="null")(
        infinite, B
    ).is_null().to_pylist() == [
        False,
        True,
        False,
    ]


def test_the_number_of_threads_does_not_change_the_result(scalers):
    a = pa.array(np.random.default_rng(0).normal(size=50_000))
    one = handle(scalers[0], "transform", threads=lambda: 1)(a, a)
    two = handle(scalers[0], "transform", threads=lambda: 2)(a, a)
    assert one.equals(two)


def test_outside_of_a_task_there_is_one_cpu():
    assert task.cpus() == 1


def modules_of(*lines, given=b""):
    """The modules in memory after `lines` have run in a fresh interpreter."""
    code = "\n".join(["import sys, pickle", *lines, "print(*sys.modules)"])
    done = subprocess.run(
        [sys.executable, "-c", code], input=given, capture_output=True, check=True
    )
    return set(done.stdout.decode().split())


HEAVY = {"onnx", "sklearn", "pydantic", "scipy", "pandas", "rich", "typer", "yaml"}


def test_a_worker_loads_no_more_than_it_needs(scalers):
    """Unpickling what Spark ships, and scoring with it: numpy, pyarrow and onnxruntime alone."""
    loaded = modules_of(
        "function, *arrays = pickle.load(sys.stdin.buffer)",  # pa.array itself loads pandas
        "assert len(function(*arrays)) == 3",
        given=pickle.dumps((handle(scalers[0], "transform"), A, B)),
    )
    ours = {name for name in loaded if name.startswith("sparkbird")}
    assert {"sparkbird.runtime.worker", "onnxruntime"} <= loaded
    assert not {name.partition(".")[0] for name in loaded} & HEAVY
    assert not {
        n
        for n in ours
        if n.startswith(
            ("sparkbird.compiler", "sparkbird.graph", "sparkbird.converters", "sparkbird.spark")
        )
    }


def test_the_pandas_adapter_alone_loads_pandas():
    assert "pandas" not in modules_of("import sparkbird.runtime.worker")
    assert "pandas" in modules_of("import sparkbird.runtime.series")


@pytest.mark.parametrize("threads", [1, 2])
def test_strings_go_through_in_runs(threads):
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"city": rng.choice(["Bergen", "Graz", "Łódź"], 40_000)})
    x.loc[::7, "city"] = np.nan  # a None stays one in pandas 2, and this imputer lets it pass
    pipe = make_pipeline(SimpleImputer(strategy="most_frequent"), OrdinalEncoder()).fit(x)
    for model in (pipe, pipe[:1]):
        session = open_session(sparkbird.compile(model, x).to_bytes(), ["transform"])
        arrays = [pa.array(x["city"])]
        results, failed = score_columns(session, arrays, threads=threads)
        assert not failed.any()
        (actual,) = results.values()
        np.testing.assert_array_equal(actual.reshape(-1, 1), model.transform(x))


@pytest.mark.parametrize("threads", [1, 2])
def test_tokens_are_lists_whose_lengths_each_row_has_for_itself(threads, tmp_path):
    params = {"inputCol": "text", "outputCol": "words"}
    metadata = {"class": "org.apache.spark.ml.feature.Tokenizer", "uid": "t", "paramMap": params}
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "part-00000").write_text(json.dumps(metadata))
    compiled = sparkbird.compile(tmp_path)
    texts = ["", " ", "a  B ", "one two three four", "é"] * 5_000
    expected = [[""], [], ["a", "", "b"], ["one", "two", "three", "four"], ["é"]]
    session = open_session(compiled.to_bytes(), ["words"])
    for rows in (texts, texts[:5], texts[:1], []):
        results, _ = score_columns(session, [pa.array(rows, pa.string())], threads=threads)
        assert results["words"].tolist() == (expected * 5_000)[: len(rows)]
    frame = pd.DataFrame({"text": texts[:5]})
    assert compiled.words(frame).tolist() == compiled.transform(frame)["words"].tolist() == expected
    assert "words: lists of string[N]" in str(
        sparkbird.schema.Schema.from_json(compiled.schema.to_json())
    )


def test_a_long_text_goes_through_with_few_others():
    texts = ["some words", "more words and more"] * 3_000
    texts[4_000] = "words and more " * 100_000
    model = TfidfVectorizer().fit(texts)
    session = open_session(sparkbird.compile(model).to_bytes(), ["transform"])
    sizes = []

    def run_into(feeds, results):
        (values,) = feeds.values()
        sizes.append(len(values) * max(map(len, values.strings)))
        session.run_into(feeds, results)

    watched = replace(session, run_into=run_into)
    results, _ = score_columns(watched, [pa.array(texts)])
    np.testing.assert_allclose(results["transform"], model.transform(texts).toarray(), rtol=1e-15)
    assert max(sizes) == len(texts[4_000])


def scored(model, x, **options):
    session = open_session(sparkbird.compile(model, x).to_bytes(), ["transform"])
    return score(session, {"X": x}, **options)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rows", [1, 40_000])
def test_a_bad_row_is_found_among_many_whose_screen_is_not_finite(bad, rows):
    x = np.random.default_rng(0).normal(size=(rows, 3))
    model = Normalizer().fit(x)
    expected = model.transform(x)
    x[-1, 1] = bad
    results, failed = scored(model, x, on_invalid="null", threads=2)
    np.testing.assert_array_equal(np.flatnonzero(failed), [rows - 1])
    np.testing.assert_allclose(results["transform"][:-1], expected[:-1], rtol=1e-15)
    with pytest.raises(InvalidValueError, match=f"1 of {rows} rows"):
        scored(model, x)


def test_a_screen_that_overflows_fails_no_row():
    x = np.array([[1.7e308, 1.7e308], [1.0, 2.0]])
    results, failed = scored(MaxAbsScaler().fit(x), x)
    assert not failed.any()
    np.testing.assert_array_equal(results["transform"], MaxAbsScaler().fit_transform(x))


def test_a_screen_is_taken_where_rows_are_narrowest():
    x = np.random.default_rng(0).normal(size=(500, 20))
    compiled = sparkbird.compile(Ridge().fit(x, x[:, 0]), x)
    made = {node.output[0]: node for node in compiled.to_onnx().graph.node}
    total = made[made[SCREEN].input[0]]
    assert (total.op_type, made[total.input[0]].op_type) == ("ReduceSum", "MatMul")
    for bad in (np.nan, np.inf, -np.inf):
        rows = x.copy()
        rows[7, 19] = bad
        with pytest.raises(InvalidValueError, match="1 of 500 rows"):
            compiled.predict(rows)


def test_nan_that_a_model_takes_is_no_failure_of_its_screen():
    x = np.array([[np.nan, 2.0], [1.0, 3.0]])
    results, failed = scored(StandardScaler().fit(x), x)
    assert not failed.any()
    np.testing.assert_array_equal(results["transform"], StandardScaler().fit_transform(x))


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_what_an_imputer_fills_is_no_failure_of_a_screen_either(bad):
    x = np.random.default_rng(0).normal(size=(500, 20))
    x[::3, 4] = np.nan
    model = make_pipeline(SimpleImputer(), StandardScaler(), Ridge()).fit(x, x[:, 0])
    compiled = sparkbird.compile(model, x)
    made = {node.output[0]: node for node in compiled.to_onnx().graph.node}
    assert made[made[made[SCREEN].input[0]].input[0]].op_type == "MatMul"
    session = open_session(compiled.to_bytes(), ["predict"])
    inference = session.run.__self__
    for _ in range(2):
        results, failed = score(session, {"X": x})
        assert not failed.any()
        assert inference.plan is inference._screening
    np.testing.assert_allclose(results["predict"], model.predict(x), rtol=1e-12)
    x[7, 19] = bad
    with pytest.raises(InvalidValueError, match="SimpleImputer takes no infinity, and 1 of 500"):
        compiled.predict(x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_factor_beside_a_product_of_matrices_keeps_its_own_rounding(dtype):
    rng = np.random.default_rng(0)
    x = op.argument("x", dtype, 5)
    weights = rng.standard_normal((5, 3)).astype(dtype)
    product = (x / np.array([[3.3]], dtype)) @ weights
    content = serialized(build({"x": x}, {"y": product}))
    rows = rng.standard_normal((100, 5)).astype(dtype)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain = ort.InferenceSession(content, options, providers=[CPU]).run(None, {"x": rows})[0]
    found = Part(content, [Result("y", np.dtype(dtype), (3,))], ON_CPU).run({"x": rows})["y"]
    np.testing.assert_array_equal(found, plain)
