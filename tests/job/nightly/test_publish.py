"""A date's drafts are published whole, whenever the process dies on the way."""

from contextlib import suppress

import pytest

from sparkbird.errors import OutputError
from sparkbird.job.files import Local
from sparkbird.job.nightly import publish

DAY, PLACE = "2026-11-27", "day=2026-11-27"
PARTS = ["run-a", "run-b"]


class Killed(Exception):
    """The process dies here."""


class Dying(Local):
    """Files of a process that dies before or after one of its changes."""

    def __init__(self, path, at=None, *, after=False):
        super().__init__(path)
        self.changes, self._at, self._after = 0, at, after

    def _change(self, what, *arguments):
        dies = self.changes == self._at
        self.changes += 1
        if dies and not self._after:
            raise Killed
        what(*arguments)
        if dies:
            raise Killed

    def write(self, name, text):
        self._change(super().write, name, text)

    def move(self, name, to):
        self._change(super().move, name, to)

    def delete(self, name):
        self._change(super().delete, name)


def draft(tmp_path, *, rows=True, aside=True):
    """What was there, and two parts that are scored."""
    files = Local(str(tmp_path))
    files.write(f"{PLACE}/old.parquet", "old")
    files.write(f"_quarantine/{PLACE}/old.parquet", "old")
    files.write("day=2026-11-26/other.parquet", "other")
    for i, part in enumerate(PARTS):
        own = f"{publish.drafts(DAY)}/{part}"
        files.write(f"{own}/_SUCCESS", "")
        files.write(f"{publish.drafts(DAY)}/killed-{part}/aside=false/x.parquet", "of a dead run")
        if rows:
            files.write(f"{own}/aside=false/month={i}/{part}.parquet", part)
            files.write(f"{own}/aside=false/month=9/{part}-too.parquet", part)
        if aside:
            files.write(f"{own}/aside=true/month=1/{part}.parquet", part)


def found(tmp_path):
    """The files that readers see."""
    paths = (path for path in tmp_path.rglob("*.parquet") if "_sparkbird" not in path.parts)
    return {str(path.relative_to(tmp_path)): path.read_text() for path in paths}


def expected(*, rows=True, aside=True):
    files = {"day=2026-11-26/other.parquet": "other"}
    for i, part in enumerate(PARTS):
        if rows:
            files |= {f"{PLACE}/month={i}/{part}.parquet": part}
            files |= {f"{PLACE}/month=9/{part}-too.parquet": part}
        if aside:
            files |= {f"_quarantine/{PLACE}/month=1/{part}.parquet": part}
    return files


def changes(tmp_path):
    """How many changes publishing makes."""
    draft(tmp_path / "counted")
    files = Dying(str(tmp_path / "counted"))
    publish.publish(files, DAY, PLACE, PARTS)
    return files.changes


@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize("aside", [True, False])
def test_what_was_there_is_replaced_also_by_nothing(tmp_path, rows, aside):
    draft(tmp_path, rows=rows, aside=aside)
    publish.publish(Local(str(tmp_path)), DAY, PLACE, PARTS)
    assert found(tmp_path) == expected(rows=rows, aside=aside)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("rows", [True, False])
def test_a_process_that_dies_at_any_change_is_followed_by_one_that_ends_it(tmp_path, after, rows):
    count = changes(tmp_path)
    assert count > 10
    for first in range(count):
        for second in {0, 1, first}:
            here = tmp_path / f"{first}-{second}"
            draft(here, rows=rows)
            for at in (first, second):
                with suppress(Killed):  # the second process may have less to do
                    publish.publish(Dying(str(here), at, after=after), DAY, PLACE, PARTS)
            for _ in range(2):  # the second time nobody had noted that it is done
                publish.publish(Local(str(here)), DAY, PLACE, PARTS)
                assert found(here) == expected(rows=rows), (first, second)


def test_what_somebody_else_puts_there_meanwhile_is_not_overwritten(tmp_path):
    draft(tmp_path)
    count = changes(tmp_path)
    for at in range(count):
        here = tmp_path / str(at)
        draft(here)
        with pytest.raises(Killed):
            publish.publish(Dying(str(here), at, after=True), DAY, PLACE, PARTS)
        if (here / PLACE).exists():
            continue
        (here / PLACE).mkdir()
        with pytest.raises(OutputError, match="in the way"):
            publish.publish(Local(str(here)), DAY, PLACE, PARTS)
        return
    pytest.fail("there is a moment without a folder")
