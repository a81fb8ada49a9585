"""A compiled model: what `compile` gives, `save` writes and `load` reads. Needs no onnx to run."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa

from sparkbird import artifact
from sparkbird.dtypes import MISSING, STRING
from sparkbird.errors import ColumnNameError, OutputError, SchemaError
from sparkbird.frames import inputs_of
from sparkbird.kernels.cuda import driver
from sparkbird.runtime.entries import LONGEST, MOST_BYTES, matrix
from sparkbird.runtime.providers import CPU, Gpu
from sparkbird.runtime.scoring import score
from sparkbird.runtime.sessions import SESSIONS, Session
from sparkbird.schema import DROPPED, Output, Schema

if TYPE_CHECKING:
    import onnx

    from sparkbird.costs import Choice

T = TypeVar("T")

#: Tensors by name, and the outputs that they make up.
Scored: TypeAlias = tuple[dict[str, np.ndarray], tuple[Output, ...]]


class CompiledModel:
    """A model as one ONNX graph. It has exactly the methods that the original has.

    Each of them takes N rows as a NumPy array [N, F], a pandas dataframe (columns are found
    by name), or an Arrow table or batch, and returns what the original returns. Boosters and
    forests also have ``margin``, the raw score before the link, and ``leaf``, the leaves that
    a row falls into, numbered as the library numbers them.
    """

    def __init__(self, content: bytes, *, device: str = "auto") -> None:
        self._content = content
        self._digest = artifact.digest(content)
        self._schema = artifact.schema(content)
        self._outputs = tuple(output.name for output in self._schema.outputs)
        self._choices: dict[tuple[str, ...], Choice | None] = {}
        self.device = device

    @property
    def digest(self) -> str:
        """The SHA-256 of the artefact, in hexadecimal: equal models have equal digests."""
        return self._digest

    @property
    def schema(self) -> Schema:
        """The columns it takes and the outputs it gives."""
        return self._schema

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, that of the default one first."""
        return self._outputs

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the artefact, one standard ONNX file, so that `path` is whole or not there.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        path = Path(path)
        draft = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            draft.write_bytes(self._content)
            draft.replace(path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise OutputError(
                f"cannot write {path}: {error.strerror}", "choose a folder that exists."
            ) from error

    def to_bytes(self) -> bytes:
        """The artefact: what `save` writes."""
        return self._content

    def to_onnx(self) -> onnx.ModelProto:
        """The artefact as an ONNX model (needs the package onnx)."""
        import onnx

        return onnx.load_from_string(self._content)

    def explain(self) -> str:
        """What the model takes and gives, how its graph was chosen, what it is made of and costs.

        The time of its default output is predicted from the prices of a machine, of which the
        environment variable ``SPARKBIRD_COSTS`` may name a file; see `costs.predict`.

        Raises
        ------
        ConfigError
            That file is not fit for it.
        """
        from sparkbird.costs import BATCH  # it needs onnx

        counts = Counter(node.op_type for node in self.to_onnx().graph.node)
        operators = ", ".join(f"{count} {name}" for name, count in counts.most_common())
        metadata = artifact.metadata(self._content)
        output = self.schema.default_output
        session = self._apply(lambda session: session, (output,), rows=BATCH)
        choice = self.choice((output,)) if self.device == "auto" else None
        return "\n".join(
            [
                f"{self!r}, {len(self._content):,} bytes, on {_place(session)}",
                str(self.schema),
                *filter(None, [metadata[artifact.REMARKS], session.plan, str(choice or "")]),
                f"operators: {operators}",
                f"written by {metadata[artifact.VERSIONS]}",
                _predicted(session),
            ]
        )

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        if not name.startswith("_") and name in self._outputs:
            return partial(self._evaluate, name)
        if name == "transform" and self.schema.adds:
            return self._added
        raise AttributeError(
            f"the compiled model has no {name!r}; it has {', '.join(self.outputs)}"
            if not name.startswith("_")
            else name
        )

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.outputs, *(["transform"] if self.schema.adds else [])]

    def __repr__(self) -> str:
        return f"<CompiledModel {self._digest[:12]}: {', '.join(self.outputs)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(CompiledModel, device=self.device), (self._content,)

    def choice(self, outputs: Sequence[str]) -> Choice | None:
        """What the forests behind `outputs` are predicted to take on the CPU and on a GPU.

        None if there are none, or not the packages for it: it is the driver that predicts.
        """
        key = tuple(outputs)
        if key not in self._choices:
            try:
                from sparkbird.costs import choice

                self._choices[key] = choice(self._content, key)
            except ImportError:
                self._choices[key] = None
        return self._choices[key]

    def _apply(self, compute: Callable[[Session], T], outputs: Sequence[str], rows: int) -> T:
        """What `compute` gives with the session for a batch of so many rows."""
        gpu = Gpu() if self.device == "cuda" else None
        if self.device == "auto" and driver.seen():
            found = self.choice(outputs)
            gpu = Gpu() if found and rows >= found.rows(_cores(rows)) else None
        return SESSIONS.apply(
            compute, self._digest, self.to_bytes, outputs, device=self.device, gpu=gpu
        )

    def _scored(self, outputs: Sequence[str], inputs: Mapping[str, np.ndarray]) -> Scored:
        """The tensors by name, and the outputs that they make up, scored on all cores."""
        rows = len(next(iter(inputs.values())))

        def compute(session: Session) -> Scored:
            for output in session.outputs:
                _refuse_size(output, inputs)
            tensors, _ = score(session, inputs, threads=_cores(rows))
            return tensors, session.outputs

        return self._apply(compute, outputs, rows)

    def _evaluate(self, name: str, X: Any) -> Any:  # noqa: N803
        """The output `name` for the rows `X`."""
        inputs = inputs_of(self._schema, X)
        tensors, (output,) = self._scored((name,), inputs)
        if output.is_sparse:
            return matrix(tensors[name], output.width)
        arrays = [tensors[t.name].astype(t.numpy, copy=False) for t in output.tensors]
        return _as_original(output, arrays)

    def _added(self, X: Any) -> Any:  # noqa: N803
        """The rows `X` as a pandas dataframe with the columns that a model of Spark ML adds."""
        import pandas as pd

        rows = X.to_pandas() if isinstance(X, (pa.Table, pa.RecordBatch)) else pd.DataFrame(X)
        _refuse_clash([str(name) for name in rows.columns], self.schema.adds)
        tensors, _ = self._scored(self.outputs, inputs_of(self.schema, X))
        added = {}
        for name in self.schema.adds:
            output = self.schema.output(name)
            values = tensors[name if output.is_sparse else output.tensors[0].name]
            if output.is_sparse:
                values = matrix(values, output.width)
            if values.dtype == STRING and values.ndim == 1:
                values = np.array([None if v == MISSING else v for v in values], STRING)
            added[name] = pd.Series([*values] if values.ndim > 1 else values, rows.index)
        rows = rows.assign(**added)
        return rows[~tensors[DROPPED]] if DROPPED in tensors else rows


