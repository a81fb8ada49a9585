"""The type of a model's result, as Spark calls it."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import types as spark

from sparkbird.runtime.results import arrow_type
from sparkbird.schema import Output

_SCALARS: dict[pa.DataType, spark.DataType] = {
    pa.bool_(): spark.BooleanType(),
    pa.int8(): spark.ByteType(),
    pa.int16(): spark.ShortType(),
    pa.int32(): spark.IntegerType(),
    pa.int64(): spark.LongType(),
    pa.float32(): spark.FloatType(),
    pa.float64(): spark.DoubleType(),
    pa.string(): spark.StringType(),
}

#: What a column of a dataframe must be to enter a model.
ENTERING = (spark.BooleanType, spark.NumericType, spark.StringType)


def spark_type(arrow: pa.DataType) -> spark.DataType:
    """The type of Spark whose Arrow batches have the type `arrow`, which results have.

    >>> spark_type(pa.list_(pa.float64())).simpleString()
    'array<double>'
    """
    if pa.types.is_list(arrow):
        return spark.ArrayType(spark_type(arrow.value_type))
    if pa.types.is_struct(arrow):
        fields = [spark.StructField(field.name, spark_type(field.type)) for field in arrow]
        return spark.StructType(fields)
    return _SCALARS[arrow]


def result_type(outputs: Sequence[Output], *, as_struct: bool) -> spark.DataType:
    """The type of a column of these outputs: a struct, or the one output itself."""
    fields = [spark.StructField(output.name, _column_type(output)) for output in outputs]
    return spark.StructType(fields) if as_struct else fields[0].dataType


def _column_type(output: Output) -> spark.DataType:
    is_vector = output.is_sparse or output.kind == "dense"
    return VectorUDT() if is_vector else spark_type(arrow_type(output))
