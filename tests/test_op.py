"""Every operator computes in ONNX Runtime what its reference computes in NumPy."""

import numpy as np
import onnx.defs
import onnxruntime as ort
import pytest
import scipy.special

from sparkbird.dtypes import MISSING
from sparkbird.graph import op, special
from sparkbird.graph.build import OPSET
from sparkbird.runtime.providers import CPU, CUDA, UNLIKE
from tests.runs import run

SUBNORMAL, TINY, HUGE = 5e-324, 2.3e-308, 1e300

#: Rows [4, 5] of what goes wrong: infinities, NaN, both zeros, subnormals, huge and halves.
WILD = np.array(
    [
        [1.0, -2.0, np.inf, 0.5, -0.0],
        [np.nan, 0.0, -0.0, -1.5, 2.5],
        [SUBNORMAL, -SUBNORMAL, TINY, HUGE, -HUGE],
        [-np.inf, np.nan, 1e-17, -745.2, 710.0],
    ]
)
#: The same without NaN: where NumPy and ONNX Runtime differ in its place.
TAME = np.where(np.isnan(WILD), 7.0, WILD)
#: Numbers that any operator takes, exact in each type.
WHOLE = np.array([[3, 0, 1, 2, 2], [0, 5, 4, 4, 1], [1, 1, 0, 7, 0]])
WORDS = np.array([["a", "", "é", "a", "long " * 9], ["b", MISSING, "nan", " ", "A"]], object)
B = np.array([0.5, 0.0, -3.0, np.inf, 2.0])
M = np.arange(10.0).reshape(5, 2)
COLUMNS = np.array([2, 0])
KEYS = np.array([np.nan, -0.0, np.inf])
GONE = np.array(MISSING, object)

