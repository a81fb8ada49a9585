"""Two days of rows, a model, and the nightly job on them."""

from datetime import date

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

import sparkbird
from sparkbird.job import config
from sparkbird.job.nightly.run import Asked, run

DAYS = [date(2026, 11, 26), date(2026, 11, 27)]
FILES, ROWS = 3, 40

JOB = """
name: nightly
model: {{path: {0}/model.onnx, name: late, version: "3"}}
input: {{path: "{0}/in/day={{date}}"}}
outputs: {{late: predict, margin: decision_function}}
output: {{path: {0}/out}}
date: {{column: day}}
"""


def rows(day, file, count=ROWS):
    rng = np.random.default_rng([day.day, file])
    number = np.arange(count) + 100_000 * file
    values = {name: rng.normal(size=count) for name in ("a", "b")}
    return pd.DataFrame({"id": number, **values, "city": np.resize(["Kyiv", "Oslo"], count)})


def write(folder, day, count=ROWS):
    place = folder / "in" / f"day={day}"
    place.mkdir(parents=True, exist_ok=True)
    for file in range(FILES):
        rows(day, file, count).to_parquet(place / f"{file}.parquet")


def made(tmp_path):
    """A folder with two days of files to score, and a model."""
    x = rows(DAYS[0], 9)[["a", "b"]]
    model = LogisticRegression().fit(x, x["a"] > 0)
    sparkbird.compile(model, x).save(tmp_path / "model.onnx")
    for day in DAYS:
        write(tmp_path, day)
    return tmp_path


def score(spark, here, *days, text="", **asked):
    return run(config.loads(JOB.format(here) + text), Asked(days or DAYS, **asked), spark)


def published(here):
    """The rows that readers see, by date and number."""
    found = [pd.read_parquet(path).assign(day=path.parts[-2]) for path in data(here / "out")]
    return pd.concat(found).sort_values(["day", "id"], ignore_index=True)


def data(folder):
    return sorted(path for path in folder.glob("day=*/**/*.parquet"))


def content(here):
    return published(here).drop(columns=["run_id", "scored_at"])
