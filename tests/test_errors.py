"""Errors say a fact, a place and a way out, and cross from Spark's workers unchanged."""

import pickle

import pytest

from sparkbird import errors
from sparkbird.errors import UnsupportedError, UnsupportedModelError, UnsupportedOptionError

ALL = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("error", ALL)
def test_an_error_survives_pickling(error):
    before = error("a fact", "do this.")
    before.place = "model"

    after = pickle.loads(pickle.dumps(before))

    assert str(after) == str(before) == "a fact, found at model.\n\nHint: do this."


def test_every_error_is_in_the_tree_at_the_top_of_the_module():
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.SparkbirdError)
    }
    assert defined == set(errors.__all__)
    assert all(name in errors.__doc__ for name in defined)


def test_an_unsupported_class_names_its_supported_siblings():
    error = UnsupportedModelError.for_class(
        "shop.Clipper", ["shop.Adder", "shop.Bucket", "other.Thing"]
    )
    assert str(error) == (
        "no converter for shop.Clipper.\n\n"
        "Hint: of shop, sparkbird compiles Adder, Bucket.\n"
        "Replace the Clipper, or write its converter: see sparkbird.converts."
    )


def test_one_refusal_stays_itself():
    only = UnsupportedOptionError("a fact", "do this.")
    assert UnsupportedError.all_of([only]) is only


def test_several_refusals_become_one_error_that_names_them_all():
    first = UnsupportedOptionError("a fact", "do this.")
    first.place = "model.steps[0]"
    second = UnsupportedModelError("another", "do this.")
    error = UnsupportedError.all_of([first, second])
    assert isinstance(error, UnsupportedOptionError)
    assert str(error) == (
        "2 parts of the model cannot be compiled:\n"
        "  - a fact, found at model.steps[0]\n"
        "  - another.\n\nHint: do this."
    )
