import pytest

from sparkbird.errors import ColumnCountError, ColumnNameError
from sparkbird.spark.columns import Signature, name_of, quoted

NAMED = Signature(("b", "unread", "a"), ("b", "a"), named=True)
BY_PLACE = Signature(("x0", "x1"), ("x0", "x1"), named=False)
BY_PLACE_IN_PART = Signature(("x0", "x1", "x2"), ("x0", "x2"), named=False)
OF_BOTH_CASES = Signature(("a", "A"), ("a", "A"), named=True)


@pytest.mark.parametrize(
    ("signature", "given", "positions"),
    [
        (NAMED, ["b", "a"], [0, 1]),
        (NAMED, ["a", "b"], [1, 0]),
        (NAMED, ["A", "B"], [1, 0]),
        (NAMED, ["a", "unread", "b"], [2, 0]),
        (NAMED, ["p", "q"], [0, 1]),
        (NAMED, ["p", "q", "r"], [0, 2]),
        (NAMED, [None, "a"], [0, 1]),
        (NAMED, ["same", "same"], [0, 1]),
        (BY_PLACE, ["x1", "x0"], [0, 1]),
        (BY_PLACE, ["p", None], [0, 1]),
        (BY_PLACE_IN_PART, ["x2", None, "p"], [0, 2]),
        (OF_BOTH_CASES, ["A", "a"], [1, 0]),
    ],
)
def test_columns_are_found_by_name_if_all_are_named_and_else_by_position(
    signature, given, positions
):
    assert signature.positions(given) == positions


@pytest.mark.parametrize("given", [["a", None], ["a", "q"], [None, "b"], ["a", "a"]])
def test_a_column_in_the_place_of_another_is_refused(given):
    with pytest.raises(
        ColumnNameError, match=r"(?s)stands where the model takes '[ab]'.*Hint.*alias"
    ):
        NAMED.positions(given)


@pytest.mark.parametrize("count", [0, 1, 4, 100])
def test_a_wrong_number_of_columns_names_those_of_the_model(count):
    with pytest.raises(ColumnCountError, match=r"(?s)2 columns .or all 3.*given.*it takes b, a"):
        NAMED.positions([None] * count)


def test_without_names_all_columns_have_to_be_there():
    with pytest.raises(ColumnCountError, match=r"(?s)takes 3 columns and was.*takes x0, x1, x2"):
        BY_PLACE_IN_PART.positions(["x0", "x2"])


def test_many_names_are_not_all_listed():
    names = tuple(f"f{i}" for i in range(1000))
    with pytest.raises(ColumnCountError, match="f19 and 980 more"):
        Signature(names, names, named=True).positions(["a"])


def test_several_models_share_the_columns_that_any_of_them_reads():
    other = Signature(("c", "a"), ("c",), named=True)
    assert Signature.union([NAMED, other]) == Signature(
        ("b", "unread", "a", "c"), ("b", "a", "c"), named=True
    )


def test_models_with_and_without_names_cannot_share_columns():
    with pytest.raises(ColumnNameError, match="some on arrays"):
        Signature.union([NAMED, BY_PLACE])


def test_models_of_arrays_of_different_widths_cannot_share_columns():
    with pytest.raises(ColumnCountError, match="arrays of 2, 1 columns"):
        Signature.union([BY_PLACE, Signature(("x0",), ("x0",), named=False)])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("age", "age"),
        ("t.age", "age"),
        ("`Sepal.Length`", "Sepal.Length"),
        ("t.`next age`", "next age"),
        ("(age + 1)", None),
        ("(age + t.b)", None),
        ("log(t.age)", None),
        ("CAST(a AS DOUBLE)", None),
        ("log(t.age) AS age", "age"),
        ("age AS `next age`", "next age"),
        ("'x'", "'x'"),
    ],
)
def test_the_name_of_a_column_is_what_spark_shows_it_by(text, name):
    assert name_of(text) == name


def test_backticks_are_doubled_within_backticks():
    assert quoted("a`b.c") == "`a``b.c`"
