"""tests/oldest.txt holds the oldest libraries that pyproject.toml allows."""

import re
from pathlib import Path

import pytest

from sparkbird.converters.sklearn.version import OLDEST

ROOT = Path(__file__).parents[1]
BOUNDS = dict(re.findall(r'"([\w-]+)>=([\d.]+)', (ROOT / "pyproject.toml").read_text("utf-8")))
PINS = dict(re.findall(r"(?m)^([\w-]+)==([\d.]+)", (ROOT / "tests/oldest.txt").read_text("utf-8")))

#: What the libraries of ours need in their turn.
OF_OTHERS = {"click", "scipy"}


@pytest.mark.parametrize("name", sorted(PINS.keys() - OF_OTHERS))
def test_a_pin_is_the_oldest_that_is_allowed(name):
    assert f"{PINS[name]}.".startswith(f"{BOUNDS[name]}.")


def test_the_oldest_scikit_learn_is_the_one_that_converters_follow():
    assert BOUNDS["scikit-learn"] == ".".join(map(str, OLDEST))
