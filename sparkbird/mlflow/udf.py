"""MLflow's ``spark_udf`` for models that sparkbird compiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyspark.sql import functions as F, types as spark  # noqa: N812  as all of Spark's users do

from sparkbird.errors import ColumnNameError, UnsupportedOptionError
from sparkbird.logged.flavors import loaded, own_output
from sparkbird.logged.uris import FLAVOR_NAME, described, resolve
from sparkbird.mlflow.predictor import refuse_params
from sparkbird.mlflow.results import Column, as_type, parsed
from sparkbird.schema import Schema
from sparkbird.spark.columns import quoted
from sparkbird.spark.udf import ModelUDF, udf

#: The keywords that an artefact has no use for: what to do instead.
_REFUSED = {
    "env_manager": "an artefact needs no environment of its own; leave it out, or say 'local'.",
    "extra_env": "set spark.executorEnv in the configuration of Spark.",
    "prebuilt_env_uri": "an artefact needs no environment of its own; leave it out.",
    "model_config": "what it would change is settled when the model is compiled.",
}


@dataclass(frozen=True)
class SparkUDF:
    """A model as a function of columns, as ``mlflow.pyfunc.spark_udf`` gives it.

    metadata    MLflow's ``Model``: the signature, the flavours, the run
    returnType  the type of the column
    """

    metadata: Any
    returnType: spark.DataType  # noqa: N815  Spark's own name for it
    _score: ModelUDF
    _cast: Callable[[Column], Column]
    _named: tuple[str, ...]

    def __call__(self, *columns: Column | str) -> Column:
        """The column of predictions for `columns`, those of the signature if there are none.

        They are given one by one or as one ``struct``, whose fields are found by name.

        Raises
        ------
        ColumnCountError, ColumnNameError
            They cannot be the model's.
        """
        return self._cast(self._score(*self._taken(columns)))

    def asNondeterministic(self) -> SparkUDF:  # noqa: N802  Spark's own name for it
        """The same function, which Spark may neither compute twice nor move."""
        score = self._score.asNondeterministic()
        return SparkUDF(self.metadata, self.returnType, score, self._cast, self._named)

    def register(self, session: Any, name: str) -> None:
        """Make it known to SQL in `session` as `name`: a function of the columns in order.

        Raises
        ------
        UnsupportedOptionError
            Its type is not the model's own: that Spark casts, and not the function.
        """
        own = self._score.returnType.simpleString()
        if own != self.returnType.simpleString():
            raise UnsupportedOptionError(
                f"a function of SQL gives what the model gives, {own}, and not "
                f"{self.returnType.simpleString()}",
                f'leave out result_type=, or say result_type="{own}"; cast it in SQL.',
            )
        self._score.register(session, name)

    def _taken(self, columns: tuple[Column | str, ...]) -> tuple[Column | str, ...]:
        schema = self._score.schema
        assert isinstance(schema, Schema)
        if not columns:
            return tuple(F.col(quoted(name)) for name in self._named)
        if len(columns) > 1 or not _is_struct(columns[0], len(schema.names)):
            return columns
        if schema.layout == "matrix":
            raise ColumnNameError(
                "the model was fitted on an array, and the fields of a struct have no order here",
                "give its columns one by one, in the order of the array.",
            )
        whole = F.col(columns[0]) if isinstance(columns[0], str) else columns[0]
        return tuple(whole.getField(one.name).alias(one.name) for one in schema.columns)


def spark_udf(
    spark: Any,
    model_uri: str,
    result_type: Any = None,
    env_manager: str | None = None,
    params: dict[str, Any] | None = None,
    extra_env: dict[str, str] | None = None,
    prebuilt_env_uri: str | None = None,
    model_config: Any = None,
) -> SparkUDF:
    """A model of MLflow as a function of columns: ``mlflow.pyfunc.spark_udf``, compiled.

    An alias in `model_uri` is looked up now, once. Executors need neither MLflow nor the library
    that the model was trained with. Columns with the model's own names are found by name, where
    MLflow takes them by position; a NaN that a model predicts stays NaN, which MLflow makes NULL.

    Parameters
    ----------
    spark
        The ``SparkSession``.
    model_uri
        ``models:/name/3``, ``models:/name@alias``, ``models:/catalog.schema.name@alias``,
        ``runs:/<id>/model``, a folder, or what else MLflow downloads; of the flavour sparkbird,
        or sklearn, lightgbm, xgboost, catboost or spark.
    result_type
        A type of Spark or its DDL: a number, a string or a boolean, an array of these, or a
        struct of columns of the model's. None is the type of the artefact's output or, for
        other flavours, what MLflow infers: that of the signature, a double without one.
    env_manager
        None or "local": there is no environment to make.
    params, extra_env, prebuilt_env_uri, model_config
        None: they mean nothing to an artefact.

    Raises
    ------
    ArtifactError
        There is no such model.
    UnsupportedError, NotFittedError, SchemaError
        It cannot be compiled, or gives nothing of that type.
    UnsupportedOptionError
        A keyword asks for what an artefact cannot do.
    """
    _refuse(
        env_manager=None if env_manager == "local" else env_manager,
        extra_env=extra_env,
        prebuilt_env_uri=prebuilt_env_uri,
        model_config=model_config,
    )
    refuse_params(params)
    resolved = resolve(model_uri)
    metadata = described(resolved.path)
    output = own_output(resolved)
    model, inputs = loaded(resolved)
    score = udf(model, output, inputs=inputs)
    own = score.returnType
    if result_type is not None:
        returns = parsed(spark, result_type)
    else:
        returns = own if resolved.flavor == FLAVOR_NAME else _inferred(metadata)
    return SparkUDF(metadata, returns, score, as_type(own, returns), _named(metadata, score))


def _refuse(**given: Any) -> None:
    for name, value in given.items():
        if value:
            raise UnsupportedOptionError(f"spark_udf cannot take {name}={value!r}", _REFUSED[name])


def _inferred(metadata: Any) -> spark.DataType:
    """The type that MLflow takes from a signature."""
    from mlflow.pyfunc import _infer_spark_udf_return_type

    outputs = metadata.get_output_schema()
    return _infer_spark_udf_return_type(outputs) if outputs else spark.DoubleType()


def _named(metadata: Any, score: ModelUDF) -> tuple[str, ...]:
    """The columns of a call without any: the model's own, or those of its signature."""
    schema = score.schema
    assert isinstance(schema, Schema)
    if schema.layout != "matrix":
        return tuple(column.name for column in schema.columns)
    inputs = metadata.get_input_schema()
    named = inputs is not None and inputs.has_input_names() and not inputs.is_tensor_spec()
    return tuple(inputs.input_names()) if named else ()


def _is_struct(column: Column | str, count: int) -> bool:
    """Whether the one column of a call for `count` columns is a struct of them."""
    return count > 1 or (not isinstance(column, str) and str(column).startswith("Column<'struct("))
