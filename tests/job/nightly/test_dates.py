"""Which dates a run is asked for."""

from datetime import UTC, date, datetime, timedelta

import pytest

from sparkbird.errors import ConfigError
from sparkbird.job.nightly.dates import wanted

LAST = date(2026, 3, 1)


def test_a_range_has_both_ends_and_late_dates_come_before_it():
    found, late = wanted(None, "2026-02-27", "2026-03-01", late=2, limit=3)
    assert found == [LAST - timedelta(days=i) for i in (4, 3, 2, 1, 0)]
    assert late == {date(2026, 2, 25), date(2026, 2, 26)}
    assert wanted("2026-03-01", None, None, late=0, limit=1) == ([LAST], set())


def test_yesterday_is_scored_if_nothing_is_said():
    before = datetime.now(UTC).date()
    (found,), _ = wanted(None, None, None, late=0, limit=1)
    assert found + timedelta(days=1) in (before, datetime.now(UTC).date())


@pytest.mark.parametrize(
    ("asked", "fact"),
    [
        (("2026-3-1", None, None), "'2026-3-1' is no date"),
        (("2026-03-01", "2026-03-01", None), "one date, or"),
        ((None, "2026-03-01", None), "both --from and --to"),
        ((None, "2026-03-02", "2026-03-01"), "is before --from"),
        ((None, "2026-03-01", "2026-03-05"), "are 5 dates, more than the 4 of date.limit"),
    ],
)
def test_what_is_no_date_or_no_range_is_refused(asked, fact):
    with pytest.raises(ConfigError, match=fact):
        wanted(*asked, late=0, limit=4)
