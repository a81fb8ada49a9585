"""Spark on a machine with a GPU: as many task slots as cores, which share the GPU.

From Parquet to nowhere, in one session, whose workers keep their models. Beside the GPU stand
the CPU and an arrow_udf of the same columns that computes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet

from sparkbird.benchmark.gpu.models import PAPER, TREES, forest_of, late_flights, repeated
from sparkbird.benchmark.gpu.report import CPU, IDENTITY, OWN
from sparkbird.benchmark.options import Options
from sparkbird.benchmark.results import Measurement
from sparkbird.benchmark.session import session, through
from sparkbird.benchmark.shapes import SHAPES, Forest, made
from sparkbird.benchmark.spark import identity
from sparkbird.benchmark.ways import Way, timed
from sparkbird.compiler import compile as compile_model
from sparkbird.spark.udf import udf

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from sparkbird.model import CompiledModel

#: One number a row, as the identity gives: lists of probabilities cost Spark more than the model.
#: Unlike a label, it differs if a bit of the sums does.
_OUTPUT = "margin"
#: Rows that are scored on both devices beforehand.
COMPARED = 10_000


@dataclass(frozen=True)
class Scale:
    """How much is measured, and where.

    files    the Parquet files that rows are spread over, one partition each
    slots    tasks at a time
    device   what stands for the GPU
    forest   of the table of numbers
    trees    behind the features of flights
    flights  that it is trained on, all if None
    """

    rows: int = 8_000_000
    files: int = 64
    slots: int = field(default_factory=lambda: os.cpu_count() or 1)
    device: str = "cuda"
    forest: Forest = PAPER
    trees: int = TREES
    flights: int | None = None

    @property
    def conf(self) -> dict[str, str]:
        """What a new session gets; batches are as conf/spark.conf has them."""
        return {
            "spark.driver.memory": "8g",
            "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
            "spark.sql.files.minPartitionNum": str(self.files),
        }


@dataclass(frozen=True)
class Work:
    """A table in a folder, its columns that a model takes, and the type of the last of them."""

    name: str
    model: CompiledModel
    columns: list[str]
    kind: str


def measured(options: Options, scale: Scale | None = None) -> Iterator[Measurement]:
    """Rows a second of either device and of the identity, for numbers and for flights."""
    scale = scale or Scale()
    with TemporaryDirectory() as folder, session(folder, scale.slots, **scale.conf) as spark:
        for make in (numbers, late):
            path = Path(folder) / make.__name__
            options.progress(f"Spark, {make.__name__}: model and table")
            work = make(scale, path)
            options.progress(f"Spark, {work.name}")
            frame = spark.read.parquet(str(path))
            yield from _of_table(work, frame, scale, options.repeats)


def _of_table(work: Work, frame: DataFrame, scale: Scale, repeats: int) -> Iterator[Measurement]:
    on = {OWN: scale.device, CPU: "cpu"}
    scored = {way: udf(work.model, _OUTPUT, device=device) for way, device in on.items()}
    columns = {way: function(*work.columns).alias(way) for way, function in scored.items()}
    differing = frame.limit(COMPARED).select(*columns.values())
    assert not differing.where(f"not (`{OWN}` <=> `{CPU}`)").count(), "predictions are the CPU's"
    columns[IDENTITY] = identity(work.columns, work.kind)
    frames = {way: frame.select(column) for way, column in columns.items()}
    frames["read only"] = frame.select(*work.columns)
    ways = {way: Way(scale.rows, partial(through, one)) for way, one in frames.items()}
    case = f"Spark, {scale.slots} slots, {work.name}"
    yield from timed(case, ways, repeats, unmeasured=1)


def numbers(scale: Scale, path: Path) -> Work:
    """A forest, and rows of as many float32 columns as it was trained on."""
    shape = SHAPES[scale.forest.shape]
    model = forest_of(scale.forest)
    columns = [f"x{i}" for i in range(shape.features)]
    path.mkdir()
    for number, rows in enumerate(_shares(scale)):
        x, _ = made(shape, rows, seed=1 + number)
        table = pa.table([pa.array(column) for column in x.T.copy()], columns)
        parquet.write_table(table, path / f"{number:03}.parquet", use_dictionary=False)
    compiled = compile_model(model, x[:10], outputs=[_OUTPUT], strategy="ensemble")
    return Work(f"{scale.forest.name}, {len(columns)} columns", compiled, columns, "float")


def late(scale: Scale, path: Path) -> Work:
    """The pipeline of the demo, strings included, and the columns of flights that it reads."""
    model, known = late_flights(scale.trees, scale.flights)
    compiled = compile_model(model, known, outputs=[_OUTPUT], strategy="ensemble")
    columns = [column.name for column in compiled.schema.columns]
    table = repeated(known[columns], scale.rows)
    path.mkdir()
    start = 0
    for number, rows in enumerate(_shares(scale)):
        parquet.write_table(table.slice(start, rows), path / f"{number:03}.parquet")
        start += rows
    name = f"flights, LightGBM of {scale.trees} trees, {len(columns)} columns"
    return Work(name, compiled, columns, "double")


def _shares(scale: Scale) -> list[int]:
    """The rows of each file."""
    ends = [scale.rows * i // scale.files for i in range(scale.files + 1)]
    return [end - start for start, end in pairwise(ends)]