#: An operator, its use on rows [N, 5], the rows, and how many ulps the results may be apart.
#: Functions that no formula gives exactly are rounded differently by each library; sums of
#: float32 or of several terms depend on the order.
# fmt: off
USES = [
    (op.add,           lambda x: x + B,                                  WILD,  0),
    (op.sub,           lambda x: B - x,                                  WILD,  0),
    (op.mul,           lambda x: x * B,                                  WILD,  0),
    (op.div,           lambda x: x / B,                                  WILD,  0),
    (op.power,         lambda x: op.power(x, B),                         WILD,  2),
    (op._matmul,       lambda x: x @ M,                                  WILD,  2),
    (op._matmul,       lambda x: x @ M[:, 0],                            WILD,  2),
    (op._gemm,         lambda x: op.affine(x, M.astype(x.dtype), M[1].astype(x.dtype)) if x.dtype.kind == "f" else op._gemm(x * 1.0, M, M[1]), WILD, 2),
    (op.minimum,       lambda x: op.minimum(x, B),                       WILD,  0),
    (op.maximum,       lambda x: op.maximum(B, x),                       WILD,  0),
    (op.neg,           lambda x: -x,                                     WILD,  0),
    (op.absolute,      op.absolute,                                      WILD,  0),
    (op.sqrt,          op.sqrt,                                          WILD,  0),
    (op.exp,           op.exp,                                           WILD,  2),
    (op.log,           op.log,                                           WILD,  2),
    (op.relu,          op.relu,                                          WILD,  0),
    (op.tanh,          op.tanh,                                          WILD,  8),
    (op.sin,           op.sin,                                           WILD,  2),
    (op._cos,          lambda x: op.cos(op.cast(x, dtype=np.float32)),   WILD,  2),
    (op.floor,         op.floor,                                         WILD,  0),
    (op.ceil,          op.ceil,                                          WILD,  0),
    (op.rint,          op.rint,                                          WILD,  0),
    (op.sign,          op.sign,                                          WILD,  0),
    (op.less,          lambda x: x < B,                                  WILD,  0),
    (op.less_equal,    lambda x: x <= B,                                 WILD,  0),
    (op.greater,       lambda x: x > B,                                  WILD,  0),
    (op.greater_equal, lambda x: x >= B,                                 WILD,  0),
    (op.equal,         lambda x: op.equal(x, B),                         WILD,  0),
    (op.equal,         lambda x: op.equal(x, np.array("a", object)),     WORDS, 0),
    (op.isnan,         op.isnan,                                         WILD,  0),
    (op.isinf,         op.isinf,                                         WILD,  0),
    (op.logical_and,   lambda x: op.isnan(x) & (x <= 0.0),               WILD,  0),
    (op.logical_or,    lambda x: op.isnan(x) | (x <= 0.0),               WILD,  0),
    (op.logical_not,   lambda x: ~(x <= 0.0),                            WILD,  0),
    (op._where,        lambda x: op.where(x <= 0.0, x, x * 2.0),         WILD,  0),
    (op._where,        lambda x: op.where(op.isnan(x), np.inf, x),       WILD,  0),
    (op._where,        lambda x: op.where(op.equal(x, x), x, GONE),      WORDS, 0),
    (op._take,         lambda x: op.take(x, COLUMNS, axis=1),            WILD,  0),
    (op._take,         lambda x: op.take(x, COLUMNS, axis=1),            WORDS, 0),
    (op._take,         lambda x: op.take(x, -1, axis=1),                 WILD,  0),
    (op._take,         lambda x: op.take(M, op.cast(x > 0, dtype=np.int64)), WILD, 0),
    (op.take_along,    lambda x: op.take_along(x, places(x), axis=1),    WILD,  0),
    (op.take_along,    lambda x: op.take_along(x, places(x), axis=1),    WORDS, 0),
    (op.expand,        lambda x: op.expand(x, axis=1),                   WILD,  0),
    (op.reshape,       lambda x: op.reshape(x, lengths=(5, 1)),          WILD,  0),
    (op.reshape,       lambda x: op.reshape(x, lengths=(5, 1)),          WORDS, 0),
    (op.concat,        lambda x: op.concat(x, x > 0, axis=1),            WILD,  0),
    (op.concat,        lambda x: op.concat(x, x, axis=1),                WORDS, 0),
    (op._argmax,       lambda x: op.argmax(x, axis=1),                   TAME,  0),
    (op._argmax,       lambda x: op.argmax(op.take(M, op.argmax(x, axis=1)), axis=1), TAME, 0),
    (op._take,         lambda x: op.take(WORDS[0], op.take(np.array([4, 3, 2, 1, 0]), op.argmax(x, axis=1))), TAME, 0),
    (op.sum,           lambda x: op.sum(x, axis=1),                      WILD,  0),
    (op._max,          lambda x: op.max(x, axis=1),                      WILD,  0),
    (op._min,          lambda x: op.min(x, axis=1),                      WILD,  0),
    (op.cumsum,        lambda x: op.cumsum(x, axis=1),                   WILD,  0),
    (op.argmin,        lambda x: op.argmin(x, axis=1),                   TAME,  0),
    (op.total,         lambda x: op.row_numbers(x) * 0 + op.total(x),    WILD,  2),
    (op.between,       lambda x: op.between(x, start=1, stop=4),         WILD,  0),
    (op.between,       lambda x: op.between(x, start=1, step=2),         WORDS, 0),
    (op.between,       lambda x: op.between(x, stop=-1),                 WILD,  0),
    (op._top,          lambda x: op.top(x, k=3, largest=True)[1],        TAME,  0),
    (op._top,          lambda x: op.top(x, k=5, largest=False)[0],       TAME,  0),
    (op.mod,           lambda x: op.mod(op.row_numbers(x), np.int64(3)), WILD,  0),
    (op.fmod,          lambda x: op.fmod(x, np.array([3.0, 0.7, 1e-3, 5e30, 2.5]).astype(x.dtype)), WILD, 0),
    (op.compress,      lambda x: op.compress(x, first(x) > 0),           WILD,  0),
    (op.compress,      lambda x: op.compress(x, op.equal(first(x), first(x))), WORDS, 0),
    (op._size,         lambda x: op._size(x) + op.row_numbers(x) * 0,    WILD,  0),
    (op._sort,         lambda x: op.sort(op.concat(first(x), B, axis=0))[1], TAME,  0),
    (op.quotient,      lambda x: op.quotient(op.row_numbers(x), np.int64(2)), WILD, 0),
    (op._add_at,       lambda x: op.add_at(x, op.row_numbers(x) * 0, x), WILD,  0),
    (op.lookup,        lambda x: op.lookup(x, keys=KEYS, values=np.arange(3), default=-1), WILD, 0),
    (op._cast,         lambda x: op.cast(x, dtype=np.float32),           WILD,  0),
    (op._cast,         lambda x: op.cast(x, dtype=np.bool_),             WILD,  0),
]
# fmt: on
ALL = {name: value for name, value in vars(op).items() if isinstance(value, op.Op)}