def _place(session: Session) -> str:
    """Where it runs, in words."""
    return "a GPU by kernels" if session.gpu and session.kernels else session.providers[0]


def _predicted(session: Session) -> str:
    """The time of its pieces, a line for each."""
    from sparkbird.costs import predicted  # it needs onnx

    if session.gpu or session.providers[0] != CPU:
        return f"no time is predicted of a batch on {_place(session)}"
    return str(predicted(session))


def load(path: str | os.PathLike[str], *, device: str = "auto") -> CompiledModel:
    """The model saved at `path`; no training library is needed, nor onnx.

    Raises
    ------
    ArtifactError
        There is no such file, or it is not a whole artefact.
    """
    return CompiledModel(artifact.read(Path(path)), device=device)


def _refuse_size(output: Output, inputs: Mapping[str, np.ndarray]) -> None:
    """A text hashed to 2**18 places is 2 MiB a row here, where each zero is a number."""
    if output.length <= LONGEST:
        return
    rows = len(next(iter(inputs.values())))
    if rows * output.length * 8 > MOST_BYTES:
        raise SchemaError(
            f"column {output.name!r} holds vectors of {output.length:,} values, and {rows:,} rows "
            f"of them would take {rows * output.length * 8 / 2**30:.1f} GiB",
            'name the columns that you need, sparkbird.compile(model, outputs=["prediction"]), '
            "give fewer rows at a time, or call sparkbird.transform in Spark.",
        )


def _refuse_clash(columns: Sequence[str], added: Sequence[str]) -> None:
    """A model of Spark ML adds columns under their own names, and replaces none."""
    if taken := [name for name in added if name in columns]:
        raise ColumnNameError(
            f"the rows have a column {', '.join(map(repr, taken))} already", "rename or drop it."
        )


def _cores(rows: int) -> int:
    """Those that this process may use, fewer than the machine has perhaps; one for one row."""
    if rows <= 1:
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _as_original(output: Output, arrays: Sequence[np.ndarray]) -> Any:
    """The arrays in the form that the original returns."""
    if output.kind in ("array", "tokens"):
        return arrays[0]
    if output.kind == "list":
        return [*arrays]
    if output.kind == "object":
        return np.stack([array.astype(object) for array in arrays], axis=1)
    import pandas as pd

    return pd.DataFrame(dict(zip(output.names, arrays, strict=True)))
