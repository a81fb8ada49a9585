"""Batches of whole rows on their way through a model."""

import pyarrow as pa
import pytest

from sparkbird.runtime.gathered import Columns, Rows, gathered

SCHEMA = pa.schema({"n": pa.int64(), "s": pa.string()})


def batches(*counts):
    start = 0
    for count in counts:
        numbers = range(start, start + count)
        columns = {"n": [*numbers], "s": [str(n) for n in numbers]}
        yield pa.RecordBatch.from_pydict(columns, SCHEMA)
        start += count


# fmt: off
COUNTS = [
    ([],              5, []),
    ([0],             5, [0]),
    ([7],             5, [7]),
    ([2, 2, 2, 2],    5, [6, 2]),
    ([5, 1, 4],       5, [5, 5]),
    ([0, 0, 3],       5, [3]),
    ([3, 9, 1],       1, [3, 9, 1]),
]
# fmt: on


@pytest.mark.parametrize(("given", "at_least", "want"), COUNTS)
def test_small_batches_become_larger_ones(given, at_least, want):
    rows = Rows(lambda n, s: s, takes=(0, 1), kept=1, name="s", at_least=at_least)
    found = [*rows(batches(*given))]
    assert [batch.num_rows for batch in found] == want
    numbers = [n for batch in found for n in batch.column("n").to_pylist()]
    assert numbers == [*range(sum(given))]
    columns = Columns(lambda n, s: s, at_least)
    arrays = [*columns((b.column("n"), b.column("s")) for b in batches(*given))]
    assert arrays == [batch.column("s") for batch in found]


def test_a_single_column_comes_as_it_is():
    columns = Columns(lambda n: n, 4)
    found = [*columns(batch.column("n") for batch in batches(2, 2, 1))]
    assert [array.to_pylist() for array in found] == [[0, 1, 2, 3], [4]]


def test_a_batch_is_handed_on_before_the_next_is_asked_for():
    taken = []

    def given():
        for batch in batches(5, 5):
            taken.append(batch)
            yield batch

    assert [batch.num_rows for batch in next(gathered(given(), 5, len))] == [5]
    assert len(taken) == 1


def test_the_result_is_added_to_the_columns_that_are_kept():
    def doubled(numbers):
        return pa.array([2 * n for n in numbers.to_pylist()])

    rows = Rows(doubled, takes=(0,), kept=1, name="twice", at_least=4)
    found = [*rows(batches(2, 2, 1))]
    assert [batch.schema.names for batch in found] == [["n", "twice"]] * 2
    assert found[0].column("twice").to_pylist() == [0, 2, 4, 6]
    assert found[1].to_pydict() == {"n": [4], "twice": [8]}
