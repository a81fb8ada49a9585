"""Operators of strings compute in ONNX Runtime what they do in NumPy."""

import numpy as np
import pytest

from sparkbird.dtypes import NO_TOKEN
from sparkbird.graph import strings
from tests.runs import run

TEXTS = np.array(["a, b,,c", "", ",", " é , ö ", "no comma", "日本,\U0001d54a"], object)

#: What is made of texts [N], with N rows each.
USES = [
    strings.split,
    lambda x: strings.split(x, "[a-z]+"),
    lambda x: strings.split(x, ",", gaps=True),
    lambda x: strings.split(x, "[\\x20]*,+[\\x20]*", gaps=True),
    lambda x: strings.split(x, "[,\\x20]", gaps=True),
    lambda x: strings.join(strings.split(x)),
    strings.murmur3,
    lambda x: strings.murmur3(x, seed=42),
    lambda x: strings.matches(x, pattern="(?s).*,.*"),
]


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("rows", [6, 1, 0])
def test_onnx_runtime_agrees_with_numpy(use, rows):
    expected = use(TEXTS[:rows])
    actual = run(use, TEXTS[:rows])
    assert actual.tolist() == expected.tolist()


def test_what_is_absent_is_left_out_of_pieces_and_nothing_else():
    tokens = np.array([["a", NO_TOKEN, ""], [NO_TOKEN] * 3, ["", "b", "c"]], object)

    def token(pieces):
        return strings.flat(pieces, absent=NO_TOKEN)[0]

    def row(pieces):
        return strings.flat(pieces, absent=NO_TOKEN)[1]

    assert token(tokens).tolist() == run(token, tokens).tolist() == ["a", "", "", "b", "c"]
    assert row(tokens).tolist() == run(row, tokens).tolist() == [0, 0, 2, 2, 2]