def first(x):
    return op.take(x, 0, axis=1)


def places(x):
    return op.cast(op.equal(x, x), dtype=np.int64)


def narrow(wild):
    """As float32, but for its subnormals: ONNX Runtime's tanh is 6e-44 away there."""
    with np.errstate(over="ignore"):
        rows = wild.astype(np.float32)
    return np.where(np.abs(rows) < 1e-37, np.float32(0), rows)


def ids(uses):
    return [f"{i}-{use[0].name}" for i, use in enumerate(uses)]


def assert_agrees(function, rows, ulps=0, absolute=0.0, providers=(CPU,)):
    """In ONNX Runtime `function` gives what it gives in NumPy, type and shape included."""
    with np.errstate(all="ignore"):
        expected = function(rows)
    actual = run(function, rows, providers=providers)
    assert (actual.dtype, actual.shape) == (as_object(expected).dtype, expected.shape)
    if not ulps and not absolute:
        np.testing.assert_array_equal(actual, expected)
    else:
        np.testing.assert_allclose(
            actual, expected, ulps * np.finfo(expected.dtype).eps, absolute + ulps * SUBNORMAL
        )


def as_object(array):
    """Strings of a fixed width as the objects that a session gives."""
    return array.astype(object) if array.dtype.kind == "U" else array


def test_every_operator_has_a_use():
    used = [operator for operator, *_ in USES]
    assert [name for name, operator in ALL.items() if operator not in used] == []


@pytest.mark.parametrize("operator", ALL.values(), ids=ALL)
def test_onnx_knows_the_operator(operator):
    version = OPSET if operator.domain == op.ONNX else operator.version
    assert onnx.defs.get_schema(operator.name, version, operator.domain).since_version <= version


@pytest.mark.parametrize(("operator", "use", "wild", "ulps"), USES, ids=ids(USES))
@pytest.mark.parametrize("rows", [4, 2, 1, 0])
def test_onnx_runtime_agrees_with_numpy(operator, use, wild, ulps, rows):
    assert_agrees(use, wild[:rows], ulps)


@pytest.mark.parametrize(
    ("operator", "use", "wild", "ulps"),
    [use for use in USES if use[2] is not WORDS and use[0] is not op.lookup],
    ids=ids([use for use in USES if use[2] is not WORDS and use[0] is not op.lookup]),
)
def test_onnx_runtime_agrees_with_numpy_on_float32(operator, use, wild, ulps):
    assert_agrees(use, narrow(wild), ulps * 2)


@pytest.mark.gpu
@pytest.mark.skipif(CUDA not in ort.get_available_providers(), reason="onnxruntime without CUDA")
@pytest.mark.parametrize(
    ("operator", "use", "wild", "ulps"),
    [use for use in USES if use[0].name not in UNLIKE],
    ids=ids([use for use in USES if use[0].name not in UNLIKE]),
)
def test_a_gpu_agrees_with_numpy(operator, use, wild, ulps):
    ort.preload_dlls()
    narrowed = wild is not WORDS and operator is not op.lookup
    for rows in (wild, *([narrow(wild)] if narrowed else [])):
        assert_agrees(use, rows, 2 * ulps, providers=[(CUDA, {"use_tf32": "0"}), CPU])


