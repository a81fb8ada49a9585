"""Commands on one model: compile, check, explain; and which models there may be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sparkbird.cli.command import FAILED, command, say
from sparkbird.errors import InputError

_ModelFile = Annotated[
    str,
    typer.Argument(
        help="A saved artefact (.onnx), a booster that its library saved (.txt, .json, .ubj, "
        ".cbm), a fitted model (.joblib, .pkl, .pickle), or a URI of MLflow (models:/..., "
        "runs:/...). Reading a pickle runs the code in it: trust its writer."
    ),
]
_RowsFile = Annotated[Path, typer.Argument(help="A Parquet or CSV file of rows.")]


@command
def compile(  # noqa: A001  the name of the command
    model: _ModelFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="The artefact to write.")],
    sample: Annotated[
        Path | None, typer.Option(help="Rows (Parquet, CSV) that tell the types of the columns.")
    ] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="An output to keep; all if left out. Repeatable.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(help="How forests are computed; by cost if left out.")
    ] = None,
) -> None:
    """Compile a fitted model to one ONNX file."""
    from sparkbird.compiler import compile as compile_model

    fitted = _read_model(model)
    inputs = None if sample is None else _columns_of(fitted, _read_rows(sample))
    compiled = compile_model(fitted, inputs, outputs=method or None, strategy=strategy)
    compiled.save(output)
    say(f"{output}: {compiled!r}, {output.stat().st_size:,} bytes")


@command
def check(
    model: _ModelFile,
    rows: _RowsFile,
    artefact: Annotated[
        Path | None, typer.Option(help="The compiled model; compiled anew if left out.")
    ] = None,
) -> None:
    """Compare a fitted model with its compiled form on real rows."""
    from sparkbird.model import load
    from sparkbird.parity import check as compare

    compiled = None if artefact is None else load(artefact)
    report = compare(_read_model(model), _read_rows(rows), compiled=compiled)
    say(report)
    if not report.ok:
        raise typer.Exit(FAILED)


@command
def explain(model: _ModelFile) -> None:
    """Say what a model takes and gives, and how its graph was chosen."""
    from sparkbird.compiler import compile as compile_model

    say(compile_model(_read_model(model)).explain())


@command
def supported(
    markdown: Annotated[bool, typer.Option(help="As the table of the README.")] = False,
) -> None:
    """List the model classes that are compiled."""
    from sparkbird.classes import by_module, by_reason
    from sparkbird.converters import refused, supported as names

    found = by_module(names())
    if markdown:
        say("| module | classes |\n|---|---|")
    for module, classes in found.items():
        own = ", ".join(classes)
        say(f"| {module} | {own} |" if markdown else f"{module}\n    {own}")
    say("\n| not compiled | because |\n|---|---|" if markdown else "\nnot compiled")
    for reason, classes in by_reason(refused()).items():
        own = ", ".join(classes)
        say(f"| {own} | {reason} |" if markdown else f"    {own}\n        {reason}")


def _read_model(path: str) -> Any:
    """What `sparkbird.compile` takes: the model in a file, or the URI of one in MLflow."""
    from sparkbird.job import models
    from sparkbird.logged.uris import is_uri

    return path if is_uri(path) else models.read(path, models.kind_of(path))


def _read_rows(path: Path) -> Any:
    """The rows of a file as a pandas dataframe."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    read = {".parquet": parquet.read_table, ".csv": csv.read_csv}.get(path.suffix.lower())
    if read is None:
        raise InputError(f"{path} is neither .parquet nor .csv", "give rows in one of the two.")
    try:
        return read(path).to_pandas()
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"cannot read rows from {path}: {error}") from error


def _columns_of(model: Any, rows: Any) -> Any:
    """The columns of `rows` that a model knows by name, or all."""
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    return rows[names] if names and {*names} <= {*rows.columns} else rows
