"""A compiled model as a stage of Spark ML, which pipelines hold, save and load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import (
    DefaultParamsReader,
    DefaultParamsWriter,
    MLReadable,
    MLReader,
    MLWritable,
    MLWriter,
)
from pyspark.sql.utils import is_remote

from sparkbird.compiler import compile as compile_model
from sparkbird.errors import SchemaError
from sparkbird.model import CompiledModel
from sparkbird.spark import files
from sparkbird.spark.transform import transform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame

#: The artefact, in the folder of the stage, beside ``metadata``.
_FILE = "model.onnx"


class CompiledTransformer(
    Transformer,  # type: ignore[misc]
    MLWritable,  # type: ignore[misc]
    MLReadable["CompiledTransformer"],  # type: ignore[misc]
):
    """A compiled model in the place of the one it was compiled from, or of a whole pipeline.

    Its ``transform`` is `sparkbird.transform`. Saved, it is a folder with its parameters, and
    with the artefact in one ONNX file, which `sparkbird.load` reads as well.

    Parameters
    ----------
    model
        What `sparkbird.compile` takes: a model of Spark ML or the folder of one, a pipeline of
        scikit-learn, an artefact.
    inputs
        What the columns are, for `sparkbird.compile`: a dataframe of Spark tells integers from
        doubles.
    outputs
        The columns or methods wanted; None is what `sparkbird.transform` adds by itself.
    device
        "cpu", "cuda", or "auto"; see `udf`.

    Raises
    ------
    UnsupportedError, NotFittedError, SchemaError
        The model cannot be compiled.
    """

    outputs: Param[list[str]] = Param(
        Params._dummy(),  # noqa: SLF001  as pyspark.ml's own classes do
        "outputs",
        "the columns or methods wanted; none: what sparkbird.transform adds by itself",
        TypeConverters.toListString,
    )
    device: Param[str] = Param(
        Params._dummy(),  # noqa: SLF001
        "device",
        'where it is scored: "cpu", "cuda" or "auto"',
        TypeConverters.toString,
    )

    def __init__(
        self,
        model: Any = None,
        *,
        inputs: Any = None,
        outputs: Sequence[str] | None = None,
        device: str = "auto",
    ) -> None:
        super().__init__()
        self._setDefault(outputs=[], device="auto")
        self._set(device=device, **({"outputs": [*outputs]} if outputs else {}))
        self._model = None if model is None else compile_model(model, inputs, device=device)

    @property
    def model(self) -> CompiledModel:
        """The compiled model.

        Raises
        ------
        SchemaError
            There is none: the stage was made without.
        """
        if self._model is None:
            raise SchemaError(f"{self.uid} holds no model", "make it of one, or load it.")
        return self._model

    def write(self) -> MLWriter:
        """What saves it: ``write().overwrite().save(path)``."""
        return _Writer(self)

    @classmethod
    def read(cls) -> MLReader[CompiledTransformer]:
        """What loads it: ``read().load(path)``."""
        return _Reader()

    def _transform(self, dataset: DataFrame) -> DataFrame:
        outputs = self.getOrDefault(self.outputs) or None
        return transform(
            dataset, self.model, outputs=outputs, device=self.getOrDefault(self.device)
        )


#: The name under which it is saved, and found again wherever it may be defined.
CompiledTransformer.__module__ = "sparkbird.spark"


class _Writer(MLWriter):  # type: ignore[misc]
    def __init__(self, stage: CompiledTransformer) -> None:
        super().__init__()
        self._stage = stage

    def saveImpl(self, path: str) -> None:  # noqa: N802  Spark's own name for it
        session = self.sparkSession
        content = self._stage.model.to_bytes()
        DefaultParamsWriter.saveMetadata(self._stage, path, session)
        files.written(session, f"{path.rstrip('/')}/{_FILE}", content)

    def _handleOverwrite(self, path: str) -> None:  # noqa: N802
        if not is_remote():
            super()._handleOverwrite(path)
            return
        from pyspark.ml.connect.readwrite import RemoteMLWriter

        RemoteMLWriter.handleOverwrite(path, shouldOverwrite=True)


class _Reader(MLReader[CompiledTransformer]):  # type: ignore[misc]
    def load(self, path: str) -> CompiledTransformer:
        session = self.sparkSession
        metadata = DefaultParamsReader.loadMetadata(path, session)
        content = files.read(session, f"{path.rstrip('/')}/{_FILE}")
        stage = CompiledTransformer(CompiledModel(content))
        stage._resetUid(metadata["uid"])  # noqa: SLF001  as pyspark.ml's own readers do
        DefaultParamsReader.getAndSetParams(stage, metadata)
        return stage