#: Operators on whole numbers, and the types that they are used with.
INTEGERS = [
    ("int64 int32 uint8", lambda x: x + x),
    ("int64 int32", lambda x: x - x),
    ("int64 int32", lambda x: x * x),
    ("int64 int32", lambda x: -x),
    ("int64 int32", op.absolute),
    ("int64 int32", op.sign),
    ("int64 int32", lambda x: op.minimum(x, np.int32(2))),
    ("int64 int32", lambda x: op.maximum(x, np.int32(2))),
    ("int64 int32 uint8", lambda x: x < np.int32(2)),
    ("int64 int32 uint8 bool", lambda x: op.equal(x, x)),
    ("int64 int32 uint8 bool", lambda x: op.where(op.equal(x, x), x, x)),
    ("bool", lambda x: op.where(x, ~x, np.array([True, False, True, True, False]))),
    ("int64 int32 uint8 bool", lambda x: op.take(x, COLUMNS, axis=1)),
    ("int64 int32 uint8 bool", lambda x: op.take(np.arange(5).astype(x.dtype), places(x))),
    ("int64 int32 uint8 bool", lambda x: op.take_along(x, places(x), axis=1)),
    ("int64 int32 uint8 bool", lambda x: op.expand(x, axis=1)),
    ("int64 int32 uint8 bool", lambda x: op.reshape(x, lengths=(1, 5))),
    ("int64 int32 uint8 bool", lambda x: op.concat(x, x, axis=1)),
    ("int64 int32", lambda x: op.argmax(x, axis=1)),
    ("int64 int32", lambda x: op.sum(x, axis=1)),
    ("int64 int32", lambda x: op.max(x, axis=1)),
    ("int64 int32", lambda x: op.min(x, axis=1)),
    ("int64 int32", lambda x: op.cumsum(x, axis=1)),
    ("int64 int32", lambda x: x @ np.arange(10, dtype=np.int32).reshape(5, 2)),
    *(
        ("int64 int32 uint8 bool", lambda x, dtype=dtype: op.cast(x, dtype=dtype))
        for dtype in ("float64", "float32", "int64", "int32", "uint8", "bool")
    ),
    ("int64 int32 uint8 bool", op.floating),
]


@pytest.mark.parametrize(
    ("dtype", "use"),
    [
        pytest.param(dtype, use, id=f"{i}-{dtype}")
        for i, (dtypes, use) in enumerate(INTEGERS)
        for dtype in dtypes.split()
    ],
)
def test_whole_numbers_keep_their_type_and_their_value(dtype, use):
    for rows in (3, 1, 0):
        assert_agrees(use, WHOLE[:rows].astype(dtype))


#: Composed functions, SciPy's or NumPy's counterpart, and how far from it in ulps.
COMPOSED = [
    (special.log1p, np.log1p, 4),
    (special.expm1, np.expm1, 4),
    (special.sigmoid, scipy.special.expit, 4),
    (special.erf, scipy.special.erf, 4),
    (special.softmax, lambda x: scipy.special.softmax(x, axis=1), 4),
    (special.logsumexp, lambda x: scipy.special.logsumexp(x, axis=1), 4),
    (special.place_of_greatest, lambda x: np.argmax(x, axis=1), 0),
    (lambda x: op.clip(x, -1.0, 1.0), lambda x: np.clip(x, -1, 1), 0),
    (lambda x: op.max(x, axis=1), lambda x: np.max(x, axis=1), 0),
    (lambda x: op.min(x, axis=1), lambda x: np.min(x, axis=1), 0),
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("composed", "known", "ulps"), COMPOSED)
def test_a_composed_function_is_the_known_one(composed, known, ulps, dtype):
    """On a grid of all sizes, on infinities and on NaN, in NumPy and in ONNX Runtime."""
    sizes = np.concatenate([np.logspace(-37, 3, 200), [0.0, np.inf, np.nan, 88.0, 89.0, 745.0]])
    rows = np.stack([sizes, -sizes, sizes[::-1], np.roll(sizes, 3)], axis=1).astype(dtype)
    with np.errstate(all="ignore"):
        expected = known(rows)
    for actual in (composed(rows), run(composed, rows)):
        assert actual.dtype == expected.dtype
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(actual, expected, ulps * eps, 4 * np.finfo(dtype).tiny)
    assert_agrees(composed, rows[:0], ulps)


