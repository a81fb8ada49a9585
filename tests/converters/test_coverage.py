"""Every class of scikit-learn that is compiled stands in the tables of cases, three times or more."""

import importlib
from collections import Counter
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

import sparkbird
from sparkbird.converters import qualified_name
from tests.converters.test_ledgers import is_installed
from tests.parity import Case

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
NAMES = [n for n in sparkbird.supported() if n.startswith("sklearn.") and is_installed(n)]


def models_in(value, depth=0):
    """The models in a table of cases, those inside others included."""
    if isinstance(value, Case):
        value = value.model
    if isinstance(value, BaseEstimator):
        yield value
        value = [*value.get_params(deep=False).values()]
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, (list, tuple)) and depth < 8:
        for each in value:
            yield from models_in(each, depth + 1)


def cases():
    """How many entries of the tables of all test files hold each class, a `Case` once."""
    count, seen = Counter(), set()
    for module in MODULES:
        try:
            found = importlib.import_module(f"tests.converters.{module}")
        except pytest.skip.Exception:
            continue
        for test in vars(found).values():
            for mark in getattr(test, "pytestmark", ()):
                for entry in mark.args[1] if mark.name == "parametrize" else ():
                    values = getattr(entry, "values", entry)
                    values = values if isinstance(values, (list, tuple)) else (values,)
                    case = next((v for v in values if isinstance(v, Case)), None)
                    if case is None or id(case) not in seen:
                        seen.add(id(case))
                        count.update(
                            {qualified_name(type(m)) for v in values for m in models_in(v)}
                        )
    return count


CASES = cases()


@pytest.mark.parametrize("name", NAMES)
def test_a_class_has_three_cases_or_more(name):
    assert CASES[name] >= 3