def test_the_cosine_is_within_ulps_of_one():
    """Also where it vanishes: there remains the error of the sine that it is made of, which is
    up to 6e-16 in ONNX Runtime."""
    rows = np.linspace(-1000, 1000, 4001)
    for actual in (op.cos(rows), run(op.cos, rows)):
        np.testing.assert_allclose(actual, np.cos(rows), 0, 2e-15)
    assert np.isnan(run(op.cos, np.array([np.inf, np.nan]))).all()


#: Keys and values of a look-up, and the rows.
LOOKUPS = [
    (WORDS, ["a", "é", MISSING], np.array([5, 6, 7]), -1),
    (WORDS, ["a", "é", MISSING], np.array([0.5, np.nan, -0.0]), np.nan),
    (WORDS, ["a", "é", MISSING], np.array(["x", "y", ""], object), MISSING),
    (WORDS, ["a", "a", "é"], np.array([1, 2, 3]), 0),
    (WORDS, ["never"], np.array([1]), 0),
    (WHOLE, [0, 7, -1], np.array([5, 6, 7]), -1),
    (WHOLE, [0, 7, -1], np.array([0.5, 6, np.nan]), -1.0),
    (WHOLE, [0, 7, -1], np.array(["x", "y", ""], object), "none"),
    (WILD, [np.nan, 0.0, np.inf], np.array([5, 6, 7]), -1),
    (WILD, [0.5, -0.0, SUBNORMAL], np.array([5.0, np.nan, -0.0]), np.inf),
    (WILD, [np.nan, -np.inf, HUGE], np.array(["x", "y", ""], object), MISSING),
]


@pytest.mark.parametrize(("rows", "keys", "values", "default"), LOOKUPS)
def test_a_lookup_finds_keys_of_every_type(rows, keys, values, default):
    keys = np.array(keys, rows.dtype)
    look = lambda x: op.lookup(x, keys=keys, values=values, default=default)  # noqa: E731
    for n in (len(rows), 1, 0):
        assert_agrees(look, rows[:n])


#: Values of one and more lengths, taken by the rows of a constant.
CONSTANTS = [
    np.array(["no", "yes"]),
    np.array(["no", "yes"], object),
    np.array([["a", "b", "c"], ["d", "long " * 9, "f"]], object),
    np.array([["a", "b", "c"], ["d", "e", "f"]]),
    np.arange(12).astype(str).astype(object).reshape(2, 3, 2),
    np.array([["a"], ["b"]], object),
    np.array([True, False]),
    np.array([[-0.0, np.nan], [np.inf, SUBNORMAL]]),
]


@pytest.mark.parametrize("constant", CONSTANTS, ids=lambda c: f"{c.dtype}{c.shape}")
@pytest.mark.parametrize("index", [np.array([1, 0, 1, -1]), np.array([[0, 1], [1, 1]])])
def test_constants_are_taken_whole(constant, index):
    """ONNX Runtime's own Gather gives of each row of strings only the first."""
    for rows in (len(index), 1, 0):
        assert_agrees(lambda i: op.take(constant, i), index[:rows])


@pytest.mark.parametrize(
    "value", [1.5, "ab", True, [1, 2, 3], ["a", "b"], [["a", "b"], ["c", "d"]]]
)
@pytest.mark.parametrize(
    "rows", [WILD, WORDS, WILD[:, 0], WILD.reshape(4, 5, 1)], ids=lambda r: f"{r.dtype}{r.shape}"
)
def test_a_value_is_repeated_for_each_row(value, rows):
    for n in (len(rows), 1, 0):
        given = rows[:n]
        expected = np.broadcast_to(np.asarray(value), (n, *np.shape(value)))
        for actual in (op.rows_of(value, given), run(lambda x: op.rows_of(value, x), given)):
            np.testing.assert_array_equal(actual, expected)


def test_a_number_is_not_cast_to_a_string():
    with pytest.raises(AssertionError, match="float64 as a string"):
        op.cast(op.argument("x", np.float64, 3), dtype=object)


def test_a_tensor_has_no_truth():
    with pytest.raises(TypeError, match="no value before the graph is run"):
        bool(op.argument("x", np.float64) > 0)
